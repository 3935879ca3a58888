import type { Folder, StoredMessage } from './mail-store'

/** A folder as one session has it open: what this client was told, until it is told of what changed since. */
export class Selection {
  /** Sequence number n is at n - 1. Only changes() alters it. */
  view: StoredMessage[]
  /** The flags it was last told of, by UID. */
  private readonly toldFlags: Map<number, string>
  private revision: number

  constructor(
    readonly folder: Folder,
    readonly isReadOnly: boolean,
  ) {
    this.view = [...folder.messages]
    this.toldFlags = new Map(this.view.map((message) => [message.uid, keyOf(message)]))
    this.revision = folder.revision
  }

  /** Sets flags; this client is told of them by the command's own answer. */
  setFlags(message: StoredMessage, flags: Iterable<string>): void {
    this.folder.setFlags(message, flags)
    this.toldFlags.set(message.uid, keyOf(message))
  }

  /** Untagged answers for what changed since the last call (RFC 3501 7.3, 7.4). */
  changes(mayExpunge: boolean): string[] {
    if (this.revision === this.folder.revision) return []
    const answers = [...(mayExpunge ? this.expunged() : []), ...this.arrived(), ...this.flagged()]
    // What may not be told yet is told by a later command.
    if (mayExpunge) this.revision = this.folder.revision
    return answers
  }

  private expunged(): string[] {
    const answers: string[] = []
    // From the end, so that no number told moves one that is still to be told.
    for (let at = this.view.length - 1; at >= 0; at--) {
      const message = this.view[at]
      if (!message?.expunged) continue
      answers.push(`* ${at + 1} EXPUNGE`)
      this.toldFlags.delete(message.uid)
    }
    this.view = this.view.filter((message) => !message.expunged)
    return answers
  }

  private arrived(): string[] {
    const lastUid = this.view.at(-1)?.uid ?? 0
    const arrived = this.folder.messages.filter((message) => message.uid > lastUid)
    for (const message of arrived) this.toldFlags.set(message.uid, keyOf(message))
    this.view.push(...arrived)
    return arrived.length > 0 ? [`* ${this.view.length} EXISTS`] : []
  }

  private flagged(): string[] {
    const answers: string[] = []
    for (const [at, message] of this.view.entries()) {
      const flags = keyOf(message)
      if (message.expunged || this.toldFlags.get(message.uid) === flags) continue
      this.toldFlags.set(message.uid, flags)
      answers.push(`* ${at + 1} FETCH (UID ${message.uid} FLAGS (${flags}))`)
    }
    return answers
  }
}

const keyOf = (message: StoredMessage) => [...message.flags].sort().join(' ')
