import { describe, expect, test } from '@jest/globals'
import { NoticeStep, noticeStep, REMIND_MS, retryAfterMs, SETTLE_MS } from './notice-step'
import { NoticeState, type ProfileNotice } from './profile-notice.entity'

const NOW = new Date('2026-02-02T10:00:00Z')
const ago = (ms: number) => new Date(NOW.getTime() - ms)
const row = (state: NoticeState, overForMs: number, sentAgoMs?: number) => ({
  state,
  overSince: ago(overForMs),
  sentAt: sentAgoMs === undefined ? null : ago(sentAgoMs),
})
type Row = Pick<ProfileNotice, 'state' | 'overSince' | 'sentAt'> | undefined

const { NONE, WAITING, SENT } = NoticeState
const { NOTHING, BEGIN, DECIDE, END } = NoticeStep

describe('who is to be mailed, and when', () => {
  test.each<[string, Row, boolean, NoticeStep]>([
    ['few fail', undefined, false, NOTHING],
    ['too many have begun to fail', undefined, true, BEGIN],
    ['a test run may just have begun: no mail yet', row(NONE, SETTLE_MS - 1), true, NOTHING],
    ['it stayed so', row(NONE, SETTLE_MS), true, DECIDE],
    ['it was over before anybody was told', row(NONE, SETTLE_MS), false, END],
    ['the mail waits: it is not made twice', row(WAITING, 2 * SETTLE_MS), true, NOTHING],
    ['it is over while the mail waits: nobody is mailed', row(WAITING, 2 * SETTLE_MS), false, END],
    ['it was told, and goes on', row(SENT, REMIND_MS, REMIND_MS - 1), true, NOTHING],
    ['it was told a day ago, and goes on', row(SENT, 2 * REMIND_MS, REMIND_MS), true, DECIDE],
    ['it has recovered: the next time is told again', row(SENT, REMIND_MS, 60_000), false, END],
  ])('%s', (_, notice, isOver, expected) => {
    expect(noticeStep(notice, isOver, NOW)).toBe(expected)
  })
})

test('a mail that is not taken is tried again, ever more seldom, at least every hour', () => {
  const waits = Array.from({ length: 12 }, (_, index) => retryAfterMs(index + 1))
  expect(waits[0]).toBe(60_000)
  expect(waits[3]).toBe(480_000)
  expect(waits.at(-1)).toBe(3_600_000)
  expect([...waits].sort((one, other) => one - other)).toEqual(waits)
})
