import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { type Anything, type Caller, DATABASES, Harness } from '../test/harness'
import { type MailFixture, setUpMail, working } from '../test/mail-fixture'
import { waitFor } from '../test/wait-for'

const START = `mutation ($ids: [ID!]!) {
  testAndEnableMailboxes(selection: { ids: $ids }) { testRun { id queued } userErrors { code } }
}`
const RUN =
  'query ($id: ID!) { testRun(id: $id) { state finishedAt running skipped succeeded cancelled items(first: 500) { nodes { state skipReason } } } }'
const MAILBOX = `query ($id: ID!) { mailbox(id: $id) {
  health incomingEmailStatus outgoingEmailStatus incomingEnabled outgoingEnabled incomingChangedSinceTest testRun { id }
} }`
const UPDATE = `mutation ($ids: [ID!]!, $changes: MailboxChanges!) {
  updateMailboxes(selection: { ids: $ids }, changes: $changes) { changed userErrors { code } }
}`

describe.each(DATABASES)('what changes while a run is under way, on %s', (database) => {
  let harness: Harness
  let admin: Caller
  let mail: MailFixture

  beforeAll(async () => {
    harness = await Harness.start({ database, work: false })
    admin = await harness.admin()
    mail = await setUpMail(admin, working(30), { maxConcurrentConnections: 5 })
  })
  afterAll(async () => {
    await mail?.stop()
    await harness?.stop()
  })
  beforeEach(() => mail.system.setLatency(0))

  const idOf = (index: number) => mail.mailboxIds.get(`worker${index}@demo.test`) ?? ''
  const start = async (...ids: string[]): Promise<string> =>
    (await admin.get(START, { ids })).testAndEnableMailboxes.testRun.id
  const mailbox = async (index: number) => (await admin.get(MAILBOX, { id: idOf(index) })).mailbox
  const run = async (id: string): Promise<Anything> => (await admin.get(RUN, { id })).testRun
  const ended = (id: string) =>
    waitFor('the run to end', async () => {
      const now = await run(id)
      return now.finishedAt ? now : false
    })
  const begun = (id: string) => waitFor('the test to begin', async () => (await run(id)).running === 1)

  test('more runs start at one time than there are connections, and none waits for another', async () => {
    const starts = Array.from({ length: 24 }, (_, index) => start(idOf(index)))
    const ids = await Promise.all(starts)
    expect(new Set(ids).size).toBe(24)
    const cancel = 'mutation ($id: ID!) { cancelTestRun(id: $id) { testRun { state } } }'
    await Promise.all(ids.map((id) => admin.get(cancel, { id })))
  })

  test('a mailbox that was rejected while it waited is skipped with that reason, and nothing is sent', async () => {
    const id = await start(idOf(0), idOf(1))
    await admin.get('mutation ($ids: [ID!]!) { rejectEmails(selection: { ids: $ids }) { changed } }', {
      ids: [idOf(0)],
    })
    await harness.app.startWork()
    const { items, succeeded, skipped } = await ended(id)
    expect({ succeeded, skipped }).toEqual({ succeeded: 1, skipped: 1 })
    expect(items.nodes.map((item: Anything) => item.skipReason)).toEqual(['APPROVAL_REJECTED', null])
    expect(await mailbox(0)).toMatchObject({ incomingEmailStatus: 'NOT_RUN', incomingEnabled: false, testRun: null })
  })

  test('a result for the old password enables nothing under the new one', async () => {
    mail.system.setLatency(150)
    const id = await start(idOf(2))
    await begun(id)
    await admin.get(UPDATE, { ids: [idOf(2)], changes: { password: 'another one' } })
    expect(await ended(id)).toMatchObject({ succeeded: 1 })
    expect(await mailbox(2)).toMatchObject({
      incomingEmailStatus: 'NOT_RUN',
      incomingEnabled: false,
      outgoingEnabled: false,
      incomingChangedSinceTest: true,
      testRun: null,
    })
  })

  test('a result for the old address says nothing of the new one', async () => {
    mail.system.setLatency(150)
    const id = await start(idOf(3))
    await begun(id)
    const moved = { kind: 'USER', externalId: 'worker3@demo.test', name: 'Moved', emailAddress: 'moved@demo.test' }
    await admin.get('mutation ($owners: [OwnerInput!]!) { provisionOwners(owners: $owners) { userErrors { code } } }', {
      owners: [moved],
    })
    await ended(id)
    expect(await mailbox(3)).toMatchObject({
      health: 'BLOCKED',
      incomingEmailStatus: 'NOT_RUN',
      incomingEnabled: false,
      testRun: null,
    })
  })

  test('what a dead worker held is put back and tested, though its profile had no place left', async () => {
    const ids = [4, 5, 6, 7, 8, 9, 10].map(idOf)
    mail.system.setLatency(100)
    const id = await start(...ids)
    await waitFor('five tests to begin', async () => (await run(id)).running === 5)
    // as if another process had claimed them and died
    await harness.app.db.inTransaction((tx) =>
      tx.em.query("UPDATE test_run_items SET lease_owner = 'dead', lease_until = started_at WHERE state = 'RUNNING'"),
    )
    mail.system.setLatency(0)
    expect(
      await waitFor('the run to end', async () => ((await run(id)).finishedAt ? run(id) : false), {
        timeoutMs: 20_000,
      }),
    ).toMatchObject({
      succeeded: 7,
    })
  })
})

test('while a run of 8,000 is started, others are answered', async () => {
  const harness = await Harness.start({ database: 'sqlite', work: false })
  const admin = await harness.admin()
  const owners = Array.from({ length: 8_000 }, (_, index) => ({
    kind: 'USER',
    name: `U${index}`,
    emailAddress: `u${index}@example.org`,
  }))
  await admin.get('mutation ($owners: [OwnerInput!]!) { provisionOwners(owners: $owners) { userErrors { code } } }', {
    owners,
  })
  let isOver = false
  const start = 'mutation { testAndEnableMailboxes(selection: { view: ALL }) { testRun { total skipped } } }'
  const starting = admin.get(start).finally(() => {
    isOver = true
  })
  let answered = 0
  while (!isOver) {
    await fetch(`${harness.url}/healthz`)
    answered += 1
  }
  expect((await starting).testAndEnableMailboxes.testRun).toEqual({ total: 8_000, skipped: 8_000 })
  expect(answered).toBeGreaterThan(8)
  await harness.stop()
})

test('a watcher is told of every item that changed, however many there are', async () => {
  const harness = await Harness.start({ database: 'sqlite', work: false })
  const admin = await harness.admin()
  const input = {
    name: 'P',
    type: 'IMAP_SMTP',
    isDefault: true,
    incoming: { host: 'mail.example.org', port: 993, security: 'TLS' },
  }
  await admin.get(
    'mutation ($input: EmailServerProfileInput!) { createEmailServerProfile(input: $input) { profile { id } } }',
    { input },
  )
  const owners = Array.from({ length: 1_300 }, (_, index) => ({
    kind: 'USER',
    name: `U${index}`,
    emailAddress: `u${index}@example.org`,
  }))
  await admin.get('mutation ($owners: [OwnerInput!]!) { provisionOwners(owners: $owners) { userErrors { code } } }', {
    owners,
  })
  await admin.get('mutation { approveEmails(selection: { view: ALL }) { changed } }')
  const { testAndEnableMailboxes } = await admin.get(
    'mutation { testAndEnableMailboxes(selection: { view: ALL }) { testRun { id queued } } }',
  )
  const { id, queued } = testAndEnableMailboxes.testRun
  expect(queued).toBe(1_300)
  const watching = admin.watch(
    'subscription ($id: ID!) { testRunProgress(id: $id) { run { state } items { id state } } }',
    { id },
  )
  await watching.next()
  await admin.get('mutation ($id: ID!) { cancelTestRun(id: $id) { testRun { state } } }', { id })
  const states = new Map<string, string>()
  for (let event = await watching.next(); event; event = await watching.next()) {
    for (const item of event.testRunProgress.items) states.set(item.id, item.state)
  }
  expect(states.size).toBe(1_300)
  expect(new Set(states.values())).toEqual(new Set(['CANCELLED']))
  await harness.stop()
})
