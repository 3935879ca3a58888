import { type Logger, pino } from 'pino'
import { MissingKeys } from './app'
import { ConfigError } from './config'

/** What is under way may take so long to end after SIGTERM or SIGINT; then the process ends all the same. */
const GRACE_MS = 5_000
const FORCE_MS = GRACE_MS + 5_000

/** Nothing that may hold a secret is logged, whatever object it comes in. */
const REDACTED = ['password', 'secret', 'authorization', 'cookie', 'passwordSealed', 'accessToken']

export function makeLog(): Logger {
  const paths = REDACTED.flatMap((name) => [name, `*.${name}`, `*.*.${name}`])
  return pino({ name: 'mailwarden', redact: paths }, pino.destination({ dest: 2, sync: true }))
}

/**
 * Starts a long-running process and ends it cleanly at the first SIGTERM or SIGINT. A fault of the configuration is told in
 * plain words and ends the process with 1.
 */
export function runUntilSignal(start: (log: Logger) => Promise<(graceMs: number) => Promise<void>>): void {
  const log = makeLog()
  const started = start(log)
  let isEnding = false
  const end = (signal: string) => {
    if (isEnding) return
    isEnding = true
    setTimeout(() => process.exit(1), FORCE_MS).unref()
    log.info({ signal }, 'Ending')
    started
      .then((stop) => stop(GRACE_MS))
      .then(() => process.exit(0))
      .catch((error) => {
        log.error({ err: error }, 'The end was not clean')
        process.exit(1)
      })
  }
  process.once('SIGTERM', () => end('SIGTERM'))
  process.once('SIGINT', () => end('SIGINT'))
  started.catch((error) => {
    const plain = plainWords(error)
    if (plain === undefined) log.fatal({ err: error }, 'The start failed')
    else process.stderr.write(`${plain}\n`)
    process.exit(1)
  })
}

/** What a person can mend who starts the process; undefined is for those who know its inside. */
function plainWords(error: unknown): string | undefined {
  if (error instanceof ConfigError || error instanceof MissingKeys) return error.message
  const { code, syscall, address, port } = error as NodeJS.ErrnoException & { address?: string; port?: number }
  if (syscall !== 'listen') return undefined
  const reason = code === 'EADDRINUSE' ? 'another program listens there' : String(code)
  return `Cannot listen at ${address}:${port}: ${reason}. HOST and PORT choose where.`
}
