import { ErrorActor, ErrorNature, ErrorScope, type MailError, MailErrorCode } from '../mail/mail-error'
import { ConnectionSecurity } from '../mail/probe'
import { Mailbox } from '../mailboxes/mailbox.entity'
import { ApprovalStatus, MailboxKind, TestStatus } from '../mailboxes/mailbox.enums'
import { CredentialSource, EmailServerProfile, ProfileType } from '../profiles/profile.entity'
import { IncomingMethod, SyncMethod } from '../settings/email-settings.entity'

const AT = new Date('2026-01-02T03:04:05.678Z')

/** A user's mailbox that is processed: approved, tested, enabled for incoming and outgoing mail. */
export function aMailbox(differences: Partial<Mailbox> = {}): Mailbox {
  const name = differences.name ?? 'Anna Bell'
  const emailAddress = differences.emailAddress === undefined ? 'anna@example.com' : differences.emailAddress
  const active = differences.active ?? true
  return Object.assign(new Mailbox(), {
    id: '01900000-0000-7000-8000-000000000001',
    kind: MailboxKind.USER,
    name,
    nameKey: name.toLowerCase(),
    emailAddress,
    addressKey: emailAddress?.toLowerCase() ?? null,
    activeAddress: active ? (emailAddress?.toLowerCase() ?? null) : null,
    ownerId: null,
    active,
    profileId: '01900000-0000-7000-8000-0000000000aa',
    incomingMethod: IncomingMethod.SERVER_SIDE_SYNC,
    outgoingMethod: SyncMethod.SERVER_SIDE_SYNC,
    actMethod: SyncMethod.NONE,
    approval: emailAddress === null ? ApprovalStatus.EMPTY : ApprovalStatus.APPROVED,
    approvedBy: 'admin',
    approvedAt: AT,
    rejectionReason: null,
    incomingEmailStatus: TestStatus.SUCCESS,
    outgoingEmailStatus: TestStatus.SUCCESS,
    actStatus: TestStatus.NOT_RUN,
    incomingEnabled: true,
    outgoingEnabled: true,
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
    lastTestedAt: AT,
    testingRunId: null,
    forwardMailboxId: null,
    deletedAt: null,
    createdAt: AT,
    updatedAt: AT,
    ...differences,
  })
}

/** A profile of IMAP and SMTP over TLS, with the mailboxes' own credentials. */
export function aProfile(differences: Partial<EmailServerProfile> = {}): EmailServerProfile {
  return Object.assign(new EmailServerProfile(), {
    id: '01900000-0000-7000-8000-0000000000aa',
    name: 'Main',
    nameKey: 'main',
    type: ProfileType.IMAP_SMTP,
    active: true,
    incomingHost: 'mail.example.com',
    incomingPort: 993,
    incomingSecurity: ConnectionSecurity.TLS,
    outgoingHost: 'mail.example.com',
    outgoingPort: 465,
    outgoingSecurity: ConnectionSecurity.TLS,
    davUrl: null,
    credentialSource: CredentialSource.MAILBOX,
    trustedCertificates: null,
    verifyCertificates: true,
    username: null,
    passwordSealed: null,
    maxConcurrentConnections: 10,
    createdAt: AT,
    updatedAt: AT,
    ...differences,
  })
}

/** What a server says to a wrong password: the mailbox's own, permanent error. */
export const aMailError = (differences: Partial<MailError> = {}): MailError => ({
  code: MailErrorCode.AUTHENTICATION_FAILED,
  nature: ErrorNature.PERMANENT,
  scope: ErrorScope.MAILBOX,
  actor: ErrorActor.MAILBOX_OWNER,
  message: 'The server refused the password.',
  remedy: 'Enter the password anew.',
  ...differences,
})
