import type { Mailbox } from './mailbox.entity'
import { TestStatus } from './mailbox.enums'

/** What every mailbox begins with, whoever makes it. */
export const NEW_MAILBOX = {
  approvedBy: null,
  approvedAt: null,
  rejectionReason: null,
  forwardMailboxId: null,
  incomingEmailStatus: TestStatus.NOT_RUN,
  outgoingEmailStatus: TestStatus.NOT_RUN,
  actStatus: TestStatus.NOT_RUN,
  incomingEnabled: false,
  outgoingEnabled: false,
  actEnabled: false,
  incomingChangedSinceTest: false,
  outgoingChangedSinceTest: false,
  actChangedSinceTest: false,
  incomingErrorCode: null,
  outgoingErrorCode: null,
  actErrorCode: null,
  pausedUntil: null,
  username: null,
  passwordSealed: null,
  hasPassword: false,
  deleteAfterProcessing: false,
  lastTestedAt: null,
  testingRunId: null,
  deletedAt: null,
} satisfies Partial<Mailbox>
