import { In } from 'typeorm'
import { pausingChunks, updateEach } from '../db/chunks'
import { newId } from '../db/id'
import type { Tx } from '../db/transaction'
import type { EmailSettingsService } from '../settings/email-settings.service'
import { Mailbox } from './mailbox.entity'
import { ApprovalStatus, type MailboxKind, TestStatus } from './mailbox.enums'
import { effectOf } from './reset-rules'

/** What an owner decides about its mailbox. */
export interface MailboxOwner {
  id: string
  /** A user's mailbox is of kind USER, a queue's of kind QUEUE. */
  kind: 'USER' | 'QUEUE'
  name: string
  emailAddress: string | null
  addressKey: string | null
  active: boolean
}

export type OwnedMailbox = Pick<Mailbox, 'id' | 'name' | 'ownerId' | 'activeAddress'>

/** The part of mailboxes that follows their owners. */
export class MailboxOwnerService {
  constructor(private readonly settings: EmailSettingsService) {}

  /** Gives each new owner its mailbox, set up by the organisation's defaults (product rule 2.1). */
  async createFor(tx: Tx, owners: readonly MailboxOwner[]): Promise<void> {
    if (owners.length === 0) return
    const settings = await this.settings.current(tx.em)
    const now = new Date()
    const mailboxOf = (owner: MailboxOwner) => ({
      ...NEW,
      ...ownedColumns(owner),
      id: newId(),
      kind: owner.kind as MailboxKind,
      ownerId: owner.id,
      profileId: settings.defaultProfileId,
      incomingMethod: settings.defaultIncomingMethod,
      outgoingMethod: settings.defaultOutgoingMethod,
      actMethod: settings.defaultActMethod,
      approval: owner.emailAddress === null ? ApprovalStatus.EMPTY : ApprovalStatus.PENDING,
      createdAt: now,
      updatedAt: now,
    })
    for await (const chunk of pausingChunks(owners, 100)) {
      const mailboxes = chunk.map(mailboxOf)
      await tx.em.createQueryBuilder().insert().into(Mailbox).values(mailboxes).updateEntity(false).execute()
      tx.signal(
        'mailboxes',
        mailboxes.map((mailbox) => mailbox.id),
      )
    }
  }

  /** Frees the addresses of owners that are about to change, so that two may swap theirs in one call. */
  async freeAddresses(tx: Tx, ownerIds: readonly string[]): Promise<void> {
    for await (const chunk of pausingChunks(ownerIds)) {
      await tx.em.update(Mailbox, { ownerId: In(chunk) }, { activeAddress: null })
    }
  }

  /** The owners' new names, addresses and activity reach their mailboxes. */
  async ownersChanged(
    tx: Tx,
    changes: readonly { owner: MailboxOwner; before: Pick<MailboxOwner, 'addressKey'> }[],
  ): Promise<void> {
    const rows = changes.map(({ owner }) => {
      const { name, nameKey, emailAddress, addressKey, active, activeAddress } = ownedColumns(owner)
      const address = { email_address: emailAddress, address_key: addressKey, active_address: activeAddress }
      return [owner.id, { name, name_key: nameKey, ...address, active: Number(active) }] as const
    })
    await updateEach(tx, 'mailboxes', 'owner_id', new Map(rows))
    // another spelling of the same address changes nothing that a server sees
    const moved = changes.filter(({ owner, before }) => owner.addressKey !== before.addressKey)
    const lost = moved.filter(({ owner }) => owner.emailAddress === null)
    const groups = [
      { of: changes, effect: { updatedAt: new Date() } },
      { of: moved, effect: effectOf({ kind: 'ADDRESS_CHANGED', emailAddress: '' }) },
      { of: lost, effect: effectOf({ kind: 'ADDRESS_CHANGED', emailAddress: null }) },
    ]
    for (const { of, effect } of groups) {
      const ownerIds = of.map(({ owner }) => owner.id)
      for await (const chunk of pausingChunks(ownerIds)) await tx.em.update(Mailbox, { ownerId: In(chunk) }, effect)
    }
    for await (const chunk of pausingChunks(changes.map(({ owner }) => owner.id))) {
      const mailboxes = await tx.em.find(Mailbox, { select: { id: true }, where: { ownerId: In(chunk) } })
      tx.signal(
        'mailboxes',
        mailboxes.map((mailbox) => mailbox.id),
      )
    }
  }

  withActiveAddress(tx: Tx, addresses: readonly string[]): Promise<OwnedMailbox[]> {
    return tx.em.find(Mailbox, {
      select: { id: true, name: true, ownerId: true, activeAddress: true },
      where: { activeAddress: In([...addresses]) },
    })
  }
}

const ownedColumns = (owner: MailboxOwner) => ({
  name: owner.name,
  nameKey: owner.name.toLowerCase(),
  emailAddress: owner.emailAddress,
  addressKey: owner.addressKey,
  active: owner.active,
  activeAddress: owner.active ? owner.addressKey : null,
})

const NEW = {
  approvedBy: null,
  approvedAt: null,
  rejectionReason: null,
  incomingEmailStatus: TestStatus.NOT_RUN,
  outgoingEmailStatus: TestStatus.NOT_RUN,
  actStatus: TestStatus.NOT_RUN,
  incomingEnabled: false,
  outgoingEnabled: false,
  actEnabled: false,
  incomingChangedSinceTest: false,
  outgoingChangedSinceTest: false,
  actChangedSinceTest: false,
  incomingErrorCode: null,
  outgoingErrorCode: null,
  actErrorCode: null,
  pausedUntil: null,
  username: null,
  passwordSealed: null,
  hasPassword: false,
  deleteAfterProcessing: false,
  lastTestedAt: null,
  testingRunId: null,
} satisfies Partial<Mailbox>
