import type { MailError } from '../mail/mail-error'
import { type ProbeStep, StepState } from '../mail/probe'
import { TestStatus } from '../mailboxes/mailbox.enums'
import { TestItemState } from './test-run.entity'

/** A direction works when none of its steps failed; one that was not tested has no steps. */
export function directionVerdict(steps: readonly ProbeStep[]): { status: TestStatus; error?: MailError } {
  if (steps.length === 0) return { status: TestStatus.NOT_RUN }
  const failed = steps.find((step) => step.state === StepState.FAILED)
  if (failed) return { status: TestStatus.FAILURE, error: failed.error }
  const unfinished = steps.some((step) => step.state === StepState.PENDING || step.state === StepState.RUNNING)
  return { status: unfinished ? TestStatus.FAILURE : TestStatus.SUCCESS }
}

/** A mailbox works when none of its tested directions failed. */
export function itemVerdict(statuses: readonly TestStatus[]): TestItemState.SUCCEEDED | TestItemState.FAILED {
  return statuses.includes(TestStatus.FAILURE) ? TestItemState.FAILED : TestItemState.SUCCEEDED
}
