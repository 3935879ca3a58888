/** A line or a literal longer than allowed; the session ends. */
export class InputTooLong extends Error {}

/** The side of a socket that can be told to wait. */
interface Flow {
  pause(): void
  resume(): void
}

const MAX_WAITING_BYTES = 128 * 1024

/**
 * What a client sent, read by lines and by counted bytes. One reader at a time. Once more is waiting than a reader
 * could want, the socket is paused, so a client cannot fill the memory.
 */
export class ImapInput {
  private waiting: Buffer = Buffer.alloc(0)
  private wake?: () => void
  private hasEnded = false
  private isPaused = false
  private flow?: Flow

  /** From now on bytes come from this socket; what is left of the one before is dropped (RFC 3501 6.2.1: STARTTLS). */
  attach(flow: Flow): void {
    this.flow = flow
    this.waiting = Buffer.alloc(0)
    this.isPaused = false
  }

  feed(chunk: Buffer): void {
    this.waiting = this.waiting.length === 0 ? chunk : Buffer.concat([this.waiting, chunk])
    if (this.waiting.length > MAX_WAITING_BYTES && !this.wake) {
      this.isPaused = true
      this.flow?.pause()
    }
    this.wake?.()
  }

  end(): void {
    this.hasEnded = true
    this.wake?.()
  }

  /** The next line without its CRLF, bytes as latin1; undefined at the end of input. Throws InputTooLong. */
  async line(maxBytes: number): Promise<string | undefined> {
    let searched = 0
    for (;;) {
      const end = this.waiting.indexOf(10, searched)
      if (end >= 0 && end <= maxBytes) {
        const hasReturn = end > 0 && this.waiting[end - 1] === 13
        const text = this.waiting.toString('latin1', 0, hasReturn ? end - 1 : end)
        this.waiting = this.waiting.subarray(end + 1)
        return text
      }
      if (this.waiting.length > maxBytes) throw new InputTooLong()
      searched = this.waiting.length
      if (this.hasEnded) return undefined
      await this.more()
    }
  }

  /** Exactly so many bytes; undefined at the end of input. The caller has checked the number. */
  async bytes(count: number): Promise<Buffer | undefined> {
    const parts: Buffer[] = []
    let missing = count
    for (;;) {
      const part = this.waiting.subarray(0, missing)
      this.waiting = this.waiting.subarray(part.length)
      parts.push(part)
      missing -= part.length
      // A copy: what was read would else keep the whole chunk of the socket alive.
      if (missing === 0) return Buffer.concat(parts)
      if (this.hasEnded) return undefined
      await this.more()
    }
  }

  private async more(): Promise<void> {
    if (this.isPaused) {
      this.isPaused = false
      this.flow?.resume()
    }
    await new Promise<void>((resolve) => {
      this.wake = resolve
    })
    this.wake = undefined
  }
}
