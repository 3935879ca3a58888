import {
  type Job as BullJob,
  Queue as BullQueue,
  DelayedError,
  type IRedisClient,
  type JobsOptions,
  type RedisOptions,
  UnrecoverableError,
  Worker,
} from 'bullmq'
import { JobRegistry, parseInput } from './job-registry'
import type { AddOptions, JobList, Queue } from './queue'
import { QueueError } from './queue-error'
import { type QueueLogger, runJob } from './run-job'

export interface BullmqQueueOptions {
  /** redis://[user:password@]host:port[/db], or rediss:// for TLS. The server must not evict keys (maxmemory-policy noeviction). */
  url: string
  /** Keeps installations that share one Redis apart. */
  prefix?: string
  logger?: QueueLogger
  /** How many jobs this process runs at once. */
  concurrency?: number
  /** The wait before the first retry; it doubles with each one. */
  firstRetryMs?: number
  /** A job whose process has not been heard of for this long is given to another. */
  lockMs?: number
  /** How long add() waits for Redis. */
  addWithinMs?: number
  /** See RunLimits. */
  abandonAfterMs?: number
}

const QUEUE_NAME = 'jobs'
/** How often a job may take its whole process with it before it is dropped. */
const MAX_CRASHES = 3
/** However often the connection is tried. */
const OUTAGE_LOG_EVERY_MS = 60_000
/** How long stop() waits for Redis beyond the grace. */
const GOODBYE_MS = 1_000
const CONNECT_TIMEOUT_MS = 5_000
const MAX_RECONNECT_DELAY_MS = 2_000

/**
 * The queue of many processes, on BullMQ and Redis. A job of a process that died runs again elsewhere, one that a stopping
 * process cut short too. Nothing is kept of finished jobs: the rows tell what was done, the log what failed. The next run of
 * a schedule does not wait for the end of the last. Throws DUPLICATE_JOB.
 */
export function makeBullmqQueue(jobs: JobList, options: BullmqQueueOptions): Queue {
  return new BullmqQueue(new JobRegistry(jobs), options)
}

class BullmqQueue implements Queue {
  private readonly queue: BullQueue
  private readonly stopping = new AbortController()
  private readonly givingUp = new AbortController()
  private readonly shared: { connection: RedisOptions; prefix: string }
  private worker?: Worker
  private isLeaving = false
  private stopped?: Promise<void>

  constructor(
    private readonly jobs: JobRegistry,
    private readonly options: BullmqQueueOptions,
  ) {
    this.shared = { connection: this.connectionTo(options.url), prefix: options.prefix ?? 'mailwarden' }
    this.queue = new BullQueue(QUEUE_NAME, this.shared)
    this.queue.on('error', this.logOutages('queue'))
  }

  async add(jobName: string, input: unknown, options: AddOptions = {}): Promise<void> {
    const job = this.jobs.get(jobName)
    parseInput(job, input)
    if (this.stopped) throw new QueueError('STOPPED', 'The queue is stopped')
    const { delayMs = 0, dedupeKey } = options
    await this.inTime(
      this.queue.add(jobName, input, {
        ...this.optionsOf(job),
        delay: delayMs,
        ...(dedupeKey === undefined ? {} : { deduplication: { id: dedupeKey } }),
      }),
    )
  }

  async start(): Promise<void> {
    if (this.stopped) throw new QueueError('STOPPED', 'The queue is stopped')
    if (this.worker) return
    const lockDuration = this.options.lockMs ?? 30_000
    const worker = new Worker(QUEUE_NAME, (job, token) => this.process(job, token), {
      ...this.shared,
      concurrency: this.options.concurrency ?? 10,
      lockDuration,
      stalledInterval: lockDuration,
      maxStalledCount: MAX_CRASHES,
    })
    this.worker = worker
    worker.on('error', this.logOutages('worker'))
    worker.on('stalled', (id) => this.options.logger?.warn({ id }, 'the process that ran this job died, it runs again'))
    worker.on('failed', (job, error) => this.logFailure(job, error))
    for (const { job, everyMs } of this.jobs.schedules) {
      const template = { name: job.name, data: {}, opts: this.optionsOf(job) }
      await this.queue.upsertJobScheduler(job.name, { every: everyMs }, template)
    }
  }

  stop(graceMs: number): Promise<void> {
    this.stopped ??= this.end(graceMs)
    return this.stopped
  }

  private async end(graceMs: number): Promise<void> {
    this.stopping.abort()
    const grace = setTimeout(() => this.givingUp.abort(), graceMs)
    // Closing waits for the running jobs, which all end when they are given up.
    await this.closeInTime(this.worker, graceMs + GOODBYE_MS)
    clearTimeout(grace)
    await this.closeInTime(this.queue, GOODBYE_MS)
  }

  /** Without Redis, BullMQ would wait for it for ever: then the connections are told to try no more, which ends all waiting. */
  private async closeInTime(end: Worker | BullQueue | undefined, ms: number): Promise<void> {
    if (!end) return
    const closed = end
      .close()
      .catch((error) => this.options.logger?.warn({ err: error }, 'Redis did not hear the goodbye'))
    if (await settlesWithin(ms, closed)) return
    this.options.logger?.warn('Redis did not hear the goodbye')
    this.isLeaving = true
    for (const client of [end.getBackend().client, end.getBackend().blockingClient]) void tryOnceMore(client)
    await settlesWithin(CONNECT_TIMEOUT_MS + MAX_RECONNECT_DELAY_MS, closed)
  }

  private optionsOf(job: JobList[number]): JobsOptions {
    return {
      attempts: job.retries + 1,
      backoff: { type: 'exponential', delay: this.options.firstRetryMs ?? 1000 },
      removeOnComplete: true,
      removeOnFail: true,
      stackTraceLimit: 0,
    }
  }

  private async process(bullJob: BullJob, token: string | undefined): Promise<void> {
    // A closing worker may still be handed one.
    if (this.stopping.signal.aborted) return this.leaveToOthers(bullJob, token)
    // It waits no longer. An addition that was dropped until this moment is seen by the run that begins now.
    await bullJob.removeDeduplicationKey()
    try {
      await runJob(this.jobs.get(bullJob.name), bullJob.data, {
        attempt: bullJob.attemptsMade + 1,
        stop: this.stopping.signal,
        giveUp: this.givingUp.signal,
        abandonAfterMs: this.options.abandonAfterMs,
      })
    } catch (error) {
      if (this.stopping.signal.aborted) return this.leaveToOthers(bullJob, token)
      if (error instanceof QueueError && error.code === 'BAD_INPUT') throw new UnrecoverableError(error.message)
      throw error
    }
  }

  /** Cut short, not failed: another process takes it, and no try is used up. */
  private async leaveToOthers(bullJob: BullJob, token: string | undefined): Promise<never> {
    await bullJob.moveToDelayed(Date.now(), token)
    throw new DelayedError()
  }

  private logFailure(job: BullJob | undefined, error: Error): void {
    const willRetry =
      job !== undefined && !(error instanceof UnrecoverableError) && job.attemptsMade < (job.opts.attempts ?? 1)
    this.options.logger?.error({ err: error, job: job?.name, attempt: job?.attemptsMade, willRetry }, 'job failed')
  }

  /** Also keeps errors of the connection, which are tried again for ever, from ending the process. */
  private logOutages(role: string): (error: Error) => void {
    let loggedAt = Number.NEGATIVE_INFINITY
    return (error) => {
      if (performance.now() - loggedAt < OUTAGE_LOG_EVERY_MS) return
      loggedAt = performance.now()
      this.options.logger?.warn({ err: error, role }, 'the Redis connection for jobs has trouble')
    }
  }

  private connectionTo(url: string): RedisOptions {
    return {
      url,
      connectionName: 'mailwarden-jobs',
      keepAlive: 10_000,
      connectTimeout: CONNECT_TIMEOUT_MS,
      disconnectTimeout: 250,
      retryStrategy: (attempt) => (this.isLeaving ? null : Math.min(attempt * 100, MAX_RECONNECT_DELAY_MS)),
      maxRetriesPerRequest: null,
    }
  }

  private async inTime(adding: Promise<unknown>): Promise<void> {
    if (await settlesWithin(this.options.addWithinMs ?? 5_000, adding)) await adding
    else {
      adding.catch(() => {})
      throw new QueueError('UNREACHABLE', 'Redis did not take the job in time')
    }
  }
}

/** A client told to hang up while it waits for its next try never says that it has: the try makes it. */
async function tryOnceMore(client: Promise<IRedisClient> | undefined): Promise<void> {
  try {
    const known = await client
    if (known?.status === 'reconnecting') await known.connect()
  } catch {
    // It was to fail.
  }
}

async function settlesWithin(ms: number, promise: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const tooLate = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), ms)
  })
  const settled = promise.then(
    () => true,
    () => true,
  )
  try {
    return await Promise.race([settled, tooLate])
  } finally {
    clearTimeout(timer)
  }
}
