import { setImmediate as afterOtherWork } from 'node:timers/promises'
import type { EntityManager } from 'typeorm'
import { chunks } from '../db/chunks'
import type { DatabaseKind } from '../db/database-kind'
import { and, type Condition } from './condition'
import { readDomains, SCOPE, sumOf } from './mailbox-counts'
import { endOf, isInDomain, type Term, termsOf, textCondition } from './mailbox-search'

/**
 * Up to so many mailboxes are read and sorted one by one. Of more, a page is found soon by going through the view in its order.
 */
const MOST_READ = 5_000
const POSTINGS_A_PART = 5_000
const IDS_A_PROBE = 900
/** More domains than this are told apart row by row. */
const MOST_DOMAINS = 100

/** MariaDB and SQLite each have the primary key as an index. */
export const BY_ID = { sqlite: 'sqlite_autoindex_mailboxes_1', mariadb: 'PRIMARY' } as const

/** A term with the domains that it is found in; undefined when they are too many. */
interface PlacedTerm {
  term: Term
  domains: readonly string[] | undefined
}

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
  const domainsOf = (n: number) => terms[n]?.domains
  return { where: textCondition(text, domainsOf), terms }
}

/** The mailboxes that may have what is searched for, when they are few; others have it not. */
export async function fewFound(em: EntityManager, { terms }: Search): Promise<string[] | undefined> {
  if (terms.length === 0) return []
  for (const { term, domains } of terms) {
    if (!domains) continue
    const inDomains = domains.length === 0 ? 0 : await sumOf(em, domains.map(SCOPE.domain))
    if (inDomains > MOST_READ) continue
    const ids = new Set<string>()
    if ('word' in term) for (const id of await postings(em, term.word, MOST_READ + 1)) ids.add(id)
    if (ids.size > MOST_READ) continue
    if (inDomains > 0) for (const id of await idsInDomains(em, domains)) ids.add(id)
    return [...ids]
  }
  const words = wordsWithoutDomain(terms)
  return words.length < 2 ? undefined : intersection(em, words)
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
    if (ids.size > MOST_READ) return undefined
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
       ORDER BY w.word, w.mailbox_id LIMIT 1 OFFSET ${POSTINGS_A_PART - 1}`,
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

/** Of these mailboxes, those that meet a condition. */
export async function thoseWhere(
  em: EntityManager,
  kind: DatabaseKind,
  ids: readonly string[],
  where: Condition,
): Promise<string[]> {
  const found: string[] = []
  const hint = kind === 'sqlite' ? `INDEXED BY ${BY_ID.sqlite}` : `FORCE INDEX (${BY_ID.mariadb})`
  for (const { sql, parameters } of idConditions(ids)) {
    const condition = and({ sql, parameters }, where)
    const rows = (await em.query(
      ...bound(em, `SELECT id FROM mailboxes ${hint} WHERE ${condition.sql}`, condition),
    )) as {
      id: string
    }[]
    for (const { id } of rows) found.push(id)
  }
  return found
}

/** Ids as conditions, in parts that a database takes as a list. */
export const idConditions = (ids: readonly string[]): Condition[] =>
  [...chunks(ids, IDS_A_PROBE)].map((part) => ({ sql: 'id IN (:...foundIds)', parameters: { foundIds: part } }))

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
  const join =
    kind === 'sqlite'
      ? `CROSS JOIN mailboxes INDEXED BY ${BY_ID.sqlite}`
      : `STRAIGHT_JOIN mailboxes FORCE INDEX (${BY_ID.mariadb})`
  const lesser = `EXISTS (SELECT 1 FROM mailbox_words o WHERE o.mailbox_id = w.mailbox_id AND o.word >= ? AND o.word < w.word)`
  const [sql, values] = bound(em, where.sql, where)
  let count = 0
  for await (const { range, bounds } of parts(em, word)) {
    const [row] = await em.query(
      `SELECT COUNT(*) AS n FROM mailbox_words w ${join} ON id = w.mailbox_id
       WHERE ${range} AND ${sql} AND (w.word = ? OR NOT ${lesser})`,
      [...bounds, ...values, word, word],
    )
    count += Number(row?.n ?? 0)
  }
  return count
}

function bound(em: EntityManager, sql: string, { parameters }: Condition): [string, unknown[]] {
  return em.connection.driver.escapeQueryWithParameters(sql, parameters) as [string, unknown[]]
}
