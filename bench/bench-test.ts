import { type ChildProcess, fork } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient } from 'graphql-ws'
import { createConnection } from 'mysql2/promise'
import WebSocket from 'ws'
import type { Endpoint } from '../server/mail/probe'
import { startMariadb } from '../server/test/mariadb'
import type { PlainAnswer, PlainOrder } from './plain-loop'

/*
 * npm run bench:test -- [--mailboxes 1000] [--concurrency 50] [--rounds 3]
 *
 * Tests per second and client CPU per test of the whole pipeline, from the GraphQL mutation to the last stored result, beside
 * a plain loop of imapflow verifyOnly + nodemailer verify over the same servers. Interleaved rounds, medians. The mail system,
 * the product and the plain loop are processes of their own; the CPU is that of the product's (or the loop's) process.
 */
const option = (name: string, otherwise: number): number => {
  const at = process.argv.indexOf(`--${name}`)
  return at < 0 ? otherwise : Number(process.argv[at + 1])
}
const MAILBOXES = option('mailboxes', 1000)
const CONCURRENCY = option('concurrency', 50)
const ROUNDS = option('rounds', 3)
const TICKS_PER_SECOND = 100

interface MailSystemReady {
  endpoints: Record<string, Endpoint>
  trustedCertificates: string
  domain: string
}

interface Figure {
  perSecond: number
  cpuMs: number
}

const children: ChildProcess[] = []
const folders: string[] = []

function child(module: string, args: string[] = [], env: Record<string, string> = {}): ChildProcess {
  const path = join(__dirname, module)
  const started = fork(path, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'inherit', 'ipc'] })
  children.push(started)
  return started
}

async function line(from: ChildProcess, wanted: RegExp): Promise<RegExpMatchArray> {
  let text = ''
  for await (const chunk of from.stdout ?? []) {
    text += chunk
    const found = text.match(wanted)
    if (found) {
      from.stdout?.resume()
      return found
    }
  }
  throw new Error(`A process ended before it said ${wanted}`)
}

/** CPU milliseconds that a process has used so far (proc(5): utime and stime). */
function cpuOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return ((Number(fields[11]) + Number(fields[12])) * 1000) / TICKS_PER_SECOND
}

class Product {
  private cookie = ''

  private constructor(
    readonly name: string,
    private readonly url: string,
    private readonly pid: number,
  ) {}

  static async start(name: string, env: Record<string, string>): Promise<Product> {
    const data = mkdtempSync(join(tmpdir(), 'mailwarden-bench-'))
    folders.push(data)
    const started = child('../server/main.js', [], {
      PORT: '0',
      MAILWARDEN_DATA: data,
      MAILWARDEN_KEYS: `bench:${randomBytes(32).toString('base64')}`,
      MAILWARDEN_TEST_CONCURRENCY: String(CONCURRENCY),
      MAILWARDEN_EGRESS_ALLOW: '127.0.0.0/8',
      MAILWARDEN_LOG: 'error',
      MAILWARDEN_WEB: data,
      NODE_ENV: 'production',
      ...env,
    })
    const [, url = '', user = '', password = ''] = await line(started, /dashboard (\S+)\nsign-in (\S+) (\S+)\n/)
    const product = new Product(name, url, started.pid ?? 0)
    await product.ask(
      'mutation ($user: String!, $password: String!) { signIn(name: $user, password: $password) { viewer { id } } }',
      {
        user,
        password,
      },
    )
    return product
  }

  // biome-ignore lint/suspicious/noExplicitAny: answers of the few operations below
  async ask(query: string, variables?: object): Promise<any> {
    const response = await fetch(`${this.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', cookie: this.cookie },
      body: JSON.stringify({ query, variables }),
    })
    this.cookie = response.headers.getSetCookie()[0]?.split(';')[0] ?? this.cookie
    const { data, errors } = (await response.json()) as { data: unknown; errors?: unknown }
    if (errors) throw new Error(JSON.stringify(errors))
    return data
  }

  async setUp(mail: MailSystemReady, accounts: PlainOrder['accounts']): Promise<void> {
    const input = {
      name: 'Bench',
      type: 'IMAP_SMTP',
      incoming: mail.endpoints.imaps,
      outgoing: mail.endpoints.smtps,
      trustedCertificates: mail.trustedCertificates,
      maxConcurrentConnections: CONCURRENCY,
      isDefault: true,
    }
    await this.ask(
      'mutation ($input: EmailServerProfileInput!) { createEmailServerProfile(input: $input) { profile { id } } }',
      { input },
    )
    const owners = accounts.map(({ user }) => ({ kind: 'USER', externalId: user, name: user, emailAddress: user }))
    const provision =
      'mutation ($owners: [OwnerInput!]!) { provisionOwners(owners: $owners) { owners { mailbox { id } } } }'
    const { provisionOwners } = await this.ask(provision, { owners })
    const update =
      'mutation ($id: ID!, $password: String) { updateMailboxes(selection: { ids: [$id] }, changes: { password: $password }) { changed } }'
    for (const [index, { pass }] of accounts.entries()) {
      await this.ask(update, { id: provisionOwners.owners[index].mailbox.id, password: pass })
    }
    await this.ask('mutation { approveEmails(selection: { view: ALL }) { changed } }')
  }

  async round(roundTrip: boolean): Promise<Figure> {
    const cpu = cpuOf(this.pid)
    const begun = performance.now()
    const start =
      'mutation ($roundTrip: Boolean) { testAndEnableMailboxes(selection: { view: ALL }, options: { roundTrip: $roundTrip }) { testRun { id } } }'
    const { testAndEnableMailboxes } = await this.ask(start, { roundTrip })
    await this.ended(testAndEnableMailboxes.testRun.id)
    const seconds = (performance.now() - begun) / 1000
    const cpuMs = cpuOf(this.pid) - cpu
    const { testRun } = await this.ask('query ($id: ID!) { testRun(id: $id) { succeeded } }', {
      id: testAndEnableMailboxes.testRun.id,
    })
    if (testRun.succeeded !== MAILBOXES)
      throw new Error(`${this.name}: only ${testRun.succeeded} of ${MAILBOXES} succeeded`)
    return { perSecond: MAILBOXES / seconds, cpuMs: cpuMs / MAILBOXES }
  }

  /** One watcher, as a dashboard would be: its events are part of the price. */
  private async ended(id: string): Promise<void> {
    const { cookie } = this
    class WithCookie extends WebSocket {
      constructor(address: string, protocols: string | string[]) {
        super(address, protocols, { headers: { cookie } })
      }
    }
    const socket = createClient({ url: `${this.url.replace('http', 'ws')}/graphql`, webSocketImpl: WithCookie })
    const query = 'subscription ($id: ID!) { testRunProgress(id: $id) { run { succeeded failed } items { id state } } }'
    for await (const _event of socket.iterate({ query, variables: { id } })) {
      // completes by itself after the event that shows the run ended
    }
    await socket.dispose()
  }
}

async function plainRound(loop: ChildProcess, order: PlainOrder): Promise<Figure> {
  const answered = once(loop, 'message') as Promise<[PlainAnswer]>
  loop.send(order)
  const [answer] = await answered
  if (answer.failures > 0) throw new Error(`The plain loop failed ${answer.failures} times`)
  return { perSecond: MAILBOXES / answer.seconds, cpuMs: answer.cpuMs / MAILBOXES }
}

function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}

async function main(): Promise<void> {
  const mailProcess = child('../server/demo/mail-system-main.js', [JSON.stringify({ users: MAILBOXES })])
  const [ready] = (await once(mailProcess, 'message')) as [MailSystemReady]
  mailProcess.stdout?.resume()
  const accounts = Array.from({ length: MAILBOXES }, (_, index) => {
    const user = `user${String(index + 1).padStart(5, '0')}`
    return { user: `${user}@${ready.domain}`, pass: `pw-${user}` }
  })
  const { imaps: incoming, smtps: outgoing } = ready.endpoints
  if (!incoming || !outgoing) throw new Error('The mail system has no TLS listeners')
  const order = {
    incoming,
    outgoing,
    trustedCertificates: ready.trustedCertificates,
    accounts,
    concurrency: CONCURRENCY,
  }

  const mariadb = await startMariadb().catch((error: Error) => {
    process.stderr.write(`MariaDB is left out: ${error.message}\n`)
    return undefined
  })
  try {
    const loop = child('plain-loop.js')
    const products = [await Product.start('SQLite', {})]
    if (mariadb) {
      const connection = await createConnection(mariadb.url)
      await connection.query('CREATE DATABASE bench CHARACTER SET utf8mb4')
      await connection.end()
      products.push(await Product.start('MariaDB', { DATABASE_URL: `${mariadb.url}/bench` }))
    }
    for (const product of products) await product.setUp(ready, accounts)
    const figures = new Map<string, Figure[]>()
    const note = (name: string, figure: Figure) => {
      figures.set(name, [...(figures.get(name) ?? []), figure])
      process.stderr.write(`${name}: ${figure.perSecond.toFixed(0)}/s, ${figure.cpuMs.toFixed(2)} ms\n`)
    }
    const warm = { ...order, accounts: accounts.slice(0, Math.min(100, MAILBOXES)) }
    await plainRound(loop, warm).catch(() => undefined)
    for (const product of products) await product.round(false)
    for (let round = 0; round < ROUNDS; round++) {
      note('plain loop', await plainRound(loop, order))
      for (const product of products) note(`pipeline, ${product.name}`, await product.round(false))
      for (const product of products) note(`pipeline with round trip, ${product.name}`, await product.round(true))
    }
    print(figures)
  } finally {
    await mariadb?.stop()
  }
}

function print(figures: Map<string, Figure[]>): void {
  const rows = [...figures].map(([name, list]) => ({
    name,
    perSecond: median(list.map((figure) => figure.perSecond)),
    cpuMs: median(list.map((figure) => figure.cpuMs)),
  }))
  const [floor] = rows
  if (!floor) return
  process.stdout.write(
    `${MAILBOXES} mailboxes, concurrency ${CONCURRENCY}, TLS, medians of ${ROUNDS} interleaved rounds\n`,
  )
  for (const { name, perSecond, cpuMs } of rows) {
    const ratios = `rate x${(perSecond / floor.perSecond).toFixed(2)}, CPU x${(cpuMs / floor.cpuMs).toFixed(2)} of the plain loop`
    process.stdout.write(
      `${name.padEnd(34)} ${perSecond.toFixed(0).padStart(4)} tests/s  ${cpuMs.toFixed(2)} ms CPU a test  ${ratios}\n`,
    )
  }
}

main()
  .catch((error) => {
    process.stderr.write(`${error.stack}\n`)
    process.exitCode = 1
  })
  .finally(() => {
    for (const one of children) one.kill('SIGTERM')
    for (const folder of folders) rmSync(folder, { recursive: true, force: true })
  })
