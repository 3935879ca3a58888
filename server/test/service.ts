import { join } from 'node:path'
import { builtServer } from './built-product'
import { lowFreePort } from './dovecot'
import { Caller, TEST_ENV } from './harness'
import { ProductProcess } from './product-process'

type Variables = Readonly<Record<string, string>>

/** The built service as a process, which can be killed and started again at the same address, on the same data. */
export class Service {
  /** From the first to the one that runs, or ran last. */
  readonly processes: ProductProcess[]

  private constructor(
    private readonly port: number,
    private readonly env: Variables,
    first: ProductProcess,
  ) {
    this.processes = [first]
  }

  /** `env` comes on top of what every test needs of its surroundings. */
  static async start(env: Variables): Promise<Service> {
    const port = await lowFreePort()
    return new Service(port, env, await startMain(port, env))
  }

  get process(): ProductProcess {
    return this.processes.at(-1) as ProductProcess
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`
  }

  /** Of a fresh database: made, and printed, at the first start. */
  firstAdministrator(): Promise<Caller> {
    return this.process
      .says(/^sign-in (\S+) (\S+)$/)
      .then(([, name = '', password = '']) => new Caller(this.url).signIn(name, password))
  }

  async kill(): Promise<void> {
    await this.process.end('SIGKILL')
  }

  async startAgain(): Promise<void> {
    this.processes.push(await startMain(this.port, this.env))
  }

  /** Answers the exit code. */
  stop(): Promise<number> {
    return this.process.end('SIGTERM')
  }
}

async function startMain(port: number, env: Variables): Promise<ProductProcess> {
  const file = join(await builtServer(), 'main.js')
  const main = ProductProcess.start(file, { env: { ...TEST_ENV, ...env, PORT: String(port) } })
  await main.says(/^dashboard http/)
  return main
}

/** A worker of its own; `env` must name the database and Redis. */
export async function startWorker(env: Variables): Promise<ProductProcess> {
  const file = join(await builtServer(), 'worker.js')
  const worker = ProductProcess.start(file, { env: { ...TEST_ENV, MAILWARDEN_LOG: 'info', ...env } })
  await worker.says(/The worker is ready/)
  return worker
}
