import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { z } from 'zod'
import { waitFor } from '../test/wait-for'
import { defineJob, type Job, type JobContext } from './job'
import type { JobList, Queue } from './queue'
import type { QueueLogger } from './run-job'

/** What both implementations understand. */
export interface ContractQueueOptions {
  logger?: QueueLogger
  concurrency?: number
  firstRetryMs?: number
  abandonAfterMs?: number
}

/** Makes a queue; all that are made for one `network` belong together. */
export type MakeQueue = (network: string, jobs: JobList, options?: ContractQueueOptions) => Queue

/** A time in which nothing must happen: some steps of the shortest delay used here. */
export const QUIET_MS = 150

const input = z.object({ id: z.string() })
type Input = z.infer<typeof input>
type Run = (input: Input, context: JobContext) => Promise<void>

/** A job named `work` that does what the test says. */
export function workJob(run: Run, more: Partial<Job<Input>> = {}): Job<Input> {
  return defineJob({ name: 'work', input, retries: 0, timeoutMs: 10_000, run, ...more })
}

/** What every queue must do (queue.ts, job.ts). */
export function describeQueue(name: string, makeQueue: MakeQueue): void {
  describe(`${name} queue`, () => {
    let network: string
    let queues: Queue[]
    let logged: Record<string, unknown>[]

    beforeEach(() => {
      network = `test-${process.pid}-${Math.random().toString(36).slice(2)}`
      queues = []
      logged = []
    })

    afterEach(async () => {
      await Promise.all(queues.map((queue) => queue.stop(0)))
    })

    const logger: QueueLogger = {
      info: () => {},
      warn: () => {},
      error: (detail: unknown) => void logged.push(detail as Record<string, unknown>),
    }

    function make(jobs: JobList, options: ContractQueueOptions = {}): Queue {
      const queue = makeQueue(network, jobs, { logger, firstRetryMs: 50, ...options })
      queues.push(queue)
      return queue
    }

    /** A started queue whose job remembers its inputs. */
    async function startRecorder(more: Partial<Job<Input>> = {}): Promise<{ queue: Queue; ran: string[] }> {
      const ran: string[] = []
      const queue = make([workJob(async ({ id }) => void ran.push(id), more)])
      await queue.start()
      return { queue, ran }
    }

    test('what was added before start() runs after it, in order', async () => {
      const ran: string[] = []
      const queue = make([workJob(async ({ id }) => void ran.push(id))], { concurrency: 1 })
      for (const id of ['a', 'b', 'c']) await queue.add('work', { id })
      expect(ran).toEqual([])
      await queue.start()
      await queue.add('work', { id: 'd' })
      await waitFor('all four', () => ran.length === 4)
      expect(ran).toEqual(['a', 'b', 'c', 'd'])
    })

    test('a job is given its parsed input, a signal and the number of the try', async () => {
      const got: unknown[] = []
      const job = defineJob({
        name: 'count',
        input: z.object({ id: z.string(), limit: z.number().default(7) }),
        retries: 0,
        timeoutMs: 1000,
        run: async (parsed, { attempt, signal }) => void got.push(parsed, attempt, signal.aborted),
      })
      const queue = make([job])
      await queue.start()
      await queue.add('count', { id: 'a', surplus: true })
      await waitFor('the run', () => got.length > 0)
      expect(got).toEqual([{ id: 'a', limit: 7 }, 1, false])
    })

    test('the input is parsed again before the run', async () => {
      let parses = 0
      const fussy = z.object({ id: z.string() }).refine(() => ++parses < 2)
      const ran: unknown[] = []
      const queue = make([workJob(async (value) => void ran.push(value), { input: fussy, retries: 3 })])
      await queue.start()
      await queue.add('work', { id: 'a' })
      await waitFor('the refusal', () => logged.length > 0)
      expect(logged).toMatchObject([{ job: 'work', willRetry: false }])
      expect([parses, ran]).toEqual([2, []])
    })

    test('a bad input and an unknown job are refused when added', async () => {
      const { queue, ran } = await startRecorder()
      await expect(queue.add('work', { id: 1 })).rejects.toMatchObject({ code: 'BAD_INPUT' })
      await expect(queue.add('work', undefined)).rejects.toMatchObject({ code: 'BAD_INPUT' })
      await expect(queue.add('other', { id: 'a' })).rejects.toMatchObject({ code: 'UNKNOWN_JOB' })
      await queue.add('work', { id: 'a' })
      await waitFor('the good one', () => ran.length > 0)
      expect(ran).toEqual(['a'])
    })

    test('two jobs of one name are refused', () => {
      const job = workJob(async () => {})
      expect(() => makeQueue(network, [job, job])).toThrow(expect.objectContaining({ code: 'DUPLICATE_JOB' }))
    })

    test('a job that throws is tried again with back-off, and logged each time', async () => {
      const tries: [attempt: number, at: number][] = []
      const run: Run = async (_input, { attempt }) => {
        tries.push([attempt, performance.now()])
        throw new Error('planted')
      }
      const queue = make([workJob(run, { retries: 2 })])
      await queue.start()
      await queue.add('work', { id: 'a' })
      await waitFor('the last failure', () => logged.length === 3)
      expect(tries.map(([attempt]) => attempt)).toEqual([1, 2, 3])
      const [first = 0, second = 0, third = 0] = tries.map(([, at]) => at)
      expect(second - first).toBeGreaterThanOrEqual(49)
      expect(third - second).toBeGreaterThanOrEqual(99)
      expect(logged.map(({ attempt, willRetry }) => [attempt, willRetry])).toEqual([
        [1, true],
        [2, true],
        [3, false],
      ])
      expect(logged[0]?.err).toMatchObject({ message: 'planted' })
      expect(JSON.stringify(logged)).not.toContain('"a"')
    })

    test('a retry that succeeds is the end of it', async () => {
      const tries: number[] = []
      const run: Run = async (_input, { attempt }) => {
        tries.push(attempt)
        if (attempt === 1) throw new Error('planted')
      }
      const queue = make([workJob(run, { retries: 5 })])
      await queue.start()
      await queue.add('work', { id: 'a' })
      await waitFor('the second try', () => tries.length === 2)
      await stays(() => tries.length, 2)
    })

    test('a job that throws synchronously, or something that is no error, harms nobody', async () => {
      const ran: string[] = []
      const run = (({ id }: Input) => {
        ran.push(id)
        if (id === 'sync') throw new Error('planted')
        return id === 'odd' ? Promise.reject('planted') : Promise.resolve()
      }) as Run
      const queue = make([workJob(run)])
      await queue.start()
      for (const id of ['sync', 'odd', 'good']) await queue.add('work', { id })
      await waitFor('all and the log', () => ran.length === 3 && logged.length === 2)
    })

    test('a timeout aborts the signal, and a job that heeds it is retried', async () => {
      const seen: [attempt: number, reason: unknown][] = []
      const run: Run = async (_input, { attempt, signal }) => {
        if (attempt > 1) return
        await aborted(signal)
        seen.push([attempt, signal.reason.reason])
        throw signal.reason
      }
      const queue = make([workJob(run, { retries: 1, timeoutMs: 50 })])
      await queue.start()
      await queue.add('work', { id: 'a' })
      await waitFor('the failure', () => logged.length === 1)
      expect(seen).toEqual([[1, 'TIMEOUT']])
      expect(logged).toMatchObject([{ attempt: 1, willRetry: true }])
    })

    test('a job that heeds no signal does not keep its place for ever', async () => {
      const ran: string[] = []
      const run: Run = async ({ id }) => {
        ran.push(id)
        if (id === 'deaf') await new Promise(() => {})
      }
      const queue = make([workJob(run, { timeoutMs: 20 })], { concurrency: 1, abandonAfterMs: 20 })
      await queue.start()
      await queue.add('work', { id: 'deaf' })
      await queue.add('work', { id: 'next' })
      await waitFor('the next one', () => ran.includes('next'))
      expect(logged).toMatchObject([{ err: { reason: 'ABANDONED' } }])
    })

    test('no more jobs run at once than allowed, and as many as allowed', async () => {
      let now = 0
      let most = 0
      let done = 0
      const gate = openGate()
      const run: Run = async () => {
        now += 1
        most = Math.max(most, now)
        await gate.passed
        now -= 1
        done += 1
      }
      const queue = make([workJob(run)], { concurrency: 3 })
      for (let i = 0; i < 10; i++) await queue.add('work', { id: String(i) })
      await queue.start()
      await waitFor('three at once', () => now === 3)
      await stays(() => most, 3)
      gate.open()
      await waitFor('all', () => done === 10)
      expect(most).toBe(3)
    })

    test('a delayed job runs when its time has come, not before, and holds up nobody', async () => {
      const ran: [string, number][] = []
      const queue = make([workJob(async ({ id }) => void ran.push([id, performance.now()]))])
      await queue.start()
      const addedAt = performance.now()
      await queue.add('work', { id: 'late' }, { delayMs: 200 })
      await queue.add('work', { id: 'now' })
      await waitFor('both', () => ran.length === 2)
      expect(ran.map(([id]) => id)).toEqual(['now', 'late'])
      expect((ran[1]?.[1] ?? 0) - addedAt).toBeGreaterThanOrEqual(199)
    })

    test('a job delayed for months does not run at once', async () => {
      const { queue, ran } = await startRecorder()
      await queue.add('work', { id: 'far' }, { delayMs: 2 ** 31 + 1000 })
      await stays(() => ran.length, 0)
    })

    test('while a job with the key waits, for its turn or its time, another is not added', async () => {
      const ran: string[] = []
      const queue = make([workJob(async ({ id }) => void ran.push(id))])
      await queue.add('work', { id: 'turn 1' }, { dedupeKey: 'turn' })
      await queue.add('work', { id: 'turn 2' }, { dedupeKey: 'turn' })
      await queue.add('work', { id: 'time 1' }, { dedupeKey: 'time', delayMs: 100 })
      await queue.add('work', { id: 'time 2' }, { dedupeKey: 'time' })
      await queue.add('work', { id: 'free' })
      await queue.start()
      await waitFor('three', () => ran.length === 3)
      expect([...ran].sort()).toEqual(['free', 'time 1', 'turn 1'])
      await stays(() => ran.length, 3)
      await queue.add('work', { id: 'turn 3' }, { dedupeKey: 'turn' })
      await waitFor('the key to be free again', () => ran.includes('turn 3'))
    })

    test('while a job with the key runs, another is added once', async () => {
      const ran: string[] = []
      const gate = openGate()
      const run: Run = async ({ id }) => {
        ran.push(id)
        await gate.passed
      }
      const queue = make([workJob(run)], { concurrency: 1 })
      await queue.start()
      await queue.add('work', { id: '1' }, { dedupeKey: 'k' })
      await waitFor('the first to run', () => ran.length === 1)
      await queue.add('work', { id: '2' }, { dedupeKey: 'k' })
      await queue.add('work', { id: '3' }, { dedupeKey: 'k' })
      gate.open()
      await waitFor('the second', () => ran.length === 2)
      await stays(() => ran.length, 2)
      expect(ran).toEqual(['1', '2'])
    })

    test('the key of a job that failed and will be tried again is free', async () => {
      const ran: string[] = []
      const run: Run = async ({ id }, { attempt }) => {
        ran.push(`${id}.${attempt}`)
        if (id === '1' && attempt === 1) throw new Error('planted')
      }
      const queue = make([workJob(run, { retries: 1 })], { firstRetryMs: 200 })
      await queue.start()
      await queue.add('work', { id: '1' }, { dedupeKey: 'k' })
      await waitFor('the failure', () => logged.length === 1)
      await queue.add('work', { id: '2' }, { dedupeKey: 'k', delayMs: 400 })
      await waitFor('the retry', () => ran.includes('1.2'))
      await queue.add('work', { id: '3' }, { dedupeKey: 'k' })
      await waitFor('the second', () => ran.includes('2.1'))
      expect(ran).toEqual(['1.1', '1.2', '2.1'])
    })

    test('a schedule runs at once and then at its pace, with the input {}', async () => {
      const ran: [input: unknown, at: number][] = []
      const sweep = defineJob({
        name: 'sweep',
        input: z.object({}),
        retries: 0,
        timeoutMs: 1000,
        everyMs: 100,
        run: async (value) => void ran.push([value, performance.now()]),
      })
      const queue = make([sweep])
      const startedAt = performance.now()
      await queue.start()
      await waitFor('five runs', () => ran.length >= 5)
      expect(ran.slice(0, 5).map(([value]) => value)).toEqual([{}, {}, {}, {}, {}])
      // due at once, at the next beat of the clock, and three beats later; measured from the start, for any run may be late
      expect((ran[4]?.[1] ?? 0) - startedAt).toBeGreaterThanOrEqual(299)
      await queue.stop(1000)
      await stays(() => ran.length, ran.length)
    })

    test('a schedule whose job fails goes on', async () => {
      let runs = 0
      const sweep = defineJob({
        name: 'sweep',
        input: z.object({}),
        retries: 0,
        timeoutMs: 1000,
        everyMs: 50,
        run: async () => {
          runs += 1
          throw new Error('planted')
        },
      })
      await make([sweep]).start()
      await waitFor('three runs', () => runs >= 3)
    })

    test('stop() aborts what runs, waits for it, and takes nothing more', async () => {
      const ran: string[] = []
      const ended: unknown[] = []
      const run: Run = async ({ id }, { signal }) => {
        ran.push(id)
        await aborted(signal)
        // it takes a while to end, and stop() waits for that
        for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve))
        ended.push(signal.reason.reason)
      }
      const queue = make([workJob(run)], { concurrency: 1 })
      await queue.start()
      await queue.add('work', { id: 'a' })
      await queue.add('work', { id: 'b' })
      await waitFor('the first to run', () => ran.length > 0)
      await queue.stop(5000)
      expect(ended).toEqual(['STOPPING'])
      expect(ran).toEqual(['a'])
      await stays(() => ran.length, 1)
      await expect(queue.add('work', { id: 'c' })).rejects.toMatchObject({ code: 'STOPPED' })
      await expect(queue.start()).rejects.toMatchObject({ code: 'STOPPED' })
      await queue.stop(0)
    })

    test('stop() waits no longer than the grace for a job that heeds no signal', async () => {
      let isRunning = false
      const run: Run = async () => {
        isRunning = true
        await new Promise(() => {})
      }
      const queue = make([workJob(run)])
      await queue.start()
      await queue.add('work', { id: 'a' })
      await waitFor('it to run', () => isRunning)
      const startedAt = performance.now()
      await queue.stop(100)
      expect(performance.now() - startedAt).toBeGreaterThanOrEqual(99)
    })

    test('a queue that was never started can be stopped', async () => {
      const queue = make([workJob(async () => {})])
      await queue.add('work', { id: 'a' }, { delayMs: 60_000 })
      await queue.stop(0)
    })

    test('a thousand jobs are all done, each once', async () => {
      const { queue, ran } = await startRecorder()
      const ids = Array.from({ length: 1000 }, (_, i) => String(i))
      await Promise.all(ids.map((id) => queue.add('work', { id })))
      await waitFor('all', () => ran.length >= 1000)
      expect([...ran].sort()).toEqual([...ids].sort())
    })
  })
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
}

export function openGate(): { passed: Promise<void>; open: () => void } {
  let open = () => {}
  const passed = new Promise<void>((resolve) => {
    open = resolve
  })
  return { passed, open }
}

/** Nothing announces what must not happen: looks for a while whether it does. */
export async function stays<T>(look: () => T, expected: T): Promise<void> {
  const until = performance.now() + QUIET_MS
  await waitFor('the quiet time to pass', () => {
    expect(look()).toEqual(expected)
    return performance.now() >= until
  })
  expect(look()).toEqual(expected)
}
