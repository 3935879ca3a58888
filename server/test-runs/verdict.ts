import type { MailError } from '../mail/mail-error'
import { type ProbeStep, StepState } from '../mail/probe'
import { TestStatus } from '../mailboxes/mailbox.enums'
import { TestItemState } from './test-run.entity'

/**
 * A direction works when a step proved it and every other one was passed or had no place in this test; one that was not
 * tested has no steps.
 */
export function directionVerdict(steps: readonly ProbeStep[]): { status: TestStatus; error?: MailError } {
  if (steps.length === 0) return { status: TestStatus.NOT_RUN }
  const failed = steps.find((step) => step.state === StepState.FAILED)
  if (failed) return { status: TestStatus.FAILURE, error: failed.error }
  const ended = steps.every((step) => step.state === StepState.SUCCEEDED || step.state === StepState.SKIPPED)
  const proven = steps.some((step) => step.state === StepState.SUCCEEDED)
  return { status: ended && proven ? TestStatus.SUCCESS : TestStatus.FAILURE }
}

/** A mailbox works when none of its tested directions failed. */
export function itemVerdict(statuses: readonly TestStatus[]): TestItemState.SUCCEEDED | TestItemState.FAILED {
  return statuses.includes(TestStatus.FAILURE) ? TestItemState.FAILED : TestItemState.SUCCEEDED
}
