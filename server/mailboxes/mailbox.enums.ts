import { registerEnumType } from 'type-graphql'

export enum MailboxKind {
  USER = 'USER',
  QUEUE = 'QUEUE',
  FORWARD = 'FORWARD',
}

export enum ApprovalStatus {
  EMPTY = 'EMPTY',
  PENDING = 'PENDING',
  APPROVED = 'APPROVED',
  REJECTED = 'REJECTED',
}

export enum TestStatus {
  NOT_RUN = 'NOT_RUN',
  SUCCESS = 'SUCCESS',
  FAILURE = 'FAILURE',
}

export enum Direction {
  INCOMING = 'INCOMING',
  OUTGOING = 'OUTGOING',
  ACT = 'ACT',
}

export enum MailboxHealth {
  HEALTHY = 'HEALTHY',
  BLOCKED = 'BLOCKED',
  TESTING = 'TESTING',
  PAUSED = 'PAUSED',
  FAILING = 'FAILING',
  INACTIVE = 'INACTIVE',
}

export enum MailboxView {
  ALL = 'ALL',
  ACTIVE = 'ACTIVE',
  INACTIVE = 'INACTIVE',
  MINE = 'MINE',
  USER_MAILBOXES = 'USER_MAILBOXES',
  QUEUE_MAILBOXES = 'QUEUE_MAILBOXES',
  FORWARD_MAILBOXES = 'FORWARD_MAILBOXES',
  PENDING_EMAIL_APPROVAL = 'PENDING_EMAIL_APPROVAL',
  NOT_TESTED = 'NOT_TESTED',
  TEST_AND_ENABLE_FAILED = 'TEST_AND_ENABLE_FAILED',
  ENABLED = 'ENABLED',
  PAUSED = 'PAUSED',
}

export enum SortDirection {
  ASC = 'ASC',
  DESC = 'DESC',
}

registerEnumType(MailboxKind, { name: 'MailboxKind' })
registerEnumType(ApprovalStatus, { name: 'ApprovalStatus', description: 'May this address be processed at all.' })
registerEnumType(TestStatus, { name: 'TestStatus', description: 'The result of the last test of a direction.' })
registerEnumType(Direction, { name: 'Direction', description: 'ACT: appointments, contacts and tasks.' })
registerEnumType(MailboxHealth, { name: 'MailboxHealth' })
registerEnumType(MailboxView, { name: 'MailboxView' })
registerEnumType(SortDirection, { name: 'SortDirection' })
