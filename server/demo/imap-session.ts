import type { Socket } from 'node:net'
import { type SecureContext, TLSSocket } from 'node:tls'
import { ImapInput, InputTooLong } from './imap-input'
import { bad, type ImapCommand, ImapRefusal, no, parseCommand, tagOf } from './imap-parser'
import type { Selection } from './imap-selection'
import type { Account, MailAccounts } from './mail-accounts'

export interface ImapOptions {
  accounts: MailAccounts
  /** tls: from the first byte. starttls: offered, and no login without it. plain: no TLS at all, logins allowed. */
  security: 'tls' | 'starttls' | 'plain'
  secureContext: SecureContext
  /** Added to each answer, in ms; read at each answer, so it can be changed. */
  latencyMs: () => number
}

export type Handler = (session: ImapSession, command: ImapCommand) => string | Promise<string>

/** When a command may be given (RFC 3501 section 3). */
export type Stage = 'any' | 'before login' | 'after login' | 'selected'

export interface CommandRule {
  stage: Stage
  run: Handler
  /** EXPUNGE answers would move the numbers that the command's own answers use (RFC 3501 7.4.1). */
  keepsNumbers?: boolean
}

const MAX_LINE_BYTES = 64 * 1024
const MAX_LITERAL_BYTES = 64 * 1024
const MAX_LITERAL_BEFORE_LOGIN = 4 * 1024
/** A message of APPEND. */
export const MAX_MESSAGE_BYTES = 10 * 1024 * 1024
const MAX_REFUSED = 50
const LOGIN_TIMEOUT_MS = 60_000
/** RFC 3501 5.4: at least 30 minutes. */
const IDLE_TIMEOUT_MS = 31 * 60_000
const HANDSHAKE_TIMEOUT_MS = 20_000
const WRITE_AT_BYTES = 512 * 1024

/** One client of the IMAP server: reads commands one after the other and answers them. */
export class ImapSession {
  readonly input = new ImapInput()
  account?: Account
  selection?: Selection
  isSecure = false
  /** Set by LOGOUT, or when the client talks nonsense: the loop ends after the answer. */
  isOver = false
  private readonly onData = (chunk: Buffer) => this.input.feed(chunk)
  private readonly onEnd = () => this.input.end()
  private readonly onTimeout = () => {
    this.socket.end('* BYE Disconnected for inactivity\r\n')
    this.input.end()
  }
  private output: Buffer[] = []
  private outputBytes = 0
  private refused = 0

  constructor(
    private socket: Socket,
    readonly options: ImapOptions,
    private readonly rules: ReadonlyMap<string, CommandRule>,
    readonly capabilities: (session: ImapSession) => string,
  ) {
    this.attach(socket)
  }

  /** Serves the client until it leaves. Never rejects. */
  async serve(): Promise<void> {
    try {
      if (this.options.security === 'tls' && !(await this.secure())) return
      this.send(`* OK [CAPABILITY ${this.capabilities(this)}] Mail system ready`)
      await this.flush()
      while (!this.isOver) {
        const pieces = await this.readPieces()
        if (!pieces) break
        await this.answer(pieces)
      }
    } catch (error) {
      this.send(error instanceof InputTooLong ? '* BYE Line too long' : '* BYE [SERVERBUG] Internal error')
      await this.flush()
    } finally {
      this.logOut()
      this.socket.destroySoon()
    }
  }

  /** Queues one line of an answer, latin1. It leaves with flush(), which each command's end calls. */
  send(line: string): void {
    const bytes = Buffer.from(`${line}\r\n`, 'latin1')
    this.output.push(bytes)
    this.outputBytes += bytes.length
  }

  /** Long answers leave in pieces, and wait for a slow reader. */
  async flushWhenLarge(): Promise<void> {
    if (this.outputBytes < WRITE_AT_BYTES) return
    if (!this.write()) await new Promise((resolve) => this.socket.once('drain', resolve).once('close', resolve))
  }

  async flush(): Promise<void> {
    const latency = this.options.latencyMs() + (this.account?.fault.latencyMs ?? 0)
    if (latency > 0) await new Promise((resolve) => setTimeout(resolve, latency))
    this.write()
  }

  private write(): boolean {
    const bytes = this.output.length === 1 ? this.output[0] : Buffer.concat(this.output)
    this.output = []
    this.outputBytes = 0
    return !bytes || bytes.length === 0 || this.socket.destroyed || this.socket.write(bytes)
  }

  /** The line that answers a "+" of ours, as AUTHENTICATE and IDLE need it; undefined when the client is gone. */
  async ask(prompt: string): Promise<string | undefined> {
    this.send(`+ ${prompt}`)
    await this.flush()
    return this.input.line(MAX_LINE_BYTES)
  }

  logIn(account: Account): void {
    account.sessions++
    this.account = account
    this.socket.setTimeout(IDLE_TIMEOUT_MS)
  }

  private logOut(): void {
    if (this.account) this.account.sessions--
    this.account = undefined
    this.selection = undefined
  }

  /** Cuts the connection without a word. */
  drop(): void {
    this.isOver = true
    this.output = []
    // A TLS socket has no reset of its own.
    if (this.socket instanceof TLSSocket) this.socket.destroy()
    else this.socket.resetAndDestroy()
  }

  /** Never answers again; ends when the client closes. */
  async hang(): Promise<never> {
    this.output = []
    while ((await this.input.line(MAX_LINE_BYTES)) !== undefined);
    this.isOver = true
    throw new ImapRefusal('BAD Too late')
  }

  /** Says OK, then goes on over TLS. What the client sent before it is dropped (RFC 3501 6.2.1). */
  async startTls(tag: string): Promise<void> {
    this.send(`${tag} OK Begin TLS negotiation now`)
    await this.flush()
    if (!(await this.secure())) this.isOver = true
  }

  /** The handshake; false when it came to nothing: the client speaks no TLS, or does not trust the certificate. */
  private async secure(): Promise<boolean> {
    this.detach()
    const secured = new TLSSocket(this.socket, { isServer: true, secureContext: this.options.secureContext })
    const timer = setTimeout(() => secured.destroy(), HANDSHAKE_TIMEOUT_MS)
    this.socket = secured
    this.attach(secured)
    this.isSecure = await new Promise<boolean>((resolve) => {
      secured.once('secure', () => resolve(true)).once('close', () => resolve(false))
    })
    clearTimeout(timer)
    return this.isSecure
  }

  /** Ends the session at once. */
  close(): void {
    this.isOver = true
    this.socket.destroy()
  }

  private attach(socket: Socket): void {
    this.input.attach(socket)
    socket.setNoDelay(true)
    socket.setTimeout(LOGIN_TIMEOUT_MS)
    socket.on('data', this.onData).on('end', this.onEnd).on('close', this.onEnd).on('timeout', this.onTimeout)
    // A reset by the client is the end of its session, nothing more.
    socket.on('error', this.onEnd)
  }

  /** Leaves the socket to the TLS layer; an error of it still needs a listener. */
  private detach(): void {
    const { socket } = this
    socket.off('data', this.onData).off('end', this.onEnd).off('close', this.onEnd).off('timeout', this.onTimeout)
    socket.setTimeout(0)
  }

  /** A command's texts and literals in turn (RFC 3501 4.3, RFC 7888); undefined at the end. */
  private async readPieces(): Promise<(string | Buffer)[] | undefined> {
    const pieces: (string | Buffer)[] = []
    let total = 0
    for (;;) {
      const line = await this.input.line(MAX_LINE_BYTES)
      if (line === undefined) return undefined
      const marker = /\{(\d{1,10})(\+)?\}$/.exec(line)
      pieces.push(marker ? line.slice(0, marker.index) : line)
      if (!marker) return pieces
      const size = Number(marker[1])
      total += size + line.length
      const refusal = this.refuseLiteral(String(pieces[0]), size, total)
      if (refusal) {
        // The bytes of a literal that needs no "+" are on their way already: there is no way back but the end.
        if (marker[2]) throw new InputTooLong()
        this.send(`${tagOf(String(pieces[0]))} ${refusal}`)
        await this.flush()
        return this.readPieces()
      }
      if (!marker[2]) {
        this.send('+ Ready for literal data')
        await this.flush()
      }
      const bytes = await this.input.bytes(size)
      if (!bytes) return undefined
      pieces.push(bytes)
    }
  }

  private refuseLiteral(first: string, size: number, total: number): string | undefined {
    if (!this.account) return total > MAX_LITERAL_BEFORE_LOGIN ? 'BAD Literal too long' : undefined
    const isAppend = /^\S+ APPEND( |$)/i.test(first)
    if (isAppend && size <= MAX_MESSAGE_BYTES) return total > MAX_MESSAGE_BYTES * 2 ? 'BAD Too long' : undefined
    return total > MAX_LITERAL_BYTES ? `NO [${isAppend ? 'TOOBIG' : 'LIMIT'}] Literal too long` : undefined
  }

  private async answer(pieces: (string | Buffer)[]): Promise<void> {
    let tag = tagOf(String(pieces[0]))
    let completion: string
    let rule: CommandRule | undefined
    try {
      const command = parseCommand(pieces)
      tag = command.tag
      rule = this.ruleFor(command.name)
      completion = await rule.run(this, command)
    } catch (error) {
      if (!(error instanceof ImapRefusal)) throw error
      completion = error.message
      if (completion.startsWith('BAD') && ++this.refused > MAX_REFUSED) {
        this.isOver = true
        completion += '\r\n* BYE Too many invalid commands'
      }
    }
    if (!this.isOver) this.tellChanges(!rule?.keepsNumbers)
    if (completion) this.send(`${tag} ${completion}`)
    await this.flush()
  }

  private ruleFor(name: string): CommandRule {
    const rule = this.rules.get(name)
    if (!rule) throw bad('Unknown command')
    if (rule.stage === 'before login' && this.account) throw bad('Already logged in')
    if ((rule.stage === 'after login' || rule.stage === 'selected') && !this.account) throw bad('Log in first')
    if (rule.stage === 'selected' && !this.selection) throw bad('No mailbox selected')
    return rule
  }

  /** The open folder; for commands of the selected stage. */
  get selected(): Selection {
    if (!this.selection) throw no('No mailbox selected')
    return this.selection
  }

  /** Queues untagged answers for what others changed in the open folder since. */
  tellChanges(mayExpunge: boolean): void {
    for (const answer of this.selection?.changes(mayExpunge) ?? []) this.send(answer)
  }
}
