import { setImmediate as afterOtherWork } from 'node:timers/promises'
import type { EntityManager } from 'typeorm'
import { chunks } from '../db/chunks'
import type { DatabaseKind } from '../db/database-kind'
import { and, bind, type Condition, NOTHING } from './condition'
import { readDomains, SCOPE, sumOf } from './mailbox-counts'
import { endOf, isInDomain, type PlacedTerm, termsCondition, termsOf } from './mailbox-search'

/**
 * Up to so many mailboxes are read one by one and sorted here. Of more, a page is found sooner by going through the view in its
 * order.
 */
export const LIMITS = { entries: 100_000, ids: 5_000, part: 5_000 }
const IDS_A_STATEMENT = 900
/** More domains than this are told apart row by row. */
const MOST_DOMAINS = 100

/** MariaDB and SQLite each have the primary key as an index. */
const BY_ID = { sqlite: 'sqlite_autoindex_mailboxes_1', mariadb: 'PRIMARY' } as const

/** A text, as the database has it now. */
export interface Search {
  where: Condition
  terms: readonly PlacedTerm[]
}

export async function openSearch(em: EntityManager, text: string): Promise<Search> {
  const all = await readDomains(em)
  const terms = termsOf(text).map((term) => {
    const domains = all.filter((domain) => isInDomain(term, domain))
    return { term, domains: domains.length > MOST_DOMAINS ? undefined : domains }
  })
  return { where: terms.length === 0 ? NOTHING : termsCondition(terms), terms }
}

/** What leads to all mailboxes that a text may find: the index's entries for a word, each of which has the others too, or their ids. */
export type Lead = { word: string; also: readonly string[] } | { ids: readonly string[] }

/** Undefined when there are too many to read them all. */
export async function leadOf(em: EntityManager, { terms }: Search): Promise<Lead | undefined> {
  if (terms.length === 0) return { ids: [] }
  const words = wordsWithoutDomain(terms)
  const sized: { word: string; size: number }[] = []
  for (const word of words) {
    sized.push({ word, size: await sizeOf(em, word) })
    if ((sized.at(-1)?.size ?? 0) <= LIMITS.part) break
  }
  const [rarest, next] = sized.sort((one, other) => one.size - other.size)
  if (rarest && rarest.size <= LIMITS.entries) {
    // two lists are compared sooner than the longer one is asked for each of the shorter
    if (next && rarest.size > LIMITS.part && next.size <= Math.min(2 * rarest.size, LIMITS.entries)) {
      return { ids: await inBoth(em, rarest.word, next.word) }
    }
    return { word: rarest.word, also: words.filter((other) => other !== rarest.word) }
  }
  for (const term of terms) {
    const ids = await fewIds(em, term)
    if (ids) return { ids }
  }
  const both = words.length < 2 ? undefined : await intersection(em, words)
  return both && { ids: both }
}

async function inBoth(em: EntityManager, one: string, other: string): Promise<string[]> {
  const all = async (word: string) => {
    const ids = new Set<string>()
    for await (const { range, bounds } of parts(em, word)) {
      const rows = (await em.query(`SELECT w.mailbox_id AS id FROM mailbox_words w WHERE ${range}`, bounds)) as {
        id: string
      }[]
      for (const { id } of rows) ids.add(id)
    }
    return ids
  }
  const [ids, others] = [await all(one), await all(other)]
  return [...ids].filter((id) => others.has(id))
}

/** How many entries the index has for a word, as far as it matters. */
async function sizeOf(em: EntityManager, word: string): Promise<number> {
  const [row] = await em.query(
    `SELECT COUNT(*) AS n FROM (SELECT 1 FROM mailbox_words WHERE word >= ? AND word < ? LIMIT ${LIMITS.entries + 1}) some`,
    [word, endOf(word)],
  )
  return Number(row?.n ?? 0)
}

/** The mailboxes of a term that some domains have, when they are few. */
async function fewIds(em: EntityManager, { term, domains }: PlacedTerm): Promise<string[] | undefined> {
  if (!domains) return undefined
  const inDomains = domains.length === 0 ? 0 : await sumOf(em, domains.map(SCOPE.domain))
  if (inDomains > LIMITS.ids) return undefined
  const ids = new Set('word' in term ? await postings(em, term.word, LIMITS.ids + 1) : [])
  if (ids.size > LIMITS.ids) return undefined
  if (inDomains > 0) for (const id of await idsInDomains(em, domains)) ids.add(id)
  return [...ids]
}

async function postings(em: EntityManager, word: string, most: number): Promise<string[]> {
  const rows = (await em.query(`SELECT mailbox_id FROM mailbox_words WHERE word >= ? AND word < ? LIMIT ${most}`, [
    word,
    endOf(word),
  ])) as { mailbox_id: string }[]
  return rows.map((row) => row.mailbox_id)
}

async function idsInDomains(em: EntityManager, domains: readonly string[]): Promise<string[]> {
  const places = domains.map(() => '?').join(', ')
  const rows = (await em.query(`SELECT id FROM mailboxes WHERE address_domain IN (${places})`, [...domains])) as {
    id: string
  }[]
  return rows.map((row) => row.id)
}

/** The words that only an entry of the index tells; the longest first, which is likely the rarest. */
function wordsWithoutDomain(terms: readonly PlacedTerm[]): string[] {
  const words = terms.flatMap(({ term, domains }) => ('word' in term && domains?.length === 0 ? [term.word] : []))
  return words.sort((one, other) => other.length - one.length)
}

const WITH_WORD = `EXISTS (SELECT 1 FROM mailbox_words o WHERE o.mailbox_id = w.mailbox_id AND o.word >= ? AND o.word < ?)`

/** Of words that are each common, the mailboxes that have all, when they are few. */
async function intersection(em: EntityManager, [first = '', ...others]: string[]): Promise<string[] | undefined> {
  const ids = new Set<string>()
  const also = others.map(() => ` AND ${WITH_WORD}`).join('')
  const values = others.flatMap((word) => [word, endOf(word)])
  for await (const { range, bounds } of parts(em, first)) {
    const rows = (await em.query(`SELECT w.mailbox_id AS id FROM mailbox_words w WHERE ${range}${also}`, [
      ...bounds,
      ...values,
    ])) as { id: string }[]
    for (const { id } of rows) ids.add(id)
    if (ids.size > LIMITS.ids) return undefined
  }
  return [...ids]
}

/** The index's entries for a word in parts, as a condition over mailbox_words w; between them others get their turn. */
async function* parts(em: EntityManager, word: string): AsyncGenerator<{ range: string; bounds: string[] }> {
  const end = endOf(word)
  let from: { word: string; id: string } | undefined
  for (;;) {
    const begin = from ? 'w.word >= ? AND (w.word > ? OR w.mailbox_id > ?)' : 'w.word >= ?'
    const begins = from ? [from.word, from.word, from.id] : [word]
    const [last] = (await em.query(
      `SELECT w.word AS word, w.mailbox_id AS id FROM mailbox_words w WHERE ${begin} AND w.word < ?
       ORDER BY w.word, w.mailbox_id LIMIT 1 OFFSET ${LIMITS.part - 1}`,
      [...begins, end],
    )) as { word: string; id: string }[]
    if (!last) {
      yield { range: `${begin} AND w.word < ?`, bounds: [...begins, end] }
      return
    }
    yield {
      range: `${begin} AND w.word <= ? AND (w.word < ? OR w.mailbox_id <= ?)`,
      bounds: [...begins, last.word, last.word, last.id],
    }
    from = last
    await afterOtherWork()
  }
}

/** Of the mailboxes that a lead leads to, these columns of those for which a condition holds and the text is found. */
export async function* readFound(
  em: EntityManager,
  kind: DatabaseKind,
  { lead, terms, where }: { lead: Lead; terms: readonly PlacedTerm[]; where: Condition },
  columns: readonly string[],
): AsyncGenerator<Record<string, unknown>[]> {
  // a mailbox with two words that begin so has two entries
  const known = new Set<string>()
  const read = async (sql: string, values: unknown[]) => {
    const rows = (await em.query(sql, values)) as { id: string }[]
    return rows.filter(({ id }) => !known.has(id) && known.add(id))
  }
  const names = ['id', ...columns].join(', ')
  if ('ids' in lead) {
    const hint = kind === 'sqlite' ? `INDEXED BY ${BY_ID.sqlite}` : `FORCE INDEX (${BY_ID.mariadb})`
    for (const ids of chunks(lead.ids, IDS_A_STATEMENT)) {
      const named: Condition = { sql: 'id IN (:...foundIds)', parameters: { foundIds: ids } }
      const condition = and(named, where, termsCondition(terms))
      yield await read(...bind(em, `SELECT ${names} FROM mailboxes ${hint} WHERE ${condition.sql}`, condition))
      await afterOtherWork()
    }
    return
  }
  const led = new Set([lead.word, ...lead.also])
  const condition = and(where, termsCondition(terms.filter(({ term }) => !('word' in term && led.has(term.word)))))
  const [sql, values] = bind(em, condition.sql, condition)
  const also = lead.also.map(() => ` AND ${WITH_WORD}`).join('')
  const alsoValues = lead.also.flatMap((word) => [word, endOf(word)])
  for await (const { range, bounds } of parts(em, lead.word)) {
    yield await read(`SELECT ${names} FROM mailbox_words w ${WITH_MAILBOX[kind]} WHERE ${range}${also} AND ${sql}`, [
      ...bounds,
      ...alsoValues,
      ...values,
    ])
  }
}

/** Each entry's mailbox is looked up, never the entries of each mailbox. */
const WITH_MAILBOX = {
  sqlite: `CROSS JOIN mailboxes INDEXED BY ${BY_ID.sqlite} ON id = w.mailbox_id`,
  mariadb: `STRAIGHT_JOIN mailboxes FORCE INDEX (${BY_ID.mariadb}) ON id = w.mailbox_id`,
} as const

/**
 * How many of the mailboxes that a condition holds for have what is searched for: by the index's entries for one of the words.
 * Undefined when there is no word to begin with. `inDomains` tells how many the condition holds for in some domains.
 */
export async function countFound(
  em: EntityManager,
  kind: DatabaseKind,
  { terms }: Search,
  where: Condition,
  inDomains: ((domains: readonly string[]) => Promise<number>) | undefined,
): Promise<number | undefined> {
  const [word] = wordsWithoutDomain(terms)
  if (word !== undefined) return countPostings(em, kind, word, where)
  const [only, ...others] = terms
  if (!only?.domains || others.length > 0 || !inDomains) return undefined
  const domains = await inDomains(only.domains)
  if (!('word' in only.term)) return domains
  const elsewhere: Condition = {
    sql: '(address_domain IS NULL OR address_domain NOT IN (:...foundDomains))',
    parameters: { foundDomains: only.domains },
  }
  return domains + (await countPostings(em, kind, only.term.word, and(where, elsewhere)))
}

/** A mailbox is counted where the least of its words that begin with this one is. */
async function countPostings(em: EntityManager, kind: DatabaseKind, word: string, where: Condition): Promise<number> {
  const lesser = `EXISTS (SELECT 1 FROM mailbox_words o WHERE o.mailbox_id = w.mailbox_id AND o.word >= ? AND o.word < w.word)`
  const [sql, values] = bind(em, where.sql, where)
  let count = 0
  for await (const { range, bounds } of parts(em, word)) {
    const [row] = await em.query(
      `SELECT COUNT(*) AS n FROM mailbox_words w ${WITH_MAILBOX[kind]}
       WHERE ${range} AND ${sql} AND (w.word = ? OR NOT ${lesser})`,
      [...bounds, ...values, word, word],
    )
    count += Number(row?.n ?? 0)
  }
  return count
}
