import { describe, expect, test } from '@jest/globals'
import { Pace } from './pace'

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
