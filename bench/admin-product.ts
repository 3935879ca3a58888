import { type ChildProcess, fork } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { extname, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'

export interface ServerReady {
  url: string
}

/** How long the event loop stood still since the last question, at the longest. */
export interface LoopDelay {
  longestMs: number
}

const RECONNECT_AFTER_MS = 200

export const SERVER_USER = { name: 'bench', password: 'bench bench bench' }

/** The service under measurement: a process of its own, asked over HTTP. */
export class Product {
  private cookie = ''

  private constructor(
    private readonly child: ChildProcess,
    private readonly url: string,
  ) {}

  static async start(databaseUrl: string, folder: string): Promise<Product> {
    const child = fork(join(__dirname, `admin-server${extname(__filename)}`), {
      env: {
        ...process.env,
        DATABASE_URL: databaseUrl,
        MAILWARDEN_DATA: folder,
        MAILWARDEN_WEB: folder,
        MAILWARDEN_KEYS: `bench:${randomBytes(32).toString('base64')}`,
        NODE_ENV: 'production',
      },
    })
    const ended = once(child, 'exit').then(() => Promise.reject(new Error('The server ended')))
    ended.catch(() => undefined)
    const [{ url }] = (await Promise.race([once(child, 'message'), ended])) as [ServerReady]
    const product = new Product(child, url)
    const signIn =
      'mutation ($name: String!, $password: String!) { signIn(name: $name, password: $password) { viewer { id } } }'
    await product.ask(signIn, SERVER_USER)
    return product
  }

  // biome-ignore lint/suspicious/noExplicitAny: answers of the few operations of the benchmark
  async ask(query: string, variables?: object): Promise<any> {
    const request = {
      method: 'POST',
      headers: { 'content-type': 'application/json', cookie: this.cookie },
      body: JSON.stringify({ query, variables }),
    }
    const send = () => fetch(`${this.url}/graphql`, request)
    // SQL of our own keeps this thread busy for minutes, and the server closes connections that rest: take a fresh one
    const response = await send().catch(async () => {
      await pause(RECONNECT_AFTER_MS)
      return send()
    })
    this.cookie = response.headers.getSetCookie()[0]?.split(';')[0] ?? this.cookie
    const { data, errors } = (await response.json()) as { data: unknown; errors?: unknown }
    if (errors) throw new Error(JSON.stringify(errors))
    return data
  }

  /** Milliseconds that an operation took, from the request to the parsed answer. */
  async time(query: string, variables?: object): Promise<number> {
    const begun = performance.now()
    await this.ask(query, variables)
    return performance.now() - begun
  }

  /** The longest time that the event loop stood still since the last call. */
  async longestStandstill(): Promise<number> {
    const answered = once(this.child, 'message') as Promise<[LoopDelay]>
    this.child.send('delay')
    const [{ longestMs }] = await answered
    return longestMs
  }

  /** The most memory that the process ever had, in MiB (proc(5): VmHWM). */
  get peakMemory(): number {
    const status = readFileSync(`/proc/${this.child.pid}/status`, 'utf8')
    return Number(status.match(/VmHWM:\s+(\d+) kB/)?.[1]) / 1024
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return
    const ended = once(this.child, 'exit')
    this.child.kill('SIGTERM')
    await ended
  }
}
