import type { Job } from './job'
import type { JobList } from './queue'
import { QueueError } from './queue-error'

/** The jobs by name, and the one place where their input is checked. */
export class JobRegistry {
  // biome-ignore lint/suspicious/noExplicitAny: each job parses its own input.
  private readonly byName = new Map<string, Job<any>>()

  /** Throws DUPLICATE_JOB. */
  constructor(jobs: JobList) {
    for (const job of jobs) {
      if (this.byName.has(job.name)) throw new QueueError('DUPLICATE_JOB', `There are two jobs named ${job.name}`)
      this.byName.set(job.name, job)
    }
  }

  /** Throws UNKNOWN_JOB. */
  get(name: string): JobList[number] {
    const job = this.byName.get(name)
    if (!job) throw new QueueError('UNKNOWN_JOB', `There is no job named ${name}`)
    return job
  }

  get schedules(): { job: JobList[number]; everyMs: number }[] {
    return [...this.byName.values()].flatMap((job) =>
      job.everyMs === undefined ? [] : [{ job, everyMs: job.everyMs }],
    )
  }
}

/** What run() is given. Throws BAD_INPUT, which names the faulty fields and no value. */
export function parseInput<Input>(job: Job<Input>, input: unknown): Input {
  const parsed = job.input.safeParse(input)
  if (parsed.success) return parsed.data
  const faults = parsed.error.issues.map(({ path, code }) => `${path.join('.') || 'input'}: ${code}`)
  throw new QueueError('BAD_INPUT', `Bad input for the job ${job.name} (${faults.join(', ')})`)
}
