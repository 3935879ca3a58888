import { randomBytes } from 'node:crypto'
import type { Dialect } from './dialect'
import { isTlsRecord } from './dialect'
import { ProbeFault, ServerRefusal } from './fault'
import { MailErrorCode } from './mail-error'
import type { Wire } from './wire'
import { within } from './within'

const LONGEST_MS = 1500

/** What TLS libraries say when the other side's bytes are no TLS, or when it hung up on ours. */
const FOREIGN = new Set(['ERR_SSL_WRONG_VERSION_NUMBER', 'ERR_SSL_PACKET_LENGTH_TOO_LONG', 'EPROTO', 'ECONNRESET'])

/** How long a server is given to show what it is, once the test has failed anyway. */
export function diagnosisMs(greetingMs: number): number {
  return Math.min(LONGEST_MS, greetingMs)
}

/** True when a failed handshake may mean that something else than TLS is spoken on the port. */
export function isForeignHandshake(error: unknown): boolean {
  return FOREIGN.has((error as NodeJS.ErrnoException).code ?? '')
}

/** Why a TLS handshake failed, by what the server says on a fresh connection without TLS. */
export async function faultBehindHandshake(
  wire: Wire,
  dialect: Dialect,
  waitMs: number,
): Promise<ProbeFault | undefined> {
  try {
    if ((await within(waitMs, dialect.readGreeting(wire))) !== undefined)
      return new ProbeFault(MailErrorCode.TLS_WRONG_MODE)
    const fault = await reactionToHello(wire, dialect, waitMs)
    return isFault(fault, MailErrorCode.NOT_THIS_PROTOCOL) ? fault : undefined
  } catch (error) {
    if (isFault(error, MailErrorCode.NOT_THIS_PROTOCOL)) return error
    // A server that refuses us in the right protocol has shown its mode too; one that hangs up has shown nothing.
    return error instanceof ServerRefusal ? new ProbeFault(MailErrorCode.TLS_WRONG_MODE) : undefined
  }
}

/** Why a server did not greet, by its answer to the first message of a TLS handshake. */
export function faultBehindSilence(wire: Wire, dialect: Dialect, waitMs: number): Promise<ProbeFault | undefined> {
  // One that sends its greeting byte by byte is slow, and nothing else.
  return wire.pending.length > 0 ? Promise.resolve(undefined) : reactionToHello(wire, dialect, waitMs)
}

async function reactionToHello(wire: Wire, dialect: Dialect, waitMs: number): Promise<ProbeFault | undefined> {
  wire.socket.write(clientHello())
  const answer = await within(
    waitMs,
    wire.peek().catch(() => undefined),
  )
  if (answer === undefined) return undefined
  if (isTlsRecord(answer)) return new ProbeFault(MailErrorCode.TLS_WRONG_MODE)
  if (/^HTTP\//.test(answer)) {
    return new ProbeFault(MailErrorCode.NOT_THIS_PROTOCOL, {
      message: `A web server answers on this port, not an ${dialect.name} server.`,
      serverText: answer,
    })
  }
  return undefined
}

function isFault(error: unknown, code: MailErrorCode): error is ProbeFault {
  return error instanceof ProbeFault && error.code === code
}

/** The smallest ClientHello that every TLS server answers, be it with an alert (RFC 5246 7.4.1.2). */
function clientHello(): Buffer {
  const version = [0x03, 0x03]
  const ciphers = [0xc0, 0x2f, 0xc0, 0x30, 0xc0, 0x2b, 0x00, 0x9c]
  const body = [...version, ...randomBytes(32), 0, 0, ciphers.length, ...ciphers, 1, 0]
  const message = [1, 0, 0, body.length, ...body]
  return Buffer.from([0x16, 0x03, 0x01, 0, message.length, ...message])
}
