import { describe, expect, test } from '@jest/globals'
import { v7 } from 'uuid'
import { auditText, namedValues } from './audit-text'
import { leastId, timeOf } from './entry-time'

const MOST_BYTES = 65_535

describe('what the log says of a change', () => {
  test('is read as it was written', () => {
    const details = {
      selection: { view: 'ALL', filter: { domain: 'example.org' } },
      dry: false,
      count: 3,
      reason: null,
    }
    expect(namedValues(auditText(details))).toEqual([
      { field: 'selection.view', value: 'ALL' },
      { field: 'selection.filter.domain', value: 'example.org' },
      { field: 'dry', value: 'false' },
      { field: 'count', value: '3' },
      { field: 'reason', value: null },
    ])
    expect(namedValues(auditText({ roles: ['AUDITOR'] }))).toEqual([{ field: 'roles', value: '["AUDITOR"]' }])
  })

  test.each([
    ['a long text', { text: 'x'.repeat(100_000) }],
    ['a text whose letters have four bytes', { text: '😀'.repeat(50_000) }],
    ['a text that JSON writes six times as long', { text: '\u0001'.repeat(100_000) }],
    ['a long list', { list: Array(100_000).fill('01900000-0000-7000-8000-000000000001') }],
    ['many long texts', Object.fromEntries(Array.from({ length: 100 }, (_, n) => [`f${n}`, 'é'.repeat(5_000)]))],
    ['lists of lists', { a: Array(200).fill(Array(200).fill('x'.repeat(500))) }],
    ['too many fields', Object.fromEntries(Array.from({ length: 9_000 }, (_, n) => [`field ${n}`, n]))],
  ])('%s fits its column and can be read', (_, value) => {
    const text = auditText(value)
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(MOST_BYTES)
    expect(namedValues(text).length).toBeGreaterThan(0)
  })

  test('what was cut says so', () => {
    expect(namedValues(auditText({ list: Array(150).fill('a') }))[0]?.value).toContain('50 more')
    expect(namedValues(auditText({ text: 'x'.repeat(20_000) }))[0]?.value).toMatch(/x…$/)
  })

  test.each(['password', 'passwordSealed', 'clientSecret', 'secret', 'newPassword'])('%s never says what', (field) => {
    expect(auditText({ [field]: 'hunter2', inner: { [field]: 'hunter2' } })).not.toContain('hunter2')
  })

  test('that there is a password is no secret', () => {
    expect(namedValues(auditText({ hasPassword: true, password: null }))).toEqual([
      { field: 'hasPassword', value: 'true' },
      { field: 'password', value: null },
    ])
  })
})

describe('time and id', () => {
  test('an id tells its moment', () => {
    const at = new Date('2026-11-23T16:00:00.123Z')
    expect(timeOf(v7({ msecs: at.getTime() }))).toEqual(at)
  })

  test('the least id of a moment parts what came before from what comes then', () => {
    const at = Date.parse('2026-11-23T16:00:00.123Z')
    const least = leastId(new Date(at))
    expect(timeOf(least)).toEqual(new Date(at))
    for (let n = 0; n < 100; n++) {
      expect(v7({ msecs: at, seq: 0 }) >= least).toBe(true)
      expect(v7({ msecs: at - 1 }) < least).toBe(true)
    }
  })

  test('moments before 1970 and after the year 10889 have one, too', () => {
    expect(leastId(new Date(-1))).toBe('00000000-0000-7000-8000-000000000000')
    expect(leastId(new Date(8.64e15))).toBe('ffffffff-ffff-7000-8000-000000000000')
  })
})
