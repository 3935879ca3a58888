import { type DestinationStream, type Logger, type LoggerOptions, pino } from 'pino'
import { MissingKeys } from './app'
import { ConfigError } from './config'

/** What is under way may take so long to end after SIGTERM or SIGINT; then the process ends all the same. */
const GRACE_MS = 5_000
const FORCE_MS = GRACE_MS + 5_000

/** Nothing that may hold a secret is logged, whatever object it comes in. */
const REDACTED = ['password', 'secret', 'authorization', 'cookie', 'passwordSealed', 'accessToken']

export function makeLog(destination: DestinationStream = pino.destination({ dest: 2, sync: true })): Logger {
  const paths = REDACTED.flatMap((name) => [name, `*.${name}`, `*.*.${name}`])
  const options: LoggerOptions = {
    name: 'mailwarden',
    redact: paths,
    serializers: { err: loggedError },
    hooks: {
      logMethod(parts, log) {
        const [first, text, ...rest] = parts as [unknown, unknown, ...unknown[]]
        const error = first instanceof Error ? first : (first as { err?: unknown } | undefined)?.err
        // without words of its own, a line would get the error's message in full
        const isBare = error instanceof Error && (text === undefined || text === error.message)
        const fields = first instanceof Error ? { err: first } : first
        Reflect.apply(log, this, isBare ? [fields, messageOf(error), ...rest] : parts)
      },
    },
  }
  return pino(options, destination)
}

type AnyError = Error & { code?: unknown; errno?: unknown; syscall?: unknown; errors?: unknown }

/** How far causes of causes are followed. */
const DEEPEST_CAUSE = 5

/**
 * What the log is told of an error: its kind, its words, its codes and where it was thrown, and nothing else that hangs on it.
 * Libraries hang on what they were doing: TypeORM the parameters of a query, ioredis the arguments of a command (AUTH among
 * them).
 */
export function loggedError(error: unknown, depth = 0): object {
  if (!(error instanceof Error)) return { type: typeof error, ...(typeof error === 'string' && { message: error }) }
  const { code, errno, syscall, cause, errors } = error as AnyError
  const isDeep = depth >= DEEPEST_CAUSE
  return {
    type: error.constructor?.name ?? error.name,
    message: messageOf(error),
    ...Object.fromEntries(
      Object.entries({ code, errno, syscall }).filter(([, value]) => ['string', 'number'].includes(typeof value)),
    ),
    stack: framesOf(error),
    ...(cause !== undefined && !isDeep && { cause: loggedError(cause, depth + 1) }),
    ...(Array.isArray(errors) && !isDeep && { errors: errors.slice(0, 10).map((one) => loggedError(one, depth + 1)) }),
  }
}

/** An error's words without values: MySQL and MariaDB repeat a duplicate key, Redis the arguments of a command it does not know. */
export function messageOf(error: Error): string {
  const { sqlMessage, sqlState, code, errno } = error as AnyError & { sqlMessage?: unknown; sqlState?: unknown }
  if (sqlMessage !== undefined || sqlState !== undefined)
    return `The database answered ${code ?? 'an error'} (${errno})`
  return error.message.replace(/,? with args beginning with[\s\S]*/, '')
}

/** The lines of the stack behind the message, which may have lines of its own. */
export function framesOf({ stack = '', message }: Error): string {
  const start = stack.indexOf(message)
  const behind = start < 0 ? stack : stack.slice(start + message.length)
  return behind
    .split('\n')
    .filter((line) => /^\s+at /.test(line))
    .join('\n')
}

/** What this process writes (the database, the demo's secrets) is for its own user alone, unless a command says otherwise. */
export function keepFilesPrivate(): void {
  process.umask(0o077)
}

/**
 * Starts a long-running process and ends it cleanly at the first SIGTERM or SIGINT. A fault of the configuration is told in
 * plain words and ends the process with 1.
 */
export function runUntilSignal(start: (log: Logger) => Promise<(graceMs: number) => Promise<void>>): void {
  keepFilesPrivate()
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
