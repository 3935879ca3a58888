import type { EntityManager } from 'typeorm'
import { permit, type Viewer } from '../auth/auth.service'
import type { Database } from '../db/database'
import { isId } from '../db/id'
import type { Tx } from '../db/transaction'
import { FaultList } from '../errors'
import { EmailServerProfile } from '../profiles/profile.entity'
import { EmailSettings, IncomingMethod, SyncMethod } from './email-settings.entity'
import type { EmailSettingsInput } from './email-settings.inputs'

const ONLY_ROW = 'organisation'

/** A mailbox may take its mail through a forward mailbox only when it names which one: that is no default. */
const NO_DEFAULT = 'FORWARD_MAILBOX needs a named mailbox, so it cannot be the default'

export class EmailSettingsService {
  constructor(private readonly db: Database) {}

  /** Both approval switches are on at first (product rule 2.4). */
  async ensureRow(): Promise<void> {
    await this.db.inTransaction(async (tx) => {
      if (await tx.em.existsBy(EmailSettings, { id: ONLY_ROW })) return
      await tx.em.upsert(
        EmailSettings,
        {
          id: ONLY_ROW,
          defaultProfileId: null,
          defaultIncomingMethod: IncomingMethod.SERVER_SIDE_SYNC,
          defaultOutgoingMethod: SyncMethod.SERVER_SIDE_SYNC,
          defaultActMethod: SyncMethod.NONE,
          processOnlyApprovedUsers: true,
          processOnlyApprovedQueues: true,
          notifyMailboxOwner: false,
        },
        ['id'],
      )
    })
  }

  async get(viewer: Viewer | undefined): Promise<EmailSettings> {
    permit(viewer, 'mailboxes.read')
    return this.current()
  }

  /** For rules that depend on the switches; inside a transaction hand in its manager. */
  current(em: EntityManager = this.db.read): Promise<EmailSettings> {
    return em.findOneByOrFail(EmailSettings, { id: ONLY_ROW })
  }

  async update(viewer: Viewer | undefined, input: EmailSettingsInput): Promise<EmailSettings> {
    permit(viewer, 'settings.edit')
    const faults = new FaultList()
    const { defaultProfileId, ...rest } = input
    if (rest.defaultIncomingMethod === IncomingMethod.FORWARD_MAILBOX) {
      faults.add('NOT_ALLOWED', ['input', 'defaultIncomingMethod'], NO_DEFAULT)
    }
    return this.db.inTransaction(async (tx) => {
      if (
        typeof defaultProfileId === 'string' &&
        !(isId(defaultProfileId) && (await tx.em.existsBy(EmailServerProfile, { id: defaultProfileId })))
      ) {
        faults.add('NOT_FOUND', ['input', 'defaultProfileId'], 'There is no such profile')
      }
      faults.check()
      const given = Object.entries(rest).filter(([, value]) => value !== null && value !== undefined)
      const profile = defaultProfileId === undefined ? {} : { defaultProfileId }
      const changes = { ...Object.fromEntries(given), ...profile }
      if (Object.keys(changes).length > 0) await tx.em.update(EmailSettings, { id: ONLY_ROW }, changes)
      // blockers of every mailbox may depend on the switches
      tx.signal('mailboxes', 'many')
      tx.signal('profiles', 'many')
      return this.current(tx.em)
    })
  }

  /** EmailServerProfileInput.isDefault */
  async chooseDefaultProfile(tx: Tx, profileId: string, isDefault: boolean): Promise<void> {
    const { defaultProfileId } = await this.current(tx.em)
    const next = isDefault ? profileId : defaultProfileId === profileId ? null : defaultProfileId
    await tx.em.update(EmailSettings, { id: ONLY_ROW }, { defaultProfileId: next })
  }
}
