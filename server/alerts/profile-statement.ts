import type { EmailSettings } from '../settings/email-settings.entity'
import { type Alert, AlertSeverity, AlertState } from './alert.entity'
import { type AlertFields, openKeyOf } from './alert-state'

/** What is said about a profile as a whole, beside the errors that its mailboxes share. */
export enum ProfileCode {
  /** A roll-up: so many of its mailboxes fail. */
  MAILBOXES_FAILING = 'MAILBOXES_FAILING',
  PROFILE_OWNER_MAILED = 'PROFILE_OWNER_MAILED',
  PROFILE_OWNER_NOT_MAILED = 'PROFILE_OWNER_NOT_MAILED',
}

/** These stand on the wall of the profile alone: they tell of other people's mailboxes. */
export const PROFILE_CODES: readonly string[] = Object.values(ProfileCode)

export interface Statement {
  code: ProfileCode
  severity: AlertSeverity
  message: string
  remedy: string | null
  serverResponse?: string | null
  /** Given: it counts something. Else it is counted how often it was said. */
  count?: number
}

type Kinds = Pick<EmailSettings, 'alertErrors' | 'alertWarnings' | 'alertInformation'>

/** Product rule 2.7: each kind can be switched off. */
export const isWanted = (severity: AlertSeverity, kinds: Kinds): boolean =>
  ({
    [AlertSeverity.ERROR]: kinds.alertErrors,
    [AlertSeverity.WARNING]: kinds.alertWarnings,
    [AlertSeverity.INFORMATION]: kinds.alertInformation,
  })[severity]

/** Whether more than the threshold of a profile's tested mailboxes fail. */
export const isOver = (counts: { tested: number; failing: number }, thresholdPercent: number): boolean =>
  counts.failing * 100 > counts.tested * thresholdPercent

/** Undefined when no mailbox fails. */
export function rollUp(standing: { tested: number; failing: number }, thresholdPercent: number): Statement | undefined {
  const { tested, failing } = standing
  if (failing === 0) return undefined
  return {
    code: ProfileCode.MAILBOXES_FAILING,
    severity: isOver(standing, thresholdPercent) ? AlertSeverity.ERROR : AlertSeverity.WARNING,
    message: `${failing} of the ${tested} tested mailboxes of this profile ${failing === 1 ? 'fails' : 'fail'}.`,
    remedy: 'Look at what most of them fail with: the view Test and Enable Failed of this profile names it for each.',
    count: failing,
  }
}

/** The alert after a statement; `open` is the open or acknowledged one of this profile and code. Undefined: it says so already. */
export function stated(
  open: Alert | undefined,
  profileId: string,
  statement: Statement,
  at: Date,
): AlertFields | undefined {
  const { code, severity, message, remedy, serverResponse = null } = statement
  const count = statement.count ?? (open?.count ?? 0) + 1
  if (open && open.count === count && open.severity === severity && open.message === message) return undefined
  // who knew of a warning does not know of the error that has become of it
  const isWorse = severity === AlertSeverity.ERROR && open?.severity !== AlertSeverity.ERROR
  return {
    severity,
    state: open && !isWorse ? open.state : AlertState.OPEN,
    code,
    message,
    remedy,
    serverResponse,
    mailboxId: null,
    profileId,
    directions: [],
    openKey: openKeyOf({ mailboxId: null, profileId }, code),
    count,
    firstSeenAt: open?.firstSeenAt ?? at,
    lastSeenAt: at,
  }
}
