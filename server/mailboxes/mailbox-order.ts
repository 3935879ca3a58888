import type { EntityManager } from 'typeorm'
import { EmailServerProfile } from '../profiles/profile.entity'
import type { Cursor } from './mailbox-cursor'
import { facetValues } from './mailbox-facets'
import type { Sorting } from './mailbox-sorts'

/** The order of a list, for rows that are sorted here: the same as by its segments and their indexes. */
export interface Order {
  /** Those of `mailboxes` that `placed` reads, beside the id. */
  columns: readonly string[]
  placed(row: Record<string, unknown>): Cursor
  compare(one: Cursor, other: Cursor): number
}

/** The first of any number of rows, or the first behind a place: the others are let go as they come. */
export class FirstRows {
  private rows: Cursor[] = []
  private last: Cursor | undefined

  constructor(
    private readonly compare: Order['compare'],
    private readonly from: Cursor | undefined,
    private readonly limit: number,
  ) {}

  add(row: Cursor): void {
    if (this.from && this.compare(row, this.from) <= 0) return
    if (this.last && this.compare(row, this.last) >= 0) return
    this.rows.push(row)
    if (this.rows.length < 4 * this.limit) return
    this.rows = this.sorted()
    this.last = this.rows.at(-1)
  }

  sorted(): Cursor[] {
    return this.rows.sort(this.compare).slice(0, this.limit)
  }
}

export async function orderOf(em: EntityManager, { sort, isDescending }: Sorting): Promise<Order> {
  const compare = isDescending ? (one: Cursor, other: Cursor) => comparePlaced(other, one) : comparePlaced
  const idOf = (row: Record<string, unknown>) => String(row.id)
  const byName = (column: string, place: (value: unknown) => string | number): Order => ({
    columns: [column, 'name_key'],
    placed: (row) => ({ id: idOf(row), value: textOf(row.name_key), place: place(row[column]) }),
    compare,
  })
  if ('profile' in sort) {
    const profiles = await em.find(EmailServerProfile, { select: { id: true, nameKey: true } })
    const places = new Map<unknown, string>(profiles.map(({ id, nameKey }) => [id, `${nameKey}\u0000${id}`]))
    return byName('profile_id', (id) => places.get(id) ?? '')
  }
  if ('facet' in sort) {
    const values = facetValues(sort.facet)
    return byName(sort.facet, (value) => values.indexOf(String(value)))
  }
  if ('rank' in sort) {
    const values = sort.values.map(String)
    return byName(sort.column, (value) => values.indexOf(String(value)))
  }
  const { column, isNullable } = sort
  const placed = (row: Record<string, unknown>): Cursor => {
    const value = textOf(row[column])
    return { id: idOf(row), value, place: isNullable && value !== null ? 1 : 0 }
  }
  return { columns: column === 'id' ? [] : [column], placed, compare }
}

/** A value as cursors have it. */
export function textOf(value: unknown): string | null {
  if (value === null) return null
  return value instanceof Date ? value.toISOString() : String(value)
}

export const comparePlaces = (one: string | number, other: string | number): number =>
  typeof one === 'number' && typeof other === 'number' ? one - other : compareTexts(String(one), String(other))

const comparePlaced = (one: Cursor, other: Cursor): number =>
  comparePlaces(one.place, other.place) ||
  compareTexts(one.value ?? '', other.value ?? '') ||
  compareTexts(one.id, other.id)

/** Beyond these, the order of JavaScript's strings is not that of their bytes. */
const BEYOND = /[\ud800-\uffff]/

/** The order of bytes, as both databases compare texts. */
function compareTexts(one: string, other: string): number {
  if (one === other) return 0
  if (BEYOND.test(one) || BEYOND.test(other)) return Buffer.compare(Buffer.from(one), Buffer.from(other))
  return one < other ? -1 : 1
}
