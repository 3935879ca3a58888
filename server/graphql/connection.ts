import { ArgsType, type ClassType, Field, Int, ObjectType } from 'type-graphql'
import type { ObjectLiteral, SelectQueryBuilder } from 'typeorm'
import { OperationError } from '../errors'

/** Lists answer 50 nodes unless asked for another number, and never more than 500. */
const DEFAULT_FIRST = 50
const MOST_FIRST = 500

export interface PageArguments {
  first?: number | null
  after?: string | null
}

@ArgsType()
export class PageArgs implements PageArguments {
  @Field(() => Int, { nullable: true, description: 'How many, at most 500; 50 when left out.' })
  first?: number | null

  @Field(() => String, { nullable: true, description: 'endCursor of the page before.' })
  after?: string | null
}

export interface Page<T> {
  nodes: T[]
  pageInfo: { hasNextPage: boolean; endCursor: string | null }
  totalCount: () => Promise<number>
}

@ObjectType()
export class PageInfo {
  @Field(() => Boolean)
  hasNextPage!: boolean

  @Field(() => String, { nullable: true, description: 'Opaque: hand it back as `after` for what follows.' })
  endCursor!: string | null
}

/** The XConnection class of a node type. totalCount is counted only when it is asked for. */
export function connectionOf<T extends object>(node: () => ClassType<T>, name: string) {
  @ObjectType(`${name}Connection`)
  class Connection {
    @Field(() => [node()])
    nodes!: T[]

    @Field(() => PageInfo)
    pageInfo!: PageInfo

    @Field(() => Int, { name: 'totalCount' })
    count(): Promise<number> {
      return (this as unknown as Page<T>).totalCount()
    }
  }
  return Connection
}

export interface Order {
  /** Column of the query's main alias, as the database names it. */
  column: string
  /** The entity's property behind it. */
  property: string
  direction: 'ASC' | 'DESC'
  /** Nulls stand first when ascending, last when descending, on both databases. */
  nullable?: boolean
}

export function checkFirst(first: number | null | undefined): number {
  if (first === null || first === undefined) return DEFAULT_FIRST
  if (first < 1 || first > MOST_FIRST) {
    throw new OperationError('BAD_USER_INPUT', `first must be from 1 to ${MOST_FIRST}`, ['first'])
  }
  return first
}

type CursorValue = string | number | null

const encode = (list: string, order: Order, value: CursorValue, id: string): string =>
  Buffer.from(JSON.stringify([list, order.property, order.direction, value, id])).toString('base64url')

function decode(after: string, list: string, order: Order): { value: CursorValue; id: string } {
  try {
    const [of, property, direction, value, id] = JSON.parse(
      Buffer.from(after, 'base64url').toString('utf8'),
    ) as unknown[]
    const ours = of === list && property === order.property && direction === order.direction
    if (ours && isPlace(order, value) && typeof id === 'string') return { value, id }
  } catch {
    // falls through: an unreadable cursor and one of another list get the same answer
  }
  throw new OperationError('BAD_USER_INPUT', 'after is not a cursor of this list', ['after'])
}

const isTime = (order: Order): boolean => order.property.endsWith('At')

/** A cursor may be forged: what is no place in this order must not reach the database. */
function isPlace(order: Order, value: unknown): value is CursorValue {
  if (value === null || typeof value === 'number') return true
  return typeof value === 'string' && !(isTime(order) && Number.isNaN(Date.parse(value)))
}

const plain = (value: unknown): CursorValue =>
  value instanceof Date ? value.toISOString() : typeof value === 'boolean' ? Number(value) : (value as CursorValue)

/** One page by keyset (never an offset): any position costs the same. The query's rows need an `id`. */
export async function keysetPage<T extends ObjectLiteral & { id: string }>(
  query: SelectQueryBuilder<T>,
  args: PageArguments,
  order: Order,
): Promise<Page<T>> {
  const first = checkFirst(args.first)
  const counted = query.clone()
  const column = `${query.alias}.${order.column}`
  const id = `${query.alias}.id`
  const list = query.expressionMap.mainAlias?.metadata.tableName ?? query.alias
  if (args.after) applyCursor(query, decode(args.after, list, order), { column, id, order })
  const rows = await query
    .orderBy(`${query.alias}.${order.property}`, order.direction)
    .addOrderBy(`${query.alias}.id`, order.direction)
    .limit(first + 1)
    .getMany()
  return pageOf(rows, { first, list, order, totalCount: () => counted.getCount() })
}

/** A page of rows that are in order, one more of them than the page has if there is a next page. `list` is their table. */
export function pageOf<T extends ObjectLiteral & { id: string }>(
  rows: readonly T[],
  of: { first: number; list: string; order: Order; totalCount: () => Promise<number> },
): Page<T> {
  const { first, list, order, totalCount } = of
  const nodes = rows.slice(0, first)
  const last = nodes.at(-1)
  const endCursor = last ? encode(list, order, plain(last[order.property]), last.id) : null
  return { nodes, pageInfo: { hasNextPage: rows.length > first, endCursor }, totalCount }
}

function applyCursor(
  query: SelectQueryBuilder<ObjectLiteral>,
  cursor: { value: CursorValue; id: string },
  at: { column: string; id: string; order: Order },
): void {
  const { column, id, order } = at
  const [past, from] = order.direction === 'ASC' ? ['>', '>='] : ['<', '<=']
  const { value } = cursor
  const values = {
    cursorValue: isTime(order) && typeof value === 'string' ? new Date(value) : value,
    cursorId: cursor.id,
  }
  if (cursor.value === null) {
    const rest = order.direction === 'ASC' ? `${column} IS NOT NULL OR ` : ''
    query.andWhere(`(${rest}(${column} IS NULL AND ${id} ${past} :cursorId))`, values)
    return
  }
  const nulls = order.nullable && order.direction === 'DESC' ? ` OR ${column} IS NULL` : ''
  const within = nulls ? '' : `${column} ${from} :cursorValue AND `
  // "a >= x AND (a > x OR id > y)": a range both databases take from the index; row values cost MariaDB a scan
  query.andWhere(
    `(${within}(${column} ${past} :cursorValue OR (${column} = :cursorValue AND ${id} ${past} :cursorId)${nulls}))`,
    values,
  )
}
