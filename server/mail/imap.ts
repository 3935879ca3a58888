import type { Socket } from 'node:net'
import type { MailboxObject } from 'imapflow'
import { ImapFlow } from 'imapflow'
import type { Opened } from './connect'
import { openConnection, openingSteps, part } from './connect'
import { refuseBadCredentials } from './credentials'
import type { EgressPolicy } from './egress'
import { classifyImap } from './failure'
import type { FailureReport } from './fault'
import { ProbeFault, saysOnlyGone } from './fault'
import { imapDialect } from './imap-dialect'
import type { RoundTrip } from './imap-round-trip'
import { receiveTestMessage } from './imap-round-trip'
import { MailErrorCode } from './mail-error'
import type { ProbeOptions, ProbeResult, ProbeSettings, StepName } from './probe'
import { ProbeRun } from './probe-run'

/** Far more than any answer to what a probe asks, and far less than what could hurt. */
const LARGEST_LINE = 256 * 1024
const LARGEST_RESPONSE = 1024 * 1024
const MOST_TOKENS = 50_000
/** CAPABILITY and LOGIN; a server that answers each at the last moment is too slow anyway. */
const SIGN_IN_REPLIES = 2

/**
 * What imapflow sends of its own accord and a probe has no use for: each costs a round trip, and together they cost as
 * much as the sign-in (reference mail-rig.md section 3).
 */
const NEEDLESS = new Set(['ID', 'NAMESPACE', 'LIST', 'LSUB', 'ENABLE', 'COMPRESS'])

export interface ImapProbeOptions extends ProbeOptions {
  egress: EgressPolicy
  /** Adds RECEIVE: waits for the message that the outgoing test sends. */
  roundTrip?: RoundTrip
}

/** What imapflow 2.10 has beside its types; a version without them only sends more commands or waits longer. */
interface Internals {
  run(command: string, ...args: unknown[]): Promise<unknown>
  /** Sits out a back-off that Microsoft 365 asks for; we report it instead. */
  throttleWait(delayMs: number): Promise<boolean>
}

/**
 * Tests the incoming direction: DNS, CONNECT, TLS, GREETING, AUTHENTICATE, OPEN_INBOX and, with `roundTrip`, RECEIVE over
 * one connection. RECEIVE is SKIPPED when the message was not sent.
 *
 * An inbox that cannot be changed fails at OPEN_INBOX: processing marks and deletes messages there.
 * Never rejects for what the server does, closes its connection, and ends within `timeouts.totalMs`.
 */
export function probeImap(settings: ProbeSettings, options: ImapProbeOptions): Promise<ProbeResult> {
  const { roundTrip } = options
  const names: StepName[] = [...openingSteps(settings.endpoint.security), 'AUTHENTICATE', 'OPEN_INBOX']
  if (roundTrip) names.push('RECEIVE')
  const run = new ProbeRun(settings, options, names, classifyImap)
  return run.complete(async () => {
    refuseBadCredentials(run, settings)
    const opened = await openConnection(run, settings, options.egress, imapDialect)
    const { responseMs, receiveMs, totalMs } = run.timeouts
    const session = new ImapSession(opened, settings, responseMs, roundTrip !== undefined)
    run.onFailure(() => session.client.close())
    await run.step('AUTHENTICATE', responseMs * SIGN_IN_REPLIES, () => session.signIn())
    await run.step('OPEN_INBOX', responseMs, () => session.openInbox())
    if (roundTrip) {
      await run.step('RECEIVE', totalMs, () => session.receive(roundTrip, receiveMs))
    }
    session.leave()
  })
}

/** imapflow on a socket that is open, greeted and, where asked for, encrypted already. */
class ImapSession {
  readonly client: ImapFlow
  private readonly socket: Socket
  /** imapflow's own way to send a command. */
  private readonly runCommand: Internals['run']
  /** imapflow tells why a connection broke only in its error event. */
  private lastError?: unknown

  constructor(
    { socket, secured }: Opened,
    settings: ProbeSettings,
    private readonly responseMs: number,
    private readonly willDelete: boolean,
  ) {
    this.socket = socket
    const { endpoint, username, password } = settings
    this.client = new ImapFlow({
      host: endpoint.host,
      port: endpoint.port,
      secure: secured,
      doSTARTTLS: secured ? undefined : false,
      auth: { user: username, pass: password },
      clientInfo: { name: 'Mailwarden', version: false, vendor: false, 'support-url': false },
      logger: false,
      disableAutoIdle: true,
      disableAutoEnable: true,
      disableCompression: true,
      greetingTimeout: responseMs,
      socketTimeout: responseMs,
      maxLineLength: LARGEST_LINE,
      maxLiteralSize: LARGEST_LINE,
      maxResponseSize: LARGEST_RESPONSE,
      maxResponseTokens: MOST_TOKENS,
      transport: {
        connect(_options, onConnect) {
          setImmediate(onConnect)
          return socket
        },
      },
    })
    this.runCommand = (this.client as unknown as Internals).run.bind(this.client)
    this.client.on('error', (error) => {
      this.lastError ??= error
    })
    this.keepToTheNeeded()
  }

  async signIn(): Promise<void> {
    await this.explain(() => this.client.connect())
  }

  async openInbox(): Promise<void> {
    const inbox = await this.explain(() => this.selectInbox())
    // imapflow takes nonsense in answer to SELECT for an inbox; one without a count is none (RFC 3501 6.3.1).
    if (!inbox || typeof inbox.exists !== 'number') throw new ProbeFault(MailErrorCode.PROTOCOL_ERROR)
    if (inbox.readOnly) throw new ProbeFault(MailErrorCode.INBOX_READ_ONLY)
  }

  /** While the message is on its way the connection is silent, and that is no fault. */
  async receive(roundTrip: RoundTrip, receiveMs: number): Promise<void> {
    this.socket.setTimeout(0)
    const sent = roundTrip.sent.finally(() => this.socket.setTimeout(this.responseMs))
    await this.explain(() => receiveTestMessage(this.client, { ...roundTrip, sent }, receiveMs))
  }

  /** Says goodbye; the server hangs up. */
  leave(): void {
    this.client.unbind()
    part(this.socket, 'BYE LOGOUT\r\n')
  }

  /** NetEase (163.com, 126.com) opens no mailbox for a client that has not said what it is (RFC 2971). */
  private async selectInbox(): Promise<MailboxObject> {
    try {
      return await this.client.mailboxOpen('INBOX')
    } catch (error) {
      if (!/unsafe login/i.test((error as FailureReport).responseText ?? '')) throw error
      await this.runCommand('ID', this.client.clientInfo)
      return this.client.mailboxOpen('INBOX')
    }
  }

  /** A broken connection is reported by what broke it, not by the command that found it broken. */
  private async explain<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      const report = error as FailureReport
      if (!saysOnlyGone(report)) throw error
      if (this.lastError) throw this.lastError
      throw Object.assign(report, { reason: report.reason ?? this.client.byeReason })
    }
  }

  private keepToTheNeeded(): void {
    const { client } = this
    const internals = client as unknown as Internals
    internals.run = async (command, ...args) => {
      if (NEEDLESS.has(command)) return []
      // What the server can do once signed in matters only to deleting.
      if (command === 'CAPABILITY' && client.authenticated && !this.willDelete) return []
      const result = await this.runCommand(command, ...args)
      if (command === 'CAPABILITY') this.chooseSignIn()
      return result
    }
    internals.throttleWait = () => Promise.resolve(false)
  }

  /**
   * LOGIN takes one round trip where AUTHENTICATE takes two. It is used where the server allows it and the words can
   * stand in a quoted string (RFC 3501 9): others go in base64.
   */
  private chooseSignIn(): void {
    const { auth } = this.client.options
    if (!auth || this.client.authenticated) return
    const isQuotable = /^[\x20-\x7e]*$/.test(`${auth.user}${auth.pass ?? ''}`)
    if (isQuotable && !this.client.capabilities.has('LOGINDISABLED')) auth.loginMethod = 'LOGIN'
  }
}
