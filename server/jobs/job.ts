import type { z } from 'zod'

/** What a running job is given beside its input. */
export interface JobContext {
  /** Aborted when the process stops or the job's timeout is over. */
  signal: AbortSignal
  /** 1 at the first try. */
  attempt: number
}

/**
 * A kind of background work. Its input is ids only; the job reloads its rows and returns unless their state is the expected
 * one, so it is safe to run twice. The rows are the truth, the queue is only a nudge.
 */
export interface Job<Input> {
  name: string
  input: z.ZodType<Input>
  /** Further tries after a throw, with exponential back-off from one second. */
  retries: number
  timeoutMs: number
  /** Set for a schedule: run this often on one node of all, with the input `{}`. */
  everyMs?: number
  run(input: Input, context: JobContext): Promise<void>
}

export function defineJob<Input>(job: Job<Input>): Job<Input> {
  return job
}
