import { ImapFlow, type ImapFlowOptions } from 'imapflow'
import { createTransport } from 'nodemailer'
import { ConnectionSecurity, type Endpoint } from './probe'

/** What the suite needs of a mail system: where its servers listen, and users in these conditions. */
export interface MailSystemUnderTest {
  /** Their certificate is valid for the endpoints' hosts. */
  endpoints: Record<'imaps' | 'imapStartTls' | 'imapPlain' | 'smtps' | 'submission' | 'smtpPlain', Endpoint>
  /** Where `limited` may have two sessions, no more. */
  limitedEndpoint: Endpoint
  /** PEM of the authority that issued the certificate. */
  trustedCertificates: string
  users: Record<'alice' | 'bob' | 'limited' | 'readOnly' | 'full' | 'disabled', MailUserUnderTest>
  stop(): Promise<void>
}

export interface MailUserUnderTest {
  address: string
  password: string
}

export const DEADLINE_MS = 20_000

/** Asks until it is so: mail takes its time on the way. */
export async function until<T>(ask: () => Promise<T | undefined>): Promise<T> {
  const deadline = Date.now() + DEADLINE_MS
  for (;;) {
    const answer = await ask()
    if (answer !== undefined) return answer
    if (Date.now() > deadline) throw new Error('waited in vain')
  }
}

/** Asks the server for news until it is so. */
export const untilNoticed = (watcher: ImapFlow, isSo: () => boolean) =>
  until(async () => {
    await watcher.noop()
    return isSo() || undefined
  })

/** imapflow says false where it found nothing, or was refused without a reason. */
export function present<T>(answer: T | false | undefined): T {
  if (answer === false || answer === undefined) throw new Error('expected an answer')
  return answer
}

/** What a promise was rejected with. */
export async function rejection(promise: Promise<unknown>): Promise<Record<string, unknown>> {
  try {
    await promise
  } catch (error) {
    return error as Record<string, unknown>
  }
  throw new Error('expected a refusal')
}

/** The libraries that the product uses, set up for the system under test; all connections end with stop(). */
export class MailClients {
  private started?: MailSystemUnderTest
  private readonly clients: ImapFlow[] = []

  get system(): MailSystemUnderTest {
    if (!this.started) throw new Error('not started')
    return this.started
  }

  async start(start: () => Promise<MailSystemUnderTest>): Promise<void> {
    this.started = await start()
  }

  async stop(): Promise<void> {
    for (const client of this.clients) client.close()
    await this.started?.stop()
  }

  client(endpoint: Endpoint, user: MailUserUnderTest, more: Partial<ImapFlowOptions> = {}): ImapFlow {
    const { security } = endpoint
    const client = new ImapFlow({
      host: endpoint.host,
      port: endpoint.port,
      secure: security === ConnectionSecurity.TLS,
      doSTARTTLS: security === ConnectionSecurity.TLS ? undefined : security === ConnectionSecurity.STARTTLS,
      tls: { ca: this.system.trustedCertificates },
      auth: { user: user.address, pass: user.password },
      logger: false,
      disableAutoIdle: true,
      ...more,
    })
    client.on('error', () => {})
    this.clients.push(client)
    return client
  }

  /** A client with a fresh folder open, for tests that count messages. */
  async inFolder(folder: string): Promise<ImapFlow> {
    const client = this.client(this.system.endpoints.imapPlain, this.system.users.alice)
    await client.connect()
    await client.mailboxCreate(folder)
    await client.mailboxOpen(folder)
    return client
  }

  transport({ host, port, security }: Endpoint, user: MailUserUnderTest) {
    return createTransport({
      host,
      port,
      secure: security === ConnectionSecurity.TLS,
      requireTLS: security === ConnectionSecurity.STARTTLS,
      ignoreTLS: security === ConnectionSecurity.NONE,
      tls: { ca: this.system.trustedCertificates },
      auth: { user: user.address, pass: user.password },
    })
  }
}
