import type { FailureReport, FaultContext, Verdict } from './fault'
import { saysOnlyGone } from './fault'
import { ErrorActor, ErrorNature, MailErrorCode } from './mail-error'
import type { StepName } from './probe'
import { soundsTemporary, textVerdict, turnedAway, unavailable } from './reply-text'
import { transportVerdict } from './transport-failure'

/** What the codes in brackets mean (RFC 5530, RFC 9051 7.1). ALERT and AUTHENTICATIONFAILED need their text too. */
const RESPONSE_CODES: Readonly<Record<string, Omit<Verdict, 'serverText'>>> = {
  UNAVAILABLE: { code: MailErrorCode.SERVER_UNAVAILABLE },
  INUSE: { code: MailErrorCode.SERVER_UNAVAILABLE, message: 'Another program holds the inbox at the moment.' },
  SERVERBUG: { code: MailErrorCode.SERVER_UNAVAILABLE, message: 'The server reports an error of its own.' },
  CORRUPTION: {
    code: MailErrorCode.SERVER_UNAVAILABLE,
    nature: ErrorNature.PERMANENT,
    actor: ErrorActor.ADMINISTRATOR,
    message: 'The server says that the mailbox is damaged.',
    remedy: "The mail server's administrator has to repair it.",
  },
  LIMIT: { code: MailErrorCode.TOO_MANY_CONNECTIONS },
  PRIVACYREQUIRED: { code: MailErrorCode.TLS_REQUIRED },
  CONTACTADMIN: { code: MailErrorCode.ACCOUNT_DISABLED },
  EXPIRED: {
    code: MailErrorCode.AUTHENTICATION_FAILED,
    message: 'The password has expired.',
    remedy: "The mailbox's owner has to change it at the mail server and enter the new one here.",
  },
  AUTHORIZATIONFAILED: {
    code: MailErrorCode.AUTHENTICATION_FAILED,
    actor: ErrorActor.ADMINISTRATOR,
    message: 'The server took the password but does not let this user open the mailbox.',
    remedy: "The mail server's administrator has to give the user access, or the user name is the wrong one.",
  },
  NONEXISTENT: { code: MailErrorCode.INBOX_NOT_FOUND },
  NOPERM: {
    code: MailErrorCode.INBOX_READ_ONLY,
    message: 'The server does not let this user do that in the inbox.',
  },
  OVERQUOTA: { code: MailErrorCode.QUOTA_EXCEEDED },
  CLIENTBUG: { code: MailErrorCode.PROTOCOL_ERROR },
  CANNOT: { code: MailErrorCode.PROTOCOL_ERROR },
}

/** What imapflow says without a code. */
const LIBRARY_WORDS: readonly (readonly [RegExp, MailErrorCode])[] = [
  [/Unsupported authentication mechanism|No matching authentication/, MailErrorCode.AUTHENTICATION_METHOD_UNAVAILABLE],
  [/Server does not support STARTTLS/, MailErrorCode.TLS_NOT_OFFERED],
  [/No password configured/, MailErrorCode.CREDENTIALS_MISSING],
]

/** Reads the server's answer first, the socket's code second, the library's words last (reference mail-rig.md section 6). */
export function imapVerdict(report: FailureReport, step: StepName, context: FaultContext): Verdict {
  return (
    replyVerdict(report, step) ??
    byeVerdict(report) ??
    transportVerdict(report, step) ??
    wordsVerdict(report, context) ?? { code: MailErrorCode.UNKNOWN, serverText: report.message }
  )
}

function replyVerdict(report: FailureReport, step: StepName): Verdict | undefined {
  const { responseStatus } = report
  if (!responseStatus) return undefined
  const text = report.responseText ?? (typeof report.response === 'string' ? report.response : '')
  const responseCode = report.serverResponseCode?.toUpperCase()
  const known = RESPONSE_CODES[responseCode ?? '']
  if (known) return { ...known, serverText: wordsWithCode(responseCode, text) }
  if (responseCode === 'WEBALERT') return textVerdict(`Web login required. ${text}`)
  const worded = textVerdict(text)
  if (worded) return { ...worded, retryAfterMs: report.throttleReset ?? worded.retryAfterMs }
  if (responseStatus === 'BYE') return greetingVerdict(text, step)
  if (responseCode !== 'AUTHENTICATIONFAILED' && soundsTemporary(text)) return unavailable(text)
  return { ...plainRefusal(responseStatus, text, step), serverText: wordsWithCode(responseCode, text) }
}

/** A NO or BAD without a telling code, by what was asked. */
function plainRefusal(status: string, text: string, step: StepName): Verdict {
  if (step === 'AUTHENTICATE') {
    // BAD is about the command, not about the password (RFC 3501 7.1.3).
    const isCommandRefused = status === 'BAD'
    return {
      code: isCommandRefused ? MailErrorCode.AUTHENTICATION_METHOD_UNAVAILABLE : MailErrorCode.AUTHENTICATION_FAILED,
    }
  }
  if (status === 'BAD') return { code: MailErrorCode.PROTOCOL_ERROR }
  if (/permission|denied|not (allowed|permitted)/i.test(text)) return RESPONSE_CODES.NOPERM as Verdict
  if (/quota/i.test(text)) return { code: MailErrorCode.QUOTA_EXCEEDED }
  return { code: step === 'OPEN_INBOX' ? MailErrorCode.INBOX_NOT_FOUND : MailErrorCode.PROTOCOL_ERROR }
}

function greetingVerdict(text: string, step: StepName): Verdict {
  const isTurnedAway = step === 'GREETING' && /not (allowed|permitted|authori[sz]ed)|denied|banned|block/i.test(text)
  return isTurnedAway ? turnedAway(text) : unavailable(text)
}

/** imapflow keeps the words of a BYE, but not its code, in `reason`. */
function byeVerdict(report: FailureReport): Verdict | undefined {
  if (!saysOnlyGone(report) || !report.reason) return undefined
  return textVerdict(report.reason) ?? unavailable(report.reason)
}

function wordsVerdict(report: FailureReport, context: FaultContext): Verdict | undefined {
  const message = report.message ?? ''
  if (/Login is disabled/.test(message)) {
    const code = context.secured ? MailErrorCode.AUTHENTICATION_METHOD_UNAVAILABLE : MailErrorCode.TLS_REQUIRED
    return { code }
  }
  if (typeof report.response === 'string') return textVerdict(report.response)
  const code = LIBRARY_WORDS.find(([pattern]) => pattern.test(message))?.[1]
  return code && { code }
}

function wordsWithCode(responseCode: string | undefined, text: string): string {
  return responseCode ? `[${responseCode}] ${text}` : text
}
