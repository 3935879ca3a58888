import { expect, test } from '@jest/globals'
import type { TestItemState } from '../gql/graphql'
import { newestFirst } from './result-order'

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
