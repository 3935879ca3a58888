import { JobRegistry, parseInput } from './job-registry'
import type { AddOptions, JobList, Queue } from './queue'
import { QueueError } from './queue-error'
import { MAX_TIMER_MS, type QueueLogger, retryDelayMs, runJob } from './run-job'

export interface MemoryQueueOptions {
  logger?: QueueLogger
  /** How many jobs run at once. */
  concurrency?: number
  /** The wait before the first retry; it doubles with each one. */
  firstRetryMs?: number
  /** See RunLimits. */
  abandonAfterMs?: number
}

/**
 * The queue of a single process: the default, nothing to install. What waits is lost when the process ends, which harms nobody,
 * since the rows are the truth. Throws DUPLICATE_JOB.
 */
export function makeMemoryQueue(jobs: JobList, options: MemoryQueueOptions = {}): Queue {
  return new MemoryQueue(new JobRegistry(jobs), options)
}

interface Entry {
  job: JobList[number]
  /** As it would travel through Redis, so that no job comes to rely on more. */
  json: string | undefined
  attempt: number
  dedupeKey?: string
}

class MemoryQueue implements Queue {
  /** In order; a Set, for its first is taken out in no time. */
  private readonly waiting = new Set<Entry>()
  /** By key, the entry that waits, for its turn or for its time. */
  private readonly deduped = new Map<string, Entry>()
  private readonly running = new Set<Promise<void>>()
  private readonly timers = new Set<NodeJS.Timeout>()
  private readonly stopping = new AbortController()
  private readonly givingUp = new AbortController()
  private readonly concurrency: number
  private readonly firstRetryMs: number
  private isStarted = false
  private isPumpQueued = false
  private stopped?: Promise<void>

  constructor(
    private readonly jobs: JobRegistry,
    private readonly options: MemoryQueueOptions,
  ) {
    this.concurrency = options.concurrency ?? 10
    this.firstRetryMs = options.firstRetryMs ?? 1000
  }

  async add(jobName: string, input: unknown, { delayMs = 0, dedupeKey }: AddOptions = {}): Promise<void> {
    const job = this.jobs.get(jobName)
    parseInput(job, input)
    if (this.stopped) throw new QueueError('STOPPED', 'The queue is stopped')
    this.enter({ job, json: JSON.stringify(input), attempt: 1, dedupeKey }, delayMs)
  }

  async start(): Promise<void> {
    if (this.stopped) throw new QueueError('STOPPED', 'The queue is stopped')
    if (this.isStarted) return
    this.isStarted = true
    for (const { job, everyMs } of this.jobs.schedules) {
      // One that is still waiting is enough.
      const enter = () => this.enter({ job, json: '{}', attempt: 1, dedupeKey: `schedule ${job.name}` }, 0)
      enter()
      this.timers.add(setInterval(enter, everyMs))
    }
    this.queuePump()
  }

  stop(graceMs: number): Promise<void> {
    this.stopped ??= this.end(graceMs)
    return this.stopped
  }

  private async end(graceMs: number): Promise<void> {
    for (const timer of this.timers) clearTimeout(timer)
    this.timers.clear()
    this.waiting.clear()
    this.deduped.clear()
    this.stopping.abort()
    const grace = setTimeout(() => this.givingUp.abort(), graceMs)
    await Promise.all(this.running)
    clearTimeout(grace)
  }

  private enter(entry: Entry, delayMs: number): void {
    const { dedupeKey } = entry
    if (dedupeKey !== undefined) {
      if (this.deduped.has(dedupeKey)) return
      this.deduped.set(dedupeKey, entry)
    }
    this.wait(entry, delayMs)
  }

  private wait(entry: Entry, delayMs: number): void {
    if (delayMs <= 0) {
      this.waiting.add(entry)
      this.queuePump()
      return
    }
    const partMs = Math.min(delayMs, MAX_TIMER_MS)
    const timer = setTimeout(() => {
      this.timers.delete(timer)
      this.wait(entry, delayMs - partMs)
    }, partMs)
    this.timers.add(timer)
  }

  /** Later, so that a job never runs inside the call that added it. */
  private queuePump(): void {
    if (this.isPumpQueued || !this.isStarted) return
    this.isPumpQueued = true
    setImmediate(() => {
      this.isPumpQueued = false
      this.pump()
    })
  }

  private pump(): void {
    for (const entry of this.waiting) {
      if (this.running.size >= this.concurrency) return
      this.waiting.delete(entry)
      const run = this.run(entry).finally(() => {
        this.running.delete(run)
        this.pump()
      })
      this.running.add(run)
    }
  }

  private async run(entry: Entry): Promise<void> {
    const { job, json, attempt, dedupeKey } = entry
    if (dedupeKey !== undefined && this.deduped.get(dedupeKey) === entry) this.deduped.delete(dedupeKey)
    const limits = { attempt, stop: this.stopping.signal, giveUp: this.givingUp.signal }
    try {
      const input = json === undefined ? undefined : JSON.parse(json)
      await runJob(job, input, { ...limits, abandonAfterMs: this.options.abandonAfterMs })
    } catch (error) {
      this.fail(entry, error)
    }
  }

  private fail(entry: Entry, error: unknown): void {
    const { job, attempt } = entry
    if (this.stopped) {
      this.options.logger?.info({ job: job.name, attempt }, 'job cut short, the process stops')
      return
    }
    const isHopeless = error instanceof QueueError && error.code === 'BAD_INPUT'
    const willRetry = !isHopeless && attempt <= job.retries
    this.options.logger?.error({ err: error, job: job.name, attempt, willRetry }, 'job failed')
    if (willRetry)
      this.wait({ ...entry, attempt: attempt + 1, dedupeKey: undefined }, retryDelayMs(attempt, this.firstRetryMs))
  }
}
