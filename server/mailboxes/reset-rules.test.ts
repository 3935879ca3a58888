import { describe, expect, test } from '@jest/globals'
import { IncomingMethod, SyncMethod } from '../settings/email-settings.entity'
import { aMailbox } from '../test/builders'
import type { Mailbox } from './mailbox.entity'
import { ApprovalStatus, Direction, TestStatus } from './mailbox.enums'
import { effectOf, hasMethod, type MailboxEvent } from './reset-rules'

const { INCOMING, OUTGOING, ACT } = Direction
const { NOT_RUN, SUCCESS, FAILURE } = TestStatus
const AT = new Date('2026-03-04T05:06:07Z')

const WORKING = aMailbox({ actMethod: SyncMethod.SERVER_SIDE_SYNC, actStatus: SUCCESS, actEnabled: true })
/** Differs from the working one in every column that an event may set. */
const FAILING = aMailbox({
  ...WORKING,
  approval: ApprovalStatus.REJECTED,
  approvedBy: null,
  approvedAt: null,
  rejectionReason: 'unknown person',
  ...{ incomingEmailStatus: FAILURE, outgoingEmailStatus: FAILURE, actStatus: FAILURE },
  ...{ incomingEnabled: false, outgoingEnabled: false, actEnabled: false },
  ...{ incomingChangedSinceTest: true, outgoingChangedSinceTest: true, actChangedSinceTest: true },
  ...{ incomingErrorCode: 'THROTTLED', outgoingErrorCode: 'THROTTLED', actErrorCode: 'THROTTLED' },
  pausedUntil: AT,
})

type Effect = Partial<Mailbox>
const incoming = (status: TestStatus, enabled: boolean, code: string | null): Effect => ({
  ...{
    incomingEmailStatus: status,
    incomingEnabled: enabled,
    incomingChangedSinceTest: false,
    incomingErrorCode: code,
  },
})
const outgoing = (status: TestStatus, enabled: boolean, code: string | null): Effect => ({
  ...{
    outgoingEmailStatus: status,
    outgoingEnabled: enabled,
    outgoingChangedSinceTest: false,
    outgoingErrorCode: code,
  },
})
const act = (status: TestStatus, enabled: boolean, code: string | null): Effect => ({
  ...{ actStatus: status, actEnabled: enabled, actChangedSinceTest: false, actErrorCode: code },
})
const ALL_NOT_RUN: Effect = {
  ...incoming(NOT_RUN, false, null),
  ...outgoing(NOT_RUN, false, null),
  ...act(NOT_RUN, false, null),
}
const APPROVER_CLEARED: Effect = { approvedBy: null, approvedAt: null }

/** The table of product rule 2.3, line by line; nothing but the named columns may change. */
const RULES: [string, MailboxEvent, Effect][] = [
  [
    'address changes: approval PENDING, approver cleared, all NOT_RUN and disabled',
    { kind: 'ADDRESS_CHANGED', emailAddress: 'new@example.com' },
    { approval: ApprovalStatus.PENDING, ...APPROVER_CLEARED, rejectionReason: null, ...ALL_NOT_RUN },
  ],
  [
    'address removed: approval EMPTY, the rest as when it changes',
    { kind: 'ADDRESS_CHANGED', emailAddress: null },
    { approval: ApprovalStatus.EMPTY, ...APPROVER_CLEARED, rejectionReason: null, ...ALL_NOT_RUN },
  ],
  ['another profile: every direction NOT_RUN and disabled', { kind: 'PROFILE_CHANGED' }, ALL_NOT_RUN],
  [
    'incoming method changes: incoming alone',
    { kind: 'METHOD_CHANGED', direction: INCOMING },
    incoming(NOT_RUN, false, null),
  ],
  [
    'outgoing method changes: outgoing alone',
    { kind: 'METHOD_CHANGED', direction: OUTGOING },
    outgoing(NOT_RUN, false, null),
  ],
  ['ACT method changes: ACT alone', { kind: 'METHOD_CHANGED', direction: ACT }, act(NOT_RUN, false, null)],
  [
    'credentials change: statuses kept, changed since last test',
    { kind: 'CREDENTIALS_CHANGED' },
    { incomingChangedSinceTest: true, outgoingChangedSinceTest: true, actChangedSinceTest: true },
  ],
  [
    'endpoint or security of the profile changes: the same, for the directions that use it',
    { kind: 'ENDPOINT_CHANGED', directions: [OUTGOING] },
    { outgoingChangedSinceTest: true },
  ],
  [
    'endpoint of every direction changes',
    { kind: 'ENDPOINT_CHANGED', directions: [INCOMING, OUTGOING, ACT] },
    { incomingChangedSinceTest: true, outgoingChangedSinceTest: true, actChangedSinceTest: true },
  ],
  [
    'reject: REJECTED, approver cleared',
    { kind: 'REJECTED', reason: 'left the company' },
    { approval: ApprovalStatus.REJECTED, ...APPROVER_CLEARED, rejectionReason: 'left the company' },
  ],
  [
    'approve: APPROVED with who and when; nothing is tested by itself',
    { kind: 'APPROVED', by: 'olga', at: AT },
    { approval: ApprovalStatus.APPROVED, approvedBy: 'olga', approvedAt: AT, rejectionReason: null },
  ],
  ['profile deactivated: statuses kept', { kind: 'PROFILE_DEACTIVATED' }, {}],
  ['profile reactivated: as it was', { kind: 'PROFILE_REACTIVATED' }, {}],
  [
    'TEST_AND_ENABLE succeeds: SUCCESS, enabled, pause cleared',
    { kind: 'TESTED_AND_ENABLED', direction: INCOMING },
    { ...incoming(SUCCESS, true, null), pausedUntil: null },
  ],
  [
    'TEST_AND_ENABLE fails: FAILURE, disabled',
    { kind: 'TEST_AND_ENABLE_FAILED', direction: OUTGOING, errorCode: 'AUTHENTICATION_FAILED' },
    outgoing(FAILURE, false, 'AUTHENTICATION_FAILED'),
  ],
  ['TEST_ONLY, whatever its result: nothing', { kind: 'TESTED_ONLY', direction: INCOMING }, {}],
  [
    'permanent error while processing: that direction disabled, its last test stays',
    { kind: 'PERMANENT_ERROR_WHILE_PROCESSING', direction: ACT, errorCode: 'ACCOUNT_DISABLED' },
    { actEnabled: false },
  ],
]

describe.each([
  ['a working mailbox', WORKING],
  ['a failing mailbox', FAILING],
])('what happens to %s', (_, before) => {
  test.each(RULES)('%s', (_name, event, effect) => {
    expect({ ...before, ...effectOf(event) }).toEqual({ ...before, ...effect })
  })
})

test.each<[Partial<Mailbox>, Direction, boolean]>([
  [{ incomingMethod: IncomingMethod.SERVER_SIDE_SYNC }, INCOMING, true],
  [{ incomingMethod: IncomingMethod.FORWARD_MAILBOX }, INCOMING, true],
  [{ incomingMethod: IncomingMethod.NONE }, INCOMING, false],
  [{ outgoingMethod: SyncMethod.SERVER_SIDE_SYNC }, OUTGOING, true],
  [{ outgoingMethod: SyncMethod.NONE }, OUTGOING, false],
  [{ actMethod: SyncMethod.SERVER_SIDE_SYNC }, ACT, true],
  [{ actMethod: SyncMethod.NONE }, ACT, false],
])('with %j the direction %s is tested: %s', (methods, direction, expected) => {
  expect(hasMethod(aMailbox(methods), direction)).toBe(expected)
})
