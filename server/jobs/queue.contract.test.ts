import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterEach, describe, expect, test } from '@jest/globals'
import { z } from 'zod'
import { type RedisServer, startRedis } from '../test/redis'
import { waitFor } from '../test/wait-for'
import { makeBullmqQueue } from './bullmq-queue'
import { defineJob } from './job'
import { makeMemoryQueue } from './memory-queue'
import type { Queue } from './queue'
import { describeQueue, openGate, stays, workJob } from './queue.contract'

const url = process.env.TEST_REDIS_URL ?? ''

describeQueue('in-process', (_network, jobs, options) => makeMemoryQueue(jobs, options))
describeQueue('Redis', (prefix, jobs, options) => makeBullmqQueue(jobs, { url, prefix, ...options }))

describe('Redis queue of several processes', () => {
  const queues: Queue[] = []
  let server: RedisServer | undefined
  let prefix = ''

  function node(jobs: Parameters<typeof makeBullmqQueue>[0], more: { url?: string; lockMs?: number } = {}): Queue {
    const queue = makeBullmqQueue(jobs, { url, prefix, firstRetryMs: 20, concurrency: 2, ...more })
    queues.push(queue)
    return queue
  }

  const fresh = () => {
    prefix = `test-${process.pid}-${Math.random().toString(36).slice(2)}`
  }

  afterEach(async () => {
    await Promise.all(queues.splice(0).map((queue) => queue.stop(0)))
    await server?.stop()
    server = undefined
  })

  test('share the work, and each job is done once', async () => {
    fresh()
    const ran: string[] = []
    const by = { a: 0, b: 0 }
    const on = (name: 'a' | 'b') =>
      workJob(async ({ id }) => {
        by[name] += 1
        ran.push(id)
        await new Promise((resolve) => setImmediate(resolve))
      })
    const [a, b] = [node([on('a')]), node([on('b')])]
    await Promise.all([a.start(), b.start()])
    const ids = Array.from({ length: 300 }, (_, i) => String(i))
    await Promise.all(ids.map((id) => a.add('work', { id })))
    await waitFor('all', () => ran.length >= ids.length)
    expect([...ran].sort()).toEqual([...ids].sort())
    expect(Math.min(by.a, by.b)).toBeGreaterThan(0)
  })

  test('a node that only adds never runs a job', async () => {
    fresh()
    const ran: string[] = []
    const [adds, runs] = [
      node([workJob(async () => void ran.push('adds'))]),
      node([workJob(async () => void ran.push('runs'))]),
    ]
    await runs.start()
    for (let i = 0; i < 20; i++) await adds.add('work', { id: String(i) })
    await waitFor('all', () => ran.length === 20)
    expect(new Set(ran)).toEqual(new Set(['runs']))
  })

  test('a schedule runs on one node of two each time, also when a node comes later', async () => {
    fresh()
    const ran: number[] = []
    const sweep = () =>
      defineJob({
        name: 'sweep',
        input: z.object({}),
        retries: 0,
        timeoutMs: 1000,
        everyMs: 200,
        run: async () => void ran.push(Date.now()),
      })
    const startedAt = Date.now()
    await Promise.all([node([sweep()]).start(), node([sweep()]).start()])
    await waitFor('three runs', () => ran.length >= 3)
    await node([sweep()]).start()
    await waitFor('seven runs', () => ran.length >= 7)
    // The first run is due at once and the second with the next beat of the clock. Five more beats lie behind that: a busy
    // machine may run late, but with two runs a beat the seventh would come before its beat is due.
    expect((ran[6] ?? 0) - startedAt).toBeGreaterThanOrEqual(5 * 200)
  })

  test('installations with different prefixes do not share', async () => {
    fresh()
    const ran: string[] = []
    const mine = node([workJob(async () => void ran.push('mine'))])
    fresh()
    const other = node([workJob(async () => void ran.push('other'))])
    await Promise.all([mine.start(), other.start()])
    await mine.add('work', { id: 'a' })
    await waitFor('the run', () => ran.length > 0)
    await stays(() => ran, ['mine'])
  })

  test('what a stopping node cuts short runs elsewhere, and no try is used up', async () => {
    fresh()
    const tries: [string, number][] = []
    const cutShort = workJob(async (_input, { attempt, signal }) => {
      tries.push(['first', attempt])
      await new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    })
    const first = node([cutShort])
    await first.start()
    await first.add('work', { id: 'a' })
    await waitFor('the first try', () => tries.length === 1)
    const second = node([workJob(async (_input, { attempt }) => void tries.push(['second', attempt]))])
    await second.start()
    await first.stop(5000)
    await waitFor('the second try', () => tries.length === 2)
    expect(tries).toEqual([
      ['first', 1],
      ['second', 1],
    ])
  })

  test('what a stopping node gave up runs elsewhere', async () => {
    fresh()
    const ran: string[] = []
    const deaf = workJob(async () => {
      ran.push('first')
      await new Promise(() => {})
    })
    const first = node([deaf])
    await first.start()
    await first.add('work', { id: 'a' })
    await waitFor('the first try', () => ran.length === 1)
    await first.stop(20)
    await node([workJob(async () => void ran.push('second'))]).start()
    await waitFor('the second try', () => ran.length === 2)
    expect(ran).toEqual(['first', 'second'])
  })

  test('the job of a process that was killed runs again elsewhere', async () => {
    fresh()
    const script = `
      require('esbuild-register/dist/node').register({ target: 'node20' })
      const { makeBullmqQueue } = require('./server/jobs/bullmq-queue')
      const { z } = require('zod')
      const run = async () => { console.log('runs'); await new Promise(() => {}) }
      const job = { name: 'work', input: z.object({ id: z.string() }), retries: 0, timeoutMs: 60000, run }
      makeBullmqQueue([job], { url: process.argv[1], prefix: process.argv[2], lockMs: 500 }).start()`
    const args = ['-e', script, url, prefix]
    const victim = spawn(process.execPath, args, {
      cwd: join(__dirname, '../..'),
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const ran: string[] = []
    const survivor = node([workJob(async ({ id }) => void ran.push(id))], { lockMs: 500 })
    await survivor.add('work', { id: 'a' })
    await once(createInterface(victim.stdout), 'line')
    victim.kill('SIGKILL')
    await once(victim, 'exit')
    await survivor.start()
    await waitFor('the second run', () => ran.length > 0)
    expect(ran).toEqual(['a'])
  })

  test('without Redis add() fails in time and stop() ends; when Redis is back, work goes on', async () => {
    fresh()
    server = await startRedis()
    const ran: string[] = []
    const gate = openGate()
    const job = workJob(async ({ id }) => {
      ran.push(id)
      if (id === 'long') await gate.passed
    })
    const made = [0, 1].map(() => makeBullmqQueue([job], { url: server?.url ?? '', prefix, addWithinMs: 200 }))
    queues.push(...made)
    const [stays, leaves] = made as [Queue, Queue]
    await Promise.all(made.map((queue) => queue.start()))
    await stays.add('work', { id: 'before' })
    await waitFor('the first run', () => ran.length === 1)
    const { port } = server
    await server.stop()
    await expect(leaves.add('work', { id: 'lost' })).rejects.toMatchObject({ code: 'UNREACHABLE' })
    const startedAt = performance.now()
    await leaves.stop(100)
    expect(performance.now() - startedAt).toBeLessThan(5_000)
    server = await startRedis({ port })
    await waitFor('Redis to take a job again', () => stays.add('work', { id: 'after' }).then(() => true))
    await waitFor('the job to run', () => ran.includes('after'))
    gate.open()
  })
})
