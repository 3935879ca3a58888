import type { EntityManager } from 'typeorm'
import { chunks } from '../db/chunks'
import type { Tx } from '../db/transaction'

/** What mailboxes are counted by, and how many are alike. */
export interface CountGroup {
  /** Null for a deleted mailbox, which is not counted. */
  viewClass: number | null
  facets: number
  profileId: string | null
  addressDomain: string | null
  n: number
}

/** Where a count belongs: to all mailboxes, to those of a profile, to those of an address domain. */
export const SCOPE = {
  all: '',
  profile: (id: string | null) => `p:${id ?? ''}`,
  domain: (domain: string | null) => `d:${domain ?? ''}`,
} as const

/** Each column of a group as the database names it. */
export const COUNT_COLUMNS = {
  viewClass: 'view_class',
  facets: 'facets',
  profileId: 'profile_id',
  addressDomain: 'address_domain',
} as const

/** MariaDB makes a join of a longer list. */
const IDS_A_STATEMENT = 999
const ROWS_A_STATEMENT = 200

/** What a transaction changes of the counts; written when all else is done, for every other writer waits for these rows. */
const deltas = new WeakMap<Tx, Map<string, number>>()

/** Counts these mailboxes in (or, with a negative sign, out) when the transaction commits. */
export function count(tx: Tx, groups: readonly CountGroup[], sign: 1 | -1): void {
  const delta = deltas.get(tx) ?? begin(tx)
  for (const { viewClass, facets, profileId, addressDomain, n } of groups) {
    if (viewClass === null) continue
    for (const scope of [SCOPE.all, SCOPE.profile(profileId), SCOPE.domain(addressDomain)]) {
      const key = JSON.stringify([scope, viewClass, facets])
      delta.set(key, (delta.get(key) ?? 0) + sign * n)
    }
  }
}

/** Does a write to these mailboxes, and the counts follow it. Takes the rows' locks. */
export async function counted<T>(tx: Tx, ids: readonly string[], write: () => Promise<T>): Promise<T> {
  count(tx, await countGroups(tx, ids, { lock: true }), -1)
  const result = await write()
  count(tx, await countGroups(tx, ids), 1)
  return result
}

/** How mailboxes are counted now. With `lock` nobody else changes them before the transaction ends. */
export async function countGroups(tx: Tx, ids: readonly string[], { lock = false } = {}): Promise<CountGroup[]> {
  const groups: CountGroup[] = []
  const names = Object.values(COUNT_COLUMNS).join(', ')
  for (const chunk of chunks(ids, IDS_A_STATEMENT)) {
    const places = chunk.map(() => '?').join(', ')
    const rows = await tx.em.query(
      `SELECT ${names}, COUNT(*) AS n FROM mailboxes WHERE id IN (${places}) GROUP BY ${names}` +
        (lock && tx.kind === 'mariadb' ? ' FOR UPDATE' : ''),
      chunk,
    )
    groups.push(...rows.map(groupOf))
  }
  return groups
}

/** A row that has the columns of COUNT_COLUMNS and `n`. */
export const groupOf = (row: Record<string, unknown>): CountGroup => ({
  viewClass: row.view_class === null ? null : Number(row.view_class),
  facets: Number(row.facets),
  profileId: row.profile_id as string | null,
  addressDomain: row.address_domain as string | null,
  n: Number(row.n),
})

export interface Count {
  scope: string
  viewClass: number
  facets: number
  n: number
}

/** The counts of some scopes; without scopes those of all profiles. Combinations that no mailbox has are left out. */
export async function readCounts(em: EntityManager, scopes: readonly string[] | 'profiles'): Promise<Count[]> {
  const [where, values] =
    scopes === 'profiles'
      ? ["scope >= 'p:' AND scope < 'p;'", []]
      : [`scope IN (${scopes.map(() => '?').join(', ')})`, [...scopes]]
  const rows = await em.query(
    `SELECT scope, view_class, facets, n FROM mailbox_counts WHERE ${where} AND n > 0`,
    values,
  )
  return rows.map((row: Record<string, unknown>) => ({
    scope: String(row.scope),
    viewClass: Number(row.view_class),
    facets: Number(row.facets),
    n: Number(row.n),
  }))
}

/** How many mailboxes some scopes have together. */
export async function sumOf(em: EntityManager, scopes: readonly string[]): Promise<number> {
  const places = scopes.map(() => '?').join(', ')
  const [row] = await em.query(`SELECT SUM(n) AS n FROM mailbox_counts WHERE scope IN (${places})`, [...scopes])
  return Number(row?.n ?? 0)
}

/** The domains of all addresses, and some that there were. */
export async function readDomains(em: EntityManager): Promise<string[]> {
  const rows = await em.query("SELECT DISTINCT scope FROM mailbox_counts WHERE scope > 'd:' AND scope < 'd;'")
  return rows.map((row: { scope: string }) => row.scope.slice('d:'.length))
}

/** What the counts must be: read from the mailboxes themselves. For mailboxes that came by other ways than the services. */
export async function recount(tx: Tx): Promise<void> {
  await tx.em.query('DELETE FROM mailbox_counts')
  const names = Object.values(COUNT_COLUMNS).join(', ')
  const rows = await tx.em.query(`SELECT ${names}, COUNT(*) AS n FROM mailboxes GROUP BY ${names}`)
  count(tx, rows.map(groupOf), 1)
}

function begin(tx: Tx): Map<string, number> {
  const delta = new Map<string, number>()
  deltas.set(tx, delta)
  tx.beforeCommit(() => flush(tx, delta))
  return delta
}

/** In one order, so that two transactions never hold what the other one waits for. */
async function flush(tx: Tx, delta: ReadonlyMap<string, number>): Promise<void> {
  const changes = [...delta].filter(([, n]) => n !== 0).sort(([one], [other]) => (one < other ? -1 : 1))
  for (const chunk of chunks(changes, ROWS_A_STATEMENT)) {
    const places = chunk.map(() => '(?, ?, ?, ?)').join(', ')
    const values = chunk.flatMap(([key, n]) => [...(JSON.parse(key) as [string, number, number]), n])
    const onConflict =
      tx.kind === 'sqlite'
        ? 'ON CONFLICT (scope, view_class, facets) DO UPDATE SET n = n + excluded.n'
        : 'ON DUPLICATE KEY UPDATE n = n + VALUES(n)'
    await tx.em.query(
      `INSERT INTO mailbox_counts (scope, view_class, facets, n) VALUES ${places} ${onConflict}`,
      values,
    )
  }
}
