import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { type Caller, Harness } from '../test/harness'
import { type MailFixture, setUpMail, working } from '../test/mail-fixture'
import { waitFor } from '../test/wait-for'

const LIMIT = 3
const START = 'mutation ($ids: [ID!]!) { testAndEnableMailboxes(selection: { ids: $ids }) { testRun { id } } }'
const RUN = 'query ($id: ID!) { testRun(id: $id) { finishedAt succeeded } }'

let one: Harness
let other: Harness
let admin: Caller
let mail: MailFixture

beforeAll(async () => {
  one = await Harness.start({ database: 'mariadb', work: false })
  other = await Harness.start({ database: 'mariadb', databaseUrl: one.app.config.databaseUrl, work: false })
  admin = await one.admin()
  mail = await setUpMail(admin, working(40), { maxConcurrentConnections: LIMIT, latencyMs: 3 })
})
afterAll(async () => {
  await mail?.stop()
  await other?.stop()
  await one?.stop()
})

test('two nodes with a run each keep together to the limit of the profile they share', async () => {
  const ids = [...mail.mailboxIds.values()]
  const start = async (part: string[]) => (await admin.get(START, { ids: part })).testAndEnableMailboxes.testRun.id
  const runs = [await start(ids.slice(0, 20)), await start(ids.slice(20))]
  await Promise.all([one.app.startWork(), other.app.startWork()])
  let most = 0
  const workers = new Set<string>()
  const look = async () => {
    const rows = await one.app.db.read.query("SELECT lease_owner FROM test_run_items WHERE state = 'RUNNING'")
    for (const { lease_owner } of rows) workers.add(lease_owner)
    most = Math.max(most, rows.length)
    const states = await Promise.all(runs.map(async (id) => (await admin.get(RUN, { id })).testRun))
    return states.every((run) => run.finishedAt !== null) ? states : false
  }
  const ended = await waitFor('both runs to end', look, { timeoutMs: 25_000, everyMs: 1 })
  expect(ended.map((run) => run.succeeded)).toEqual([20, 20])
  expect(most).toBe(LIMIT)
  expect(workers.size).toBeGreaterThan(1)
})
