import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { Column, DataSource, Entity, PrimaryColumn } from 'typeorm'
import { SnakeNaming } from '../db/snake-naming'
import { OperationError } from '../errors'
import { checkFirst, keysetPage, type Order } from './connection'

@Entity('apples')
class Apple {
  @PrimaryColumn({ type: 'varchar', length: 36 })
  id!: string

  @Column({ type: 'varchar', length: 20 })
  name!: string

  @Column({ type: 'datetime', nullable: true })
  pickedAt!: Date | null
}

@Entity('pears')
class Pear extends Apple {}

const source = new DataSource({
  type: 'better-sqlite3',
  database: ':memory:',
  entities: [Apple, Pear],
  namingStrategy: new SnakeNaming(),
  synchronize: true,
})

const day = (number: number) => new Date(Date.UTC(2026, 0, number))
const ROWS = [
  { id: 'a', name: 'Gala', pickedAt: day(2) },
  { id: 'b', name: 'Elstar', pickedAt: null },
  { id: 'c', name: 'Gala', pickedAt: day(1) },
  { id: 'd', name: 'Boskoop', pickedAt: day(2) },
  { id: 'e', name: 'Elstar', pickedAt: null },
]
const BY_NAME: Order = { column: 'name', property: 'name', direction: 'ASC' }
const BY_TIME: Order = { column: 'picked_at', property: 'pickedAt', direction: 'DESC', nullable: true }

beforeAll(async () => {
  await source.initialize()
  await source.manager.insert(Apple, ROWS)
  await source.manager.insert(Pear, ROWS)
})
afterAll(() => source.destroy())

const page = (kind: typeof Apple, order: Order, after?: string, first = 2) =>
  keysetPage(source.manager.createQueryBuilder(kind, 'x'), { first, after }, order)

async function cursorOf(kind: typeof Apple, order: Order): Promise<string> {
  return String((await page(kind, order)).pageInfo.endCursor)
}

const REFUSED = expect.objectContaining({ code: 'BAD_USER_INPUT', argument: ['after'] })

describe('first', () => {
  test.each([
    [undefined, 50],
    [null, 50],
    [1, 1],
    [500, 500],
  ])('%p asks for %d', (first, expected) => {
    expect(checkFirst(first)).toBe(expected)
  })

  test.each([0, -1, 501, 2 ** 31 - 1])('%d is out of range', (first) => {
    const check = () => checkFirst(first)
    expect(check).toThrow(OperationError)
    expect(check).toThrow(expect.objectContaining({ code: 'BAD_USER_INPUT', argument: ['first'] }))
  })
})

describe('after', () => {
  test.each<[string, Order, string]>([
    ['ascending', BY_NAME, 'dbeac'],
    ['descending', { ...BY_NAME, direction: 'DESC' }, 'caebd'],
    ['by a time that some have not, descending', BY_TIME, 'daceb'],
    ['by a time that some have not, ascending', { ...BY_TIME, direction: 'ASC' }, 'becad'],
  ])('walks through every row once, %s', async (_, order, expected) => {
    let walked = ''
    let after: string | undefined
    do {
      const { nodes, pageInfo } = await page(Apple, order, after)
      walked += nodes.map((node) => node.id).join('')
      after = pageInfo.hasNextPage ? String(pageInfo.endCursor) : undefined
    } while (after !== undefined)
    expect(walked).toBe(expected)
  })

  test('a page past the end is empty, and the total is that of all', async () => {
    const { endCursor } = (await page(Apple, BY_NAME, undefined, 5)).pageInfo
    const last = await page(Apple, BY_NAME, String(endCursor))
    expect(last.nodes).toEqual([])
    expect(last.pageInfo).toEqual({ hasNextPage: false, endCursor: null })
    expect(await last.totalCount()).toBe(ROWS.length)
  })

  test('of a list in another order, or of another list, is refused', async () => {
    const cursor = await cursorOf(Apple, BY_NAME)
    await expect(page(Apple, BY_NAME, cursor)).resolves.toBeDefined()
    await expect(page(Apple, { ...BY_NAME, direction: 'DESC' }, cursor)).rejects.toEqual(REFUSED)
    await expect(page(Apple, BY_TIME, cursor)).rejects.toEqual(REFUSED)
    await expect(page(Pear, BY_NAME, cursor)).rejects.toEqual(REFUSED)
  })

  const forged = (...parts: unknown[]) => Buffer.from(JSON.stringify(parts)).toString('base64url')
  test.each<[string, string]>([
    ['no base64', '%%%'],
    ['no JSON', Buffer.from('no json').toString('base64url')],
    ['no list', Buffer.from('null').toString('base64url')],
    ['too short', forged('apples', 'pickedAt', 'DESC')],
    ['a time that is none', forged('apples', 'pickedAt', 'DESC', 'not a time', 'a')],
    ['an object for a value', forged('apples', 'pickedAt', 'DESC', { $ne: 1 }, 'a')],
    ['an id that is no text', forged('apples', 'pickedAt', 'DESC', null, ['a'])],
  ])('that is forged is refused: %s', async (_, cursor) => {
    await expect(page(Apple, BY_TIME, cursor)).rejects.toEqual(REFUSED)
  })
})
