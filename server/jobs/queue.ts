import type { Job } from './job'

export interface AddOptions {
  delayMs?: number
  /** While a job with this key waits, adding another with it does nothing. */
  dedupeKey?: string
}

/** The in-process and the Redis queue: one contract suite holds both (queue.contract.ts). */
export interface Queue {
  /** Hands a job to whichever worker is free. The input is parsed by the job's schema here and again before it runs. Throws for an unknown job name or a bad input. */
  add(jobName: string, input: unknown, options?: AddOptions): Promise<void>
  /** Starts to work on what was and will be added, and on the jobs' schedules. A node that only adds never calls it. */
  start(): Promise<void>
  /** Takes nothing new, aborts running jobs' signals, waits at most graceMs for them, frees every handle. */
  stop(graceMs: number): Promise<void>
}

/** Every job there is: a queue refuses to be made with two jobs of one name, and to add a job it does not know. */
// biome-ignore lint/suspicious/noExplicitAny: the list holds jobs of every input type; each parses its own input.
export type JobList = readonly Job<any>[]
