import { z } from 'zod'
import type { Job } from '../jobs/job'
import { defineJob } from '../jobs/job'
import type { TestEngine } from './test-engine'
import { TEST_RUN_JOB } from './test-run.service'

/**
 * Sets a worker to work on a run. It does not wait for the run: a job that did would hold its place in the queue for hours.
 * The other workers join when they hear the run's signal, or at their next sweep.
 */
export const testRunJob = (engine: TestEngine): Job<{ runId: string }> =>
  defineJob({
    name: TEST_RUN_JOB,
    input: z.object({ runId: z.string() }),
    retries: 3,
    timeoutMs: 60_000,
    run: async () => {
      void engine.work()
    },
  })
