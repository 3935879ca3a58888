import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals'
import { Announcer } from './announce'
import { counted, duration, roughDuration, words } from './format'
import { backOffMs } from './live-status'
import { href, match } from './router'
import { relativeTime } from './time'

const NOW = Date.parse('2026-11-23T12:00:00.000Z')
const before = (ms: number) => new Date(NOW - ms).toISOString()

test.each([
  [3_000, 'just now'],
  [45_000, '45 s ago'],
  [4 * 60_000, '4 min ago'],
  [5 * 3_600_000, '5 h ago'],
  [-240_000, 'in 4 min'],
  [-2_000, 'just now'],
])('%d ms ago reads %s', (ms, text) => {
  expect(relativeTime(before(ms), NOW)).toBe(text)
})

test('beyond a day times are absolute', () => {
  expect(relativeTime(before(30 * 3_600_000), NOW)).toMatch(/22 Nov/)
  expect(relativeTime('2025-01-02T10:00:00Z', NOW)).toMatch(/2025/)
})

test.each([
  [840, '840 ms'],
  [2_400, '2.4 s'],
  [42_000, '42 s'],
  [72_000, '1 min 12 s'],
  [7_500_000, '2 h 5 min'],
])('%d ms lasts %s', (ms, text) => {
  expect(duration(ms)).toBe(text)
})

test('estimates claim no precision', () => {
  expect(roughDuration(4_000)).toBe('a few seconds')
  expect(roughDuration(33_000)).toBe('about 35 s')
  expect(roughDuration(58_000)).toBe('about 1 min')
  expect(roughDuration(2 * 3_600_000)).toBe('about 2 h')
})

test('numbers and codes are made for reading', () => {
  expect(counted(1, 'mailbox', 'mailboxes')).toBe('1 mailbox')
  expect(counted(12_431, 'mailbox', 'mailboxes')).toBe('12,431 mailboxes')
  expect(words('TLS_HOSTNAME_MISMATCH')).toBe('TLS hostname mismatch')
})

test('addresses are matched and made', () => {
  expect(match('/mailboxes/:id', '/mailboxes/a%20b')).toEqual({ id: 'a b' })
  expect(match('/mailboxes/:id', '/mailboxes/%')).toBeNull()
  expect(match('/mailboxes', '/mailboxes/')).toEqual({})
  expect(match('/mailboxes', '/alerts')).toBeNull()
  expect(href('/x', { a: 'b c', none: null })).toBe('/x?a=b+c')
})

test('the waits between tries double, up to half a minute', () => {
  expect([0, 1, 2, 9].map((retries) => backOffMs(retries, 0.5))).toEqual([1_000, 2_000, 4_000, 30_000])
  expect(backOffMs(0, 0)).toBe(900)
})

describe('the live region', () => {
  beforeEach(() => void jest.useFakeTimers())
  afterEach(() => void jest.useRealTimers())

  test('says at most one sentence in five seconds, and then the newest', () => {
    const announcer = new Announcer()
    for (const sentence of ['one', 'two', 'three']) announcer.say(sentence)
    expect(announcer.get()).toBe('one')
    jest.advanceTimersByTime(5_000)
    expect(announcer.get()).toBe('three')
  })
})
