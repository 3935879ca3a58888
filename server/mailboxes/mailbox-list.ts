import { setImmediate as afterOtherWork } from 'node:timers/promises'
import { type EntityManager, In } from 'typeorm'
import type { DatabaseKind } from '../db/database-kind'
import { FaultList } from '../errors'
import { checkFirst, type Page, type PageArguments } from '../graphql/connection'
import { and, bind, type Condition, EVERYTHING } from './condition'
import { Mailbox } from './mailbox.entity'
import { MailboxView } from './mailbox.enums'
import { type Count, readCounts, SCOPE } from './mailbox-counts'
import { type Cursor, decodeCursor, encodeCursor } from './mailbox-cursor'
import { countFound, type Lead, leadOf, openSearch, readFound, type Search } from './mailbox-found'
import { comparePlaces, FirstRows, orderOf, textOf } from './mailbox-order'
import {
  classesIn,
  countsFor,
  type Listing,
  type ListRequest,
  mayBeListed,
  type Segment,
  segmentsOf,
} from './mailbox-segments'
import { viewCondition } from './mailbox-selection'
import type { ColumnSort, Sorting } from './mailbox-sorts'

/**
 * Pages of mailboxes at any size. No index has a view's rows in the order of a sort, but each view is some classes
 * (mailbox-facets.ts), and within a class every sort is an index. So a page merges the first rows of each class: as many short
 * reads of an index as classes occur in the view, some dozens at most, wherever in the list the page lies.
 */

/** Both databases take so many parts of one statement (SQLite's own limit is 500). */
const PROBES_A_STATEMENT = 200

/** SQLite works on this very thread: what is long is read in parts. */
const ROWS_A_PART = 5_000

export async function listMailboxes(
  em: EntityManager,
  kind: DatabaseKind,
  asked: ListRequest,
  page: PageArguments,
): Promise<Page<Mailbox>> {
  const first = checkFirst(page.first)
  const { field, isDescending } = asked.sorting
  const cursor = page.after ? decodeCursor(page.after, field, isDescending) : undefined
  const request = await lookUp(em, asked)
  const { search, lead } = request
  if (search && lead) return listFound(em, kind, { ...request, search, lead }, cursor, first)
  const counts = await countsFor(em, request)
  const rows: Found[] = []
  for (const segment of await segmentsOf(em, request, counts)) {
    const isPast = cursor && comparePlaces(segment.place, cursor.place) * (isDescending ? -1 : 1) < 0
    if (isPast || segment.probes.length === 0) continue
    const from = cursor && segment.place === cursor.place ? cursor : undefined
    rows.push(...(await readSegment(em, kind, request, segment, from, first + 1 - rows.length)))
    if (rows.length > first) break
  }
  return pageOf(em, rows, first, request.sorting, () => countListed(em, kind, request, counts))
}

/** The ids of a whole list, some thousand at a time, each part a short read of the indexes that pages are read by. */
export async function* idsListed(em: EntityManager, kind: DatabaseKind, asked: ListRequest): AsyncGenerator<string[]> {
  const request = await lookUp(em, asked)
  const { search, lead, where } = request
  if (search && lead) {
    for await (const part of readFound(em, kind, { lead, terms: search.terms, where }, [])) {
      yield part.map((row) => String(row.id))
    }
    return
  }
  for (const segment of await segmentsOf(em, request, await countsFor(em, request))) {
    let from: Cursor | undefined
    while (segment.probes.length > 0) {
      const rows: Found[] = await readSegment(em, kind, request, segment, from, ROWS_A_PART)
      yield rows.map(({ id }) => id)
      if (rows.length < ROWS_A_PART) break
      from = rows.at(-1)
      await afterOtherWork()
    }
  }
}

async function pageOf(
  em: EntityManager,
  rows: readonly Cursor[],
  first: number,
  { field, isDescending }: Sorting,
  totalCount: () => Promise<number>,
): Promise<Page<Mailbox>> {
  const shown = rows.slice(0, first)
  const last = shown.at(-1)
  const endCursor = last ? encodeCursor(field, isDescending, last) : null
  return { nodes: await inOrder(em, shown), pageInfo: { hasNextPage: rows.length > first, endCursor }, totalCount }
}

async function lookUp(em: EntityManager, request: ListRequest): Promise<Listing> {
  if (!request.filter?.text) return { ...request, search: undefined, lead: undefined }
  const { text, ...filter } = request.filter
  const search = await openSearch(em, text)
  // the filter was checked before: its faults are known
  const where = viewCondition(new FaultList(), request.looker, request.view, filter)
  const lead = await leadOf(em, search)
  return { ...request, filter, where: lead ? where : and(where, search.where), search, lead }
}

/** What a text leads to is read whole, and sorted here. */
async function listFound(
  em: EntityManager,
  kind: DatabaseKind,
  { search, lead, where, sorting }: { search: Search; lead: Lead; where: Condition; sorting: Sorting },
  cursor: Cursor | undefined,
  first: number,
): Promise<Page<Mailbox>> {
  const order = await orderOf(em, sorting)
  const rows = new FirstRows(order.compare, cursor, first + 1)
  let total = 0
  for await (const part of readFound(em, kind, { lead, terms: search.terms, where }, order.columns)) {
    total += part.length
    for (const row of part) rows.add(order.placed(row))
  }
  return pageOf(em, rows.sorted(), first, sorting, async () => total)
}

/** Whether the counts alone tell how many are listed, the text aside. */
function isCounted({ looker: { reach }, view, filter }: ListRequest): boolean {
  if (view === MailboxView.MINE || typeof filter?.errorCode === 'string') return false
  if (reach !== 'ALL') return reach.ownerIds.length === 0 && !filter?.profileId && !filter?.domain
  return typeof filter?.profileId !== 'string' || typeof filter?.domain !== 'string'
}

async function countListed(
  em: EntityManager,
  kind: DatabaseKind,
  request: Listing,
  counts: readonly Count[],
): Promise<number> {
  if (request.search) {
    const counted = await countFound(em, kind, request.search, request.where, inDomains(em, request))
    if (counted !== undefined) return counted
  } else if (isCounted(request)) return counts.reduce((sum, { n }) => sum + n, 0)
  const { looker, view, where } = request
  const isByClass = view !== MailboxView.MINE && (looker.reach === 'ALL' || looker.reach.ownerIds.length === 0)
  if (isByClass && kind === 'sqlite') return countInParts(em, where, classesIn(counts))
  const classes = isByClass ? `view_class IN (${[-1, ...classesIn(counts)].join(', ')}) AND ` : ''
  const [sql, values] = bind(em, `SELECT COUNT(*) AS n FROM mailboxes WHERE ${classes}${where.sql}`, where)
  const [row] = await em.query(sql, values)
  return Number(row?.n ?? 0)
}

/** SQLite works on this very thread: rows that no count tells are looked at some thousand at a time. */
async function countInParts(em: EntityManager, where: Condition, classes: readonly number[]): Promise<number> {
  let total = 0
  for (const viewClass of classes) {
    for (let after = ''; ; ) {
      const part = { ...where.parameters, after }
      const [sql, values] = bind(
        em,
        `SELECT COUNT(*) AS looked, SUM(hit) AS n, MAX(id) AS last FROM (
           SELECT id, (${where.sql}) AS hit FROM mailboxes INDEXED BY mailboxes_by_creation
           WHERE view_class = ${viewClass} AND id > :after ORDER BY id LIMIT ${ROWS_A_PART})`,
        { sql: '', parameters: part },
      )
      const [row] = await em.query(sql, values)
      total += Number(row?.n ?? 0)
      if (Number(row?.looked) < ROWS_A_PART) break
      after = String(row.last)
      await afterOtherWork()
    }
  }
  return total
}

/** Tells how many of the list are in some domains, if counts tell it. */
function inDomains(
  em: EntityManager,
  request: ListRequest,
): ((domains: readonly string[]) => Promise<number>) | undefined {
  const { looker, filter } = request
  if (looker.reach !== 'ALL' || filter?.profileId || filter?.domain || !isCounted(request)) return undefined
  return async (domains) => {
    const counts = domains.length === 0 ? [] : await readCounts(em, domains.map(SCOPE.domain))
    return counts.filter(mayBeListed(request)).reduce((sum, { n }) => sum + n, 0)
  }
}

interface Found {
  id: string
  value: string | null
  place: string | number
}

async function readSegment(
  em: EntityManager,
  kind: DatabaseKind,
  request: ListRequest,
  segment: Segment,
  from: Cursor | undefined,
  limit: number,
): Promise<Found[]> {
  const found: Found[] = []
  for (let start = 0; start < segment.probes.length; start += PROBES_A_STATEMENT) {
    const probes = segment.probes.slice(start, start + PROBES_A_STATEMENT)
    const [sql, values] = segmentSql(em, kind, request, { ...segment, probes }, from, limit)
    const rows = (await em.query(sql, values)) as { id: string; k: unknown }[]
    found.push(...rows.map(({ id, k }) => ({ id, value: textOf(k), place: segment.place })))
  }
  if (segment.probes.length <= PROBES_A_STATEMENT) return found
  const sign = request.sorting.isDescending ? -1 : 1
  const bytes = (row: Found) => Buffer.from(`${row.value ?? ''}\u0000${row.id}`)
  return found.sort((one, other) => sign * Buffer.compare(bytes(one), bytes(other))).slice(0, limit)
}

/** The statement of a segment: a merge of its probes. */
function segmentSql(
  em: EntityManager,
  kind: DatabaseKind,
  { sorting: { isDescending } }: Pick<ListRequest, 'sorting'>,
  { sort, probes, isNull }: Segment,
  from: Cursor | undefined,
  limit: number,
): [sql: string, values: unknown[]] {
  const direction = isDescending ? 'DESC' : 'ASC'
  const { column } = sort
  const order = column === 'id' || isNull ? `id ${direction}` : `${column} ${direction}, id ${direction}`
  const range = rangeOf(kind, sort, isDescending, isNull ?? false, from)
  const cut = ` ORDER BY ${order} LIMIT ${limit}`
  const isLazy = kind === 'sqlite' && probes.length > 1
  const values: unknown[] = []
  const parts = probes.map((probe) => {
    const { index } = probe
    const hint = index === null ? '' : kind === 'sqlite' ? ` INDEXED BY ${index}` : ` FORCE INDEX (${index})`
    const condition = and(probe.where, range)
    const [sql, own] = bind(
      em,
      `SELECT id, ${column} AS k FROM mailboxes${hint} WHERE ${condition.sql}${isLazy ? '' : cut}`,
      condition,
    )
    values.push(...own)
    return sql
  })
  if (parts.length === 1) return [parts[0] ?? '', values]
  const orderMerged = column === 'id' || isNull ? `id ${direction}` : `k ${direction}, id ${direction}`
  if (isLazy) return [`${parts.join(' UNION ALL ')} ORDER BY ${orderMerged} LIMIT ${limit}`, values]
  const merged = parts.map((part, index) => `SELECT * FROM (${part}) p${index}`).join(' UNION ALL ')
  return [`SELECT id, k FROM (${merged}) merged ORDER BY ${orderMerged} LIMIT ${limit}`, values]
}

/** Where the page begins: "a >= x AND (a > x OR id > y)" is a range that both databases take from the index; row values cost MariaDB a scan. */
function rangeOf(
  kind: DatabaseKind,
  { column, isNullable }: ColumnSort,
  isDescending: boolean,
  isNull: boolean,
  from: Cursor | undefined,
): Condition {
  const [past, since] = isDescending ? ['<', '<='] : ['>', '>=']
  const after: Condition = { sql: `id ${past} :fromId`, parameters: { fromId: from?.id } }
  if (isNull) return and({ sql: `${column} IS NULL`, parameters: {} }, from ? after : EVERYTHING)
  const valued = isNullable ? { sql: `${column} IS NOT NULL`, parameters: {} } : EVERYTHING
  if (!from) return valued
  if (column === 'id') return after
  // SQLite keeps times as texts, and the cursor has them as they are kept
  const isTime = kind === 'mariadb' && column.endsWith('_at')
  return {
    sql: `${column} ${since} :fromValue AND (${column} ${past} :fromValue OR ${after.sql})`,
    parameters: { fromValue: isTime ? new Date(from.value ?? 0) : from.value, ...after.parameters },
  }
}

async function inOrder(em: EntityManager, found: readonly Found[]): Promise<Mailbox[]> {
  const rows = await em.findBy(Mailbox, { id: In(found.map((row) => row.id)) })
  const byId = new Map(rows.map((row) => [row.id, row]))
  return found.flatMap(({ id }) => byId.get(id) ?? [])
}
