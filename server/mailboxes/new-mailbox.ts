import type { Tx } from '../db/transaction'
import { profileStays } from '../profiles/profile.service'
import type { EmailSettings } from '../settings/email-settings.entity'
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

/** The organisation's default profile, which nobody deletes while the transaction lasts; one that is being deleted is it no longer. */
export async function defaultProfile(tx: Tx, { defaultProfileId }: EmailSettings): Promise<string | null> {
  return defaultProfileId !== null && (await profileStays(tx, defaultProfileId)) ? defaultProfileId : null
}

/** What it is from the beginning. */
export const FIXED = ['kind', 'ownerId'] as const
/** What the audit log keeps of a mailbox beside that: all that commands change. */
export const RECORDED = [
  'name',
  'emailAddress',
  'active',
  'profileId',
  'incomingMethod',
  'forwardMailboxId',
  'outgoingMethod',
  'actMethod',
  'approval',
  'approvedBy',
  'approvedAt',
  'rejectionReason',
  'incomingEmailStatus',
  'outgoingEmailStatus',
  'actStatus',
  'incomingEnabled',
  'outgoingEnabled',
  'actEnabled',
  'incomingChangedSinceTest',
  'outgoingChangedSinceTest',
  'actChangedSinceTest',
  'incomingErrorCode',
  'outgoingErrorCode',
  'actErrorCode',
  'username',
  'deleteAfterProcessing',
] as const
