import { type Fault, type FaultName, faultNamed } from './faults'
import { MailStore, type UserMailbox } from './mail-store'

export interface DemoUser {
  /** user@domain; also the login, as is the part before the @ when no other user has the same. */
  address: string
  password: string
  fault?: FaultName
  /** Its mail goes on to this address and leaves no copy, as by Sieve's redirect (RFC 5228 4.2). */
  forwardsTo?: string
  /** Default 20 MiB. */
  quotaBytes?: number
  /** IMAP sessions at the same time; one more is answered NO [LIMIT]. Default 20. */
  maxSessions?: number
}

/** What a login came to. */
export type LoginVerdict = 'ok' | 'refused' | 'hangs' | 'drops'

const NO_FAULT: Fault = { summary: 'none' }
const DEFAULT_QUOTA_BYTES = 20 * 1024 * 1024
const DEFAULT_MAX_SESSIONS = 20

/** A user as both servers know it: one password, one mailbox, at most one fault. */
export class Account {
  /** Open IMAP sessions. */
  sessions = 0
  private mailboxMade?: UserMailbox
  private currentFault?: Fault

  constructor(
    private readonly user: DemoUser,
    private readonly store: MailStore,
  ) {
    this.setFault(user.fault)
  }

  get address(): string {
    return this.user.address.toLowerCase()
  }

  get fault(): Fault {
    return this.currentFault ?? NO_FAULT
  }

  get maxSessions(): number {
    return this.user.maxSessions ?? DEFAULT_MAX_SESSIONS
  }

  /** Made when first needed: a system of 10,000 users starts at once. */
  get mailbox(): UserMailbox {
    this.mailboxMade ??= this.store.createMailbox(this.user.quotaBytes ?? DEFAULT_QUOTA_BYTES)
    return this.mailboxMade
  }

  setFault(fault: FaultName | undefined): void {
    this.currentFault = fault && faultNamed(fault)
  }

  setPassword(password: string): void {
    this.user.password = password
  }

  get forwardsTo(): string | undefined {
    return this.user.forwardsTo
  }

  setForward(address: string | undefined): void {
    this.user.forwardsTo = address
  }

  /** Where the fault is a wrong password, the server knows another one, so that entering it mends the mailbox. */
  private get knownPassword(): string {
    return this.fault.refusesPassword ? `${this.user.password}-new` : this.user.password
  }

  checkLogin(password: string): LoginVerdict {
    if (this.fault.hangsAtLogin) return 'hangs'
    if (this.fault.dropsAtLogin) return 'drops'
    return password === this.knownPassword ? 'ok' : 'refused'
  }
}

/** All accounts of a mail system, found by address or by the part before the @. */
export class MailAccounts {
  private readonly byAddress = new Map<string, Account>()
  private readonly byLocalPart = new Map<string, Account>()
  private readonly domains = new Set<string>()
  private readonly store = new MailStore()

  add(user: DemoUser): Account {
    const account = new Account({ ...user }, this.store)
    const [localPart = '', domain = ''] = account.address.split('@')
    this.byAddress.set(account.address, account)
    if (!this.byLocalPart.has(localPart)) this.byLocalPart.set(localPart, account)
    this.domains.add(domain)
    return account
  }

  find(login: string): Account | undefined {
    const wanted = login.toLowerCase()
    return this.byAddress.get(wanted) ?? this.byLocalPart.get(wanted)
  }

  findByAddress(address: string): Account | undefined {
    return this.byAddress.get(address.toLowerCase())
  }

  hasDomain(address: string): boolean {
    return this.domains.has(address.slice(address.lastIndexOf('@') + 1).toLowerCase())
  }
}
