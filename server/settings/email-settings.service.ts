import type { EntityManager } from 'typeorm'
import { permit, permitAll, type Viewer } from '../auth/auth.service'
import type { Command } from '../db/audit-changes'
import type { Database } from '../db/database'
import type { Tx } from '../db/transaction'
import { FaultList } from '../errors'
import { EmailServerProfile } from '../profiles/profile.entity'
import { profileStays } from '../profiles/profile.service'
import { EmailSettings, IncomingMethod, SyncMethod } from './email-settings.entity'
import type { EmailSettingsInput } from './email-settings.inputs'

const ONLY_ROW = 'organisation'

/** A mailbox may take its mail through a forward mailbox only when it names which one: that is no default. */
const NO_DEFAULT = 'FORWARD_MAILBOX needs a named mailbox, so it cannot be the default'

const BOUNDS = { failureThresholdPercent: [1, 99], failureWindowMinutes: [1, 7 * 24 * 60] } as const

type ApprovalSwitches = Pick<EmailSettings, 'processOnlyApprovedUsers' | 'processOnlyApprovedQueues'>

/** How many mailboxes a change of the approval switches starts or stops being processed (product rule 2.2). */
export interface SwitchEffect {
  startCount: number
  stopCount: number
}

export interface SettingsAnswer extends SwitchEffect {
  settings: EmailSettings
}

/** Features to the right of this one hook in here, in the same transaction. */
export interface SettingsHooks {
  countSwitched: ((tx: Tx, before: ApprovalSwitches, after: ApprovalSwitches) => Promise<SwitchEffect>)[]
}

export class EmailSettingsService {
  readonly hooks: SettingsHooks = { countSwitched: [] }

  constructor(
    private readonly db: Database,
    /** Whether this service has a mail server of its own to send by. */
    readonly canMail: boolean,
  ) {}

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
          alertErrors: true,
          alertWarnings: true,
          alertInformation: true,
          mailProfileOwner: true,
          failureThresholdPercent: 50,
          failureWindowMinutes: 60,
        },
        ['id'],
      )
    })
  }

  async get(viewer: Viewer | undefined): Promise<EmailSettings> {
    permitAll(viewer, 'mailboxes.read')
    return this.current()
  }

  /** For rules that depend on the switches; inside a transaction hand in its manager. */
  current(em: EntityManager = this.db.read): Promise<EmailSettings> {
    return em.findOneByOrFail(EmailSettings, { id: ONLY_ROW })
  }

  /** With `dryRun` the very same answer, and nothing changes: it is the real call, rolled back. */
  async update(viewer: Viewer | undefined, input: EmailSettingsInput, dryRun: boolean): Promise<SettingsAnswer> {
    permit(viewer, 'settings.edit')
    const faults = new FaultList()
    checkFields(faults, input)
    const { defaultProfileId, ...rest } = input
    const given = Object.fromEntries(
      Object.entries(rest).filter(([, value]) => value !== null && value !== undefined),
    ) as Partial<EmailSettings>
    const wished = defaultProfileId === undefined ? given : { ...given, defaultProfileId }
    const work = async (tx: Tx): Promise<SettingsAnswer> => {
      if (typeof defaultProfileId === 'string') await checkProfile(tx, faults, defaultProfileId)
      faults.check()
      const before = await this.locked(tx)
      const changes = differing(before, wished)
      const settings = Object.assign(new EmailSettings(), before, changes.after)
      const counts = await this.effectOf(tx, before, settings)
      if (Object.keys(changes.after).length > 0) {
        await tx.em.update(EmailSettings, { id: ONLY_ROW }, changes.after)
        tx.record(viewer, {
          action: 'updateEmailSettings',
          subject: 'SETTINGS',
          changes: [{ subjectIds: [ONLY_ROW], ...changes }],
        })
        // blockers of every mailbox may depend on the switches
        tx.signal('mailboxes', 'many')
        tx.signal('profiles', 'many')
      }
      return { settings, ...counts }
    }
    return this.db.inTransaction(work, { dryRun })
  }

  async isDefaultProfile(tx: Tx, profileId: string): Promise<boolean> {
    return (await this.locked(tx)).defaultProfileId === profileId
  }

  /** EmailServerProfileInput.isDefault, and a default that is deleted. */
  async chooseDefaultProfile(tx: Tx, profileId: string, isDefault: boolean, command: Command): Promise<void> {
    const before = await this.locked(tx)
    const { defaultProfileId } = before
    const next = isDefault ? profileId : defaultProfileId === profileId ? null : defaultProfileId
    if (next === defaultProfileId) return
    await tx.em.update(EmailSettings, { id: ONLY_ROW }, { defaultProfileId: next })
    const change = { before: { defaultProfileId }, after: { defaultProfileId: next } }
    const changes = [{ subjectIds: [ONLY_ROW], ...change }]
    tx.record(command.actor, { action: command.action, subject: 'SETTINGS', changes })
  }

  /** Two changes of the settings follow each other. */
  private locked(tx: Tx): Promise<EmailSettings> {
    const query = tx.em.createQueryBuilder(EmailSettings, 's').where({ id: ONLY_ROW })
    return tx.locked(query).getOneOrFail()
  }

  private async effectOf(tx: Tx, before: ApprovalSwitches, after: ApprovalSwitches): Promise<SwitchEffect> {
    const total = { startCount: 0, stopCount: 0 }
    for (const count of this.hooks.countSwitched) {
      const { startCount, stopCount } = await count(tx, before, after)
      total.startCount += startCount
      total.stopCount += stopCount
    }
    return total
  }
}

function checkFields(faults: FaultList, input: EmailSettingsInput): void {
  if (input.defaultIncomingMethod === IncomingMethod.FORWARD_MAILBOX) {
    faults.add('NOT_ALLOWED', ['input', 'defaultIncomingMethod'], NO_DEFAULT)
  }
  for (const [field, [least, most]] of Object.entries(BOUNDS)) {
    const value = input[field as keyof typeof BOUNDS]
    if (typeof value === 'number' && (value < least || value > most)) {
      faults.add('OUT_OF_RANGE', ['input', field], `A whole number from ${least} to ${most} is needed`)
    }
  }
}

async function checkProfile(tx: Tx, faults: FaultList, id: string): Promise<void> {
  const path = ['input', 'defaultProfileId']
  if (!(await profileStays(tx, id))) faults.add('NOT_FOUND', path, 'There is no such profile')
  else if (!(await tx.em.existsBy(EmailServerProfile, { id, active: true }))) {
    faults.add('INACTIVE', path, 'An inactive profile cannot be the default: activate it first')
  }
}

/** What is not as wished yet. */
function differing(before: EmailSettings, wished: Partial<EmailSettings>) {
  const names = (Object.keys(wished) as (keyof EmailSettings)[]).filter((name) => wished[name] !== before[name])
  const of = (settings: Partial<EmailSettings>) =>
    Object.fromEntries(names.map((name) => [name, settings[name] ?? null]))
  return { before: of(before), after: of(wished) }
}
