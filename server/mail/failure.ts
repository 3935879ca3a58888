import type { FailureReport, FaultContext, Verdict } from './fault'
import { ProbeFault } from './fault'
import { imapVerdict } from './imap-failure'
import { ErrorScope, type MailError, MailErrorCode } from './mail-error'
import type { StepName } from './probe'
import type { Meaning, Scene } from './remedy'
import { MEANINGS } from './remedy'
import { smtpVerdict } from './smtp-failure'

const RESPONSE_LIMIT = 500
/** A wait longer than this is a slip of the server's, or of our reading. */
const LONGEST_WAIT_MS = 24 * 60 * 60 * 1000

/** What an IMAP failure at a step is, who must act and how (product rule 2.6). Takes whatever was thrown. */
export function classifyImap(error: unknown, step: StepName, context: FaultContext): MailError {
  const verdict = narrowed(ownVerdict(error) ?? imapVerdict(reportOf(error), step, context), step)
  return describe(verdict, { protocol: 'IMAP', endpoint: context.endpoint }, context)
}

/** What an SMTP failure at a step is, who must act and how (product rule 2.6). Takes whatever was thrown. */
export function classifySmtp(error: unknown, step: StepName, context: FaultContext): MailError {
  const verdict = narrowed(ownVerdict(error) ?? smtpVerdict(reportOf(error), step), step)
  return describe(verdict, { protocol: 'SMTP', endpoint: context.endpoint }, context)
}

/**
 * A server's words as they may be stored and shown: one line, without control characters and the secrets (a server may
 * repeat what it was sent: as it is, in base64 as SASL sends it, quoted as IMAP's LOGIN sends it), at most 500 characters.
 */
export function redact(serverText: string, secrets: readonly string[]): string {
  let text = serverText
  for (const secret of [...secrets].filter(Boolean).sort((a, b) => b.length - a.length)) {
    text = text.replaceAll(secret, '***')
  }
  const line = text.replace(/[\p{Cc}\p{Cf}\u2028\u2029\s]+/gu, ' ').trim()
  return line.slice(0, RESPONSE_LIMIT).replace(/[\uD800-\uDBFF]$/, '')
}

/** Every form in which the sign-in sends the password. */
export function secretForms(username: string, password: string): string[] {
  if (password === '') return []
  const base64 = (text: string) => Buffer.from(text, 'utf8').toString('base64')
  return [
    password,
    password.replace(/["\\]/g, '\\$&'),
    base64(password),
    base64(`\0${username}\0${password}`),
    base64(`${username}\0${username}\0${password}`),
  ]
}

function ownVerdict(error: unknown): Verdict | undefined {
  return error instanceof ProbeFault ? { ...error.facts, code: error.code } : undefined
}

function reportOf(error: unknown): FailureReport {
  if (typeof error !== 'object' || error === null) return { message: String(error) }
  return error
}

/** Until somebody signs in, silence is the server's. From then on it may be about that one user, so it is no alert of all. */
const BEFORE_SIGN_IN: readonly StepName[] = ['DNS', 'CONNECT', 'TLS', 'GREETING']
const MAY_BE_THE_USERS: readonly MailErrorCode[] = [
  MailErrorCode.RESPONSE_TIMEOUT,
  MailErrorCode.CONNECTION_RESET,
  MailErrorCode.SERVER_UNAVAILABLE,
]

function narrowed(verdict: Verdict, step: StepName): Verdict {
  const isAboutOne = MAY_BE_THE_USERS.includes(verdict.code) && !BEFORE_SIGN_IN.includes(step)
  return isAboutOne ? { ...verdict, scope: verdict.scope ?? ErrorScope.MAILBOX } : verdict
}

function describe(verdict: Verdict, scene: Scene, context: FaultContext): MailError {
  const meaning = MEANINGS[verdict.code]
  const words = redact(verdict.serverText ?? '', secretForms(context.username, context.password))
  const field = fieldOf(meaning, scene)
  return {
    code: verdict.code,
    nature: verdict.nature ?? meaning.nature,
    scope: verdict.scope ?? meaning.scope,
    actor: verdict.actor ?? meaning.actor,
    message: verdict.message ?? meaning.message(scene),
    remedy: verdict.remedy ?? meaning.remedy(scene),
    ...(field && { field }),
    ...(words && { serverResponse: words }),
    ...(verdict.retryAfterMs !== undefined && { retryAt: retryAt(verdict.retryAfterMs, context.now) }),
  }
}

function fieldOf({ field }: Meaning, { protocol }: Scene): string | undefined {
  if (field !== 'host' && field !== 'port' && field !== 'security') return field
  return `${protocol === 'IMAP' ? 'incoming' : 'outgoing'}.${field}`
}

function retryAt(waitMs: number, now = new Date()): string {
  return new Date(now.getTime() + Math.min(waitMs, LONGEST_WAIT_MS)).toISOString()
}
