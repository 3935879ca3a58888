import { In } from 'typeorm'
import { newId } from '../db/id'
import type { Tx } from '../db/transaction'
import type { EmailSettingsService } from '../settings/email-settings.service'
import { Mailbox } from './mailbox.entity'
import { ApprovalStatus, type MailboxKind, TestStatus } from './mailbox.enums'
import { chunks } from './mailbox.service'
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
    const mailboxes = owners.map((owner) => ({
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
    }))
    for (const chunk of chunks(mailboxes, 300)) {
      await tx.em.createQueryBuilder().insert().into(Mailbox).values(chunk).updateEntity(false).execute()
    }
    tx.signal(
      'mailboxes',
      mailboxes.map((mailbox) => mailbox.id),
    )
  }

  /** Frees the addresses of owners that are about to change, so that two may swap theirs in one call. */
  async freeAddresses(tx: Tx, ownerIds: readonly string[]): Promise<void> {
    for (const chunk of chunks(ownerIds)) await tx.em.update(Mailbox, { ownerId: In(chunk) }, { activeAddress: null })
  }

  /** The owner's new name, address and activity reach its mailbox. */
  async ownerChanged(tx: Tx, owner: MailboxOwner, before: MailboxOwner): Promise<void> {
    const mailbox = await tx.em.findOneByOrFail(Mailbox, { ownerId: owner.id })
    // another spelling of the same address changes nothing that a server sees
    const moved = owner.addressKey !== before.addressKey
    const effect = moved ? effectOf({ kind: 'ADDRESS_CHANGED', emailAddress: owner.emailAddress }) : {}
    await tx.em.update(Mailbox, { id: mailbox.id }, { ...ownedColumns(owner), ...effect, updatedAt: new Date() })
    tx.signal('mailboxes', [mailbox.id])
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
