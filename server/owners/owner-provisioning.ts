import { In } from 'typeorm'
import { type Command, changesOf, difference, type SubjectChange, stateOf } from '../db/audit-changes'
import { pausingChunks, updateEach } from '../db/chunks'
import { newId } from '../db/id'
import type { Tx } from '../db/transaction'
import type { FaultList } from '../errors'
import {
  type AddressHolder,
  addressTaken,
  type MailboxOwnerService,
  type OwnedMailbox,
} from '../mailboxes/mailbox-owner.service'
import { Owner, OwnerKind } from './owner.entity'
import { addressKeyOf, keyOf, type Wanted } from './owner-input'

/** One owner as it was and as it will be. */
export interface PlannedOwner {
  before: Owner | undefined
  owner: Owner
  result: OwnerResult
}

export type OwnerResult = 'CREATED' | 'UPDATED' | 'UNCHANGED'

export const OWNER_COLUMNS = ['externalId', 'name', 'emailAddress', 'active', 'deletedAt'] as const

/** Decides what becomes of which owner, and does it; the mailboxes follow in the same transaction. */
export class OwnerProvisioning {
  constructor(private readonly mailboxes: MailboxOwnerService) {}

  /** In the order of `wanted`. Adds a fault below ["owners", index] for each that cannot be; writes nothing. */
  async plan(tx: Tx, faults: FaultList, wanted: readonly Wanted[]): Promise<PlannedOwner[]> {
    const known = await KnownOwners.of(tx, wanted)
    const now = new Date()
    const plan: PlannedOwner[] = []
    for await (const chunk of pausingChunks(wanted)) {
      plan.push(...chunk.map((want) => planOne(known.find(want), want, now)))
    }
    checkTwins(faults, plan)
    await this.checkAddresses(tx, faults, plan)
    return plan
  }

  /** Deleted owners keep their rows: their mailboxes keep their history, and who comes back is the same. */
  planDeletion(owners: readonly Owner[]): PlannedOwner[] {
    const deletedAt = new Date()
    return owners.map((before) => {
      if (before.deletedAt) return { before, owner: before, result: 'UNCHANGED' }
      const owner = Object.assign(new Owner(), before, { active: false, deletedAt, updatedAt: deletedAt })
      return { before, owner, result: 'UPDATED' }
    })
  }

  async carryOut(tx: Tx, command: Command, plan: readonly PlannedOwner[]): Promise<void> {
    const created = plan.filter(({ result }) => result === 'CREATED').map(({ owner }) => owner)
    for await (const chunk of pausingChunks(created, 100)) {
      await tx.em.createQueryBuilder().insert().into(Owner).values(chunk).updateEntity(false).execute()
    }
    const changed = plan.flatMap(({ before, owner, result }) =>
      before && result === 'UPDATED' ? [{ before, owner }] : [],
    )
    await this.mailboxes.freeAddresses(
      tx,
      changed
        .filter(({ before, owner }) => before.addressKey !== owner.addressKey || before.active !== owner.active)
        .map(({ owner }) => owner.id),
    )
    await this.mailboxes.createFor(tx, command, created)
    await updateChanged(
      tx,
      changed.map(({ owner }) => owner),
    )
    await this.mailboxes.ownersChanged(tx, command, changed)
    await recordOwners(tx, command, created, changed)
  }

  /** Two active mailboxes never share an address: the fault names both. */
  private async checkAddresses(tx: Tx, faults: FaultList, plan: readonly PlannedOwner[]): Promise<void> {
    const refuse = (index: number, other: AddressHolder | undefined) => {
      const owner = plan[index]?.owner
      if (!owner || !other) return
      const { code, message } = addressTaken(owner.emailAddress ?? '', owner, other)
      faults.add(code, ['owners', index, 'emailAddress'], message)
    }
    const isInUse = await this.addressUse(tx, plan)
    const first = new Map<string, number>()
    for (const [index, { owner }] of plan.entries()) {
      if (owner.addressKey === null || !isInUse(index)) continue
      const twin = first.get(owner.addressKey)
      if (twin === undefined) first.set(owner.addressKey, index)
      else if (plan[twin]?.owner.id !== owner.id) {
        // who has it already is not the one to be refused
        const [refused, other] = hasIt(plan[index]) ? [twin, index] : [index, twin]
        refuse(refused, plan[other]?.owner)
      }
    }
    const ownIds = new Set(plan.map(({ owner }) => owner.id))
    const wanted = [...first].filter(([, index]) => plan[index]?.result !== 'UNCHANGED').map(([address]) => address)
    for await (const chunk of pausingChunks(wanted)) {
      const taken: OwnedMailbox[] = await this.mailboxes.withActiveAddress(tx, chunk)
      const others = taken.filter(({ ownerId }) => ownerId === null || !ownIds.has(ownerId))
      const externalIds = await externalIdsOf(
        tx,
        others.flatMap(({ ownerId }) => ownerId ?? []),
      )
      for (const { name, ownerId, activeAddress } of others) {
        const index = first.get(activeAddress ?? '')
        if (index !== undefined) refuse(index, { name, externalId: externalIds.get(ownerId ?? '') })
      }
    }
  }

  /** Whether the planned owner's mailbox will be active: an administrator may have deactivated it alone. */
  private async addressUse(tx: Tx, plan: readonly PlannedOwner[]): Promise<(index: number) => boolean> {
    const kept = plan.flatMap(({ before, owner }) => (before?.active && owner.active ? [owner.id] : []))
    const inactive = new Set(await this.mailboxes.inactiveAmong(tx, kept))
    return (index) => {
      const owner = plan[index]?.owner
      return owner?.active === true && !inactive.has(owner.id)
    }
  }
}

const hasIt = (planned: PlannedOwner | undefined): boolean =>
  planned?.before?.active === true && planned.before.addressKey === planned.owner.addressKey

function planOne(before: Owner | undefined, want: Wanted, now: Date): PlannedOwner {
  const { kind, name } = want
  const isKept = before !== undefined && before.deletedAt === null
  const owner = Object.assign(new Owner(), before ?? { id: newId(), createdAt: now, updatedAt: now }, {
    ...{ kind, name, nameKey: name.toLowerCase(), ...addressOf(before, want) },
    // who names it by its address does not take away the name it has elsewhere
    externalId: want.externalId ?? before?.externalId ?? null,
    active: want.active ?? (isKept ? before.active : true),
    deletedAt: null,
  })
  if (!before) return { before, owner, result: 'CREATED' }
  if (!difference(before, owner, OWNER_COLUMNS)) return { before, owner: before, result: 'UNCHANGED' }
  owner.updatedAt = now
  return { before, owner, result: 'UPDATED' }
}

/** An address that is spelt as it was keeps the key it has, which may be older than the way keys are made. */
function addressOf(before: Owner | undefined, want: Wanted): Pick<Owner, 'emailAddress' | 'addressKey'> {
  const { emailAddress = before?.emailAddress ?? null, addressKey = null } = want
  return { emailAddress, addressKey: before?.emailAddress === emailAddress ? before.addressKey : addressKey }
}

/** The owners there are, found by what a caller names them by. */
class KnownOwners {
  private readonly byKey = new Map<string, Owner>()
  private readonly byAddress = new Map<string, Owner[]>()
  private readonly ids = new Set<string>()

  /** Takes the rows' locks: who changes one of them at the same time waits. */
  static async of(tx: Tx, wanted: readonly Wanted[]): Promise<KnownOwners> {
    const known = new KnownOwners()
    for await (const chunk of pausingChunks(wanted)) {
      const externalIds = chunk.flatMap((want) => want.externalId ?? [])
      const addresses = chunk.flatMap((want) => want.addressKey ?? [])
      // both kinds are named so that the index, which begins with the kind, is of use
      known.add(await lockedOwners(tx, { kind: In(Object.values(OwnerKind)), externalId: In(externalIds) }))
      known.add(await lockedOwners(tx, { addressKey: In(addresses) }))
    }
    return known
  }

  /**
   * By its externalId. Without one by its address, whatever its externalId; an owner that was provisioned by its address is
   * met by who names it by externalId and the same address, too. A deleted owner is met by the name it has alone.
   */
  find(want: Wanted): Owner | undefined {
    const found = this.byKey.get(keyOf(want))
    if (found && (want.externalId !== null || found.deletedAt === null)) return found
    const same = this.byAddress.get(addressKeyOf(want)) ?? []
    const present = same.filter(({ deletedAt }) => deletedAt === null)
    if (want.externalId !== null) return present.find(({ externalId }) => externalId === null)
    return present.find(({ active }) => active) ?? present[0] ?? found
  }

  private add(owners: readonly Owner[]): void {
    for (const owner of owners) {
      if (this.ids.has(owner.id)) continue
      this.ids.add(owner.id)
      const [key, addressKey] = [keyOf(owner), addressKeyOf(owner)]
      if (this.byKey.get(key)?.deletedAt !== null || owner.deletedAt === null) this.byKey.set(key, owner)
      if (owner.addressKey === null) continue
      const same = this.byAddress.get(addressKey)
      if (same) same.push(owner)
      else this.byAddress.set(addressKey, [owner])
    }
  }
}

/** What these owners are called in the system that provisions them; those without such a name are left out. */
export async function externalIdsOf(tx: Tx, ids: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>()
  for await (const chunk of pausingChunks(ids)) {
    const rows = await tx.em.find(Owner, { select: { id: true, externalId: true }, where: { id: In(chunk) } })
    for (const { id, externalId } of rows) if (externalId !== null) found.set(id, externalId)
  }
  return found
}

export function lockedOwners(tx: Tx, where: object): Promise<Owner[]> {
  const query = tx.em.createQueryBuilder(Owner, 'o').where(where)
  return tx.locked(query).getMany()
}

/** One owner may be named by its externalId and, in the same call, by the address it has. */
function checkTwins(faults: FaultList, plan: readonly PlannedOwner[]): void {
  const positions = new Map<string, number>()
  for (const [index, { owner }] of plan.entries()) {
    const twin = positions.get(owner.id)
    if (twin !== undefined) {
      const other = plan[twin]?.owner.name
      faults.add('DUPLICATE', ['owners', index], `${owner.name} is the same owner as ${other}`)
    }
    positions.set(owner.id, index)
  }
}

async function updateChanged(tx: Tx, owners: readonly Owner[]): Promise<void> {
  const rows = owners.map((owner) => {
    const { id, externalId, name, nameKey, emailAddress, addressKey, active } = owner
    const address = { email_address: emailAddress, address_key: addressKey }
    return [id, { external_id: externalId, name, name_key: nameKey, ...address, active: Number(active) }] as const
  })
  await updateEach(tx, 'owners', 'id', new Map(rows))
  for (const deleted of [true, false]) {
    const some = owners.filter((owner) => (owner.deletedAt !== null) === deleted)
    for await (const chunk of pausingChunks(some)) {
      const [first] = chunk
      const ids = chunk.map((owner) => owner.id)
      await tx.em.update(Owner, { id: In(ids) }, { deletedAt: first?.deletedAt ?? null, updatedAt: first?.updatedAt })
    }
  }
}

async function recordOwners(
  tx: Tx,
  { actor, action }: Command,
  created: readonly Owner[],
  changed: readonly { before: Owner; owner: Owner }[],
): Promise<void> {
  const rows: SubjectChange[] = []
  for await (const chunk of pausingChunks(created)) {
    for (const owner of chunk) {
      rows.push({ id: owner.id, before: null, after: stateOf(owner, ['kind', ...OWNER_COLUMNS]) })
    }
  }
  for await (const chunk of pausingChunks(changed)) {
    for (const { before, owner } of chunk) {
      const found = difference(before, owner, OWNER_COLUMNS)
      if (found) rows.push({ id: owner.id, ...found })
    }
  }
  tx.record(actor, { action, subject: 'OWNER', changes: await changesOf(rows) })
}
