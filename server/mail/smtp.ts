import type { Socket } from 'node:net'
import SMTPConnection from 'nodemailer/lib/smtp-connection'
import { addressProblem, asciiAddress } from './address'
import type { Opened } from './connect'
import { openConnection, openingSteps, part } from './connect'
import { refuseBadCredentials } from './credentials'
import type { EgressPolicy } from './egress'
import { classifySmtp } from './failure'
import { ProbeFault } from './fault'
import { MailErrorCode } from './mail-error'
import type { ProbeOptions, ProbeResult, ProbeSettings } from './probe'
import { ProbeRun } from './probe-run'
import { converse, ehloName, refusalOf, smtpDialect } from './smtp-dialect'
import { testMessage } from './test-message'
import { Wire } from './wire'

/** A reply is a few lines (RFC 5321 4.5.3.1.5); this leaves room for talkative ones. */
const LARGEST_REPLY = 64 * 1024
/** EHLO and one mechanism of up to three exchanges. */
const SIGN_IN_REPLIES = 2
/** MAIL, RCPT, DATA and the message. */
const SEND_REPLIES = 3

export interface SmtpProbeOptions extends ProbeOptions {
  egress: EgressPolicy
  /** Sends a real message that carries the token. Without it the envelope is offered and withdrawn. */
  testMessage?: { token: string; messageId?: string }
}

/** `allowsAuth` is there since nodemailer 5 but not in its types. */
type Connection = SMTPConnection & { allowsAuth?: boolean }

/**
 * Tests the outgoing direction: DNS, CONNECT, TLS, GREETING, AUTHENTICATE, SEND over one connection.
 *
 * SEND with `testMessage` sends a small message from the mailbox to itself. Without it, MAIL FROM and RCPT TO are asked
 * and the transaction is dropped by QUIT (RFC 5321 4.1.1.10): a sender or recipient that the server refuses is found
 * without a message in anybody's mailbox; only what a server decides on the message itself is not.
 *
 * A server that offers no AUTH fails at AUTHENTICATE: sending through it would prove nothing about the password.
 * Never rejects for what the server does, closes its connection, and ends within `timeouts.totalMs`.
 */
export function probeSmtp(settings: ProbeSettings, options: SmtpProbeOptions): Promise<ProbeResult> {
  const names = [...openingSteps(settings.endpoint.security), 'AUTHENTICATE', 'SEND'] as const
  const run = new ProbeRun(settings, options, names, classifySmtp)
  return run.complete(async () => {
    refuseBadCredentials(run, settings)
    const opened = await openConnection(run, settings, options.egress, smtpDialect)
    const { responseMs } = run.timeouts
    const session = new SmtpSession(opened, settings, responseMs)
    run.onFailure(() => session.destroy())
    await run.step('AUTHENTICATE', responseMs * SIGN_IN_REPLIES, () => session.signIn())
    await run.step('SEND', responseMs * SEND_REPLIES, () => session.offerOrSend(options.testMessage))
    session.leave()
  })
}

/** nodemailer's connection on a socket that is open, greeted and, where asked for, encrypted already. */
class SmtpSession {
  private readonly socket: Socket
  private readonly connection: Connection
  private onError: (error: unknown) => void = () => undefined

  constructor(
    { socket, secured }: Opened,
    private readonly settings: ProbeSettings,
    responseMs: number,
  ) {
    this.socket = socket
    const options = {
      host: settings.endpoint.host,
      port: settings.endpoint.port,
      connection: socket,
      secure: secured,
      secured,
      // Whether to start TLS has been decided; nodemailer must not try again.
      ignoreTLS: true,
      name: ehloName(socket),
      socketTimeout: responseMs,
      greetingTimeout: responseMs,
      maxResponseSize: LARGEST_REPLY,
      socketCloseTimeout: 0,
      logger: false,
    }
    this.connection = new SMTPConnection(options)
    // Every error goes to whoever waits; nobody waiting is no reason to bring the process down.
    this.connection.on('error', (error) => this.onError(error))
  }

  /** EHLO and AUTH. */
  async signIn(): Promise<void> {
    await this.ask((done) => this.connection.connect(done))
    if (this.connection.allowsAuth === false) {
      throw new ProbeFault(MailErrorCode.AUTHENTICATION_METHOD_UNAVAILABLE, {
        message: 'The server offers no sign-in on this port, so the password cannot be tested.',
      })
    }
    const { username, password } = this.settings
    await this.ask((done) => this.connection.login({ credentials: { user: username, pass: password } }, done))
  }

  async offerOrSend(message: SmtpProbeOptions['testMessage']): Promise<void> {
    const problem = addressProblem(this.settings.emailAddress)
    if (problem) throw new ProbeFault(MailErrorCode.SENDER_REFUSED, { message: `The address ${problem}.` })
    const address = asciiAddress(this.settings.emailAddress)
    return message ? this.send(address, message) : this.offer(address)
  }

  /** Says goodbye; the server hangs up. */
  leave(): void {
    this.socket.removeAllListeners('data')
    part(this.socket, 'QUIT\r\n')
  }

  destroy(): void {
    this.connection.close()
    this.socket.destroy()
  }

  private async send(address: string, message: { token: string; messageId?: string }): Promise<void> {
    const content = testMessage({ address, ...message })
    const envelope = { from: address, to: [address], size: content.length }
    await this.ask((done) => this.connection.send(envelope, content, (error) => done(error ?? undefined)))
  }

  /** nodemailer cannot ask without sending, so the commands are ours; it has nothing more to do on this connection. */
  private async offer(address: string): Promise<void> {
    this.socket.removeAllListeners('data')
    const wire = new Wire(this.socket)
    try {
      for (const command of ['MAIL FROM', 'RCPT TO']) {
        const reply = await converse(wire, `${command}:<${address}>`)
        if (reply.code < 200 || reply.code > 299) throw refusalOf(reply, command)
      }
    } finally {
      wire.release()
    }
  }

  /** One call of nodemailer, which reports by its callback or by the connection's error event. */
  private ask(call: (done: (error?: unknown) => void) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      this.onError = reject
      call((error) => (error ? reject(error) : resolve()))
    })
  }
}
