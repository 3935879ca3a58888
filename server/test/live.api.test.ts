import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type WebSocket from 'ws'
import { type Anything, type Caller, DATABASES, Harness } from './harness'
import { type MailFixture, setUpMail, working } from './mail-fixture'

const CHANGES = 'subscription ($ids: [ID!]) { mailboxChanges(ids: $ids) { kind mailboxes { id approval health } } }'
const COUNTS = 'subscription { mailboxViewCounts { view count } }'
const ALERTS =
  'subscription ($mailboxId: ID) { alertChanges(mailboxId: $mailboxId) { kind alert { code state count } } }'
const APPROVE = 'mutation ($ids: [ID!]!) { approveEmails(selection: { ids: $ids }) { changed } }'
const REJECT = 'mutation ($ids: [ID!]!) { rejectEmails(selection: { ids: $ids }) { changed } }'
const TEST =
  'mutation ($ids: [ID!]!) { testAndEnableMailboxes(selection: { ids: $ids }) { testRun { id } userErrors { code } } }'
const PROGRESS =
  'subscription ($id: ID!) { testRunProgress(id: $id) { run { state running succeeded total } items { id state } } }'

describe.each(DATABASES)('live on %s', (database) => {
  let harness: Harness
  let admin: Caller
  let mail: MailFixture
  let ids: string[]

  beforeAll(async () => {
    harness = await Harness.start({ database })
    admin = await harness.admin()
    mail = await setUpMail(admin, [...working(40), { name: 'Wrong', address: 'wrong@demo.test', password: 'no' }], {
      maxConcurrentConnections: 10,
    })
    ids = [...mail.mailboxIds.values()]
  })
  afterAll(async () => {
    await mail?.stop()
    await harness?.stop()
  })

  const idOf = (address: string) => mail.mailboxIds.get(address) ?? ''
  const pendingIn = (event: Anything) =>
    event.mailboxViewCounts.find((row: Anything) => row.view === 'PENDING_EMAIL_APPROVAL').count

  test('changes of mailboxes: RESYNC first, then the rows as they are now', async () => {
    const watching = admin.watch(CHANGES)
    expect((await watching.next()).mailboxChanges).toEqual({ kind: 'RESYNC', mailboxes: [] })
    await admin.get(REJECT, { ids: [ids[0]] })
    const { mailboxChanges } = await watching.next()
    expect(mailboxChanges).toEqual({
      kind: 'CHANGED',
      mailboxes: [{ id: ids[0], approval: 'REJECTED', health: 'BLOCKED' }],
    })
    await admin.get(APPROVE, { ids: [ids[0]] })
    await watching.until((event) => event.mailboxChanges.mailboxes.some((row: Anything) => row.approval === 'APPROVED'))
    await watching.end()
  })

  test('named mailboxes only, when they are named; the first event has their state', async () => {
    const watching = admin.watch(CHANGES, { ids: [ids[1]] })
    const first = (await watching.next()).mailboxChanges
    expect(first).toMatchObject({ kind: 'RESYNC', mailboxes: [{ id: ids[1] }] })
    await admin.get(REJECT, { ids: [ids[2]] })
    await admin.get(REJECT, { ids: [ids[1]] })
    expect((await watching.next()).mailboxChanges.mailboxes).toEqual([
      expect.objectContaining({ id: ids[1], approval: 'REJECTED' }),
    ])
    await admin.get(APPROVE, { ids: [ids[1], ids[2]] })
    await watching.end()
  })

  test('view counts: the present ones first, then every change', async () => {
    const watching = admin.watch(COUNTS)
    expect(pendingIn(await watching.next())).toBe(0)
    await admin.get(REJECT, { ids: [ids[3]] })
    await admin.get(APPROVE, { ids: [ids[3]] })
    await watching.until((event) => pendingIn(event) === 0)
    await watching.end()
  })

  test('a burst is told in few events, and the last one is right', async () => {
    const watching = admin.watch(CHANGES)
    await watching.next()
    let events = 0
    const last = new Map<string, string>()
    const reading = (async () => {
      while ([...last.values()].filter((approval) => approval === 'REJECTED').length < 30) {
        const event = await watching.next()
        events += 1
        for (const row of event.mailboxChanges.mailboxes) last.set(row.id, row.approval)
      }
    })()
    for (const id of ids.slice(0, 30)) await admin.get(REJECT, { ids: [id] })
    await reading
    expect(events).toBeLessThan(30)
    await admin.get(APPROVE, { ids: ids.slice(0, 30) })
    await watching.end()
  })

  test('alerts: RESYNC first, then what opened', async () => {
    const id = idOf('wrong@demo.test')
    const watching = admin.watch(ALERTS, { mailboxId: id })
    expect((await watching.next()).alertChanges).toEqual({ kind: 'RESYNC', alert: null })
    await admin.get(TEST, { ids: [id] })
    expect((await watching.next()).alertChanges).toEqual({
      kind: 'CHANGED',
      alert: { code: 'AUTHENTICATION_FAILED', state: 'OPEN', count: 1 },
    })
    const { alerts } = await admin.get('query ($id: ID) { alerts(mailboxId: $id) { nodes { id } } }', { id })
    await admin.get('mutation ($ids: [ID!]!) { acknowledgeAlerts(ids: $ids) { changed } }', {
      ids: [alerts.nodes[0].id],
    })
    await watching.until((event) => event.alertChanges.alert?.state === 'ACKNOWLEDGED')
    const { dismissAlerts } = await admin.get(
      'mutation ($ids: [ID!]!) { dismissAlerts(ids: $ids) { changed alerts { state } userErrors { code } } }',
      {
        ids: [alerts.nodes[0].id],
      },
    )
    expect(dismissAlerts).toEqual({ changed: 1, alerts: [{ state: 'DISMISSED' }], userErrors: [] })
    await watching.until((event) => event.alertChanges.alert?.state === 'DISMISSED')
    await watching.end()
  })

  test('each event reads again: the second test of a mailbox is told with its own result', async () => {
    const id = idOf('wrong@demo.test')
    const query =
      'subscription ($ids: [ID!]) { mailboxChanges(ids: $ids) { mailboxes { testRun { id } lastTestItem { id } } } }'
    const watching = admin.watch(query, { ids: [id] })
    await watching.next()
    const told = new Set<string>()
    for (let test = 0; test < 2; test++) {
      await admin.get(TEST, { ids: [id] })
      const { mailboxChanges } = await watching.until(({ mailboxChanges: { mailboxes } }: Anything) => {
        const [mailbox] = mailboxes
        return mailbox.testRun === null && mailbox.lastTestItem !== null && !told.has(mailbox.lastTestItem.id)
      })
      told.add(mailboxChanges.mailboxes[0].lastTestItem.id)
    }
    expect(told.size).toBe(2)
    await watching.end()
  })

  test('the steps of a test that takes its time are told while it runs', async () => {
    mail.system.setFault('worker0@demo.test', 'losesMail')
    const { testRun } = (await admin.get(TEST, { ids: [idOf('worker0@demo.test')] })).testAndEnableMailboxes
    const query = `subscription ($id: ID!) { testRunProgress(id: $id) {
      run { state } items { state results { direction steps { name state } } } } }`
    const watching = admin.watch(query, { id: testRun.id })
    const { testRunProgress } = await watching.until(({ testRunProgress: { items } }: Anything) =>
      items.some((item: Anything) => item.state === 'RUNNING' && item.results.length > 0),
    )
    const [item] = testRunProgress.items
    const incoming = item.results.find((result: Anything) => result.direction === 'INCOMING')
    expect(incoming.steps).toContainEqual({ name: 'RECEIVE', state: 'RUNNING' })
    expect(incoming.steps).toContainEqual({ name: 'OPEN_INBOX', state: 'SUCCEEDED' })
    await watching.until((event) => event.testRunProgress.run.state === 'COMPLETED')
    mail.system.setFault('worker0@demo.test', undefined)
  })

  test('after the socket broke, the first event is the current state, and the run is followed to its end', async () => {
    const { testRun } = (await admin.get(TEST, { ids: ids.slice(0, 40) })).testAndEnableMailboxes
    let current: WebSocket | undefined
    let sockets = 0
    const socket = admin.socket({
      retry: true,
      onSocket: (opened) => {
        current = opened
        sockets += 1
      },
    })
    const watching = admin.watch(PROGRESS, { id: testRun.id }, socket)
    await watching.next()
    current?.terminate()
    const states = new Map<string, string>()
    let last: Anything
    for (let event = await watching.next(); event; event = await watching.next()) {
      last = event.testRunProgress.run
      for (const item of event.testRunProgress.items) states.set(item.id, item.state)
    }
    expect(sockets).toBe(2)
    expect(last).toMatchObject({ state: 'COMPLETED', succeeded: 40, total: 40 })
    expect([...states.values()]).toEqual(Array(40).fill('SUCCEEDED'))
  })
})
