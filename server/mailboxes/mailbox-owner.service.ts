import { In } from 'typeorm'
import { type Command, changesOf, difference, type SubjectChange, stateOf } from '../db/audit-changes'
import { pausingChunks, updateEach } from '../db/chunks'
import { newId } from '../db/id'
import type { Tx } from '../db/transaction'
import { EmailServerProfile, ProfileType } from '../profiles/profile.entity'
import { type EmailSettings, SyncMethod } from '../settings/email-settings.entity'
import type { EmailSettingsService } from '../settings/email-settings.service'
import { Mailbox } from './mailbox.entity'
import { ApprovalStatus, MailboxKind } from './mailbox.enums'
import { profilesWithAct } from './mailbox-changes'
import { count, counted, countGroups } from './mailbox-counts'
import { insertWords, wordsFollow } from './mailbox-words'
import { defaultProfile, FIXED, NEW_MAILBOX, RECORDED } from './new-mailbox'
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

/** Who approves the address of a new user whose mailbox gets a profile of type EXCHANGE_ONLINE (product rule 2.4). */
export const EXCHANGE_ONLINE_APPROVER = 'Exchange Online'

/** Two who want one address, each with its owner's id in the system that provisions it: people may have the same name. */
export function addressTaken(
  address: string,
  ...two: readonly [AddressHolder, AddressHolder]
): { code: 'ADDRESS_TAKEN'; message: string } {
  const [one, other] = two.map(({ name, externalId }) => `${name}${externalId ? ` (externalId ${externalId})` : ''}`)
  return { code: 'ADDRESS_TAKEN', message: `${one} and ${other} cannot both have ${address}` }
}

export type ExternalIds = (tx: Tx, ownerIds: readonly string[]) => Promise<ReadonlyMap<string, string>>

export interface AddressHolder {
  name: string
  externalId: string | null | undefined
}

/** The part of mailboxes that follows their owners. */
export class MailboxOwnerService {
  constructor(private readonly settings: EmailSettingsService) {}

  /** Gives each new owner its mailbox, set up by the organisation's defaults (product rule 2.1). */
  async createFor(tx: Tx, command: Command, owners: readonly MailboxOwner[]): Promise<void> {
    if (owners.length === 0) return
    const settings = await this.settings.current(tx.em)
    const profileId = await defaultProfile(tx, settings)
    const isTrusted = await isExchangeOnline(tx, profileId)
    const wantsAct = settings.defaultActMethod === SyncMethod.SERVER_SIDE_SYNC
    const hasAct = wantsAct && profileId !== null && (await profilesWithAct(tx, [profileId])).has(profileId)
    const defaults = { ...settings, defaultProfileId: profileId, ...(!hasAct && { defaultActMethod: SyncMethod.NONE }) }
    const now = new Date()
    const made: SubjectChange[] = []
    for await (const chunk of pausingChunks(owners, 100)) {
      const mailboxes = chunk.map((owner) => newMailbox(owner, defaults, isTrusted, now))
      await tx.em.createQueryBuilder().insert().into(Mailbox).values(mailboxes).updateEntity(false).execute()
      const ids = mailboxes.map((mailbox) => mailbox.id)
      count(tx, await countGroups(tx, ids), 1)
      await insertWords(tx, mailboxes)
      for (const mailbox of mailboxes) {
        made.push({ id: mailbox.id, before: null, after: stateOf(mailbox, [...FIXED, ...RECORDED]) })
      }
    }
    await done(tx, command, made)
  }

  /** Frees the addresses of owners that are about to change, so that two may swap theirs in one call. */
  async freeAddresses(tx: Tx, ownerIds: readonly string[]): Promise<void> {
    for await (const chunk of pausingChunks(ownerIds)) {
      await tx.em.update(Mailbox, { ownerId: In(chunk) }, { activeAddress: null })
    }
  }

  /**
   * The owners' new names, addresses and activity reach their mailboxes. What did not change of the owner stays as it is on
   * the mailbox, which an administrator may have deactivated alone.
   */
  async ownersChanged(
    tx: Tx,
    command: Command,
    changes: readonly { owner: MailboxOwner; before: MailboxOwner }[],
  ): Promise<void> {
    const changed: SubjectChange[] = []
    for await (const chunk of pausingChunks(changes)) {
      const byOwner = new Map(chunk.map((change) => [change.owner.id, change]))
      const mailboxes = await lockedMailboxes(tx, [...byOwner.keys()])
      const rows = mailboxes.flatMap((mailbox) => {
        const change = byOwner.get(mailbox.ownerId ?? '')
        return change ? [{ mailbox, after: followed(mailbox, change) }] : []
      })
      const ids = rows.map(({ mailbox }) => mailbox.id)
      await counted(tx, ids, () => this.write(tx, rows))
      changed.push(...rows.flatMap(changeOf))
    }
    await done(tx, command, changed)
  }

  /** Of these owners, those whose mailboxes are inactive. */
  async inactiveAmong(tx: Tx, ownerIds: readonly string[]): Promise<string[]> {
    const found: string[] = []
    for await (const chunk of pausingChunks(ownerIds)) {
      const rows = await tx.em.find(Mailbox, {
        select: { ownerId: true },
        where: { ownerId: In(chunk), active: false },
      })
      found.push(...rows.flatMap((row) => row.ownerId ?? []))
    }
    return found
  }

  withActiveAddress(tx: Tx, addresses: readonly string[]): Promise<OwnedMailbox[]> {
    return tx.em.find(Mailbox, {
      select: { id: true, name: true, ownerId: true, activeAddress: true },
      where: { activeAddress: In([...addresses]) },
    })
  }

  private async write(tx: Tx, rows: readonly { mailbox: Mailbox; after: Mailbox }[]): Promise<void> {
    const own = rows.map(({ after }) => {
      const { id, name, nameKey, emailAddress, addressKey, activeAddress, active } = after
      const address = { email_address: emailAddress, address_key: addressKey, active_address: activeAddress }
      return [id, { name, name_key: nameKey, ...address, active: Number(active) }] as const
    })
    await updateEach(tx, 'mailboxes', 'id', new Map(own))
    const isFoundOtherwise = ({ mailbox, after }: (typeof rows)[number]) =>
      mailbox.nameKey !== after.nameKey || mailbox.addressKey !== after.addressKey
    await wordsFollow(
      tx,
      rows.filter(isFoundOtherwise).map(({ mailbox }) => mailbox.id),
    )
    const moved = rows.filter(({ mailbox, after }) => mailbox.addressKey !== after.addressKey)
    const groups = [
      { of: rows, patch: { updatedAt: new Date() } },
      { of: moved.filter(({ after }) => after.emailAddress !== null), patch: addressEffect('') },
      { of: moved.filter(({ after }) => after.emailAddress === null), patch: addressEffect(null) },
    ]
    for (const { of, patch } of groups) {
      const ids = of.map(({ mailbox }) => mailbox.id)
      if (ids.length > 0) await tx.em.update(Mailbox, { id: In(ids) }, patch)
    }
  }
}

async function isExchangeOnline(tx: Tx, profileId: string | null): Promise<boolean> {
  if (profileId === null) return false
  return tx.em.existsBy(EmailServerProfile, { id: profileId, type: ProfileType.EXCHANGE_ONLINE })
}

function newMailbox(owner: MailboxOwner, settings: EmailSettings, isTrusted: boolean, now: Date) {
  const isApproved = isTrusted && owner.kind === MailboxKind.USER && owner.emailAddress !== null
  return {
    ...NEW_MAILBOX,
    ...ownedColumns(owner),
    id: newId(),
    kind: owner.kind as MailboxKind,
    ownerId: owner.id,
    profileId: settings.defaultProfileId,
    incomingMethod: settings.defaultIncomingMethod,
    outgoingMethod: settings.defaultOutgoingMethod,
    actMethod: settings.defaultActMethod,
    ...(isApproved
      ? effectOf({ kind: 'APPROVED', by: EXCHANGE_ONLINE_APPROVER, at: now })
      : { approval: owner.emailAddress === null ? ApprovalStatus.EMPTY : ApprovalStatus.PENDING }),
    createdAt: now,
    updatedAt: now,
  }
}

/** A mailbox after its owner changed. */
function followed(mailbox: Mailbox, change: { owner: MailboxOwner; before: MailboxOwner }): Mailbox {
  const { owner, before } = change
  const { name, nameKey, emailAddress, addressKey } = ownedColumns(owner)
  const active = owner.active === before.active ? mailbox.active : owner.active
  return Object.assign(new Mailbox(), mailbox, {
    ...(owner.name === before.name ? {} : { name, nameKey }),
    ...{ emailAddress, addressKey, active, activeAddress: active ? addressKey : null },
    // another spelling of the same address changes nothing that a server sees
    ...(mailbox.addressKey === addressKey ? {} : addressEffect(emailAddress)),
  })
}

const addressEffect = (emailAddress: string | null) => effectOf({ kind: 'ADDRESS_CHANGED', emailAddress })

function lockedMailboxes(tx: Tx, ownerIds: readonly string[]): Promise<Mailbox[]> {
  const query = tx.em.createQueryBuilder(Mailbox, 'm').where({ ownerId: In([...ownerIds]) })
  return tx.locked(query).getMany()
}

function changeOf({ mailbox, after }: { mailbox: Mailbox; after: Mailbox }): SubjectChange[] {
  const found = difference(mailbox, after, RECORDED)
  return found ? [{ id: mailbox.id, ...found }] : []
}

async function done(tx: Tx, { actor, action }: Command, changes: readonly SubjectChange[]): Promise<void> {
  tx.record(actor, { action, subject: 'MAILBOX', changes: await changesOf(changes) })
  tx.signal(
    'mailboxes',
    changes.map(({ id }) => id),
  )
}

const ownedColumns = (owner: MailboxOwner) => ({
  name: owner.name,
  nameKey: owner.name.toLowerCase(),
  emailAddress: owner.emailAddress,
  addressKey: owner.addressKey,
  active: owner.active,
  activeAddress: owner.active ? owner.addressKey : null,
})
