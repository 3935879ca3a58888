import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from './free-port'
import { waitFor } from './wait-for'

/** A real server started for the tests only: loopback, a port of its own, a temporary folder of its own. */
export interface PrivateServer {
  port: number
  folder: string
  /** Kills the server, waits for its end and the removal of its folder. Calling it again does nothing. */
  stop(): Promise<void>
}

export interface PrivateServerOptions {
  name: string
  /** Called with the new folder before the server starts. */
  prepare?(folder: string): void
  /** Program and arguments. */
  command(folder: string, port: number): readonly [program: string, ...args: string[]]
  /** Throws until the server answers. */
  check(port: number): Promise<void>
  timeoutMs?: number
  /** Only to start again where a stopped one was; otherwise a free one is found. */
  port?: number
}

/**
 * Starts a server that stays in the foreground and waits until it answers. It runs under guard.mjs, so it dies with this
 * process, however this process ends. Throws with the server's own last words when it does not come up.
 */
export async function startPrivateServer(options: PrivateServerOptions): Promise<PrivateServer> {
  // Somebody else may take the free port before the server does: hence further tries.
  for (let attempt = 1; ; attempt++) {
    try {
      return await tryToStart(options)
    } catch (error) {
      if (attempt === 3 || !/in use/i.test(String(error))) throw error
    }
  }
}

async function tryToStart(options: PrivateServerOptions): Promise<PrivateServer> {
  const folder = mkdtempSync(join(tmpdir(), `mailwarden-${options.name}-`))
  const logFile = join(folder, 'output.log')
  let guard: ChildProcess | undefined
  try {
    options.prepare?.(folder)
    const port = options.port ?? (await freePort())
    guard = startGuard(folder, logFile, options.command(folder, port))
    await untilItAnswers(options, port, guard)
    return { port, folder, stop: () => stopGuard(guard) }
  } catch (error) {
    const lastWords = readOrEmpty(logFile).slice(-2000)
    await stopGuard(guard)
    rmSync(folder, { recursive: true, force: true })
    throw new Error(`${options.name} did not start: ${error instanceof Error ? error.message : error}\n${lastWords}`, {
      cause: error,
    })
  }
}

function startGuard(folder: string, logFile: string, command: readonly string[]): ChildProcess {
  const log = openSync(logFile, 'w')
  try {
    const guard = spawn(process.execPath, [join(process.cwd(), 'server/test/guard.mjs'), folder, ...command], {
      // A session of its own: Ctrl-C in the terminal must reach the tests, not the server's guard.
      detached: true,
      stdio: ['pipe', log, log],
      env: { ...process.env, NODE_OPTIONS: '' },
    })
    // The server must not keep a finished test process alive.
    guard.unref()
    const input = guard.stdin as unknown as { unref?(): void }
    input.unref?.()
    guard.stdin?.on('error', () => {})
    return guard
  } finally {
    closeSync(log)
  }
}

async function untilItAnswers(options: PrivateServerOptions, port: number, guard: ChildProcess): Promise<void> {
  let isGone = false
  guard.once('exit', () => {
    isGone = true
  })
  const answer = await waitFor(
    `${options.name} to answer`,
    async () => {
      if (isGone) return 'gone'
      await options.check(port)
      return 'up'
    },
    { timeoutMs: options.timeoutMs ?? 30_000, everyMs: 25 },
  )
  if (answer === 'gone') throw new Error('it ended at once')
}

async function stopGuard(guard: ChildProcess | undefined): Promise<void> {
  if (!guard || guard.exitCode !== null || guard.signalCode !== null) return
  guard.ref()
  const ended = once(guard, 'exit')
  guard.stdin?.end()
  await ended
}

function readOrEmpty(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}
