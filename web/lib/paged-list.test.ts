import { beforeEach, expect, test } from '@jest/globals'
import type { CombinedError } from 'urql'
import { type AskPage, PagedList } from './paged-list'

interface Row {
  id: string
}

interface Question {
  after: string | null
  policy: string
  isStopped: boolean
  answer: (ids: string, endCursor?: string | null, isStale?: boolean) => void
  fail: () => void
}

let questions: Question[]
const connection = (ids: string, endCursor: string | null) => ({
  nodes: [...ids].map((id) => ({ id })),
  pageInfo: { hasNextPage: endCursor !== null, endCursor },
  totalCount: 9,
})
const ask: AskPage<Row> = (after, policy, onAnswer) => {
  const question: Question = {
    after,
    policy,
    isStopped: false,
    answer: (ids, endCursor = null, isStale = false) =>
      onAnswer({ connection: connection(ids, endCursor), error: null, isStale }),
    fail: () => onAnswer({ connection: null, error: new Error('down') as CombinedError, isStale: false }),
  }
  questions.push(question)
  return () => {
    question.isStopped = true
  }
}

let list: PagedList<Row>
const shown = () =>
  list
    .get()
    .nodes.map(({ id }) => id)
    .join('')
const last = () => questions.at(-1) as Question

beforeEach(() => {
  questions = []
  list = new PagedList(ask)
  list.start()
})

test('pages follow each other by their cursors', () => {
  last().answer('abc', 'c')
  list.loadMore()
  expect(last().after).toBe('c')
  list.loadMore()
  expect(questions).toHaveLength(2)
  last().answer('de')
  expect(shown()).toBe('abcde')
  expect(list.get().hasMore).toBe(false)
})

test('a page that changes repaints in its place', () => {
  const [first] = questions
  last().answer('abc', 'c')
  list.loadMore()
  last().answer('de')
  first?.answer('axc', 'c')
  expect(shown()).toBe('axcde')
})

test('a refetch follows the new cursors, and shows the old rows until the new are there', () => {
  last().answer('abc', 'c')
  list.loadMore()
  last().answer('de')
  const old = [...questions]
  list.refetch()
  expect(last()).toMatchObject({ after: null, policy: 'network-only' })
  expect(shown()).toBe('abcde')
  last().answer('Aab', 'b')
  expect(last()).toMatchObject({ after: 'b', policy: 'network-only' })
  last().answer('cde')
  expect(shown()).toBe('Aabcde')
  expect(old.every(({ isStopped }) => isStopped)).toBe(true)
})

test('a refetch reads each loaded page again, though its cursor is the same', () => {
  last().answer('abc', 'c')
  list.loadMore()
  last().answer('de')
  list.refetch()
  last().answer('abc', 'c')
  last().answer('df')
  expect(shown()).toBe('abcdf')
  expect(questions).toHaveLength(4)
})

test('a list that became shorter drops the pages behind its end', () => {
  last().answer('abc', 'c')
  list.loadMore()
  const second = last()
  second.answer('de')
  list.refetch()
  last().answer('ab')
  expect(shown()).toBe('ab')
  expect(second.isStopped).toBe(true)
})

test('a row that moved over a page boundary is shown once', () => {
  last().answer('abc', 'c')
  list.loadMore()
  last().answer('cde')
  expect(shown()).toBe('abcde')
})

test('a failure keeps what is shown, and a second try mends it', () => {
  last().answer('abc', 'c')
  list.refetch()
  last().fail()
  expect(shown()).toBe('abc')
  expect(list.get().error).not.toBeNull()
  list.refetch()
  last().answer('abc', 'c')
  expect(list.get().error).toBeNull()
})

test('a cursor that leads to itself is an end', () => {
  last().answer('abc', 'c')
  list.loadMore()
  last().answer('abc', 'c')
  expect(list.get().hasMore).toBe(false)
  list.loadMore()
  expect(questions).toHaveLength(2)
})

test('stopped, it lets go of everything', () => {
  last().answer('abc', 'c')
  list.loadMore()
  list.stop()
  expect(questions.every(({ isStopped }) => isStopped)).toBe(true)
})
