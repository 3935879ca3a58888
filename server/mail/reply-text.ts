import type { Verdict } from './fault'
import { ErrorActor, ErrorNature, ErrorScope, MailErrorCode } from './mail-error'

/** Words of well-known providers that say more than their reply code. The first that fits counts. */
const PROVIDER_WORDS: readonly (readonly [RegExp, Verdict])[] = [
  [
    /application-specific password|\bapp(lication)? password|InvalidSecondFactor/i,
    { code: MailErrorCode.APP_PASSWORD_REQUIRED },
  ],
  [
    /web ?login required|log in (via|with) your web browser|WebLoginRequired/i,
    {
      code: MailErrorCode.APP_PASSWORD_REQUIRED,
      message: 'The provider wants the owner to sign in with a web browser first.',
      remedy:
        "The mailbox's owner has to sign in there once and confirm it; if it recurs, an app password has to be entered here.",
    },
  ],
  [
    /\b5\.7\.139\b|basic authentication is disabled|SmtpClientAuthentication is disabled/i,
    {
      code: MailErrorCode.AUTHENTICATION_METHOD_UNAVAILABLE,
      message: 'Sign-in with a password is switched off for this account or organisation.',
    },
  ],
  [
    /too many (simultaneous |concurrent |open )?(connections|sessions)|(maximum|max) number of (simultaneous |concurrent )?connections|concurrent connections limit/i,
    { code: MailErrorCode.TOO_MANY_CONNECTIONS },
  ],
  [
    /throttl|too many (failed )?(login|log-in|auth\w*|sign-in)( attempts)?|rate limit|sending limit|thread limit exceeded/i,
    { code: MailErrorCode.THROTTLED },
  ],
  [
    /authenticated but not connected/i,
    {
      code: MailErrorCode.SERVER_UNAVAILABLE,
      scope: ErrorScope.MAILBOX,
      actor: ErrorActor.ADMINISTRATOR,
      message: 'Exchange took the password but could not open the mailbox.',
      remedy:
        'An administrator has to check that the user name names the mailbox itself, and that IMAP is enabled for it.',
    },
  ],
  [
    /(account|user|mailbox|login)\b.{0,40}\b(disabled|suspended|locked|deactivated|inactive|blocked)/i,
    { code: MailErrorCode.ACCOUNT_DISABLED },
  ],
]

/** Not a bare "unavailable": Postfix says "authentication failed: (reason unavailable)" of a wrong password. */
const TEMPORARY =
  /temporar|try (again|later)|(service|server|system|backend|currently) (is )?unavailable|shutting down|shut down|internal (server )?error|maintenance|connection lost to authentication server|system resources/i

/** What a reply's words say beyond its code; undefined when they are none of those known. */
export function textVerdict(text: string): Verdict | undefined {
  const verdict = PROVIDER_WORDS.find(([pattern]) => pattern.test(text))?.[1]
  return verdict && { ...verdict, serverText: text, retryAfterMs: waitAskedFor(text) }
}

/** True when the words say that the same may go well later. */
export function soundsTemporary(text: string): boolean {
  return TEMPORARY.test(text)
}

/** A server that is there but cannot work now. */
export function unavailable(serverText: string | undefined): Verdict {
  return { code: MailErrorCode.SERVER_UNAVAILABLE, serverText, retryAfterMs: waitAskedFor(serverText ?? '') }
}

/** A server that offers TLS and cannot start it at the moment. */
export const TLS_NOT_NOW = {
  nature: ErrorNature.TRANSIENT,
  actor: ErrorActor.NOBODY,
  message: 'The server offers STARTTLS but could not start it now.',
  remedy: 'Nobody has to act unless it lasts; then an administrator has to look at the server.',
}

/** A server that will not talk to this machine, whoever signs in. */
export function turnedAway(serverText: string | undefined): Verdict {
  return {
    code: MailErrorCode.SERVER_UNAVAILABLE,
    nature: ErrorNature.PERMANENT,
    actor: ErrorActor.ADMINISTRATOR,
    message: 'The server refuses connections from this service.',
    remedy: "The mail server's administrator has to allow the address of this service.",
    serverText,
  }
}

/** `Suggested Backoff Time: 1200 milliseconds` (Microsoft 365), `try again in 5 minutes`. */
function waitAskedFor(text: string): number | undefined {
  const [, amount, unit] =
    /(?:backoff time|try again (?:in|after)|retry (?:in|after))[:=\s]+(\d{1,9})\s*(ms|milliseconds?|s|sec(?:ond)?s?|m|min(?:ute)?s?)\b/i.exec(
      text,
    ) ?? []
  if (!amount || !unit) return undefined
  if (/^(ms|milli)/i.test(unit)) return Number(amount)
  return Number(amount) * (/^m/i.test(unit) ? 60_000 : 1000)
}
