import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
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
import { type DemoUser, MailAccounts } from './mail-accounts'
import type { StoredMessage } from './mail-store'
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
  /** Throws for an unknown address, as the next two do. */
  setFault(address: string, fault: FaultName | undefined): void
  setPassword(address: string, password: string): void
  setLatency(latencyMs: number): void
  /** Puts a message into a folder past all servers. Throws QuotaExceeded. */
  deliver(address: string, raw: Buffer | string, folder?: string): void
  messages(address: string, folder?: string): readonly StoredMessage[]
  /** Ends all connections. */
  stop(): Promise<void>
}

/** What the data folder keeps. */
interface Memory {
  ports: Partial<Record<ListenerName, number>>
  authority: Certificate
}

const AUTHORITY_NAME = 'Mailwarden demo CA'
const NAMES = ['mail.demo.test', 'localhost', '127.0.0.1']
const LOOPBACK = '127.0.0.1'
/** TCP port service multiplexer: reserved, and served nowhere, so a connection is refused without luck. */
const DEAD_PORT = 1

function readMemory(dataFolder: string | undefined): Memory {
  const fresh = () => ({ ports: {}, authority: CertificateAuthority.create(AUTHORITY_NAME).material })
  if (!dataFolder) return fresh()
  try {
    return JSON.parse(readFileSync(join(dataFolder, 'mail-system.json'), 'utf8'))
  } catch (error) {
    // Cut short by a crash or not there yet: the demo's mail system is made anew, nothing in it is worth keeping.
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === 'ENOENT') return fresh()
    throw error
  }
}

function writeMemory(dataFolder: string, memory: Memory): void {
  mkdirSync(dataFolder, { recursive: true })
  const file = join(dataFolder, 'mail-system.json')
  writeFileSync(`${file}.new`, JSON.stringify(memory, null, 2), { mode: 0o600 })
  renameSync(`${file}.new`, file)
}

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

/**
 * Starts the embedded mail system on 127.0.0.1: IMAP and SMTP servers over one store, of which some are wrong on
 * purpose. Throws when a port that was asked for is taken.
 */
export async function startMailSystem(options: MailSystemOptions): Promise<MailSystem> {
  const memory = readMemory(options.dataFolder)
  const certificates = issueCertificates(CertificateAuthority.restore(AUTHORITY_NAME, memory.authority))
  const accounts = new MailAccounts()
  for (const user of options.users) accounts.add(user)
  let latency = options.latencyMs ?? 0
  const latencyMs = () => latency

  const createListener = (plan: ListenerPlan): MailListener => {
    if (typeof plan.kind === 'function') return plan.kind()
    const certificate = certificates[plan.certificate]
    const security = SERVER_SECURITY[plan.security]
    if (plan.kind === 'smtp') return createSmtpListener({ accounts, security, latencyMs }, certificate)
    const secureContext = createSecureContext({ key: certificate.privateKey, cert: certificate.certificate })
    return createImapListener({ accounts, security, secureContext, latencyMs })
  }
  const choose = (name: ListenerName): PortChoice => {
    const asked = options.ports?.[name]
    if (asked !== undefined || !options.dataFolder) return { port: asked ?? 0 }
    return { lasting: memory.ports[name] }
  }

  const listeners = new Listeners()
  const endpoints = {
    dead: { host: LOOPBACK, port: DEAD_PORT, security: TLS },
    // .invalid is never delegated (RFC 2606).
    noSuchHost: { host: 'mail.nowhere.invalid', port: 993, security: TLS },
  } as Record<EndpointName, Endpoint>
  try {
    for (const [key, plan] of Object.entries(LISTENERS)) {
      const name = key as ListenerName
      const port = await listeners.listen(createListener(plan), choose(name))
      memory.ports[name] = port
      endpoints[name] = { host: LOOPBACK, port, security: plan.security }
    }
    if (options.dataFolder) writeMemory(options.dataFolder, memory)
  } catch (error) {
    await listeners.stop()
    throw error
  }

  const account = (address: string) => {
    const found = accounts.findByAddress(address)
    if (!found) throw new Error(`no such user: ${address}`)
    return found
  }
  const folderOf = (address: string, name = 'INBOX') => {
    const folder = account(address).mailbox.find(name)
    if (!folder) throw new Error(`no such folder: ${name}`)
    return folder
  }
  return {
    endpoints,
    trustedCertificates: memory.authority.certificate,
    addUser: (user) => void accounts.add(user),
    setFault: (address, fault) => account(address).setFault(fault),
    setPassword: (address, password) => account(address).setPassword(password),
    setLatency: (ms) => {
      latency = ms
    },
    deliver: (address, raw, folder) => void folderOf(address, folder).append(Buffer.from(raw as string)),
    messages: (address, folder) => folderOf(address, folder).messages,
    stop: () => listeners.stop(),
  }
}
