import type {
  AlertSeverity,
  AlertState,
  ApprovalStatus,
  MailboxHealth,
  StepState,
  TestItemState,
  TestRunState,
  TestStatus,
} from '../gql/graphql'
import { errorWords } from './error-words'
import { count } from './format'

/** The shapes there are; `ui/state-mark.tsx` draws them. */
export type Shape = 'works' | 'failed' | 'empty' | 'waiting' | 'busy' | 'paused' | 'off'

/** How a state looks and reads, the same in a cell, a form and an announcement. */
export interface Mark {
  shape: Shape
  word: string
}

const mark = (shape: Shape, word: string): Mark => ({ shape, word })

export function approvalMark(approval: ApprovalStatus): Mark {
  switch (approval) {
    case 'APPROVED':
      return mark('works', 'Approved')
    case 'REJECTED':
      return mark('failed', 'Rejected')
    case 'PENDING':
      return mark('waiting', 'Waiting for approval')
    case 'EMPTY':
      return mark('empty', 'No address')
  }
}

/** What of a mailbox decides how one of its directions looks. */
export interface DirectionState {
  method: string
  status: TestStatus
  isTesting: boolean
  hasChangedSinceTest: boolean
  /** The code of the failure, when it is known. */
  errorCode: string | null
}

export function directionMark({ method, status, isTesting, hasChangedSinceTest, errorCode }: DirectionState): Mark {
  if (method === 'NONE') return mark('off', 'Off')
  if (isTesting) return mark('busy', 'Testing')
  if (hasChangedSinceTest && status !== 'NOT_RUN') return mark('waiting', 'Changed since test')
  switch (status) {
    case 'SUCCESS':
      return mark('works', 'Works')
    case 'FAILURE':
      return mark('failed', errorCode ? errorWords(errorCode) : 'Does not work')
    case 'NOT_RUN':
      return mark('empty', 'Not tested')
  }
}

/** `blocker` is the first blocker's sentence: a blocked mailbox is shown with its reason. */
export function healthMark(health: MailboxHealth, blocker?: string | null): Mark {
  switch (health) {
    case 'HEALTHY':
      return mark('works', 'Works')
    case 'FAILING':
      return mark('failed', blocker ?? 'Does not work')
    case 'BLOCKED':
      return mark('waiting', blocker ?? 'Waiting')
    case 'TESTING':
      return mark('busy', 'Testing')
    case 'PAUSED':
      return mark('paused', 'Paused')
    case 'INACTIVE':
      return mark('off', 'Inactive')
  }
}

const STEP_DOING: Record<string, string> = {
  DNS: 'looking up the host',
  CONNECT: 'connecting',
  TLS: 'securing the connection',
  GREETING: 'waiting for the greeting',
  AUTHENTICATE: 'signing in',
  OPEN_INBOX: 'opening the inbox',
  RECEIVE: 'waiting for the test mail',
  SEND: 'sending the test mail',
  DISCOVER: 'discovering',
  CALENDARS: 'reading calendars',
  CONTACTS: 'reading contacts',
  TASKS: 'reading tasks',
}

const STEP_NAMES: Record<string, string> = {
  DNS: 'Look up the host',
  CONNECT: 'Connect',
  TLS: 'Secure the connection (TLS)',
  GREETING: 'Greeting',
  AUTHENTICATE: 'Sign in',
  OPEN_INBOX: 'Open the inbox',
  RECEIVE: 'Receive the test mail',
  SEND: 'Send the test mail',
  DISCOVER: 'Discover',
  CALENDARS: 'Calendars',
  CONTACTS: 'Contacts',
  TASKS: 'Tasks',
}

export const stepName = (name: string) => STEP_NAMES[name] ?? name

export function stepMark(state: StepState): Mark {
  switch (state) {
    case 'SUCCEEDED':
      return mark('works', 'Works')
    case 'FAILED':
      return mark('failed', 'Failed')
    case 'RUNNING':
      return mark('busy', 'Running')
    case 'PENDING':
      return mark('empty', 'Not reached')
    case 'SKIPPED':
      return mark('off', 'Skipped')
  }
}

/** What of a run's item decides how it looks. */
export interface ItemState {
  state: TestItemState
  errorCode?: string | null
  skipReason?: string | null
  skipMessage?: string | null
  results: readonly { steps: readonly { name: string; state: StepState }[] }[]
}

export function itemMark(item: ItemState): Mark {
  switch (item.state) {
    case 'SUCCEEDED':
      return mark('works', 'Works')
    case 'FAILED':
      return mark('failed', item.errorCode ? errorWords(item.errorCode) : 'Does not work')
    case 'SKIPPED':
      return mark('waiting', skipWords(item))
    case 'RUNNING':
      return mark('busy', runningWords(item))
    case 'QUEUED':
      return mark('empty', 'Queued')
    case 'CANCELLED':
      return mark('off', 'Cancelled')
  }
}

const skipWords = ({ skipMessage, skipReason }: ItemState) =>
  skipMessage ? `Skipped: ${skipMessage}` : skipReason ? `Skipped: ${errorWords(skipReason)}` : 'Skipped'

const runningWords = (item: ItemState) => testingMark(item.results.flatMap((result) => result.steps))?.word ?? 'Testing'

/** What is being done now; null when none of the steps is under way. */
export function testingMark(steps: readonly { name: string; state: StepState }[]): Mark | null {
  const all = steps.filter((step) => step.state === 'RUNNING')
  // Receiving waits for what the outgoing side does: that is the news, while it lasts.
  const running = all.find((step) => step.name !== 'RECEIVE') ?? all[0]
  return running ? mark('busy', `Testing: ${STEP_DOING[running.name] ?? running.name.toLowerCase()}`) : null
}

/** A run that tested nothing, because all was skipped, is no success. */
export function runMark(run: { state: TestRunState; failed: number; succeeded: number }): Mark {
  switch (run.state) {
    case 'QUEUED':
      return mark('empty', 'Queued')
    case 'RUNNING':
      return mark('busy', 'Running')
    case 'COMPLETED':
      if (run.failed) return mark('failed', `${count(run.failed)} failed`)
      return run.succeeded ? mark('works', 'Done') : mark('off', 'Nothing tested')
    case 'CANCELLED':
      return mark('off', 'Cancelled')
  }
}

export function severityMark(severity: AlertSeverity): Mark {
  switch (severity) {
    case 'ERROR':
      return mark('failed', 'Error')
    case 'WARNING':
      return mark('waiting', 'Warning')
    case 'INFORMATION':
      return mark('empty', 'Information')
  }
}

export function alertStateWord(state: AlertState): string {
  switch (state) {
    case 'OPEN':
      return 'Open'
    case 'ACKNOWLEDGED':
      return 'Acknowledged'
    case 'RESOLVED':
      return 'Resolved'
    case 'DISMISSED':
      return 'Dismissed'
  }
}
