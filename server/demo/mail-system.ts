import { createSecureContext } from 'node:tls'
import { ConnectionSecurity, type Endpoint } from '../mail/probe'
import { type Certificate, CertificateAuthority } from './certificates'
import type { FaultName } from './faults'
import {
  createDrippingListener,
  createEndlessLineListener,
  createGarbageListener,
  createSilentListener,
} from './hostile-listeners'
import { createImapListener } from './imap-server'
import { Listeners, type MailListener, type PortChoice } from './listeners'
import { type Account, type DemoUser, MailAccounts } from './mail-accounts'
import type { Folder, StoredMessage } from './mail-store'
import { AUTHORITY_NAME, type MailSystemMemory, readMemory, writeMemory } from './mail-system-memory'
import { createSmtpListener } from './smtp'

type Certificates = Record<'good' | 'expired' | 'untrusted' | 'otherHost', Certificate>

interface ListenerPlan {
  kind: 'imap' | 'smtp' | (() => MailListener)
  security: ConnectionSecurity
  certificate: keyof Certificates
}

const { TLS, STARTTLS, NONE } = ConnectionSecurity
const imap = (security: ConnectionSecurity, certificate: keyof Certificates = 'good'): ListenerPlan => ({
  kind: 'imap',
  security,
  certificate,
})
const smtp = (security: ConnectionSecurity, certificate: keyof Certificates = 'good'): ListenerPlan => ({
  kind: 'smtp',
  security,
  certificate,
})
const hostile = (kind: () => MailListener): ListenerPlan => ({ kind, security: NONE, certificate: 'good' })

/** Every listener of the system. All share one set of mailboxes. */
const LISTENERS = {
  imaps: imap(TLS),
  imapStartTls: imap(STARTTLS),
  /** Offers no TLS at all. */
  imapPlain: imap(NONE),
  smtps: smtp(TLS),
  submission: smtp(STARTTLS),
  /** Offers no TLS at all. */
  smtpPlain: smtp(NONE),
  imapsExpired: imap(TLS, 'expired'),
  smtpsExpired: smtp(TLS, 'expired'),
  imapsUntrusted: imap(TLS, 'untrusted'),
  smtpsUntrusted: smtp(TLS, 'untrusted'),
  imapsOtherHost: imap(TLS, 'otherHost'),
  smtpsOtherHost: smtp(TLS, 'otherHost'),
  silent: hostile(createSilentListener),
  garbage: hostile(createGarbageListener),
  dripping: hostile(createDrippingListener),
  endlessLine: hostile(createEndlessLineListener),
} satisfies Record<string, ListenerPlan>

export type ListenerName = keyof typeof LISTENERS

/** The listeners, and two that are none: nobody answers at "dead", and "noSuchHost" has no address. */
export type EndpointName = ListenerName | 'dead' | 'noSuchHost'

export interface MailSystemOptions {
  /** Keeps the ports and the certificate authority for the next start, so that stored profiles stay right. */
  dataFolder?: string
  /** A given port is taken or the start fails; 0 is any. Without one: remembered if there is a data folder, else any. */
  ports?: Partial<Record<ListenerName, number>>
  /** Added to each answer of every server. */
  latencyMs?: number
  users: DemoUser[]
}

export interface MailSystem {
  endpoints: Readonly<Record<EndpointName, Endpoint>>
  /** PEM of the authority that issued the good, the expired and the other host's certificate. */
  trustedCertificates: string
  addUser(user: DemoUser): void
  /** Throws for an unknown address, as the next three do. */
  setFault(address: string, fault: FaultName | undefined): void
  setPassword(address: string, password: string): void
  /** Where its mail goes on to; undefined ends that. */
  setForward(address: string, to: string | undefined): void
  setLatency(latencyMs: number): void
  /** Puts a message into a folder past all servers. Throws QuotaExceeded. */
  deliver(address: string, raw: Buffer | string, folder?: string): void
  messages(address: string, folder?: string): readonly StoredMessage[]
  /** Ends all connections. */
  stop(): Promise<void>
}

const NAMES = ['mail.demo.test', 'localhost', '127.0.0.1']
const LOOPBACK = '127.0.0.1'
/** TCP port service multiplexer: reserved, and served nowhere, so a connection is refused without luck. */
const DEAD_PORT = 1

function issueCertificates(authority: CertificateAuthority): Certificates {
  const leaf = { commonName: 'mail.demo.test', names: NAMES }
  const past = { notBefore: new Date('2024-01-01'), notAfter: new Date('2024-02-01') }
  return {
    good: authority.issue(leaf),
    expired: authority.issue({ ...leaf, ...past }),
    untrusted: CertificateAuthority.create('Unknown CA').issue(leaf),
    otherHost: authority.issue({ commonName: 'mail.other.test', names: ['mail.other.test'] }),
  }
}

const SERVER_SECURITY = { [TLS]: 'tls', [STARTTLS]: 'starttls', [NONE]: 'plain' } as const

class RunningMailSystem implements MailSystem {
  readonly endpoints = {
    dead: { host: LOOPBACK, port: DEAD_PORT, security: TLS },
    // .invalid is never delegated (RFC 2606).
    noSuchHost: { host: 'mail.nowhere.invalid', port: 993, security: TLS },
  } as Record<EndpointName, Endpoint>
  private readonly certificates: Certificates
  private readonly accounts = new MailAccounts()
  private readonly listeners = new Listeners()
  private latency: number

  constructor(
    private readonly options: MailSystemOptions,
    private readonly memory: MailSystemMemory,
  ) {
    this.certificates = issueCertificates(CertificateAuthority.restore(AUTHORITY_NAME, memory.authority))
    this.latency = options.latencyMs ?? 0
    for (const user of options.users) this.accounts.add(user)
  }

  get trustedCertificates(): string {
    return this.memory.authority.certificate
  }

  async listen(): Promise<void> {
    for (const [key, plan] of Object.entries(LISTENERS)) {
      const name = key as ListenerName
      const port = await this.listeners.listen(this.createListener(plan), this.portChoice(name))
      this.memory.ports[name] = port
      this.endpoints[name] = { host: LOOPBACK, port, security: plan.security }
    }
  }

  addUser(user: DemoUser): void {
    this.accounts.add(user)
  }

  setFault(address: string, fault: FaultName | undefined): void {
    this.account(address).setFault(fault)
  }

  setPassword(address: string, password: string): void {
    this.account(address).setPassword(password)
  }

  setForward(address: string, to: string | undefined): void {
    this.account(address).setForward(to)
  }

  setLatency(latencyMs: number): void {
    this.latency = latencyMs
  }

  deliver(address: string, raw: Buffer | string, folder?: string): void {
    this.folder(address, folder).append(typeof raw === 'string' ? Buffer.from(raw) : raw)
  }

  messages(address: string, folder?: string): readonly StoredMessage[] {
    return this.folder(address, folder).messages
  }

  stop(): Promise<void> {
    return this.listeners.stop()
  }

  private createListener(plan: ListenerPlan): MailListener {
    if (typeof plan.kind === 'function') return plan.kind()
    const certificate = this.certificates[plan.certificate]
    const shared = {
      accounts: this.accounts,
      security: SERVER_SECURITY[plan.security],
      latencyMs: () => this.latency,
    }
    if (plan.kind === 'smtp') return createSmtpListener(shared, certificate)
    const secureContext = createSecureContext({ key: certificate.privateKey, cert: certificate.certificate })
    return createImapListener({ ...shared, secureContext })
  }

  private portChoice(name: ListenerName): PortChoice {
    const { ports, dataFolder } = this.options
    const asked = ports?.[name]
    if (asked !== undefined || !dataFolder) return { port: asked ?? 0 }
    return { lasting: this.memory.ports[name] }
  }

  private account(address: string): Account {
    const account = this.accounts.findByAddress(address)
    if (!account) throw new Error(`no such user: ${address}`)
    return account
  }

  private folder(address: string, name = 'INBOX'): Folder {
    const folder = this.account(address).mailbox.find(name)
    if (!folder) throw new Error(`no such folder: ${name}`)
    return folder
  }
}

/**
 * Starts the embedded mail system on 127.0.0.1: IMAP and SMTP servers over one store, of which some are wrong on
 * purpose. Throws when a port that was asked for is taken.
 */
export async function startMailSystem(options: MailSystemOptions): Promise<MailSystem> {
  const memory = readMemory(options.dataFolder)
  const system = new RunningMailSystem(options, memory)
  try {
    await system.listen()
    if (options.dataFolder) writeMemory(options.dataFolder, memory)
  } catch (error) {
    await system.stop()
    throw error
  }
  return system
}
