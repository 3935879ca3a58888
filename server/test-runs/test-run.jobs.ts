import { z } from 'zod'
import type { Job } from '../jobs/job'
import { defineJob } from '../jobs/job'
import type { TestEngine } from './test-engine'
import type { TestItems } from './test-items'
import { TEST_RUN_JOB } from './test-run.service'

const DAY_MS = 24 * 3_600_000
const SWEEP_MS = 5_000

/** Hands a part of a run to the process that gets this job: its engine works until no waiting item is left for it. */
export const testRunJob = (engine: TestEngine): Job<{ runId: string; part: number }> =>
  defineJob({
    name: TEST_RUN_JOB,
    input: z.object({ runId: z.string(), part: z.number() }),
    retries: 3,
    timeoutMs: DAY_MS,
    run: () => engine.work(),
  })

/** Finds what nudges were lost for: items of workers that died, and runs whose jobs were never enqueued. */
export const sweepTestRunsJob = (engine: TestEngine, items: TestItems): Job<Record<string, never>> =>
  defineJob({
    name: 'sweep-test-runs',
    input: z.object({}).strict(),
    retries: 0,
    timeoutMs: 60_000,
    everyMs: SWEEP_MS,
    run: async () => {
      await items.putBack('expired')
      // not awaited: the sweep is a nudge, and the next one must not wait for the run
      if ((await items.openRuns()).length > 0) void engine.work()
    },
  })
