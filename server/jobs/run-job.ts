import type { BaseLogger } from 'pino'
import type { Job } from './job'
import { parseInput } from './job-registry'

export type QueueLogger = Pick<BaseLogger, 'info' | 'warn' | 'error'>

export interface RunLimits {
  /** 1 at the first try. */
  attempt: number
  /** Aborted when the queue stops: the job is asked to end. */
  stop: AbortSignal
  /** Aborted when the queue will not wait for the job any longer. */
  giveUp: AbortSignal
  /** How long a job may take to end after its timeout, before it is counted as failed with its run still going on. */
  abandonAfterMs?: number
}

/** Why the signal of a job was aborted, or why the queue no longer waits for it. */
export class JobAborted extends Error {
  constructor(
    readonly reason: 'STOPPING' | 'TIMEOUT' | 'ABANDONED',
    jobName: string,
  ) {
    super(`The job ${jobName} was aborted: ${reason}`)
    this.name = 'JobAborted'
  }
}

const ABANDON_AFTER_MS = 5_000
/** What setTimeout can count to; more would fire at once. */
export const MAX_TIMER_MS = 2 ** 31 - 1

/** The wait before the next try: exponential from firstRetryMs. */
export function retryDelayMs(failedAttempts: number, firstRetryMs: number): number {
  return firstRetryMs * 2 ** (failedAttempts - 1)
}

/**
 * One try of a job: parses the input, runs it under its timeout, and settles for certain, even if the job does not. A job that
 * ends early because its signal was aborted must throw to be run again; when it returns, it is done. Throws what the job threw,
 * QueueError BAD_INPUT, or JobAborted for a job that did not heed its signal.
 */
export async function runJob<Input>(job: Job<Input>, input: unknown, limits: RunLimits): Promise<void> {
  const { attempt, stop, giveUp, abandonAfterMs = ABANDON_AFTER_MS } = limits
  const parsed = parseInput(job, input)
  const abort = new AbortController()
  const cleanups: (() => void)[] = []
  const abandoned = new Promise<never>((_resolve, reject) => {
    const abandon = () => reject(new JobAborted('ABANDONED', job.name))
    cleanups.push(onAbort(giveUp, abandon))
    cleanups.push(after(job.timeoutMs + abandonAfterMs, abandon))
  })
  cleanups.push(onAbort(stop, () => abort.abort(new JobAborted('STOPPING', job.name))))
  cleanups.push(after(job.timeoutMs, () => abort.abort(new JobAborted('TIMEOUT', job.name))))
  try {
    // run() may throw before it returns a promise.
    const running = (async () => job.run(parsed, { signal: abort.signal, attempt }))()
    await Promise.race([running, abandoned])
  } finally {
    for (const cleanup of cleanups) cleanup()
  }
}

function onAbort(signal: AbortSignal, listener: () => void): () => void {
  if (signal.aborted) listener()
  signal.addEventListener('abort', listener, { once: true })
  return () => signal.removeEventListener('abort', listener)
}

function after(ms: number, callback: () => void): () => void {
  const timer = setTimeout(callback, Math.min(ms, MAX_TIMER_MS))
  return () => clearTimeout(timer)
}
