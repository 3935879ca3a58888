import type { MailError, MailErrorCode } from './mail-error'
import type { Endpoint } from './probe'

/** What is known about a failure; what is missing is filled in from the code's usual meaning (remedy.ts). */
export interface Verdict extends Partial<Pick<MailError, 'nature' | 'scope' | 'actor' | 'message' | 'remedy'>> {
  code: MailErrorCode
  /** The server's own words, not yet redacted. */
  serverText?: string
  /** How long the server asked to wait. */
  retryAfterMs?: number
}

/** Under which circumstances something failed. */
export interface FaultContext {
  endpoint: Endpoint
  /** True once TLS protects the connection. */
  secured: boolean
  username: string
  password: string
  /** When it failed; now unless given. */
  now?: Date
}

/** A failure that this service saw by itself, and that no library has to be asked about. */
export class ProbeFault extends Error {
  constructor(
    readonly code: MailErrorCode,
    readonly facts: Omit<Verdict, 'code'> = {},
  ) {
    super(facts.message ?? code)
  }
}

/**
 * What libraries report, as far as it is looked at: imapflow 2.10 and nodemailer 10.6 (reference mail-errors.md), and
 * Node's sockets and resolver beneath them.
 */
export interface FailureReport {
  code?: string
  message?: string
  /** OpenSSL's words, the names in a certificate, or what the server said in its BYE. */
  reason?: string
  /** nodemailer keeps the socket's code here and puts its own into `code`. */
  originalCode?: string
  syscall?: string
  /** IMAP: NO, BAD or BYE. */
  responseStatus?: string
  /** IMAP: the code in brackets (RFC 5530). */
  serverResponseCode?: string
  responseText?: string
  throttleReset?: number
  /** SMTP: 4xx or 5xx. */
  responseCode?: number
  /** The reply as it came. */
  response?: unknown
  /** SMTP: what was answered: CONN, EHLO, STARTTLS, AUTH PLAIN, MAIL FROM, RCPT TO, DATA. */
  command?: string
}

/** A server's own refusal, in the form in which the libraries report one. */
export class ServerRefusal extends Error implements FailureReport {
  declare responseStatus?: string
  declare serverResponseCode?: string
  declare responseText?: string
  declare responseCode?: number
  declare response?: string
  declare command?: string

  constructor(report: FailureReport) {
    super('The server refused')
    Object.assign(this, report)
  }
}

/** True for imapflow's errors that say only that there is no connection any more, not what ended it. */
export function saysOnlyGone(report: FailureReport): boolean {
  return /^(ClosedAfterConnect|NoConnection|EConnectionClosed|StateLogout|NoMailboxSelected)/.test(report.code ?? '')
}
