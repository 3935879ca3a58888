import { type EmailServerProfile, SPOKEN_TYPES } from '../profiles/profile.entity'
import { type EmailSettings } from '../settings/email-settings.entity'
import type { Mailbox } from './mailbox.entity'
import { ApprovalStatus, Direction, MailboxHealth, MailboxKind, TestStatus } from './mailbox.enums'
import { DIRECTION_COLUMNS, DIRECTIONS, hasMethod } from './reset-rules'

export type BlockerCode =
  | 'MAILBOX_INACTIVE'
  | 'NO_ADDRESS'
  | 'NO_METHOD'
  | 'NO_PROFILE'
  | 'PROFILE_INACTIVE'
  | 'PROFILE_TYPE_NOT_SUPPORTED'
  | 'APPROVAL_PENDING'
  | 'APPROVAL_REJECTED'
  | 'NOT_TESTED'
  | 'TEST_FAILED'
  | 'NOT_ENABLED'
  | 'PAUSED'

export interface Blocker {
  code: BlockerCode
  /** What keeps the mailbox from being processed. */
  message: string
  /** What removes it. */
  action: string
  /** Null when it holds for all of them. */
  direction: Direction | null
}

/** What blockers and health depend on; a whole Mailbox fits. */
export type BlockedMailbox = Pick<
  Mailbox,
  | 'kind'
  | 'active'
  | 'emailAddress'
  | 'approval'
  | 'pausedUntil'
  | 'incomingMethod'
  | 'outgoingMethod'
  | 'actMethod'
  | 'incomingEmailStatus'
  | 'outgoingEmailStatus'
  | 'actStatus'
  | 'incomingEnabled'
  | 'outgoingEnabled'
  | 'actEnabled'
>

type ApprovalSwitches = Pick<EmailSettings, 'processOnlyApprovedUsers' | 'processOnlyApprovedQueues'>

const DIRECTION_WORDS = {
  [Direction.INCOMING]: 'Incoming mail',
  [Direction.OUTGOING]: 'Outgoing mail',
  [Direction.ACT]: 'Appointments, contacts and tasks',
} as const

/** A forward mailbox counts as a queue (product rule 2.4). */
export const needsApproval = (kind: MailboxKind, switches: ApprovalSwitches): boolean =>
  kind === MailboxKind.USER ? switches.processOnlyApprovedUsers : switches.processOnlyApprovedQueues

/**
 * Every unmet condition of processing (product rule 2.2), the one to remove first standing first. Those without a direction
 * also keep the mailbox from being tested: the first of them is a skipped test's reason.
 */
export function blockersOf(
  mailbox: BlockedMailbox,
  profile: Pick<EmailServerProfile, 'active' | 'name' | 'type'> | null,
  switches: ApprovalSwitches,
): Blocker[] {
  return [
    ...wholeBlockers(mailbox, profile, switches),
    ...DIRECTIONS.flatMap((direction) => blockerOf(mailbox, direction)),
  ]
}

/** Why a mailbox cannot be tested; undefined when it can. */
export const testBlocker = (...args: Parameters<typeof blockersOf>): Blocker | undefined => wholeBlockers(...args)[0]

function wholeBlockers(...[mailbox, profile, switches]: Parameters<typeof blockersOf>): Blocker[] {
  const found: Blocker[] = []
  const add = (code: BlockerCode, message: string, action: string) =>
    found.push({ code, message, action, direction: null })
  if (!mailbox.active) add('MAILBOX_INACTIVE', 'The mailbox is inactive.', 'Activate its owner, or the mailbox.')
  if (mailbox.emailAddress === null) add('NO_ADDRESS', 'The mailbox has no address.', 'Enter an address on the owner.')
  if (DIRECTIONS.every((direction) => !hasMethod(mailbox, direction))) {
    add('NO_METHOD', 'No synchronization method is chosen.', 'Choose a method for incoming or outgoing mail.')
  }
  if (!profile) add('NO_PROFILE', 'The mailbox has no email server profile.', 'Choose a profile.')
  else if (!profile.active) {
    add('PROFILE_INACTIVE', `The profile ${profile.name} is inactive.`, 'Activate the profile, or choose another.')
  }
  if (profile && !SPOKEN_TYPES.has(profile.type)) {
    const what = `Profiles of type ${profile.type} are kept, but this version does not speak their protocol.`
    add('PROFILE_TYPE_NOT_SUPPORTED', what, 'Choose a profile of type IMAP_SMTP.')
  }
  if (needsApproval(mailbox.kind, switches)) {
    if (mailbox.approval === ApprovalStatus.PENDING) {
      add('APPROVAL_PENDING', 'The address waits for approval.', 'An administrator approves the address.')
    } else if (mailbox.approval === ApprovalStatus.REJECTED) {
      add(
        'APPROVAL_REJECTED',
        'The address was rejected.',
        'An administrator approves the address, or changes it on the owner.',
      )
    }
  }
  return found
}

function blockerOf(mailbox: BlockedMailbox, direction: Direction): Blocker[] {
  if (!hasMethod(mailbox, direction)) return []
  const { status, enabled } = DIRECTION_COLUMNS[direction]
  const what = DIRECTION_WORDS[direction]
  const blocker = (code: BlockerCode, message: string, action: string): Blocker[] => [
    { code, message, action, direction },
  ]
  if (mailbox[status] === TestStatus.NOT_RUN) {
    return blocker('NOT_TESTED', `${what} was never tested.`, 'Test and enable the mailbox.')
  }
  if (mailbox[status] === TestStatus.FAILURE) {
    return blocker(
      'TEST_FAILED',
      `${what} failed its last test.`,
      'Mend what the test names, then test and enable again.',
    )
  }
  if (!mailbox[enabled]) {
    return blocker(
      'NOT_ENABLED',
      `${what} was disabled by an error.`,
      'Mend what the alert names, then test and enable.',
    )
  }
  if (mailbox.pausedUntil !== null) {
    return blocker('PAUSED', `${what} waits for the server to recover.`, 'Nothing: it is tried again by itself.')
  }
  return []
}

/** One word for the whole mailbox. `testing`: it is in a test run now. */
export function healthOf(mailbox: BlockedMailbox, blockers: readonly Blocker[], testing: boolean): MailboxHealth {
  if (!mailbox.active) return MailboxHealth.INACTIVE
  if (testing) return MailboxHealth.TESTING
  const has = (...codes: BlockerCode[]) => blockers.some((blocker) => codes.includes(blocker.code))
  if (blockers.some((blocker) => blocker.direction === null)) return MailboxHealth.BLOCKED
  if (has('TEST_FAILED', 'NOT_ENABLED')) return MailboxHealth.FAILING
  if (has('PAUSED')) return MailboxHealth.PAUSED
  return blockers.length > 0 ? MailboxHealth.BLOCKED : MailboxHealth.HEALTHY
}
