import { describe, expect, test } from '@jest/globals'
import { Pace } from './pace'
import { holdStill, newestFirst } from './result-order'

describe('the pace of a run', () => {
  test('is unknown before anything is done', () => {
    const pace = new Pace()
    pace.add(0, 1_000)
    expect(pace.perSecond(5_000)).toBeNull()
  })

  test('is that of the last 15 seconds, not of a slow start', () => {
    const pace = new Pace()
    pace.add(0, 0)
    for (let second = 60; second <= 80; second++) pace.add((second - 60) * 10 + 1, second * 1_000)
    expect(pace.perSecond(80_000)).toBeCloseTo(10, 0)
  })
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

  test('held still, rows keep their places and the new ones wait', () => {
    const { shown, waiting } = holdStill(['a', 'b', 'gone'], [{ id: 'c' }, { id: 'b' }, { id: 'a' }])
    expect(shown.map(({ id }) => id)).toEqual(['a', 'b'])
    expect(waiting).toBe(1)
  })
})
