import { permitAll, type Viewer } from '../auth/auth.service'
import { stateOf } from '../db/audit-changes'
import type { Database } from '../db/database'
import { newId } from '../db/id'
import type { Tx } from '../db/transaction'
import { FaultList, unset } from '../errors'
import { checkPassword, oneLine } from '../graphql/text-input'
import { normalizeAddress } from '../mail/address'
import { checkAddress } from '../mail/address-input'
import { profileStays } from '../profiles/profile.service'
import type { Keyring } from '../secrets/keyring'
import { IncomingMethod, SyncMethod } from '../settings/email-settings.entity'
import type { EmailSettingsService } from '../settings/email-settings.service'
import { Mailbox } from './mailbox.entity'
import { ApprovalStatus, MailboxKind } from './mailbox.enums'
import type { CreateForwardMailboxInput } from './mailbox.inputs'
import { passwordOf } from './mailbox.service'
import { count, countGroups } from './mailbox-counts'
import { addressTaken, type ExternalIds } from './mailbox-owner.service'
import { insertWords } from './mailbox-words'
import { defaultProfile, FIXED, NEW_MAILBOX, RECORDED } from './new-mailbox'

/** What a forward mailbox is made of; its fields are checked. */
export interface NewForwardMailbox {
  name: string
  emailAddress: string
  profileId: string | null
  username?: string | null
  password?: string | null
  deleteAfterProcessing?: boolean | null
}

/** Makes the mailboxes that have no owner (product rule 2.1). */
export class ForwardMailboxService {
  readonly hooks: { externalIds: ExternalIds } = { externalIds: unset('forwardMailboxes.externalIds') }

  constructor(
    private readonly db: Database,
    private readonly keyring: Keyring,
    private readonly settings: EmailSettingsService,
  ) {}

  /** Made by hand, with the organisation's default profile unless another is named. Its address waits for approval as a queue's does. */
  async create(viewer: Viewer | undefined, input: CreateForwardMailboxInput): Promise<Mailbox> {
    permitAll(viewer, 'mailboxes.edit')
    const faults = new FaultList()
    const name = oneLine(faults, ['input', 'name'], input.name, { max: 200 })
    const emailAddress = input.emailAddress.trim()
    const addressKey = checkAddress(faults, ['input', 'emailAddress'], emailAddress)
    const username = input.username
      ? oneLine(faults, ['input', 'username'], input.username, { max: 320, required: false }) || null
      : null
    if (input.password) checkPassword(faults, ['input', 'password'], input.password)
    return this.db.inTransaction(async (tx) => {
      const { profileId } = input
      if (profileId && !(await profileStays(tx, profileId))) {
        faults.add('NOT_FOUND', ['input', 'profileId'], 'There is no such profile')
      }
      const taken = addressKey === null ? null : await this.holderOf(tx, emailAddress)
      if (taken) {
        const { code, message } = await this.addressTaken(tx, { name, emailAddress }, taken)
        faults.add(code, ['input', 'emailAddress'], message)
      }
      faults.check()
      const chosen = profileId ?? (await defaultProfile(tx, await this.settings.current(tx.em)))
      return this.insert(tx, viewer, {
        ...{ name, emailAddress, username, profileId: chosen },
        ...{ password: input.password, deleteAfterProcessing: input.deleteAfterProcessing },
      })
    })
  }

  /** The active mailbox that has an address. */
  holderOf(tx: Tx, emailAddress: string): Promise<Mailbox | null> {
    return tx.em.findOneBy(Mailbox, { activeAddress: normalizeAddress(emailAddress) })
  }

  /** Why a forward mailbox cannot have an address that another mailbox has. */
  async addressTaken(tx: Tx, { name, emailAddress }: Pick<NewForwardMailbox, 'name' | 'emailAddress'>, other: Mailbox) {
    const { ownerId } = other
    const externalIds = ownerId === null ? undefined : await this.hooks.externalIds(tx, [ownerId])
    const holder = { name: other.name, externalId: externalIds?.get(ownerId ?? '') }
    return addressTaken(emailAddress, { name, externalId: null }, holder)
  }

  /** Inserts one whose fields are checked and whose address is free. */
  async insert(
    tx: Tx,
    viewer: Viewer,
    { name, emailAddress, profileId, username, password, deleteAfterProcessing }: NewForwardMailbox,
    action = 'createForwardMailbox',
  ): Promise<Mailbox> {
    const [id, now, addressKey] = [newId(), new Date(), normalizeAddress(emailAddress)]
    const mailbox = {
      ...NEW_MAILBOX,
      ...{ name, emailAddress, profileId, username: username ?? null },
      ...{ id, nameKey: name.toLowerCase(), addressKey, activeAddress: addressKey, ownerId: null },
      ...{ kind: MailboxKind.FORWARD, active: true, approval: ApprovalStatus.PENDING },
      incomingMethod: IncomingMethod.SERVER_SIDE_SYNC,
      outgoingMethod: SyncMethod.NONE,
      actMethod: SyncMethod.NONE,
      deleteAfterProcessing: deleteAfterProcessing ?? false,
      passwordSealed: password ? this.keyring.seal(password, passwordOf(id)) : null,
      hasPassword: !!password,
      ...{ createdAt: now, updatedAt: now },
    }
    await tx.em.insert(Mailbox, mailbox)
    count(tx, await countGroups(tx, [id]), 1)
    await insertWords(tx, [{ id, nameKey: name.toLowerCase(), addressKey }])
    const after = { ...stateOf(mailbox, [...FIXED, ...RECORDED]), ...(password && { password: 'changed' }) }
    tx.record(viewer, { action, subject: 'MAILBOX', changes: [{ subjectIds: [id], before: null, after }] })
    tx.signal('mailboxes', [id])
    return tx.em.findOneByOrFail(Mailbox, { id })
  }
}
