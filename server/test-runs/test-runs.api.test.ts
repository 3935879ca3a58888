import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { type Anything, type Caller, DATABASES, Harness } from '../test/harness'
import { type MailFixture, type SetUpMailbox, setUpMail, working } from '../test/mail-fixture'
import { waitFor } from '../test/wait-for'

const START = `mutation ($selection: MailboxSelection, $profileId: ID, $options: TestOptions) {
  testAndEnableMailboxes(selection: $selection, profileId: $profileId, options: $options) {
    testRun { id state mode total queued skipped requestedBy } userErrors { code path }
  }
}`
const RUN = `query ($id: ID!) {
  testRun(id: $id) {
    state total queued running succeeded failed skipped cancelled startedAt finishedAt causes { code count }
    items(first: 500) { totalCount nodes {
      id state skipReason errorCode startedAt finishedAt mailbox { id name }
      results { direction status durationMs steps { name state durationMs error { code field serverResponse } } }
    } }
  }
}`
const MAILBOX = `query ($id: ID!) { mailbox(id: $id) {
  health incomingEmailStatus outgoingEmailStatus actStatus incomingEnabled outgoingEnabled errorCode lastTestedAt
  testRun { id } lastTestItem { state } blockers { code direction } alerts { nodes { id code state count } }
} }`
const PROGRESS = `subscription ($id: ID!) { testRunProgress(id: $id) {
  run { state queued running succeeded failed skipped cancelled total } items { id state }
} }`

const MAILBOXES: SetUpMailbox[] = [
  { name: 'Works', address: 'works@demo.test' },
  { name: 'Wrong password', address: 'wrong@demo.test', password: 'not it' },
  { name: 'Read-only', address: 'readonly@demo.test', fault: 'readOnlyInbox' },
  { name: 'Sender refused', address: 'refused@demo.test', fault: 'senderRefused' },
  { name: 'Loses mail', address: 'loses@demo.test', fault: 'losesMail' },
  { name: 'Not approved', address: 'pending@demo.test', approved: false },
]

describe.each(DATABASES)('test runs on %s', (database) => {
  let harness: Harness
  let admin: Caller
  let mail: MailFixture

  beforeAll(async () => {
    harness = await Harness.start({ database })
    admin = await harness.admin()
    mail = await setUpMail(admin, MAILBOXES)
  })
  afterAll(async () => {
    await mail?.stop()
    await harness?.stop()
  })

  const idOf = (address: string) => mail.mailboxIds.get(address) ?? ''
  const start = async (variables: object): Promise<Anything> =>
    (await admin.get(START, variables)).testAndEnableMailboxes
  const ended = (id: string): Promise<Anything> =>
    waitFor('the run to end', async () => {
      const { testRun } = await admin.get(RUN, { id })
      return testRun.finishedAt ? testRun : false
    })
  const testOne = async (address: string, options?: object) => {
    const { testRun } = await start({ selection: { ids: [idOf(address)] }, options })
    const run = await ended(testRun.id)
    return { run, item: run.items.nodes[0] }
  }
  const mailboxOf = async (address: string) => (await admin.get(MAILBOX, { id: idOf(address) })).mailbox

  test('TEST_ONLY records its result on the run alone', async () => {
    const { run, item } = await testOne('wrong@demo.test', { mode: 'TEST_ONLY' })
    expect(run).toMatchObject({ state: 'COMPLETED', failed: 1 })
    expect(item.errorCode).toBe('AUTHENTICATION_FAILED')
    expect(await mailboxOf('wrong@demo.test')).toMatchObject({
      incomingEmailStatus: 'NOT_RUN',
      outgoingEmailStatus: 'NOT_RUN',
      errorCode: null,
      lastTestedAt: null,
      alerts: { nodes: [] },
    })
  })

  test('a working mailbox passes every stage of both directions, with durations, and is enabled', async () => {
    const { item } = await testOne('works@demo.test')
    expect(item.state).toBe('SUCCEEDED')
    const [incoming, outgoing] = item.results
    expect(incoming).toMatchObject({ direction: 'INCOMING', status: 'SUCCESS' })
    expect(incoming.steps.map((step: Anything) => step.name)).toEqual([
      'DNS',
      'CONNECT',
      'TLS',
      'GREETING',
      'AUTHENTICATE',
      'OPEN_INBOX',
      'RECEIVE',
    ])
    expect(outgoing.steps.map((step: Anything) => step.name)).toEqual([
      'DNS',
      'CONNECT',
      'TLS',
      'GREETING',
      'AUTHENTICATE',
      'SEND',
    ])
    for (const step of [...incoming.steps, ...outgoing.steps]) {
      expect(step).toMatchObject({ state: 'SUCCEEDED', durationMs: expect.any(Number), error: null })
    }
    expect(await mailboxOf('works@demo.test')).toMatchObject({
      health: 'HEALTHY',
      incomingEmailStatus: 'SUCCESS',
      outgoingEmailStatus: 'SUCCESS',
      actStatus: 'NOT_RUN',
      incomingEnabled: true,
      outgoingEnabled: true,
      blockers: [],
      testRun: null,
      lastTestItem: { state: 'SUCCEEDED' },
    })
    // the test message was found and removed
    expect(mail.system.messages('works@demo.test')).toHaveLength(0)
  })

  test('a refused password fails both directions, disables them and opens one alert, which resolves when it works', async () => {
    const { item } = await testOne('wrong@demo.test')
    const failed = item.results.map((result: Anything) =>
      result.steps.find((step: Anything) => step.state === 'FAILED'),
    )
    expect(failed).toEqual([
      expect.objectContaining({
        name: 'AUTHENTICATE',
        error: expect.objectContaining({ code: 'AUTHENTICATION_FAILED', field: 'password' }),
      }),
      expect.objectContaining({
        name: 'AUTHENTICATE',
        error: expect.objectContaining({ code: 'AUTHENTICATION_FAILED' }),
      }),
    ])
    const failing = await mailboxOf('wrong@demo.test')
    expect(failing).toMatchObject({
      health: 'FAILING',
      incomingEmailStatus: 'FAILURE',
      incomingEnabled: false,
      errorCode: 'AUTHENTICATION_FAILED',
    })
    expect(failing.alerts.nodes).toEqual([
      expect.objectContaining({ code: 'AUTHENTICATION_FAILED', state: 'OPEN', count: 1 }),
    ])

    await testOne('wrong@demo.test')
    expect((await mailboxOf('wrong@demo.test')).alerts.nodes).toEqual([
      expect.objectContaining({ state: 'OPEN', count: 2 }),
    ])

    mail.system.setPassword('wrong@demo.test', 'not it')
    await testOne('wrong@demo.test')
    const works = await mailboxOf('wrong@demo.test')
    expect(works).toMatchObject({ health: 'HEALTHY', errorCode: null })
    expect(works.alerts.nodes).toEqual([expect.objectContaining({ state: 'RESOLVED' })])
  })

  test('an alert resolves when its direction is switched off', async () => {
    const id = idOf('readonly@demo.test')
    await testOne('readonly@demo.test')
    const alerts = async () => (await mailboxOf('readonly@demo.test')).alerts.nodes
    expect(await alerts()).toEqual([expect.objectContaining({ code: 'INBOX_READ_ONLY', state: 'OPEN' })])
    const method =
      'mutation ($ids: [ID!]!, $to: IncomingMethod) { updateMailboxes(selection: { ids: $ids }, changes: { incomingMethod: $to }) { changed } }'
    await admin.get(method, { ids: [id], to: 'NONE' })
    // the mailbox's, and the roll-up of its profile
    expect(await harness.app.services.alerts.reconcile()).toBe(2)
    expect(await alerts()).toEqual([expect.objectContaining({ state: 'RESOLVED' })])
    expect(await harness.app.services.alerts.reconcile()).toBe(0)
    await admin.get(method, { ids: [id], to: 'SERVER_SIDE_SYNC' })
  })

  test('each direction is judged for itself', async () => {
    const readOnly = (await testOne('readonly@demo.test')).item
    expect(readOnly.results.map((result: Anything) => result.status)).toEqual(['FAILURE', 'SUCCESS'])
    expect(readOnly.errorCode).toBe('INBOX_READ_ONLY')
    const refused = (await testOne('refused@demo.test')).item
    expect(refused.results.map((result: Anything) => result.status)).toEqual(['SUCCESS', 'FAILURE'])
    expect(refused.errorCode).toBe('SENDER_REFUSED')
    expect(refused.results[0].steps.at(-1)).toMatchObject({ name: 'RECEIVE', state: 'SKIPPED' })
    expect(await mailboxOf('refused@demo.test')).toMatchObject({ incomingEnabled: true, outgoingEnabled: false })
  })

  test('mail that is accepted and never arrives is a failure, unless the round trip is off', async () => {
    expect((await testOne('loses@demo.test')).item.errorCode).toBe('ROUND_TRIP_TIMEOUT')
    const { item } = await testOne('loses@demo.test', { roundTrip: false })
    expect(item.state).toBe('SUCCEEDED')
    expect(item.results[0].steps.at(-1).name).toBe('OPEN_INBOX')
  })

  test('only the named directions are tested', async () => {
    const { item } = await testOne('wrong@demo.test', { directions: ['OUTGOING'] })
    expect(item.results.map((result: Anything) => [result.direction, result.status])).toEqual([
      ['INCOMING', 'NOT_RUN'],
      ['OUTGOING', 'SUCCESS'],
    ])
  })

  test('with nothing to test in the named directions the mailbox is skipped, not passed', async () => {
    const { item } = await testOne('works@demo.test', { directions: ['ACT'] })
    expect(item).toMatchObject({ state: 'SKIPPED', skipReason: 'NOTHING_TO_TEST' })
    expect(await mailboxOf('works@demo.test')).toMatchObject({ incomingEmailStatus: 'SUCCESS', testRun: null })
  })

  test('a direction with a method but without a server in the profile fails, and names the field', async () => {
    const input = {
      name: 'Half',
      type: 'IMAP_SMTP',
      incoming: mail.system.endpoints.imaps,
      trustedCertificates: mail.system.trustedCertificates,
    }
    const create =
      'mutation ($input: EmailServerProfileInput!) { createEmailServerProfile(input: $input) { profile { id } } }'
    const { profile } = (await admin.get(create, { input })).createEmailServerProfile
    const move =
      'mutation ($ids: [ID!]!, $to: ID!) { updateMailboxes(selection: { ids: $ids }, changes: { profileId: $to }) { changed } }'
    await admin.get(move, { ids: [idOf('works@demo.test')], to: profile.id })
    const { item } = await testOne('works@demo.test')
    expect(item.results.map((result: Anything) => result.status)).toEqual(['SUCCESS', 'FAILURE'])
    expect(item.results[1].steps).toEqual([
      expect.objectContaining({
        state: 'FAILED',
        error: expect.objectContaining({ code: 'ENDPOINT_MISSING', field: 'outgoing.host' }),
      }),
    ])
    await admin.get(move, { ids: [idOf('works@demo.test')], to: mail.profileId })
  })

  test('credentials of the profile that are refused are one alert of the profile', async () => {
    const input = {
      name: 'Shared',
      type: 'IMAP_SMTP',
      incoming: mail.system.endpoints.imaps,
      outgoing: mail.system.endpoints.smtps,
      trustedCertificates: mail.system.trustedCertificates,
      credentialSource: 'PROFILE',
      username: 'service',
      password: 'refused',
    }
    const create =
      'mutation ($input: EmailServerProfileInput!) { createEmailServerProfile(input: $input) { profile { id } } }'
    const { profile } = (await admin.get(create, { input })).createEmailServerProfile
    const move = `mutation ($ids: [ID!]!, $to: ID!) { updateMailboxes(selection: { ids: $ids }, changes: { profileId: $to }) { changed } }`
    const ids = [idOf('works@demo.test'), idOf('readonly@demo.test')]
    await admin.get(move, { ids, to: profile.id })
    await ended((await start({ selection: { ids } })).testRun.id)
    const { alerts } = await admin.get('query ($id: ID) { alerts(profileId: $id) { nodes { code state count } } }', {
      id: profile.id,
    })
    expect(alerts.nodes).toHaveLength(2)
    expect(alerts.nodes).toContainEqual({ code: 'AUTHENTICATION_FAILED', state: 'OPEN', count: 2 })
    expect(alerts.nodes).toContainEqual({ code: 'MAILBOXES_FAILING', state: 'OPEN', count: 2 })
    await admin.get(move, { ids, to: mail.profileId })
  })

  test('a run over a profile has every mailbox: the one that cannot be tested is skipped with its reason', async () => {
    const { testRun } = await start({ profileId: mail.profileId })
    expect(testRun).toMatchObject({
      state: 'QUEUED',
      mode: 'TEST_AND_ENABLE',
      total: 6,
      queued: 5,
      skipped: 1,
      requestedBy: 'admin',
    })
    const run = await ended(testRun.id)
    expect(run).toMatchObject({
      state: 'COMPLETED',
      queued: 0,
      running: 0,
      succeeded: 2,
      failed: 3,
      skipped: 1,
      cancelled: 0,
    })
    expect(run.items.totalCount).toBe(6)
    const skipped = run.items.nodes.find((item: Anything) => item.state === 'SKIPPED')
    expect(skipped).toMatchObject({ skipReason: 'APPROVAL_PENDING', mailbox: { name: 'Not approved' }, results: [] })
    const refused = await admin.get(
      'query ($id: ID!) { testRun(id: $id) { items(errorCode: "SENDER_REFUSED") { totalCount nodes { mailbox { name outgoingErrorCode incomingErrorCode } } } } }',
      { id: testRun.id },
    )
    expect(refused.testRun.items).toEqual({
      totalCount: 1,
      nodes: [{ mailbox: { name: 'Sender refused', outgoingErrorCode: 'SENDER_REFUSED', incomingErrorCode: null } }],
    })
    expect(run.causes.reduce((sum: number, cause: Anything) => sum + cause.count, 0)).toBe(3)
  })

  test('the failed ones are repeated by themselves', async () => {
    const { testRun } = await start({ profileId: mail.profileId })
    await ended(testRun.id)
    const retry =
      'mutation ($runId: ID!) { retryFailedTests(runId: $runId) { testRun { id total } userErrors { code path } } }'
    const { retryFailedTests } = await admin.get(retry, { runId: testRun.id })
    expect(retryFailedTests.testRun.total).toBe(3)
    expect(await ended(retryFailedTests.testRun.id)).toMatchObject({ failed: 3, succeeded: 0 })
  })

  test('a token that may only test starts a run, and does not see whose mailboxes are in it', async () => {
    const create = 'mutation { createApiToken(input: { name: "Tester", scopes: ["test"] }) { secret } }'
    const tester = harness.withToken((await admin.get(create)).createApiToken.secret)
    const ask = (fields: string) =>
      tester.ask(
        `mutation ($ids: [ID!]!) { testAndEnableMailboxes(selection: { ids: $ids }) { testRun { ${fields} } } }`,
        {
          ids: [idOf('works@demo.test')],
        },
      )
    const { data, errors } = await ask('id total')
    expect(errors).toEqual([])
    expect(data.testAndEnableMailboxes.testRun.total).toBe(1)
    await ended(data.testAndEnableMailboxes.testRun.id)
    const seen = await ask('id items { nodes { mailbox { name } } }')
    expect(seen.errors.map((error) => error.extensions.code)).toEqual(['FORBIDDEN'])
    const [run] = (await admin.get('{ testRuns(first: 1) { nodes { id } } }')).testRuns.nodes
    await ended(run.id)
  })

  test('a watcher sees the current state first, every item, and the end, after which the subscription completes', async () => {
    const { testRun } = await start({ profileId: mail.profileId })
    const watching = admin.watch(PROGRESS, { id: testRun.id })
    const first = await watching.next()
    expect(first.testRunProgress.run.total).toBe(6)
    const last = new Map<string, string>()
    let event = first
    let final: Anything
    while (event) {
      for (const item of event.testRunProgress.items) last.set(item.id, item.state)
      final = event.testRunProgress.run
      event = await watching.next()
    }
    expect(final).toMatchObject({ state: 'COMPLETED', queued: 0, running: 0, succeeded: 2, failed: 3, skipped: 1 })
    expect([...last.values()].sort()).toEqual(['FAILED', 'FAILED', 'FAILED', 'SKIPPED', 'SUCCEEDED', 'SUCCEEDED'])
    const late = admin.watch(PROGRESS, { id: testRun.id })
    expect((await late.next()).testRunProgress).toMatchObject({ run: { state: 'COMPLETED' }, items: { length: 6 } })
    expect(await late.next()).toBeUndefined()
  })

  test.each([
    ['both', { selection: { view: 'ACTIVE' }, profileId: 'x' }, 'EXACTLY_ONE', ['selection']],
    ['neither', {}, 'EXACTLY_ONE', ['selection']],
    ['no ids', { selection: { ids: [] } }, 'EMPTY', ['selection', 'ids']],
    ['neither ids nor view', { selection: {} }, 'EXACTLY_ONE', ['selection']],
    ['ids and view', { selection: { ids: ['x'], view: 'ALL' } }, 'EXACTLY_ONE', ['selection']],
    ['an id that is none', { selection: { ids: ['x'] } }, 'NOT_FOUND', ['selection', 'ids', '0']],
    [
      'an unknown id',
      { selection: { ids: ['01a20894-98d9-76d5-8880-179c368a8386'] } },
      'NOT_FOUND',
      ['selection', 'ids', '0'],
    ],
    ['a view with nothing in it', { selection: { view: 'INACTIVE' } }, 'EMPTY', ['selection']],
    ['an unknown profile', { profileId: 'x' }, 'NOT_FOUND', ['profileId']],
    [
      '100,000 ids',
      { selection: { ids: Array(100_000).fill('01a20894-98d9-76d5-8880-179c368a8386') } },
      'TOO_MANY',
      ['selection', 'ids'],
    ],
    [
      'no direction',
      { selection: { view: 'ACTIVE' }, options: { directions: [] } },
      'EMPTY',
      ['options', 'directions'],
    ],
  ])('%s: refused by name, and no run is made', async (_what, variables, code, path) => {
    const count = 'query { testRuns { totalCount } }'
    const before = (await admin.get(count)).testRuns.totalCount
    expect(await start(variables)).toEqual({ testRun: null, userErrors: [{ code, path }] })
    expect((await admin.get(count)).testRuns.totalCount).toBe(before)
  })
})

describe.each(DATABASES)('test runs under load on %s', (database) => {
  let harness: Harness
  let admin: Caller
  let mail: MailFixture

  beforeAll(async () => {
    harness = await Harness.start({ database, work: false })
    admin = await harness.admin()
    mail = await setUpMail(admin, working(24), { maxConcurrentConnections: 3, latencyMs: 2 })
  })
  afterAll(async () => {
    await mail?.stop()
    await harness?.stop()
  })

  test('a cancelled run keeps no mailbox, and a mailbox is in one run at a time', async () => {
    const first = (await admin.get(START, { profileId: mail.profileId })).testAndEnableMailboxes.testRun
    expect(first).toMatchObject({ queued: 24 })
    const second = (await admin.get(START, { profileId: mail.profileId })).testAndEnableMailboxes.testRun
    const { testRun } = await admin.get(RUN, { id: second.id })
    expect(testRun).toMatchObject({ state: 'COMPLETED', skipped: 24 })
    expect(new Set(testRun.items.nodes.map((item: Anything) => item.skipReason))).toEqual(
      new Set(['ALREADY_IN_A_TEST']),
    )
    const { cancelTestRun } = await admin.get(
      'mutation ($id: ID!) { cancelTestRun(id: $id) { testRun { state queued cancelled finishedAt } userErrors { code } } }',
      { id: first.id },
    )
    expect(cancelTestRun.testRun).toMatchObject({
      state: 'CANCELLED',
      queued: 0,
      cancelled: 24,
      finishedAt: expect.any(String),
    })
    const third = (await admin.get(START, { profileId: mail.profileId })).testAndEnableMailboxes.testRun
    expect(third).toMatchObject({ queued: 24, skipped: 0 })
  })

  test('never more mailboxes of a profile are under way than its limit, and every one ends', async () => {
    const [run] = (await admin.get('query { testRuns(first: 1) { nodes { id } } }')).testRuns.nodes
    const watching = admin.watch(PROGRESS, { id: run.id })
    await watching.next()
    await harness.app.startWork()
    let most = 0
    let final: Anything
    for (let event = await watching.next(); event; event = await watching.next()) {
      final = event.testRunProgress.run
      most = Math.max(most, final.running)
    }
    expect(final).toMatchObject({ state: 'COMPLETED', succeeded: 24 })
    expect(most).toBeLessThanOrEqual(3)
    expect(most).toBeGreaterThan(0)
  })
})
