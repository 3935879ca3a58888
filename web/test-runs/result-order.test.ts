import { describe, expect, test } from '@jest/globals'
import type { TestItemState } from '../gql/graphql'
import { hold, holdStill, newestFirst } from './result-order'

const at = (second: number) => `2026-11-23T10:00:${String(second).padStart(2, '0')}.000Z`
const item = (id: string, state: TestItemState, started: number | null, ended: number | null = null) => ({
  id,
  state,
  startedAt: started === null ? null : at(started),
  finishedAt: ended === null ? null : at(ended),
})

test('the longest tests stand on top, then results newest first, then the other tests under way, then the pages', () => {
  const running = [6, 5, 4, 3, 2, 1].map((second) => item(`running ${second}`, 'RUNNING', second))
  const ended = [item('ended 7', 'FAILED', 1, 7), item('ended 9', 'SUCCEEDED', 1, 9)]
  const paged = [item('waits', 'QUEUED', null), item('ended 7', 'FAILED', 1, 7)]
  expect(newestFirst([...running, ...ended, item('told to wait', 'QUEUED', null)], paged).map(({ id }) => id)).toEqual([
    'running 1',
    'running 2',
    'running 3',
    'running 4',
    'ended 9',
    'ended 7',
    'running 5',
    'running 6',
    'waits',
  ])
})

describe('the order of results', () => {
  const item = (id: string, state: 'QUEUED' | 'RUNNING' | 'FAILED', finishedAt: string | null = null) => ({
    id,
    state,
    startedAt: null,
    finishedAt,
  })

  test('what events told comes newest first, then the pages as they are', () => {
    const told = [item('old', 'FAILED', '2026-01-01'), item('new', 'FAILED', '2026-01-02'), item('now', 'RUNNING')]
    const paged = [item('first', 'FAILED', '2026-01-03'), item('old', 'RUNNING'), item('last', 'QUEUED')]
    expect(newestFirst(told, paged).map(({ id }) => id)).toEqual(['now', 'new', 'old', 'first', 'last'])
  })

  test('held still, rows keep their places, and what came or ended since waits', () => {
    const held = hold([item('a', 'FAILED'), item('b', 'RUNNING'), item('gone', 'FAILED')])
    const now = [item('c', 'FAILED'), item('b', 'FAILED'), item('a', 'FAILED'), item('begun', 'RUNNING')]
    const { shown, waiting } = holdStill(held, now)
    expect(shown.map(({ id, state }) => `${id} ${state}`)).toEqual(['a FAILED', 'b FAILED'])
    expect(waiting).toBe(2)
  })
})
