import { expect, test } from '@jest/globals'
import { mailboxMark, nextStep } from './next-step'

const blocker = (code: string) => [{ code, message: `${code}.` }]
const base = { active: true, health: 'BLOCKED', errorCode: null, emailAddress: 'a@example.org', blockers: [] } as const

test.each([
  [{ blockers: blocker('APPROVAL_PENDING') }, 'APPROVE'],
  [{ blockers: blocker('APPROVAL_REJECTED') }, 'APPROVE'],
  [{ blockers: blocker('NOT_TESTED') }, 'TEST'],
  [{ blockers: blocker('TEST_FAILED'), errorCode: 'THROTTLED' }, 'TEST'],
  [{ blockers: blocker('TEST_FAILED'), errorCode: 'AUTHENTICATION_FAILED' }, 'ENTER_PASSWORD'],
  [{ blockers: blocker('NOT_ENABLED'), errorCode: 'CREDENTIALS_MISSING' }, 'ENTER_PASSWORD'],
  [{ blockers: blocker('NO_ADDRESS') }, null],
  [{ blockers: blocker('NO_PROFILE') }, null],
  [{ blockers: blocker('MAILBOX_INACTIVE'), active: false }, null],
  [{ blockers: blocker('NOT_TESTED'), health: 'TESTING' }, null],
  [{ health: 'HEALTHY' }, 'TEST'],
] as const)('%j -> %s', (state, expected) => {
  expect(nextStep({ ...base, ...state })).toBe(expected)
})

test('a failing mailbox is named by its cause, a blocked one by its first blocker', () => {
  const failing = { ...base, health: 'FAILING', errorCode: 'THROTTLED', blockers: blocker('TEST_FAILED') } as const
  expect(mailboxMark(failing).word).toBe('Throttled')
  expect(mailboxMark({ ...base, blockers: blocker('NO_PROFILE') }).word).toBe('NO_PROFILE.')
})
