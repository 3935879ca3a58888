import { describe, expect, test } from '@jest/globals'
import { type Alert, AlertSeverity, AlertState } from './alert.entity'
import { isOver, isWanted, ProfileCode, rollUp, type Statement, stated } from './profile-statement'

const PROFILE = '01900000-0000-7000-8000-0000000000aa'
const FIRST = new Date('2026-02-02T10:00:00Z')
const LATER = new Date('2026-02-02T11:00:00Z')
const { ERROR, WARNING, INFORMATION } = AlertSeverity

const saying = (differences: Partial<Statement> = {}): Statement => ({
  code: ProfileCode.MAILBOXES_FAILING,
  severity: WARNING,
  message: 'Some fail.',
  remedy: null,
  count: 2,
  ...differences,
})
const open = (differences: Partial<Alert> = {}): Alert =>
  ({ ...stated(undefined, PROFILE, saying(), FIRST), id: 'an-alert', ...differences }) as Alert

describe('more than the threshold', () => {
  test.each([
    [0, 0, 50, false],
    // no mailbox was tested, so none fails
    [0, 0, 1, false],
    [1, 2, 50, false],
    [2, 3, 50, true],
    [5_001, 10_000, 50, true],
    [99, 100, 99, false],
    [1, 1, 99, true],
  ])('%i of %i at %i percent: %p', (failing, tested, percent, expected) => {
    expect(isOver({ failing, tested }, percent)).toBe(expected)
  })
})

describe('the roll-up of a profile', () => {
  test.each([
    [1, 10, WARNING],
    [5, 10, WARNING],
    [6, 10, ERROR],
  ])('%i of %i failing mailboxes: %s', (failing, tested, severity) => {
    expect(rollUp({ failing, tested }, 50)).toMatchObject({
      code: ProfileCode.MAILBOXES_FAILING,
      severity,
      count: failing,
    })
  })

  test('is over when none fails', () => {
    expect(rollUp({ failing: 0, tested: 10 }, 50)).toBeUndefined()
  })
})

describe('a statement', () => {
  test('for the first time opens an alert of the profile', () => {
    expect(stated(undefined, PROFILE, saying(), FIRST)).toMatchObject({
      state: AlertState.OPEN,
      severity: WARNING,
      profileId: PROFILE,
      mailboxId: null,
      count: 2,
      firstSeenAt: FIRST,
      lastSeenAt: FIRST,
      openKey: `p:${PROFILE}:MAILBOXES_FAILING`,
    })
  })

  test('that says nothing new changes nothing', () => {
    expect(stated(open(), PROFILE, saying(), LATER)).toBeUndefined()
  })

  test('with another number is the same alert, and stays acknowledged', () => {
    const known = open({ state: AlertState.ACKNOWLEDGED })
    expect(stated(known, PROFILE, saying({ count: 3 }), LATER)).toMatchObject({
      state: AlertState.ACKNOWLEDGED,
      count: 3,
      firstSeenAt: FIRST,
      lastSeenAt: LATER,
    })
  })

  test('that has become worse is open again: who knew of the warning does not know of the error', () => {
    const known = open({ state: AlertState.ACKNOWLEDGED })
    expect(stated(known, PROFILE, saying({ severity: ERROR }), LATER)?.state).toBe(AlertState.OPEN)
    const worst = open({ state: AlertState.ACKNOWLEDGED, severity: ERROR })
    expect(stated(worst, PROFILE, saying({ severity: ERROR, count: 9 }), LATER)?.state).toBe(AlertState.ACKNOWLEDGED)
    expect(stated(worst, PROFILE, saying({ severity: WARNING }), LATER)?.state).toBe(AlertState.ACKNOWLEDGED)
  })

  test('that counts nothing is counted itself', () => {
    const once = saying({ count: undefined })
    expect(stated(undefined, PROFILE, once, FIRST)?.count).toBe(1)
    expect(stated(open({ count: 4 }), PROFILE, once, LATER)?.count).toBe(5)
  })
})

test.each([
  [ERROR, 'alertErrors'],
  [WARNING, 'alertWarnings'],
  [INFORMATION, 'alertInformation'],
] as const)('%s is wanted unless %s is off', (severity, field) => {
  const all = { alertErrors: true, alertWarnings: true, alertInformation: true }
  expect(isWanted(severity, all)).toBe(true)
  expect(isWanted(severity, { ...all, [field]: false })).toBe(false)
  const only = { alertErrors: false, alertWarnings: false, alertInformation: false, [field]: true }
  expect(isWanted(severity, only)).toBe(true)
})
