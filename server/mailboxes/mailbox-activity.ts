import { In, IsNull } from 'typeorm'
import type { Command } from '../db/audit-changes'
import type { Actor } from '../db/audit-record'
import { pausingChunks } from '../db/chunks'
import type { Tx } from '../db/transaction'
import { Mailbox } from './mailbox.entity'
import { Direction } from './mailbox.enums'
import { type BulkResult, changeMailboxes, MOST_REFUSALS, type Refusal } from './mailbox-bulk'
import { addressTaken, type ExternalIds } from './mailbox-owner.service'
import { DIRECTION_COLUMNS, effectOf } from './reset-rules'

const ACTION = 'setMailboxesActive'

type Active = Pick<Mailbox, 'id' | 'name' | 'ownerId' | 'emailAddress' | 'addressKey' | 'active' | 'kind'>
type Holder = Pick<Mailbox, 'name' | 'ownerId'>

/** How a command is to be done, and what its entry in the audit log tells of it beside the mailboxes. */
interface Told {
  dryRun: boolean
  details: Record<string, unknown>
}

interface Hooks {
  inactiveOwners: (tx: Tx, ownerIds: readonly string[]) => Promise<ReadonlySet<string>>
  externalIds: ExternalIds
}

/** Activates mailboxes; refused are those of inactive owners and those whose address another active mailbox has. */
export async function activating(
  tx: Tx,
  actor: Actor,
  ids: readonly string[],
  { dryRun, details, inactiveOwners, externalIds }: Told & Hooks,
): Promise<BulkResult> {
  const refusals = new Map<string, Refusal>()
  /** Who has an address after this call: the first in the order of the selection. */
  const holders = new Map<string, Holder>()
  for await (const chunk of pausingChunks(ids)) {
    const rows = (await rowsOf(tx, chunk)).filter((row) => !row.active)
    const without = await inactiveOwners(
      tx,
      rows.flatMap((row) => row.ownerId ?? []),
    )
    const addresses = rows.flatMap((row) => row.addressKey ?? [])
    const taken = await tx.em.find(Mailbox, {
      select: { name: true, ownerId: true, activeAddress: true },
      where: { activeAddress: In(addresses) },
    })
    const takenBy = new Map<string | null, Holder>(taken.map((other) => [other.activeAddress, other]))
    const pairs: (readonly [Active, Holder])[] = []
    for (const row of rows) {
      const other = takenBy.get(row.addressKey) ?? holders.get(row.addressKey ?? '')
      if (row.ownerId !== null && without.has(row.ownerId)) refusals.set(row.id, OWNER_INACTIVE)
      else if (row.addressKey !== null && other !== undefined) pairs.push([row, other])
      else if (row.addressKey !== null) holders.set(row.addressKey, row)
    }
    const known = await externalIds(
      tx,
      pairs.flatMap((pair) => pair.flatMap(({ ownerId }) => ownerId ?? [])),
    )
    const named = ({ name, ownerId }: Holder) => ({ name, externalId: known.get(ownerId ?? '') })
    for (const [row, other] of pairs) {
      refusals.set(row.id, addressTaken(row.emailAddress ?? '', named(row), named(other)))
    }
  }
  const rest = ids.filter((id) => !refusals.has(id))
  const result = await changeMailboxes(
    tx,
    actor,
    rest,
    {
      ...{ action: ACTION, details },
      columns: ['active'],
      decide: () => ({ patch: { active: true } }),
      rowColumns: { active_address: 'address_key' },
    },
    { dryRun },
  )
  return withRefusals(result, refusals)
}

/** Deactivates mailboxes and frees their addresses; forward mailboxes in use are refused unless their users can move. */
export async function deactivating(
  tx: Tx,
  actor: Actor,
  ids: readonly string[],
  { dryRun, details, moveTo }: Told & { moveTo: string | null },
): Promise<BulkResult> {
  const told = { ...details, ...(moveTo !== null && { moveForwardedTo: moveTo }) }
  const refusals = new Map<string, Refusal>()
  const moved: string[] = []
  for (const [id, users] of await forwardedTo(tx, ids)) {
    if (moveTo === null) refusals.set(id, inUse(users.length))
    else moved.push(...users)
  }
  if (moveTo !== null) await moveForwarded(tx, { actor, action: ACTION }, moved, moveTo, told)
  const result = await changeMailboxes(
    tx,
    actor,
    ids.filter((id) => !refusals.has(id)),
    {
      ...{ action: ACTION, details: told },
      columns: ['active'],
      decide: () => ({ patch: { active: false } }),
      rowColumns: { active_address: 'NULL' },
    },
    { dryRun },
  )
  return withRefusals(result, refusals)
}

/** Which mailboxes get their mail through these forward mailboxes; those without users are left out. Takes the rows' locks. */
export async function forwardedTo(tx: Tx, ids: readonly string[]): Promise<Map<string, string[]>> {
  const users = new Map<string, string[]>()
  for await (const chunk of pausingChunks(ids)) {
    const query = tx.em
      .createQueryBuilder(Mailbox, 'm')
      .select('m.id', 'id')
      .addSelect('m.forwardMailboxId', 'forwardMailboxId')
      .where({ forwardMailboxId: In(chunk), deletedAt: IsNull() })
      .orderBy('m.id')
    const rows = await tx.locked(query).getRawMany<{ id: string; forwardMailboxId: string }>()
    for (const { id, forwardMailboxId } of rows) {
      const known = users.get(forwardMailboxId) ?? []
      known.push(id)
      users.set(forwardMailboxId, known)
    }
  }
  return users
}

/** Mailboxes get their mail through another forward mailbox: a change of their incoming method. */
export async function moveForwarded(
  tx: Tx,
  { actor, action }: Command,
  ids: readonly string[],
  forwardMailboxId: string,
  details: Record<string, unknown>,
): Promise<void> {
  const { status, enabled, changed, errorCode } = DIRECTION_COLUMNS[Direction.INCOMING]
  await changeMailboxes(tx, actor, ids, {
    ...{ action, details },
    columns: ['forwardMailboxId', status, enabled, changed, errorCode],
    decide: () => ({
      patch: { forwardMailboxId, ...effectOf({ kind: 'METHOD_CHANGED', direction: Direction.INCOMING }) },
    }),
  })
}

function rowsOf(tx: Tx, ids: readonly string[]): Promise<Active[]> {
  return tx.em.find(Mailbox, {
    select: { id: true, name: true, ownerId: true, emailAddress: true, addressKey: true, active: true, kind: true },
    where: { id: In([...ids]) },
    order: { id: 'ASC' },
  })
}

const OWNER_INACTIVE: Refusal = { code: 'OWNER_INACTIVE', message: 'Its owner is inactive: activate the owner.' }

const inUse = (count: number): Refusal => ({
  code: 'IN_USE',
  message: `${count} mailboxes get their mail through it: name another forward mailbox for them.`,
})

function withRefusals(result: BulkResult, refusals: ReadonlyMap<string, Refusal>): BulkResult {
  const more = [...refusals].map(([mailboxId, refusal]) => ({ mailboxId, ...refusal }))
  return {
    changedIds: result.changedIds,
    refused: [...more, ...result.refused].slice(0, MOST_REFUSALS),
    refusedCount: result.refusedCount + refusals.size,
  }
}
