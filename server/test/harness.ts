import 'reflect-metadata'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient, type Client as WsClient } from 'graphql-ws'
import { createConnection } from 'mysql2/promise'
import { pino } from 'pino'
import WebSocket from 'ws'
import { App } from '../app'
import type { CreateUserInput } from '../auth/access.inputs'
import { operator } from '../auth/auth.service'
import { PASSWORD_COST } from '../auth/password'
import { Role, type Scope } from '../auth/rights'
import type { User } from '../auth/user.entity'
import { type Config, readConfig } from '../config'
import { makeHttp } from '../http'

export type DatabaseKind = 'sqlite' | 'mariadb'
/** `describe.each(DATABASES)`: what the API promises, it promises on both. */
export const DATABASES: DatabaseKind[] = ['sqlite', 'mariadb']

export const PASSWORD = 'correct horse battery'
export const ENCRYPTION_KEYS = `test:${randomBytes(32).toString('base64')}`

export interface Answer<Data> {
  status: number
  headers: Headers
  data: Data
  errors: { message: string; path?: (string | number)[]; extensions: { code: string } }[]
}

// biome-ignore lint/suspicious/noExplicitAny: a test says what it expects of an answer by expecting it
export type Anything = any

/** Somebody who talks to the API as a client does: over HTTP and the websocket. */
export class Caller {
  private cookie = ''
  private readonly sockets: WsClient[] = []

  constructor(
    readonly url: string,
    private readonly bearer?: string,
  ) {}

  async ask<Data = Anything>(
    query: string,
    variables?: object,
    headers: Record<string, string> = {},
  ): Promise<Answer<Data>> {
    const response = await fetch(`${this.url}/graphql`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(this.cookie && { cookie: this.cookie }),
        ...(this.bearer && { authorization: `Bearer ${this.bearer}` }),
        ...headers,
      },
      body: JSON.stringify({ query, variables }),
    })
    const set = response.headers.getSetCookie().at(-1)
    if (set !== undefined) this.cookie = set.split(';')[0] ?? ''
    const text = await response.text()
    const { data, errors = [] } = text.startsWith('{') ? JSON.parse(text) : {}
    return { status: response.status, headers: response.headers, data, errors }
  }

  /** The same, for what has to succeed: throws the errors there are. */
  async get<Data = Anything>(query: string, variables?: object): Promise<Data> {
    const { data, errors } = await this.ask<Data>(query, variables)
    if (errors.length > 0) throw new Error(JSON.stringify(errors))
    return data
  }

  async signIn(name: string, password: string): Promise<this> {
    const { signIn } = await this.get(
      'mutation ($name: String!, $password: String!) { signIn(name: $name, password: $password) { viewer { id } userErrors { code } } }',
      { name, password },
    )
    if (!signIn.viewer) throw new Error(JSON.stringify(signIn.userErrors))
    return this
  }

  get sessionCookie(): string {
    return this.cookie
  }

  socket(options: { origin?: string; retry?: boolean; onSocket?: (socket: WebSocket) => void } = {}): WsClient {
    const headers = { ...(this.cookie && { cookie: this.cookie }), ...(options.origin && { origin: options.origin }) }
    class WithCookie extends WebSocket {
      constructor(address: string, protocols: string | string[]) {
        super(address, protocols, { headers })
        options.onSocket?.(this)
      }
    }
    const client = createClient({
      url: `${this.url.replace('http', 'ws')}/graphql`,
      webSocketImpl: WithCookie,
      connectionParams: this.bearer ? { authorization: `Bearer ${this.bearer}` } : {},
      retryAttempts: options.retry ? 50 : 0,
      retryWait: async () => undefined,
      shouldRetry: () => true,
      lazy: true,
    })
    this.sockets.push(client)
    return client
  }

  /** Watches a subscription on a socket of its own. */
  watch<Data = Anything>(query: string, variables?: Record<string, unknown>, socket = this.socket()): Watching<Data> {
    return new Watching<Data>(
      socket.iterate({ query, variables }) as AsyncIterableIterator<{ data?: Data; errors?: unknown }>,
    )
  }

  async close(): Promise<void> {
    await Promise.all(this.sockets.map((socket) => socket.dispose()))
  }
}

/** The events of a subscription, as they come. */
export class Watching<Data> {
  constructor(private readonly events: AsyncIterableIterator<{ data?: Data; errors?: unknown }>) {}

  /** The next event; undefined when the subscription has ended. Throws its errors. */
  async next(): Promise<Data | undefined> {
    const { value, done } = await this.events.next()
    if (done) return undefined
    if (value.errors) throw new Error(JSON.stringify(value.errors))
    return value.data
  }

  /** The first event that is as wished; what comes before it is passed over. */
  async until(wished: (data: Data) => boolean): Promise<Data> {
    for (;;) {
      const data = await this.next()
      if (data === undefined) throw new Error('The subscription ended before the event that was waited for')
      if (wished(data)) return data
    }
  }

  async end(): Promise<void> {
    await this.events.return?.()
  }
}

export interface HarnessOptions {
  database: DatabaseKind
  /** Environment variables beside those the harness sets. */
  env?: Record<string, string>
  /** False: nothing is tested until `startWork` is called. */
  work?: boolean
  /** True: passwords are hashed as slowly as in life. */
  realPasswords?: boolean
  /** Another harness's database: a second node. */
  databaseUrl?: string
}

/** A hash of a millisecond. */
const CHEAP = { ...PASSWORD_COST, N: 2 ** 8, p: 1 }

/** A whole product in this process, on a database of its own, behind a real port. */
export class Harness {
  private readonly callers: Caller[] = []
  readonly logged: string[] = []

  private constructor(
    readonly app: App,
    readonly url: string,
    private readonly ends: (() => Promise<unknown> | unknown)[],
    logged: string[],
  ) {
    this.logged = logged
  }

  static async start(options: HarnessOptions): Promise<Harness> {
    const folder = mkdtempSync(join(tmpdir(), 'mailwarden-test-'))
    const ends: (() => Promise<unknown> | unknown)[] = [() => rmSync(folder, { recursive: true, force: true })]
    const databaseUrl = options.databaseUrl ?? (await makeDatabase(options.database, folder, ends))
    const config: Config = readConfig(
      {},
      { ...TEST_ENV, MAILWARDEN_DATA: folder, DATABASE_URL: databaseUrl, ...options.env },
    )
    const logged: string[] = []
    const log = pino({ level: config.logLevel }, { write: (line: string) => void logged.push(line) })
    const app = await App.open(config, log, options.realPasswords ? undefined : CHEAP)
    if (options.databaseUrl === undefined) {
      await makeUser(app, 'admin', { roles: [Role.SYSTEM_ADMINISTRATOR] })
      await makeUser(app, 'auditor', { roles: [Role.AUDITOR] })
    }
    const http = await makeHttp(app)
    await http.listen({ port: 0, host: '127.0.0.1' })
    ends.unshift(
      () => http.close(),
      () => app.close(0),
    )
    if (options.work ?? true) await app.startWork()
    const { port } = http.server.address() as AddressInfo
    return new Harness(app, `http://127.0.0.1:${port}`, ends, logged)
  }

  anonymous(): Caller {
    return this.keep(new Caller(this.url))
  }

  admin(): Promise<Caller> {
    return this.anonymous().signIn('admin', PASSWORD)
  }

  auditor(): Promise<Caller> {
    return this.anonymous().signIn('auditor', PASSWORD)
  }

  /** Makes a user of this name and signs it in. */
  async newUser(name: string, user: NewUser): Promise<Caller> {
    await makeUser(this.app, name, user)
    return this.anonymous().signIn(name, PASSWORD)
  }

  withToken(secret: string): Caller {
    return this.keep(new Caller(this.url, secret))
  }

  /** Makes an API token of these scopes, and who comes with it. */
  async newToken(...scopes: Scope[]): Promise<Caller> {
    const { secret } = await this.app.services.tokens.create(operator('test'), { name: scopes.join(' '), scopes })
    return this.withToken(secret)
  }

  async stop(): Promise<void> {
    await Promise.all(this.callers.map((caller) => caller.close()))
    for (const end of this.ends) await end()
  }

  private keep(caller: Caller): Caller {
    this.callers.push(caller)
    return caller
  }
}

export type NewUser = Pick<CreateUserInput, 'roles' | 'domains' | 'ownerId'>

/** A user of this name with PASSWORD. */
export const makeUser = (app: App, name: string, user: NewUser): Promise<User> =>
  app.services.users.create(operator('test'), { name, password: PASSWORD, ...user })

/** What a test of the product needs of its surroundings: loopback servers may be reached, and silence is found out soon. */
export const TEST_ENV = {
  PORT: '0',
  MAILWARDEN_KEYS: ENCRYPTION_KEYS,
  MAILWARDEN_LOG: 'warn',
  MAILWARDEN_WEB: 'no-dashboard',
  MAILWARDEN_EGRESS_ALLOW: '127.0.0.0/8',
  MAILWARDEN_CONNECT_TIMEOUT_MS: '3000',
  MAILWARDEN_GREETING_TIMEOUT_MS: '1500',
  MAILWARDEN_RESPONSE_TIMEOUT_MS: '3000',
  MAILWARDEN_RECEIVE_TIMEOUT_MS: '2500',
  MAILWARDEN_TEST_TIMEOUT_MS: '10000',
}

/** A database of its own; it is dropped by the last of `ends`. */
export async function makeDatabase(kind: DatabaseKind, folder: string, ends: (() => unknown)[]): Promise<string> {
  if (kind === 'sqlite') return `sqlite:${join(folder, 'test.sqlite')}`
  const server = process.env.TEST_MARIADB_URL
  if (!server) throw new Error('TEST_MARIADB_URL is not set: run the tests with npm test')
  const name = `mailwarden_${randomBytes(6).toString('hex')}`
  const run = async (sql: string) => {
    const connection = await createConnection(server)
    await connection.query(sql)
    await connection.end()
  }
  await run(`CREATE DATABASE ${name} CHARACTER SET utf8mb4`)
  ends.push(() => run(`DROP DATABASE ${name}`))
  return `${server}/${name}`
}
