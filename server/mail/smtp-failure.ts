import type { FailureReport, Verdict } from './fault'
import { ErrorActor, ErrorNature, MailErrorCode } from './mail-error'
import type { StepName } from './probe'
import { soundsTemporary, TLS_NOT_NOW, textVerdict, turnedAway, unavailable } from './reply-text'
import { transportVerdict } from './transport-failure'

/** A reply as it is looked at. */
interface Reply {
  code: number
  /** RFC 3463, for example 5.7.1; empty when the server gives none. */
  status: string
  text: string
  /** CONN, EHLO, STARTTLS, AUTH ..., MAIL FROM, RCPT TO, DATA. */
  command: string
}

/** Reads the server's reply first, the socket's code second, the library's words last (reference mail-rig.md section 6). */
export function smtpVerdict(report: FailureReport, step: StepName): Verdict {
  if (report.responseCode) return replyVerdict(replyOf(report, report.responseCode), step)
  if (typeof report.response === 'string' && report.response !== '') {
    // An answer without a number: at the greeting another protocol, later nonsense.
    const isBanner = report.code === 'EPROTOCOL' && report.command === 'CONN'
    const code = isBanner ? MailErrorCode.NOT_THIS_PROTOCOL : MailErrorCode.PROTOCOL_ERROR
    return { code, serverText: report.response }
  }
  return (
    transportVerdict(report, step) ??
    wordsVerdict(report) ?? { code: MailErrorCode.UNKNOWN, serverText: report.message }
  )
}

function replyOf(report: FailureReport, code: number): Reply {
  const text = typeof report.response === 'string' ? report.response : (report.message ?? '')
  const status = /^\d{3}[ -](\d\.\d{1,3}\.\d{1,3})\b/.exec(text)?.[1] ?? ''
  return { code, status, text, command: report.command ?? '' }
}

function replyVerdict(reply: Reply, step: StepName): Verdict {
  if (reply.code < 400) return { code: MailErrorCode.PROTOCOL_ERROR, serverText: reply.text }
  const worded = textVerdict(reply.text)
  if (worded) return worded
  const serverText = reply.text
  if (isTlsDemand(reply)) return { code: MailErrorCode.TLS_REQUIRED, serverText }
  if (step === 'SEND') return { ...sendVerdict(reply), serverText }
  if (step === 'TLS') {
    return { code: MailErrorCode.TLS_NOT_OFFERED, serverText, ...(reply.code < 500 && TLS_NOT_NOW) }
  }
  if (reply.code < 500) return unavailable(serverText)
  if (step === 'AUTHENTICATE') return { ...signInVerdict(reply), serverText }
  return turnedAway(serverText)
}

/** 538 (RFC 4954 6), and 530 where it asks for STARTTLS (RFC 3207 4). */
function isTlsDemand({ code, text }: Reply): boolean {
  return code === 538 || (code === 530 && /starttls|encrypt/i.test(text))
}

/** A 5xx in answer to AUTH, or to EHLO before it. */
function signInVerdict({ code, status, text }: Reply): Verdict {
  if (code === 525 || status === '5.7.13') return { code: MailErrorCode.ACCOUNT_DISABLED }
  // Not this command, not this mechanism (RFC 5321 4.2.2, RFC 4954 6).
  if ([500, 501, 502, 503, 504, 530, 534].includes(code)) {
    return { code: MailErrorCode.AUTHENTICATION_METHOD_UNAVAILABLE }
  }
  // Postfix answers 535 also when its authentication server is away.
  if (soundsTemporary(text)) return { code: MailErrorCode.SERVER_UNAVAILABLE }
  return { code: MailErrorCode.AUTHENTICATION_FAILED }
}

/** A 4xx or 5xx in answer to MAIL, RCPT, DATA or the message. */
function sendVerdict(reply: Reply): Verdict {
  const { code, status, text, command } = reply
  const nature = code < 500 ? ErrorNature.TRANSIENT : ErrorNature.PERMANENT
  if (code === 530) return { code: MailErrorCode.AUTHENTICATION_METHOD_UNAVAILABLE }
  if (code === 432) return { code: MailErrorCode.TOO_MANY_CONNECTIONS }
  if (isQuota(reply)) return { code: MailErrorCode.QUOTA_EXCEEDED, nature }
  if (code === 552 || status === '5.3.4' || status === '5.2.3') return { code: MailErrorCode.MESSAGE_TOO_LARGE }
  if (code >= 500 && isAboutSender(reply)) return { code: MailErrorCode.SENDER_REFUSED }
  if (code < 500) return isGreylisting(reply) ? { code: MailErrorCode.GREYLISTED } : unavailable(text)
  return { code: command === 'DATA' ? MailErrorCode.MESSAGE_REFUSED : MailErrorCode.RECIPIENT_REFUSED }
}

/** x.2.2 (RFC 3463 3.3); 552 without a status means the mailbox when a message or recipient is refused, else the size. */
function isQuota({ code, status, text, command }: Reply): boolean {
  if (status !== '') return /^[45]\.2\.2$/.test(status)
  return /quota|mailbox (is )?full/i.test(text) || (code === 552 && command !== 'MAIL FROM')
}

function isAboutSender({ status, text, command }: Reply): boolean {
  if (command === 'MAIL FROM' || /^5\.1\.[78]$/.test(status)) return true
  return /sender (address )?(rejected|refused|denied)|not owned by|SendAsDenied|not allowed to send as|permissions? to send as/i.test(
    text,
  )
}

/** RFC 6647: 450 or 451 in answer to RCPT; other reasons for those have a status of their own. */
function isGreylisting({ code, status, text, command }: Reply): boolean {
  if (/gr[ea]y-?list/i.test(text)) return true
  return command === 'RCPT TO' && (code === 450 || code === 451) && /^(4\.7\.1)?$/.test(status)
}

/** What nodemailer says without a reply or a code that tells. */
function wordsVerdict(report: FailureReport): Verdict | undefined {
  const message = report.message ?? ''
  if (report.code === 'EAUTH') {
    // The token endpoint, not the mail server, is the one that did not answer.
    if (report.originalCode === 'EFETCH') return unavailable(message)
    return { code: MailErrorCode.AUTHENTICATION_FAILED, actor: ErrorActor.MAILBOX_OWNER, serverText: message }
  }
  if (report.code === 'EENVELOPE' && /^Invalid sender/.test(message)) return { code: MailErrorCode.SENDER_REFUSED }
  if (report.code === 'EENVELOPE' && /^Invalid recipient/.test(message))
    return { code: MailErrorCode.RECIPIENT_REFUSED }
  if (report.code === 'ETLS') return { code: MailErrorCode.TLS_PROTOCOL, serverText: message }
  return report.code === 'EPROTOCOL' ? { code: MailErrorCode.PROTOCOL_ERROR } : undefined
}
