import { ProbeFault } from './fault'
import { MailErrorCode } from './mail-error'
import type { ProbeSettings } from './probe'
import type { ProbeRun } from './probe-run'

/** What would end a line, a quoted string or a SASL message early. */
const UNSENDABLE = /[\r\n\0]/

/**
 * Fails the sign-in before anything is sent when there is nothing to sign in with, or when it would let what was typed
 * into a password field speak to the mail server as a command of its own.
 */
export function refuseBadCredentials(run: ProbeRun, { username, password }: ProbeSettings): void {
  if (username === '' || password === '') run.refuse('AUTHENTICATE', new ProbeFault(MailErrorCode.CREDENTIALS_MISSING))
  if (UNSENDABLE.test(username) || UNSENDABLE.test(password)) {
    run.refuse('AUTHENTICATE', new ProbeFault(MailErrorCode.CREDENTIALS_UNREADABLE))
  }
}
