import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ROOT } from './built-product'
import { waitFor } from './wait-for'

export interface ProcessOptions {
  args?: readonly string[]
  /** All that the process is told of its surroundings, beside the search path and the home folder. */
  env?: Readonly<Record<string, string>>
}

type EndSignal = 'SIGINT' | 'SIGTERM' | 'SIGKILL'

/** Tells its own id, which is not the guard's, and becomes the program. */
const script = 'echo "$$" && exec "$@"'

/** A process of the product under guard.mjs: it is gone when this process is, however this one ends. */
export class ProductProcess {
  private static readonly started = new Set<ProductProcess>()
  private readonly guard: ChildProcess
  private isGone = false
  /** What it ended with; a process that a signal ended has 1. */
  readonly exitCode: Promise<number>
  private said = ''
  stderr = ''

  private constructor(file: string, { args = [], env = {} }: ProcessOptions) {
    // the guard removes this folder, and nothing else
    const folder = mkdtempSync(join(tmpdir(), 'mailwarden-process-'))
    const command = ['sh', '-c', script, 'sh', process.execPath, file, ...args]
    this.guard = spawn(process.execPath, [join(__dirname, 'guard.mjs'), folder, ...command], {
      cwd: ROOT,
      // a session of its own: Ctrl-C in the terminal is for the tests, and their end is what the guard waits for
      detached: true,
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...inherited(), ...env },
    })
    this.guard.stdin?.on('error', () => {})
    this.guard.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.said += text
    })
    this.guard.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text
    })
    this.exitCode = new Promise((resolve, reject) => {
      this.guard.once('error', reject)
      this.guard.once('close', (code) => {
        this.isGone = true
        resolve(code ?? 1)
      })
    })
    ProductProcess.started.add(this)
  }

  /** Starts `node FILE ARGS`; does not wait for it. */
  static start(file: string, options: ProcessOptions = {}): ProductProcess {
    return new ProductProcess(file, options)
  }

  /** For afterAll: whatever still runs is killed. */
  static async killAll(): Promise<void> {
    await Promise.all([...ProductProcess.started].map((each) => each.end('SIGKILL')))
    ProductProcess.started.clear()
  }

  get stdout(): string {
    return this.said.slice(this.said.indexOf('\n') + 1)
  }

  /** All it has said, to both outlets. */
  get output(): string {
    return this.stdout + this.stderr
  }

  /** The first line of either outlet that matches; throws its last words when it ends before, or says nothing of the kind. */
  async says(pattern: RegExp, timeoutMs = 60_000): Promise<RegExpExecArray> {
    const find = () => {
      const lines = this.output.split('\n').slice(0, -1)
      return lines.map((line) => pattern.exec(line)).find((match) => match !== null)
    }
    const found = await waitFor(`${pattern}`, () => find() ?? (this.isGone && 'ended'), { timeoutMs }).catch(
      (error) => {
        throw new Error(`${error.message}\n${this.lastWords}`)
      },
    )
    if (found === 'ended') throw new Error(`The process ended before it said ${pattern}\n${this.lastWords}`)
    return found
  }

  /** Sends the signal to the process itself and waits for its end. */
  async end(signal: EndSignal): Promise<number> {
    if (!this.isGone) {
      // SIGKILL by way of the guard reaches all that the process has started, too
      if (signal === 'SIGKILL') this.guard.stdin?.end()
      else process.kill(await this.pid(), signal)
    }
    return this.exitCode
  }

  private async pid(): Promise<number> {
    return waitFor('the process to tell its id', () => this.said.includes('\n') && Number.parseInt(this.said, 10))
  }

  private get lastWords(): string {
    return this.output.slice(-2_000)
  }
}

/** Not what Jest or a developer's shell sets: the product reads its own variables and npm's only. */
function inherited(): Record<string, string> {
  const wanted = /^(PATH|HOME|TMPDIR|LANG|npm_config_.*|NPM_CONFIG_.*)$/
  const found = Object.entries(process.env).filter(([name, value]) => wanted.test(name) && value !== undefined)
  return Object.fromEntries(found) as Record<string, string>
}
