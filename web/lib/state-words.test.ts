import { describe, expect, test } from '@jest/globals'
import { approvalMark, directionMark, healthMark, itemMark, runMark } from './state-words'

describe('the words of a direction', () => {
  const base = {
    method: 'SERVER_SIDE_SYNC',
    status: 'NOT_RUN',
    isTesting: false,
    hasChangedSinceTest: false,
    errorCode: null,
  } as const
  test.each([
    [{}, 'empty', 'Not tested'],
    [{ method: 'NONE', isTesting: true }, 'off', 'Off'],
    [{ isTesting: true, status: 'FAILURE' }, 'busy', 'Testing'],
    [{ status: 'SUCCESS' }, 'works', 'Works'],
    [{ status: 'FAILURE', errorCode: 'AUTHENTICATION_FAILED' }, 'failed', 'Wrong password'],
    [{ status: 'FAILURE', errorCode: 'TLS_SOMETHING_NEW' }, 'failed', 'TLS something new'],
    [{ status: 'FAILURE' }, 'failed', 'Does not work'],
    [{ status: 'SUCCESS', hasChangedSinceTest: true }, 'waiting', 'Changed since test'],
    [{ status: 'NOT_RUN', hasChangedSinceTest: true }, 'empty', 'Not tested'],
  ] as const)('%j', (state, shape, word) => {
    expect(directionMark({ ...base, ...state })).toEqual({ shape, word })
  })
})

test.each([
  ['APPROVED', 'works', 'Approved'],
  ['PENDING', 'waiting', 'Waiting for approval'],
  ['REJECTED', 'failed', 'Rejected'],
  ['EMPTY', 'empty', 'No address'],
] as const)('approval %s', (approval, shape, word) => {
  expect(approvalMark(approval)).toEqual({ shape, word })
})

test.each([
  ['HEALTHY', null, 'works', 'Works'],
  ['BLOCKED', 'The address waits for approval.', 'waiting', 'The address waits for approval.'],
  ['FAILING', 'Wrong password', 'failed', 'Wrong password'],
  ['TESTING', 'ignored', 'busy', 'Testing'],
  ['PAUSED', null, 'paused', 'Paused'],
  ['INACTIVE', 'ignored', 'off', 'Inactive'],
] as const)('health %s', (health, blocker, shape, word) => {
  expect(healthMark(health, blocker)).toEqual({ shape, word })
})

describe('the words of a result', () => {
  const steps = [
    { name: 'CONNECT', state: 'SUCCEEDED' },
    { name: 'AUTHENTICATE', state: 'RUNNING' },
  ] as const
  const waiting = [{ name: 'RECEIVE', state: 'RUNNING' }] as const
  test.each([
    [{ state: 'RUNNING', results: [{ steps }] }, 'busy', 'Testing: signing in'],
    [{ state: 'RUNNING', results: [{ steps: waiting }, { steps }] }, 'busy', 'Testing: signing in'],
    [{ state: 'RUNNING', results: [{ steps: waiting }] }, 'busy', 'Testing: waiting for the test mail'],
    [{ state: 'RUNNING', results: [] }, 'busy', 'Testing'],
    [{ state: 'QUEUED', results: [] }, 'empty', 'Queued'],
    [{ state: 'FAILED', errorCode: 'THROTTLED', results: [] }, 'failed', 'Throttled'],
    [
      { state: 'SKIPPED', skipReason: 'NO_PROFILE', skipMessage: 'No profile.', results: [] },
      'waiting',
      'Skipped: No profile.',
    ],
    [{ state: 'SKIPPED', skipReason: 'NO_PROFILE', results: [] }, 'waiting', 'Skipped: No profile'],
    [{ state: 'CANCELLED', results: [] }, 'off', 'Cancelled'],
  ] as const)('%j', (item, shape, word) => {
    expect(itemMark(item)).toEqual({ shape, word })
  })
})

test('a run that ended with failures is not shown as working', () => {
  const completed = (failed: number, succeeded: number) => runMark({ state: 'COMPLETED', failed, succeeded })
  expect(completed(0, 3).shape).toBe('works')
  expect(completed(1_200, 3)).toEqual({ shape: 'failed', word: '1,200 failed' })
  expect(completed(0, 0)).toEqual({ shape: 'off', word: 'Nothing tested' })
})
