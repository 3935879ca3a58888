import { describe, expect, test } from '@jest/globals'
import { MailErrorCode } from '../mail/mail-error'
import { type ProbeStep, StepState } from '../mail/probe'
import { TestStatus } from '../mailboxes/mailbox.enums'
import { aMailError } from '../test/builders'
import { TestItemState } from './test-run.entity'
import { directionVerdict, itemVerdict } from './verdict'

const { PENDING, RUNNING, SUCCEEDED, FAILED, SKIPPED } = StepState
const NAMES = ['DNS', 'CONNECT', 'AUTHENTICATE', 'RECEIVE'] as const

const stepsOf = (...states: StepState[]): ProbeStep[] =>
  states.map((state, index) => ({
    name: NAMES[index] ?? 'SEND',
    state,
    ...(state === FAILED && { error: aMailError() }),
  }))

describe('a direction (product rule 2.5)', () => {
  test.each<[string, StepState[], TestStatus]>([
    ['not tested', [], TestStatus.NOT_RUN],
    ['every step passed', [SUCCEEDED, SUCCEEDED, SUCCEEDED], TestStatus.SUCCESS],
    ['without the round trip', [SUCCEEDED, SUCCEEDED, SUCCEEDED, SKIPPED], TestStatus.SUCCESS],
    ['a step failed, the rest was skipped', [SUCCEEDED, FAILED, SKIPPED, SKIPPED], TestStatus.FAILURE],
    ['the first step failed', [FAILED], TestStatus.FAILURE],
    ['the last step failed', [SUCCEEDED, SUCCEEDED, SUCCEEDED, FAILED], TestStatus.FAILURE],
    ['a step never ended', [SUCCEEDED, RUNNING], TestStatus.FAILURE],
    ['a step never began', [SUCCEEDED, PENDING], TestStatus.FAILURE],
    // nothing was proven: this must never enable a mailbox
    ['every step was skipped', [SKIPPED, SKIPPED], TestStatus.FAILURE],
  ])('%s', (_, states, status) => {
    expect(directionVerdict(stepsOf(...states)).status).toBe(status)
  })

  test('names the error of the first step that failed', () => {
    const steps = stepsOf(SUCCEEDED, FAILED, FAILED)
    const first = aMailError({ code: MailErrorCode.TLS_REQUIRED })
    Object.assign(steps[1] ?? {}, { error: first })
    expect(directionVerdict(steps)).toEqual({ status: TestStatus.FAILURE, error: first })
  })

  test.each([[[]], [[SUCCEEDED]]])('has no error when nothing failed (%j)', (states) => {
    expect(directionVerdict(stepsOf(...states)).error).toBeUndefined()
  })
})

describe('a mailbox in a run', () => {
  const { NOT_RUN, SUCCESS, FAILURE } = TestStatus
  test.each<[TestStatus[], TestItemState]>([
    [[SUCCESS, SUCCESS], TestItemState.SUCCEEDED],
    [[SUCCESS, NOT_RUN], TestItemState.SUCCEEDED],
    [[SUCCESS, FAILURE], TestItemState.FAILED],
    [[FAILURE, SUCCESS, NOT_RUN], TestItemState.FAILED],
    [[NOT_RUN, FAILURE], TestItemState.FAILED],
  ])('%j is %s', (statuses, expected) => {
    expect(itemVerdict(statuses)).toBe(expected)
  })
})
