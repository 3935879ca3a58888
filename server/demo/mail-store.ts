import { EventEmitter } from 'node:events'

/** One message as it lies in a folder. Sessions keep references: an expunged one can still be read by who saw it. */
export interface StoredMessage {
  readonly uid: number
  readonly raw: Buffer
  /** When it arrived; INTERNALDATE of RFC 3501 2.3.3. */
  readonly internalDate: Date
  /** System flags as "\Seen", keywords as they were given. */
  flags: Set<string>
  expunged: boolean
}

export type SpecialUse = '\\Drafts' | '\\Sent' | '\\Trash'

/** Why a message was not taken. */
export class QuotaExceeded extends Error {}

const MAX_MESSAGES = 1_000
const MAX_FOLDERS = 100
const MAX_KEYWORDS = 50

/** Bytes held by all mailboxes of a store, so that no number of users can fill the memory. */
class Budget {
  private usedBytes = 0
  constructor(private readonly limitBytes: number) {}

  take(bytes: number): boolean {
    if (this.usedBytes + bytes > this.limitBytes) return false
    this.usedBytes += bytes
    return true
  }

  giveBack(bytes: number): void {
    this.usedBytes -= bytes
  }
}

/** A folder: messages in the order of their UIDs. Emits "change" after each change; who listens looks at `revision`. */
export class Folder extends EventEmitter<{ change: [] }> {
  readonly messages: StoredMessage[] = []
  /** Grows with each change, so that a session sees at once whether it missed one. */
  revision = 0
  subscribed = true
  private nextUid = 1

  constructor(
    private readonly mailbox: UserMailbox,
    public name: string,
    readonly uidValidity: number,
    readonly specialUse?: SpecialUse,
  ) {
    super()
    this.setMaxListeners(0)
  }

  get uidNext(): number {
    return this.nextUid
  }

  /** Adds a message at the end. The oldest make room once the folder is full. Throws QuotaExceeded. */
  append(raw: Buffer, flags: Iterable<string> = [], internalDate = new Date()): StoredMessage {
    this.mailbox.take(raw.length)
    const message: StoredMessage = { uid: this.nextUid++, raw, internalDate, flags: new Set(), expunged: false }
    message.flags = boundedFlags(flags)
    this.messages.push(message)
    const tooMany = this.messages.length - MAX_MESSAGES
    if (tooMany > 0) this.remove(this.messages.slice(0, tooMany))
    this.changed()
    return message
  }

  setFlags(message: StoredMessage, flags: Iterable<string>): void {
    message.flags = boundedFlags(flags)
    this.changed()
  }

  expunge(messages: StoredMessage[]): void {
    if (messages.length === 0) return
    this.remove(messages)
    this.changed()
  }

  private remove(messages: StoredMessage[]): void {
    for (const message of messages) {
      if (message.expunged) continue
      message.expunged = true
      this.mailbox.giveBack(message.raw.length)
    }
    const left = this.messages.filter((message) => !message.expunged)
    this.messages.splice(0, this.messages.length, ...left)
  }

  private changed(): void {
    this.revision++
    this.emit('change')
  }
}

function boundedFlags(flags: Iterable<string>): Set<string> {
  const kept = new Set<string>()
  for (const flag of flags) if (kept.size < MAX_KEYWORDS) kept.add(flag)
  return kept
}

/** INBOX is the same in any case, other names are not (RFC 3501 5.1). */
const folderKey = (name: string) => (name.toUpperCase() === 'INBOX' ? 'INBOX' : name)

/** The folders of one user, within a quota. */
export class UserMailbox {
  private readonly folders = new Map<string, Folder>()
  private usedBytes = 0

  constructor(
    public quotaBytes: number,
    private readonly budget: Budget,
    private readonly nextUidValidity: () => number,
  ) {
    this.create('INBOX')
    this.create('Drafts', '\\Drafts')
    this.create('Sent', '\\Sent')
    this.create('Trash', '\\Trash')
  }

  get inbox(): Folder {
    const inbox = this.folders.get('INBOX')
    if (!inbox) throw new Error('a mailbox always has an INBOX')
    return inbox
  }

  get used(): number {
    return this.usedBytes
  }

  all(): Folder[] {
    return [...this.folders.values()]
  }

  find(name: string): Folder | undefined {
    return this.folders.get(folderKey(name))
  }

  /** Returns undefined when the name is taken or there are too many folders. */
  create(name: string, specialUse?: SpecialUse): Folder | undefined {
    const key = folderKey(name)
    if (this.folders.has(key) || this.folders.size >= MAX_FOLDERS) return undefined
    const folder = new Folder(this, key, this.nextUidValidity(), specialUse)
    this.folders.set(key, folder)
    return folder
  }

  delete(folder: Folder): void {
    folder.expunge([...folder.messages])
    this.folders.delete(folder.name)
  }

  rename(folder: Folder, name: string): void {
    this.folders.delete(folder.name)
    folder.name = name
    this.folders.set(name, folder)
  }

  /** For Folder alone. */
  take(bytes: number): void {
    if (this.usedBytes + bytes > this.quotaBytes || !this.budget.take(bytes)) throw new QuotaExceeded()
    this.usedBytes += bytes
  }

  /** For Folder alone. */
  giveBack(bytes: number): void {
    this.usedBytes -= bytes
    this.budget.giveBack(bytes)
  }
}

/** Makes mailboxes that share one memory budget. UIDVALIDITY starts at the time, so a restarted store is told apart. */
export class MailStore {
  private readonly budget: Budget
  private uidValidity = Math.floor(Date.now() / 1000)

  constructor(limitBytes = 256 * 1024 * 1024) {
    this.budget = new Budget(limitBytes)
  }

  createMailbox(quotaBytes: number): UserMailbox {
    return new UserMailbox(quotaBytes, this.budget, () => this.uidValidity++)
  }
}
