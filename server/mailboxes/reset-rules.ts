import { IncomingMethod, SyncMethod } from '../settings/email-settings.entity'
import type { Mailbox } from './mailbox.entity'
import { ApprovalStatus, Direction, TestStatus } from './mailbox.enums'

/** What can happen to a mailbox that touches its approval, statuses or enabling (product rule 2.3). */
export type MailboxEvent =
  | { kind: 'ADDRESS_CHANGED'; emailAddress: string | null }
  | { kind: 'PROFILE_CHANGED' }
  | { kind: 'METHOD_CHANGED'; direction: Direction }
  | { kind: 'CREDENTIALS_CHANGED' }
  | { kind: 'ENDPOINT_CHANGED'; directions: readonly Direction[] }
  | { kind: 'APPROVED'; by: string; at: Date }
  | { kind: 'REJECTED'; reason: string | null }
  | { kind: 'PROFILE_DEACTIVATED' }
  | { kind: 'PROFILE_REACTIVATED' }
  | { kind: 'TESTED_AND_ENABLED'; direction: Direction }
  | { kind: 'TEST_AND_ENABLE_FAILED'; direction: Direction; errorCode: string }
  | { kind: 'TESTED_ONLY'; direction: Direction }
  | { kind: 'PERMANENT_ERROR_WHILE_PROCESSING'; direction: Direction; errorCode: string }

export type MailboxPatch = Partial<
  Pick<
    Mailbox,
    | 'approval'
    | 'approvedBy'
    | 'approvedAt'
    | 'rejectionReason'
    | 'pausedUntil'
    | 'incomingEmailStatus'
    | 'outgoingEmailStatus'
    | 'actStatus'
    | 'incomingEnabled'
    | 'outgoingEnabled'
    | 'actEnabled'
    | 'incomingChangedSinceTest'
    | 'outgoingChangedSinceTest'
    | 'actChangedSinceTest'
    | 'incomingErrorCode'
    | 'outgoingErrorCode'
    | 'actErrorCode'
  >
>

/** The columns of each direction, in the order in which people read them. */
export const DIRECTION_COLUMNS = {
  [Direction.INCOMING]: {
    method: 'incomingMethod',
    status: 'incomingEmailStatus',
    enabled: 'incomingEnabled',
    changed: 'incomingChangedSinceTest',
    errorCode: 'incomingErrorCode',
  },
  [Direction.OUTGOING]: {
    method: 'outgoingMethod',
    status: 'outgoingEmailStatus',
    enabled: 'outgoingEnabled',
    changed: 'outgoingChangedSinceTest',
    errorCode: 'outgoingErrorCode',
  },
  [Direction.ACT]: {
    method: 'actMethod',
    status: 'actStatus',
    enabled: 'actEnabled',
    changed: 'actChangedSinceTest',
    errorCode: 'actErrorCode',
  },
} as const

export const DIRECTIONS = [Direction.INCOMING, Direction.OUTGOING, Direction.ACT] as const

function state(direction: Direction, status: TestStatus, enabled: boolean, errorCode: string | null): MailboxPatch {
  const column = DIRECTION_COLUMNS[direction]
  return {
    [column.status]: status,
    [column.enabled]: enabled,
    [column.changed]: false,
    [column.errorCode]: errorCode,
  }
}

const notRun = (direction: Direction): MailboxPatch => state(direction, TestStatus.NOT_RUN, false, null)

const changedSinceTest = (directions: readonly Direction[]): MailboxPatch =>
  Object.fromEntries(directions.map((direction) => [DIRECTION_COLUMNS[direction].changed, true]))

const merged = (patches: MailboxPatch[]): MailboxPatch => Object.assign({}, ...patches)

/**
 * What an event does to a mailbox: the columns it sets, whatever they were before, so that one UPDATE can do it to any number
 * of rows. Product rule 2.3, one case a line of it.
 */
export function effectOf(event: MailboxEvent): MailboxPatch {
  switch (event.kind) {
    case 'ADDRESS_CHANGED':
      return {
        approval: event.emailAddress === null ? ApprovalStatus.EMPTY : ApprovalStatus.PENDING,
        approvedBy: null,
        approvedAt: null,
        rejectionReason: null,
        ...merged(DIRECTIONS.map(notRun)),
      }
    case 'PROFILE_CHANGED':
      return merged(DIRECTIONS.map(notRun))
    case 'METHOD_CHANGED':
      return notRun(event.direction)
    case 'CREDENTIALS_CHANGED':
      return changedSinceTest(DIRECTIONS)
    case 'ENDPOINT_CHANGED':
      return changedSinceTest(event.directions)
    case 'APPROVED':
      return { approval: ApprovalStatus.APPROVED, approvedBy: event.by, approvedAt: event.at, rejectionReason: null }
    case 'REJECTED':
      return { approval: ApprovalStatus.REJECTED, approvedBy: null, approvedAt: null, rejectionReason: event.reason }
    case 'PROFILE_DEACTIVATED':
    case 'PROFILE_REACTIVATED':
    case 'TESTED_ONLY':
      return {}
    case 'TESTED_AND_ENABLED':
      return { ...state(event.direction, TestStatus.SUCCESS, true, null), pausedUntil: null }
    case 'TEST_AND_ENABLE_FAILED':
      return state(event.direction, TestStatus.FAILURE, false, event.errorCode)
    case 'PERMANENT_ERROR_WHILE_PROCESSING':
      return { [DIRECTION_COLUMNS[event.direction].enabled]: false }
  }
}

/** Whether a direction takes part at all; FORWARD_MAILBOX is tested too, by way of the forward mailbox. */
export const hasMethod = (
  mailbox: Pick<Mailbox, 'incomingMethod' | 'outgoingMethod' | 'actMethod'>,
  direction: Direction,
): boolean => (mailbox[DIRECTION_COLUMNS[direction].method] as IncomingMethod | SyncMethod) !== SyncMethod.NONE
