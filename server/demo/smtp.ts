import type { Socket } from 'node:net'
import {
  SMTPServer,
  type SMTPServerAuthentication,
  type SMTPServerAuthenticationResponse,
  type SMTPServerDataStream,
  type SMTPServerOptions,
  type SMTPServerSession,
} from 'smtp-server'
import type { Certificate } from './certificates'
import type { SmtpReply } from './faults'
import { formatRfc5322Date } from './imap-format'
import type { MailListener } from './listeners'
import type { Account, MailAccounts } from './mail-accounts'
import { QuotaExceeded } from './mail-store'

export interface SmtpOptions {
  accounts: MailAccounts
  /** tls: from the first byte. starttls: offered, and no AUTH without it. plain: no TLS at all, AUTH allowed. */
  security: 'tls' | 'starttls' | 'plain'
  /** Added to each answer, in ms; read at each answer. */
  latencyMs: () => number
}

const MAX_MESSAGE_BYTES = 10 * 1024 * 1024
const HOST_NAME = 'mail.demo.test'

const reply = ({ code, text }: SmtpReply) => Object.assign(new Error(text), { responseCode: code })

/** Parts of smtp-server's connection that PromptSmtpServer steers; they are not in its types. */
interface Connection {
  session: SMTPServerSession
  _socket: Socket
  _armTimeout(socket?: Socket): void
  connectionReady(): void
  _onCommand(command: unknown, callback: (error?: Error) => void): void
}

/**
 * smtp-server waits 100 ms before it greets, to catch clients that talk too soon, and has no option against it: that
 * wait would be most of what a test of a mailbox takes. This one greets at once, and answers late when told to.
 */
class PromptSmtpServer extends SMTPServer {
  private readonly outermost = new WeakMap<Connection, Socket>()

  constructor(
    options: SMTPServerOptions,
    private readonly latencyMs: () => number,
  ) {
    super(options)
    const { connections } = this
    connections.add = (connection: Connection) => {
      this.quicken(connection)
      return Set.prototype.add.call(connections, connection)
    }
  }

  /** Called before the connection's init(), which starts the wait. */
  private quicken(connection: Connection): void {
    const greet = connection.connectionReady.bind(connection)
    const run = connection._onCommand.bind(connection)
    connection.connectionReady = () => {}
    setImmediate(() => this.later(greet))
    connection._onCommand = (command, callback) => this.later(() => run(command, callback))
    // Called for the socket of a STARTTLS handshake as soon as it is made, before the connection takes it for its own.
    const arm = connection._armTimeout.bind(connection)
    connection._armTimeout = (socket) => {
      if (socket) this.outermost.set(connection, socket)
      arm(socket)
    }
  }

  private later(action: () => void): void {
    const latency = this.latencyMs()
    if (latency > 0) setTimeout(action, latency)
    else action()
  }

  /** Cuts the connection of a session without a word. */
  drop({ id }: SMTPServerSession): void {
    for (const connection of this.connections as Set<Connection>) {
      if (connection.session.id === id) connection._socket.destroy()
    }
  }

  closeClients(): void {
    // smtp-server starts TLS one turn after it accepts; on a socket that was destroyed in between, Node crashes.
    setImmediate(() => {
      // Ends those that have not come as far as a connection.
      this.close()
      for (const connection of this.connections as Set<Connection>) {
        const socket = this.outermost.get(connection) ?? connection._socket
        socket.destroy()
      }
    })
  }
}

type Done = (error?: Error | null) => void

/** The decisions of a submission server: who may log in, send as whom, to whom. */
class Submission {
  constructor(
    private readonly options: SmtpOptions,
    private readonly drop: (session: SMTPServerSession) => void,
  ) {}

  readonly onAuth = (
    auth: SMTPServerAuthentication,
    session: SMTPServerSession,
    done: (error: Error | null | undefined, response?: SMTPServerAuthenticationResponse) => void,
  ): void => {
    const account = this.options.accounts.find(auth.username ?? '')
    const verdict = account?.checkLogin(auth.password ?? '') ?? 'refused'
    if (verdict === 'hangs') return
    if (verdict === 'drops') {
      this.drop(session)
      return
    }
    this.late(account, () => {
      if (!account || verdict === 'refused') {
        done(reply({ code: 535, text: '5.7.8 Error: authentication failed' }))
      } else if (account.fault.smtpAuth) done(reply(account.fault.smtpAuth))
      else done(null, { user: account.address })
    })
  }

  readonly onMailFrom = ({ address }: { address: string }, session: SMTPServerSession, done: Done): void => {
    const account = this.accountOf(session)
    this.late(account, () => {
      const sender = address.toLowerCase()
      if (account?.fault.smtpMailFrom) done(reply(account.fault.smtpMailFrom))
      // The null sender of RFC 5321 4.5.5 is nobody's.
      else if (sender && sender !== account?.address) {
        done(
          reply({
            code: 553,
            text: `5.7.1 <${sender}>: Sender address rejected: not owned by user ${account?.address}`,
          }),
        )
      } else done()
    })
  }

  readonly onRcptTo = ({ address }: { address: string }, session: SMTPServerSession, done: Done): void => {
    const { accounts } = this.options
    const recipient = accounts.findByAddress(address)
    this.late(this.accountOf(session), () => {
      if (!accounts.hasDomain(address)) done(reply({ code: 554, text: `5.7.1 <${address}>: Relay access denied` }))
      else if (!recipient)
        done(reply({ code: 550, text: `5.1.1 <${address}>: Recipient address rejected: User unknown` }))
      else if (recipient.fault.smtpRcptTo) done(reply(recipient.fault.smtpRcptTo))
      else done()
    })
  }

  readonly onData = (stream: SMTPServerDataStream, session: SMTPServerSession, done: Done): void => {
    const chunks: Buffer[] = []
    // What is over the limit is read and dropped: the reply comes after the end of the data (RFC 5321 4.2.5).
    stream.on('data', (chunk: Buffer) => !stream.sizeExceeded && chunks.push(chunk))
    stream.on('error', () => {})
    stream.on('end', () => {
      const account = this.accountOf(session)
      this.late(
        account,
        () => {
          const refusal = stream.sizeExceeded
            ? { code: 552, text: '5.3.4 Message size exceeds fixed limit' }
            : (account?.fault.smtpData ?? this.deliver(Buffer.concat(chunks), session))
          done(refusal ? reply(refusal) : null)
        },
        this.options.latencyMs(),
      )
    })
  }

  /** Puts a copy into each recipient's INBOX; returns what was wrong. */
  private deliver(raw: Buffer, session: SMTPServerSession): SmtpReply | undefined {
    const { mailFrom, rcptTo } = session.envelope
    const path = Buffer.from(`Return-Path: <${mailFrom ? mailFrom.address : ''}>\r\n`)
    for (const { address } of rcptTo) {
      const recipient = this.options.accounts.findByAddress(address)
      const refusal = recipient && this.deliverTo(recipient, path, raw, session)
      if (refusal) return refusal
    }
    return undefined
  }

  /** `isForwarded`: two accounts that forward to each other do not send a message round for ever. */
  private deliverTo(
    recipient: Account,
    path: Buffer,
    raw: Buffer,
    session: SMTPServerSession,
    isForwarded = false,
  ): SmtpReply | undefined {
    if (recipient.fault.losesMail) return undefined
    const trace =
      `Delivered-To: ${recipient.address}\r\n` +
      `Received: by ${HOST_NAME} (authenticated as ${session.user}) with ESMTPSA id ${session.id}\r\n` +
      `\tfor <${recipient.address}>; ${formatRfc5322Date(new Date())}\r\n`
    const traced = Buffer.concat([Buffer.from(trace), raw])
    const next = isForwarded ? undefined : this.options.accounts.findByAddress(recipient.forwardsTo ?? '')
    if (next) return this.deliverTo(next, path, traced, session, true)
    try {
      if (recipient.fault.isFull) throw new QuotaExceeded()
      recipient.mailbox.inbox.append(Buffer.concat([path, traced]))
    } catch (error) {
      if (!(error instanceof QuotaExceeded)) throw error
      return { code: 552, text: `5.2.2 <${recipient.address}>: Quota exceeded (mailbox for user is full)` }
    }
    return undefined
  }

  private accountOf(session: SMTPServerSession): Account | undefined {
    return this.options.accounts.findByAddress(session.user ?? '')
  }

  private late(account: Account | undefined, action: () => void, moreMs = 0): void {
    const latency = (account?.fault.latencyMs ?? 0) + moreMs
    if (latency > 0) setTimeout(action, latency)
    else action()
  }
}

/** A submission server (RFC 6409) that delivers into the mailboxes of `options.accounts`. */
export function createSmtpListener(options: SmtpOptions, certificate: Certificate): MailListener {
  const submission = new Submission(options, (session) => server.drop(session))
  const server: PromptSmtpServer = new PromptSmtpServer(
    {
      key: certificate.privateKey,
      cert: certificate.certificate,
      minVersion: 'TLSv1.2',
      secure: options.security === 'tls',
      hideSTARTTLS: options.security === 'plain',
      allowInsecureAuth: options.security === 'plain',
      disabledCommands: options.security === 'plain' ? ['STARTTLS'] : [],
      name: HOST_NAME,
      banner: 'demo mail system',
      size: MAX_MESSAGE_BYTES,
      authMethods: ['PLAIN', 'LOGIN'],
      disableReverseLookup: true,
      logger: false,
      socketTimeout: 60_000,
      onAuth: submission.onAuth,
      onMailFrom: submission.onMailFrom,
      onRcptTo: submission.onRcptTo,
      onData: submission.onData,
    },
    options.latencyMs,
  )
  // A client that does not trust the certificate, or speaks no TLS, is its own affair.
  server.on('error', () => {})
  return { server: server.server, closeClients: () => server.closeClients() }
}
