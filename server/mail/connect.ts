import type { Socket } from 'node:net'
import { connect as connectTcp, isIP } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { connect as connectTls } from 'node:tls'
import { domainToASCII } from 'node:url'
import { hostProblem } from './address'
import { diagnosisMs, faultBehindHandshake, faultBehindSilence, isForeignHandshake } from './diagnose'
import type { Dialect } from './dialect'
import type { EgressPolicy } from './egress'
import { ProbeFault } from './fault'
import { MailErrorCode } from './mail-error'
import type { ProbeSettings, StepName } from './probe'
import { ConnectionSecurity } from './probe'
import type { ProbeRun } from './probe-run'
import { resolveHost } from './resolve'
import { trustContext } from './trust'
import { Wire } from './wire'
import { within } from './within'

const FAREWELL_MS = 1000
/** So that a step whose work has limits of its own ends by those, and says more than that time is up. */
const SLACK_MS = 500

const ignore = () => undefined

export interface Opened {
  socket: Socket
  secured: boolean
}

/** The steps up to the point where the library takes over. */
export function openingSteps(security: ConnectionSecurity): StepName[] {
  if (security === ConnectionSecurity.TLS) return ['DNS', 'CONNECT', 'TLS', 'GREETING']
  if (security === ConnectionSecurity.STARTTLS) return ['DNS', 'CONNECT', 'GREETING', 'TLS']
  return ['DNS', 'CONNECT', 'GREETING']
}

/**
 * Opens the one connection of a probe up to its greeting and, where the profile asks for it, TLS. The greeting is put
 * back for the library, so that it starts as if the connection were its own. The host is resolved once, and only
 * addresses that the policy allows are connected to, so a name that answers differently the second time reaches nothing.
 */
export async function openConnection(
  run: ProbeRun,
  settings: ProbeSettings,
  egress: EgressPolicy,
  dialect: Dialect,
): Promise<Opened> {
  const { endpoint } = settings
  const { connectMs, greetingMs, responseMs } = run.timeouts
  const addresses = await run.step('DNS', connectMs, () => allowedAddresses(endpoint.host, egress))
  const tcp = await run.step('CONNECT', connectMs, () => connectToFirst(run, addresses, endpoint.port, connectMs))
  if (endpoint.security === ConnectionSecurity.TLS) {
    const socket = await run.step('TLS', responseMs, () => startTls(run, tcp, settings, dialect))
    const wire = new Wire(socket)
    const greeting = await run.step('GREETING', greetingMs, () => dialect.readGreeting(wire))
    wire.release(Buffer.from(greeting))
    return { socket, secured: true }
  }
  const wire = new Wire(tcp)
  const limitMs = greetingMs + diagnosisMs(greetingMs) + SLACK_MS
  const greeting = await run.step('GREETING', limitMs, () => readPlainGreeting(wire, dialect, greetingMs))
  if (endpoint.security === ConnectionSecurity.NONE) {
    wire.release(Buffer.from(greeting))
    return { socket: tcp, secured: false }
  }
  const socket = await run.step('TLS', responseMs, () => startTlsOn(run, wire, settings, dialect))
  socket.unshift(Buffer.from(dialect.greetingAfterTls))
  return { socket, secured: true }
}

async function allowedAddresses(host: string, egress: EgressPolicy): Promise<string[]> {
  const problem = hostProblem(host)
  if (problem) throw new ProbeFault(MailErrorCode.DNS_NOT_FOUND, { message: `The host ${problem}.` })
  const addresses = await resolveHost(host)
  const allowed = addresses.filter((address) => egress.allows(address))
  if (allowed.length > 0) return allowed
  throw new ProbeFault(addresses.length > 0 ? MailErrorCode.HOST_NOT_ALLOWED : MailErrorCode.DNS_NOT_FOUND)
}

/** Tries the addresses one after the other; the last one's failure counts. */
async function connectToFirst(run: ProbeRun, addresses: string[], port: number, limitMs: number): Promise<Socket> {
  const end = performance.now() + limitMs
  let failure: unknown
  for (const [index, address] of addresses.entries()) {
    const share = (end - performance.now()) / (addresses.length - index)
    try {
      return await connectTo(run, address, port, share)
    } catch (error) {
      failure = error
    }
  }
  throw failure
}

function connectTo(run: ProbeRun, host: string, port: number, limitMs: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connectTcp({ host, port, noDelay: true })
    // Stays for good: an error that nobody waits for must not be an uncaught exception.
    socket.on('error', ignore)
    run.onFailure(() => socket.destroy())
    const timer = setTimeout(() => socket.destroy(new ProbeFault(MailErrorCode.CONNECT_TIMEOUT)), limitMs)
    socket.once('connect', () => {
      clearTimeout(timer)
      socket.off('error', reject)
      resolve(socket)
    })
    socket.once('close', () => clearTimeout(timer))
    socket.once('error', reject)
  })
}

/** TLS from the first byte (RFC 8314). */
async function startTls(run: ProbeRun, tcp: Socket, settings: ProbeSettings, dialect: Dialect): Promise<TLSSocket> {
  const address = tcp.remoteAddress
  try {
    return await handshake(run, tcp, settings)
  } catch (error) {
    if (!address || !isForeignHandshake(error)) throw error
    const waitMs = diagnosisMs(run.timeouts.greetingMs)
    const wire = new Wire(await connectTo(run, address, settings.endpoint.port, waitMs))
    try {
      throw (await faultBehindHandshake(wire, dialect, waitMs)) ?? error
    } finally {
      wire.socket.destroy()
    }
  }
}

/**
 * @throws ProbeFault PROTOCOL_ERROR when anything follows the answer in plain text: somebody on the way may have put it
 * there, to be read as if it had come over TLS (CVE-2011-0411)
 */
async function startTlsOn(run: ProbeRun, wire: Wire, settings: ProbeSettings, dialect: Dialect): Promise<TLSSocket> {
  await dialect.askForTls(wire)
  if (wire.pending.length > 0) {
    throw new ProbeFault(MailErrorCode.PROTOCOL_ERROR, {
      message: `The ${dialect.name} server went on in plain text after it had agreed to start TLS.`,
    })
  }
  wire.release()
  return handshake(run, wire.socket, settings)
}

function handshake(run: ProbeRun, tcp: Socket, settings: ProbeSettings): Promise<TLSSocket> {
  const { endpoint, verifyCertificates } = settings
  const secureContext = readTrust(settings)
  // Without the dot that ends a full name in the DNS, and as A-labels: so certificates name it.
  const name = isIP(endpoint.host) === 0 ? domainToASCII(endpoint.host).replace(/\.$/, '') : undefined
  return new Promise((resolve, reject) => {
    const socket = connectTls({
      socket: tcp,
      secureContext,
      rejectUnauthorized: verifyCertificates,
      host: name ?? endpoint.host,
      // SNI takes names only (RFC 6066 3).
      ...(name && { servername: name }),
    })
    socket.on('error', ignore)
    run.onFailure(() => socket.destroy())
    socket.once('error', reject)
    socket.once('secureConnect', () => {
      socket.off('error', reject)
      run.secured = true
      resolve(socket)
    })
  })
}

function readTrust(settings: ProbeSettings) {
  try {
    return trustContext(settings.trustedCertificates)
  } catch {
    throw new ProbeFault(MailErrorCode.TLS_CERTIFICATE_UNTRUSTED, {
      message: "The profile's trusted certificates cannot be read.",
      remedy: 'An administrator has to paste them again as PEM text (BEGIN CERTIFICATE ... END CERTIFICATE).',
    })
  }
}

/** A server that stays silent may wait for a TLS handshake, or for a browser: it is asked before the step ends. */
async function readPlainGreeting(wire: Wire, dialect: Dialect, greetingMs: number): Promise<string> {
  const greeting = await within(greetingMs, dialect.readGreeting(wire))
  if (greeting !== undefined) return greeting
  const fault = await faultBehindSilence(wire, dialect, diagnosisMs(greetingMs))
  throw fault ?? new ProbeFault(MailErrorCode.GREETING_TIMEOUT)
}

/**
 * Says goodbye without waiting for the answer: the test is over, and its place may be taken. The socket is closed when
 * the server has answered, or after a second.
 */
export function part(socket: Socket, farewell: string): void {
  const timer = setTimeout(() => socket.destroy(), FAREWELL_MS)
  timer.unref()
  socket.once('close', () => clearTimeout(timer))
  socket.end(farewell)
  socket.resume()
}
