import { setImmediate as afterOtherWork } from 'node:timers/promises'
import { type EntityManager, In } from 'typeorm'
import type { Actor, AuditState } from '../db/audit-record'
import { chunks } from '../db/chunks'
import type { Tx } from '../db/transaction'
import { MAX_SIGNAL_IDS } from '../pubsub/signals'
import { Mailbox } from './mailbox.entity'
import { COUNT_COLUMNS, count, countGroups, groupOf } from './mailbox-counts'
import { wordsFollow } from './mailbox-words'

/** A column of Mailbox that commands set. */
export type MailboxColumn = Exclude<keyof Mailbox & string, 'errorCode' | 'viewClass' | 'facets' | 'addressDomain'>

/** A mailbox as far as a command reads it: the columns it named. */
export type MailboxState = Readonly<Partial<Mailbox>>

export interface Refusal {
  code: string
  message: string
}

/** What a command does to a mailbox: refuses it, or sets these columns; those that are so already do not count as a change. */
export type Decision = { refusal: Refusal } | { patch: Partial<Mailbox> }

export interface BulkEdit {
  /** The mutation's name, for the audit log. */
  action: string
  details?: Record<string, unknown>
  /** What `decide` reads and sets. */
  columns: readonly MailboxColumn[]
  /** Asked once for all mailboxes that are alike in `columns`. */
  decide(row: MailboxState): Decision
  /** Columns set by SQL beside each patch, with values of the row's own: by the database's names. */
  rowColumns?: Readonly<Record<string, string>>
  /** What cannot be written as one patch for many rows; run for each part of the changed rows. */
  writeEach?(tx: Tx, ids: readonly string[]): Promise<void>
  /** Further words for the audit log, such as a password that changed. */
  alsoChanged?: AuditState
}

export interface BulkResult {
  changedIds: string[]
  /** The first 100. */
  refused: ({ mailboxId: string } & Refusal)[]
  refusedCount: number
}

export const MOST_REFUSALS = 100
/** An answer shows so many of the changed; a dry run needs to write no more than these. */
export const MOST_MAILBOXES = 500

/** MariaDB makes a join of a longer list; SQLite works on this very thread, which is free again after each statement. */
export const IDS_A_STATEMENT = { mariadb: 999, sqlite: 250 } as const

/** What decides a mailbox's class, facets and scopes: other columns leave the counts alone. */
const COUNTED: ReadonlySet<string> = new Set<MailboxColumn>([
  ...(['kind', 'active', 'approval', 'pausedUntil', 'profileId', 'addressKey', 'deletedAt'] as const),
  ...(['incomingMethod', 'outgoingMethod', 'actMethod'] as const),
  ...(['incomingEmailStatus', 'outgoingEmailStatus', 'actStatus'] as const),
  ...(['incomingEnabled', 'outgoingEnabled', 'actEnabled'] as const),
])

/**
 * Does a command to any number of mailboxes, whose rows are locked already. A part of the rows costs a few statements: one
 * reads them in groups that are alike, one sets each patch, and one tells the counts. Of what changed, the audit log gets
 * before and after, once for all that are alike.
 */
export async function changeMailboxes(
  tx: Tx,
  actor: Actor | null,
  ids: readonly string[],
  edit: BulkEdit,
  { dryRun = false } = {},
): Promise<BulkResult> {
  const result: BulkResult = { changedIds: [], refused: [], refusedCount: 0 }
  const audit = new AuditGroups(edit.alsoChanged)
  const updatedAt = new Date()
  for (const chunk of chunks(ids, IDS_A_STATEMENT[tx.kind])) {
    const isShown = !dryRun || result.changedIds.length < MOST_MAILBOXES
    const patches = new Map<string, { patch: Partial<Mailbox>; ids: string[] }>()
    const groups = await groupsOf(tx, chunk, edit.columns)
    for (const group of groups) {
      const decision = edit.decide(group.state)
      if ('refusal' in decision) {
        result.refusedCount += group.ids.length
        const room = MOST_REFUSALS - result.refused.length
        for (const mailboxId of group.ids.slice(0, room)) result.refused.push({ mailboxId, ...decision.refusal })
        continue
      }
      const patch = differing(group.state, decision.patch)
      if (Object.keys(patch).length === 0 && !edit.alsoChanged) continue
      audit.add(group.ids, group.state, patch)
      result.changedIds.push(...group.ids)
      // the whole patch, so that mailboxes that differ in what is so already share a statement
      const key = JSON.stringify(decision.patch)
      const alike = patches.get(key) ?? { patch: decision.patch, ids: [] }
      alike.ids.push(...group.ids)
      patches.set(key, alike)
      if (isCounted(decision.patch)) count(tx, [{ ...group.counted, n: group.ids.length }], -1)
    }
    if (!isShown) {
      await afterOtherWork()
      continue
    }
    for (const { patch, ids: alike } of patches.values()) {
      await write(tx, alike, { ...patch, updatedAt }, edit.rowColumns)
      if ('nameKey' in patch || 'deletedAt' in patch) await wordsFollow(tx, alike)
      await edit.writeEach?.(tx, alike)
      if (isCounted(patch)) count(tx, await countGroups(tx, alike), 1)
      await afterOtherWork()
    }
  }
  tx.record(actor, { action: edit.action, subject: 'MAILBOX', changes: audit.changes(), details: edit.details })
  tx.signal('mailboxes', result.changedIds.length > MAX_SIGNAL_IDS ? 'many' : result.changedIds)
  return result
}

const isCounted = (patch: Partial<Mailbox>): boolean => Object.keys(patch).some((column) => COUNTED.has(column))

interface Group {
  ids: string[]
  state: MailboxState
  counted: ReturnType<typeof groupOf>
}

/** The mailboxes in groups that are alike in these columns and in how they are counted. */
async function groupsOf(tx: Tx, ids: readonly string[], properties: readonly MailboxColumn[]): Promise<Group[]> {
  const columns = columnsOf(tx.em, properties)
  const names = [...new Set([...Object.values(COUNT_COLUMNS), ...columns.map((column) => column.databaseName)])]
  const list = tx.kind === 'sqlite' ? 'json_group_array(id)' : 'JSON_ARRAYAGG(id)'
  const rows = (await tx.em.query(
    `SELECT ${names.join(', ')}, ${list} AS ids FROM mailboxes
     WHERE id IN (${ids.map(() => '?').join(', ')}) GROUP BY ${names.join(', ')}`,
    [...ids],
  )) as Record<string, unknown>[]
  const { driver } = tx.em.connection
  return rows.map((row) => ({
    ids: (typeof row.ids === 'string' ? JSON.parse(row.ids) : row.ids) as string[],
    state: Object.fromEntries(
      columns.map((column) => [column.propertyName, driver.prepareHydratedValue(row[column.databaseName], column)]),
    ),
    counted: groupOf(row),
  }))
}

function columnsOf(em: EntityManager, properties: readonly MailboxColumn[]) {
  const metadata = em.connection.getMetadata(Mailbox)
  return properties.map((property) => {
    const column = metadata.findColumnWithPropertyName(property)
    if (!column) throw new Error(`Mailbox has no column ${property}`)
    return column
  })
}

async function write(
  tx: Tx,
  ids: readonly string[],
  patch: Partial<Mailbox>,
  rowColumns: BulkEdit['rowColumns'] = {},
): Promise<void> {
  const columns = columnsOf(tx.em, Object.keys(patch) as MailboxColumn[])
  const { driver } = tx.em.connection
  const values = columns.map((column) =>
    driver.preparePersistentValue(patch[column.propertyName as keyof Mailbox], column),
  )
  const sets = [
    ...columns.map((column) => `${column.databaseName} = ?`),
    ...Object.entries(rowColumns).map(([column, sql]) => `${column} = ${sql}`),
  ]
  const places = ids.map(() => '?').join(', ')
  await tx.em.query(`UPDATE mailboxes SET ${sets.join(', ')} WHERE id IN (${places})`, [...values, ...ids])
}

const plain = (value: unknown): unknown => (value instanceof Date ? value.toISOString() : value)

function differing(state: MailboxState, patch: Partial<Mailbox>): Partial<Mailbox> {
  return Object.fromEntries(
    Object.entries(patch).filter(([column, value]) => plain(state[column as keyof Mailbox]) !== plain(value)),
  )
}

/** The names of the API; keys for sorting and searching say nothing new. */
const UNSAID: ReadonlySet<string> = new Set(['nameKey', 'addressKey', 'activeAddress'])

/** Before and after, once for all mailboxes that changed alike. */
class AuditGroups {
  private readonly groups = new Map<string, { subjectIds: string[]; before: AuditState; after: AuditState }>()

  constructor(private readonly alsoChanged: AuditState = {}) {}

  add(ids: readonly string[], state: MailboxState, patch: Partial<Mailbox>): void {
    const columns = Object.keys(patch).filter((column) => !UNSAID.has(column))
    const pick = (of: MailboxState) =>
      Object.fromEntries(columns.map((column) => [column, plain(of[column as keyof Mailbox]) ?? null])) as AuditState
    const [before, after] = [pick(state), { ...pick(patch), ...this.alsoChanged }]
    const key = JSON.stringify([before, after])
    const group = this.groups.get(key) ?? { subjectIds: [], before, after }
    for (const id of ids) group.subjectIds.push(id)
    this.groups.set(key, group)
  }

  changes() {
    return [...this.groups.values()]
  }
}

/** The refused mailboxes of an answer. */
export async function refusalsOf(em: EntityManager, result: BulkResult) {
  const rows = await em.findBy(Mailbox, { id: In(result.refused.map(({ mailboxId }) => mailboxId)) })
  const byId = new Map(rows.map((row) => [row.id, row]))
  return result.refused.flatMap(({ mailboxId, code, message }) => {
    const mailbox = byId.get(mailboxId)
    return mailbox ? [{ mailbox, code, message }] : []
  })
}
