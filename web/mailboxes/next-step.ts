import type { MailboxStateFragment } from '../gql/graphql'
import { errorWords, isCredentialError } from '../lib/error-words'
import { healthMark, type Mark } from '../lib/state-words'

/** The one button that removes the first blocker of a mailbox. */
export type NextStep = 'APPROVE' | 'ENTER_PASSWORD' | 'TEST'

type Judged = Pick<MailboxStateFragment, 'active' | 'health' | 'errorCode' | 'emailAddress'> & {
  blockers: readonly { code: string; message: string; direction?: string | null }[]
}

/** Null when no command of this page removes it (inactive, no profile, no address), or when it is being tested now. */
export function nextStep({ active, health, errorCode, blockers }: Judged): NextStep | null {
  if (!active || health === 'TESTING') return null
  switch (blockers[0]?.code) {
    case 'APPROVAL_PENDING':
    case 'APPROVAL_REJECTED':
      return 'APPROVE'
    case 'NO_ADDRESS':
    case 'NO_METHOD':
    case 'NO_PROFILE':
    case 'PROFILE_INACTIVE':
      return null
    case 'TEST_FAILED':
    case 'NOT_ENABLED':
      return isCredentialError(errorCode) ? 'ENTER_PASSWORD' : 'TEST'
    default:
      return 'TEST'
  }
}

/** The state of the whole mailbox: its mark, and for a failure what failed. */
export function mailboxMark({ health, errorCode, blockers }: Judged): Mark {
  const first = blockers[0]?.message ?? null
  const cause = errorCode ? errorWords(errorCode) : null
  return healthMark(health, health === 'FAILING' ? (cause ?? first) : first)
}
