import { ProbeFault } from './fault'
import { MailErrorCode } from './mail-error'
import type { Wire } from './wire'

/** What differs between the protocols before anybody signs in. */
export interface Dialect {
  /** As it is named in a sentence. */
  name: 'IMAP' | 'SMTP'
  /**
   * Reads the greeting, which may have several lines, and returns it as it came, line breaks included.
   * @throws ProbeFault NOT_THIS_PROTOCOL, ServerRefusal when the server turns us away
   */
  readGreeting(wire: Wire): Promise<string>
  /**
   * Asks for TLS (RFC 3501 6.2.1, RFC 3207) and returns when the server said to begin.
   * @throws ProbeFault TLS_NOT_OFFERED
   */
  askForTls(wire: Wire): Promise<void>
  /** Shown to the library once STARTTLS is done: what was said before is not to be believed (RFC 3207 4.2). */
  greetingAfterTls: string
}

/** How other servers begin to talk. */
const BANNERS: readonly (readonly [RegExp, string])[] = [
  [/^SSH-/, 'An SSH server'],
  [/^HTTP\//, 'A web server'],
  [/^\+OK/, 'A POP3 server'],
  [/^\* (OK|BYE|PREAUTH)\b/i, 'An IMAP server'],
  [/^220[ -]/, 'An SMTP or FTP server'],
]

/** How a greeting of the right kind begins, even if it breaks off. */
const OWN_START: Record<Dialect['name'], RegExp> = { IMAP: /^\* /, SMTP: /^\d{3}/ }

/**
 * The first line a server sends.
 * @throws ProbeFault TLS_WRONG_MODE for a TLS record, NOT_THIS_PROTOCOL for half a line or an endless one of another kind
 */
export async function readFirstLine(wire: Wire, name: Dialect['name']): Promise<string> {
  try {
    return await wire.readLine()
  } catch (error) {
    const said = error instanceof ProbeFault ? error.facts.serverText : undefined
    throw said && !OWN_START[name].test(said) ? notThisProtocol(said, name) : error
  }
}

/** The fault of a server that talks about something else, named if it can be. */
export function notThisProtocol(said: string, name: Dialect['name']): ProbeFault {
  // The server waited for TLS and lost its patience.
  if (isTlsRecord(said)) return new ProbeFault(MailErrorCode.TLS_WRONG_MODE)
  const speaker = BANNERS.find(([pattern]) => pattern.test(said))?.[1] ?? 'Something else'
  return new ProbeFault(MailErrorCode.NOT_THIS_PROTOCOL, {
    message: `${speaker} answers on this port, not an ${name} server.`,
    serverText: said,
  })
}

/** True for an alert or a handshake record of TLS, version 3.x (RFC 8446 5.1). */
export function isTlsRecord(said: string): boolean {
  const [type, version] = [said.charCodeAt(0), said.charCodeAt(1)]
  return (type === 0x15 || type === 0x16) && version === 3
}
