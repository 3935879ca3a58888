import type { Socket } from 'node:net'
import { ProbeFault } from './fault'
import { MailErrorCode } from './mail-error'

/** Longer than any line before the sign-in (RFC 5321 4.5.3.1.5 says 512, RFC 7162 4 8,192); what is longer is no mail server. */
const LINE_LIMIT = 16 * 1024

interface Waiter {
  /** Answers with what was waited for once it is there, and removes it from the unread bytes. */
  take(): string | undefined
  resolve(text: string): void
  reject(error: unknown): void
}

/**
 * Lines from and to a connected socket, for the part of a conversation that comes before the mail library takes over.
 * Holds at most one line's limit of unread bytes, whatever the server sends.
 */
export class Wire {
  private unread: Buffer = Buffer.alloc(0)
  private waiter?: Waiter
  private failure?: unknown

  constructor(readonly socket: Socket) {
    socket.on('error', this.onError)
    socket.on('data', this.onData)
    socket.on('end', this.onEnd)
    socket.on('close', this.onEnd)
  }

  /** What has arrived and was not read as a line. */
  get pending(): Buffer {
    return this.unread
  }

  send(line: string): void {
    this.socket.write(`${line}\r\n`)
  }

  /**
   * The next line without its line break.
   * @throws ProbeFault CONNECTION_RESET when the server hangs up first, PROTOCOL_ERROR when the line does not end
   */
  readLine(): Promise<string> {
    return this.read(() => this.takeLine())
  }

  /** The first bytes that come, as Latin-1 text, whether or not they are a line; they stay unread. */
  peek(): Promise<string> {
    return this.read(() => (this.unread.length > 0 ? this.unread.toString('latin1') : undefined))
  }

  /** Hands the socket to its next owner, who will read `replay` and then whatever was not read here. */
  release(replay: Buffer = Buffer.alloc(0)): void {
    const { socket } = this
    socket.off('error', this.onError)
    socket.off('data', this.onData)
    socket.off('end', this.onEnd)
    socket.off('close', this.onEnd)
    socket.pause()
    const rest = Buffer.concat([replay, this.unread])
    this.unread = Buffer.alloc(0)
    if (rest.length > 0) socket.unshift(rest)
  }

  private readonly onData = (chunk: Buffer) => {
    this.unread = this.unread.length === 0 ? chunk : Buffer.concat([this.unread, chunk])
    // A server that floods is not read on until somebody wants the next line.
    if (this.unread.length > LINE_LIMIT) this.socket.pause()
    this.settle()
  }

  private readonly onError = (error: unknown) => this.fail(error)

  private readonly onEnd = () => {
    const said = this.unread.toString('utf8')
    this.fail(new ProbeFault(MailErrorCode.CONNECTION_RESET, { serverText: said }))
  }

  private fail(failure: unknown): void {
    this.failure ??= failure
    this.settle()
  }

  private read(take: () => string | undefined): Promise<string> {
    return new Promise((resolve, reject) => {
      this.waiter = { take, resolve, reject }
      if (this.unread.length <= LINE_LIMIT) this.socket.resume()
      this.settle()
    })
  }

  private takeLine(): string | undefined {
    const end = this.unread.indexOf(0x0a)
    if (end === -1 || end > LINE_LIMIT) return undefined
    const line = this.unread.subarray(0, end).toString('utf8').replace(/\r$/, '')
    this.unread = this.unread.subarray(end + 1)
    return line
  }

  private settle(): void {
    const { waiter } = this
    if (!waiter) return
    const text = waiter.take()
    if (text !== undefined) {
      this.waiter = undefined
      waiter.resolve(text)
      return
    }
    const failure = this.unread.length > LINE_LIMIT ? endlessLine(this.unread) : this.failure
    if (failure === undefined) return
    this.waiter = undefined
    waiter.reject(failure)
  }
}

function endlessLine(start: Buffer): ProbeFault {
  return new ProbeFault(MailErrorCode.PROTOCOL_ERROR, {
    message: 'The server sent a line without end.',
    serverText: start.subarray(0, 200).toString('utf8'),
  })
}
