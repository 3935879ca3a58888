import { AlertSeverity } from './alert.entity'
import type { NotSent } from './notice-mailer'
import type { NoticeFacts } from './profile-notice.entity'
import { ProfileCode, type Statement } from './profile-statement'

const what = ({ tested, failing }: NoticeFacts): string => `${failing} of the ${tested} tested mailboxes fail`

export const mailed = (facts: NoticeFacts, ownerName: string): Statement => ({
  code: ProfileCode.PROFILE_OWNER_MAILED,
  severity: AlertSeverity.INFORMATION,
  message: `${ownerName}, the owner of the profile, was mailed that ${what(facts)}.`,
  remedy: null,
  count: 1,
})

export const noRecipient = (facts: NoticeFacts): Statement => ({
  code: ProfileCode.PROFILE_OWNER_NOT_MAILED,
  severity: AlertSeverity.INFORMATION,
  message: `Nobody was mailed that ${what(facts)}: the profile has no active owner with an address.`,
  remedy: 'Choose an owner for the profile.',
  count: 1,
})

export const refused = (facts: NoticeFacts, ownerName: string, error: NotSent, attempts: number): Statement => ({
  code: ProfileCode.PROFILE_OWNER_NOT_MAILED,
  severity: AlertSeverity.WARNING,
  message: `${ownerName}, the owner of the profile, could not be mailed that ${what(facts)}.`,
  remedy: error.isPermanent
    ? "Mend what the server names: the owner's address, or MAILWARDEN_SMTP_URL and MAILWARDEN_MAIL_FROM."
    : 'Nothing at first: it is tried again by itself.',
  serverResponse: error.serverResponse,
  count: attempts,
})
