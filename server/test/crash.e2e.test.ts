import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { type Connection, createConnection, type RowDataPacket } from 'mysql2/promise'
import { builtServer } from './built-product'
import { type Anything, type Caller, makeDatabase } from './harness'
import { countMessages, type InboxLogin, untilMessageArrives } from './inbox'
import { type Member, setUpOrganisation } from './organisation'
import { ProductProcess } from './product-process'
import { RunFollower } from './run-follower'
import { Service, startWorker } from './service'
import { waitFor } from './wait-for'

const MAILBOXES = 200
const MOST_AT_ONCE = 12
/** What one worker takes at once where there are two. */
const MOST_OF_ONE = 8
const LATENCY_MS = 15

const START = `mutation ($ids: [ID!]!) {
  testAndEnableMailboxes(selection: { ids: $ids }) { testRun { id total } userErrors { code } }
}`
const COUNTS = 'state total queued running succeeded failed skipped cancelled finishedAt'
const RUN = `query ($id: ID!) { testRun(id: $id) {
  ${COUNTS} items(first: 500) { totalCount nodes { id state finishedAt errorCode mailbox { id } } }
} }`
const MAILBOXES_NOW = `{ mailboxes(view: ALL, first: 500) {
  totalCount nodes { id health incomingEmailStatus outgoingEmailStatus testRun { id } }
} }`

const members: Member[] = Array.from({ length: MAILBOXES }, (_, at) => {
  const name = `user${String(at + 1).padStart(5, '0')}`
  return { name, address: `${name}@demo.test`, password: `pw-${name}` }
})

/** What the mail system tells when it is up. */
interface MailSystem {
  endpoints: Record<'imaps' | 'smtps' | 'imapPlain', { host: string; port: number }>
  trustedCertificates: string
}

let server: string
let mail: MailSystem
const folder = mkdtempSync(join(tmpdir(), 'mailwarden-crash-'))
const ends: (() => unknown)[] = [() => rmSync(folder, { recursive: true, force: true })]

beforeAll(async () => {
  server = await builtServer()
  mail = await startMailSystem()
}, 120_000)

afterAll(async () => {
  await ProductProcess.killAll()
  for (const end of ends) await end()
})

async function startMailSystem(): Promise<MailSystem> {
  const options = JSON.stringify({ users: MAILBOXES, latencyMs: LATENCY_MS })
  const system = ProductProcess.start(join(server, 'demo', 'mail-system-main.js'), { args: [options] })
  const [line] = await system.says(/^\{.*\}$/)
  return JSON.parse(line)
}

async function setUpAndStart(admin: Caller): Promise<string> {
  const { endpoints, trustedCertificates } = mail
  const servers = { incoming: endpoints.imaps, outgoing: endpoints.smtps, trustedCertificates } as Anything
  const ids = await setUpOrganisation(admin, { ...servers, maxConcurrentConnections: MOST_AT_ONCE }, members)
  const { testAndEnableMailboxes } = await admin.get(START, { ids: [...ids.values()] })
  expect(testAndEnableMailboxes).toMatchObject({ testRun: { total: MAILBOXES }, userErrors: [] })
  return testAndEnableMailboxes.testRun.id
}

/** Every item ended, each counted once, and no mailbox is held. */
async function expectWholeRun(admin: Caller, id: string): Promise<void> {
  const { testRun } = await admin.get(RUN, { id })
  const { items, ...run } = testRun
  expect(run).toEqual({
    ...{ state: 'COMPLETED', total: MAILBOXES, succeeded: MAILBOXES, finishedAt: expect.any(String) },
    ...{ queued: 0, running: 0, failed: 0, skipped: 0, cancelled: 0 },
  })
  expect(items.totalCount).toBe(MAILBOXES)
  expect(new Set(items.nodes.map((item: Anything) => item.mailbox.id)).size).toBe(MAILBOXES)
  expect(items.nodes.filter((item: Anything) => item.state !== 'SUCCEEDED' || !item.finishedAt)).toEqual([])
  const { mailboxes } = await admin.get(MAILBOXES_NOW)
  expect(mailboxes.totalCount).toBe(MAILBOXES)
  const ended = { testRun: null, health: 'HEALTHY', incomingEmailStatus: 'SUCCESS', outgoingEmailStatus: 'SUCCESS' }
  expect(mailboxes.nodes).toEqual(mailboxes.nodes.map(({ id }: Anything) => ({ id, ...ended })))
}

/** The tests that were killed had sent their messages: those after them take these away with their own. */
async function expectNoMail(): Promise<void> {
  const waiting = [...members]
  const left: Record<string, number> = {}
  const look = async () => {
    for (let member = waiting.shift(); member; member = waiting.shift()) {
      const count = await countMessages(loginOf(member))
      if (count !== 0) left[member.address] = count
    }
  }
  await Promise.all(Array.from({ length: 40 }, look))
  expect(left).toEqual({})
}

const loginOf = ({ address, password }: Member): InboxLogin => ({
  endpoint: mail.endpoints.imapPlain,
  user: address,
  password,
})

/** Results are stored, others are on their way, more wait; and a test message was sent that nobody has taken away yet. */
async function untilMiddle(): Promise<void> {
  await untilMessageArrives(loginOf(members[MAILBOXES / 2] as Member))
}

const expectMiddle = ({ succeeded, running, queued }: Anything) => {
  expect(Math.min(succeeded, queued)).toBeGreaterThan(MAILBOXES / 4)
  expect(running).toBeGreaterThan(0)
}

describe('the service is killed in the middle of a run', () => {
  test('after the restart the run goes on by itself, and its subscriber sees it to the end', async () => {
    const service = await Service.start({
      MAILWARDEN_DATA: folder,
      // what the killed process had under way is not waited for until its lease ends: there is no other process
      MAILWARDEN_LEASE_MS: '600000',
    })
    const admin = await service.firstAdministrator()
    const id = await setUpAndStart(admin)
    const follower = new RunFollower(admin, id)
    ends.unshift(() => follower.close())
    await untilMiddle()
    await service.kill()
    const before = follower.last
    const eventsBefore = follower.runs.length
    expectMiddle(before)

    await service.startAgain()
    await follower.end
    const next = follower.runs[eventsBefore]
    expect(next.succeeded).toBeGreaterThanOrEqual(before.succeeded)
    expect(next.total).toBe(MAILBOXES)
    expect(follower.last).toMatchObject({ state: 'COMPLETED', succeeded: MAILBOXES, running: 0, queued: 0 })
    expect([...follower.itemStates.values()]).toEqual(Array(MAILBOXES).fill('SUCCEEDED'))
    await expectWholeRun(admin, id)
    await expectNoMail()
  }, 120_000)
})

/** How many items are under way, as the database has it, again and again. */
class Sampler {
  now = 0
  most = 0
  private isOver = false
  private readonly reading: Promise<void>

  constructor(private readonly connection: Connection) {
    this.reading = this.read()
  }

  private async read(): Promise<void> {
    while (!this.isOver) {
      const [rows] = await this.connection.query<RowDataPacket[]>(
        "SELECT COUNT(*) AS n FROM test_run_items WHERE state = 'RUNNING'",
      )
      this.now = Number(rows[0]?.n)
      this.most = Math.max(this.most, this.now)
    }
  }

  async stop(): Promise<void> {
    this.isOver = true
    await this.reading
    await this.connection.end()
  }
}

describe('one of two workers is killed in the middle of a run', () => {
  test('the other one ends it, and the servers never meet more connections than allowed', async () => {
    const databaseUrl = await makeDatabase('mariadb', folder, ends)
    const nodes = {
      ...{ DATABASE_URL: databaseUrl, REDIS_URL: process.env.TEST_REDIS_URL ?? '', MAILWARDEN_LEASE_MS: '2000' },
      MAILWARDEN_TEST_CONCURRENCY: String(MOST_OF_ONE),
    }
    const service = await Service.start({ ...nodes, MAILWARDEN_WORKER: 'none' })
    const workers = await Promise.all([startWorker(nodes), startWorker(nodes)])
    const admin = await service.firstAdministrator()
    const sampler = new Sampler(await createConnection(databaseUrl))
    ends.unshift(() => sampler.stop())
    const id = await setUpAndStart(admin)
    const follower = new RunFollower(admin, id)
    ends.unshift(() => follower.close())
    await untilMiddle()
    await waitFor('more items under way than one worker takes', () => sampler.now > MOST_OF_ONE)
    await workers[0].end('SIGKILL')
    expectMiddle(follower.last)

    await follower.end
    expect(follower.last).toMatchObject({ state: 'COMPLETED', succeeded: MAILBOXES })
    expect(Math.max(...follower.runs.map((run) => run.running))).toBeLessThanOrEqual(MOST_AT_ONCE)
    expect(sampler.most).toBe(MOST_AT_ONCE)
    await expectWholeRun(admin, id)
    await expectNoMail()
    expect(await workers[1].end('SIGTERM')).toBe(0)
    expect(await service.stop()).toBe(0)
  }, 120_000)
})
