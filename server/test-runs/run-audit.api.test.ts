import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { type Anything, type Caller, DATABASES, Harness } from '../test/harness'
import { TestItemState, TestRunItem } from './test-run.entity'

const PROFILE = `mutation ($input: EmailServerProfileInput!) {
  createEmailServerProfile(input: $input) { profile { id } userErrors { code } }
}`
const PROVISION =
  'mutation ($owners: [OwnerInput!]!) { provisionOwners(owners: $owners) { owners { mailbox { id } } } }'
const APPROVE = 'mutation { approveEmails(selection: { view: ALL }) { changed } }'
const START = `mutation ($selection: MailboxSelection!) {
  testAndEnableMailboxes(selection: $selection, options: { mode: TEST_ONLY }) { testRun { id queued } userErrors { code } }
}`
const CANCEL = 'mutation ($id: ID!) { cancelTestRun(id: $id) { testRun { state } userErrors { code } } }'
const RETRY = 'mutation ($id: ID!) { retryFailedTests(runId: $id) { testRun { id } userErrors { code } } }'
const AUDIT = `query ($id: ID!) { auditLog(filter: { subjectId: $id }) { nodes {
  action actorName subjectType details { field value } changes { nodes { before { field value } after { field value } } }
} } }`

describe.each(DATABASES)('what the audit log has of test runs on %s', (database) => {
  let harness: Harness
  let admin: Caller

  beforeAll(async () => {
    // nothing is tested: what waits goes on waiting
    harness = await Harness.start({ database, work: false })
    admin = await harness.admin()
    const endpoint = { host: '127.0.0.1', port: 1, security: 'TLS' }
    const input = { name: 'Nowhere', type: 'IMAP_SMTP', incoming: endpoint, outgoing: endpoint, isDefault: true }
    await admin.get(PROFILE, { input })
    const owners = ['anna', 'ben'].map((name) => ({ kind: 'USER', name, emailAddress: `${name}@example.org` }))
    await admin.get(PROVISION, { owners })
    await admin.get(APPROVE)
  })
  afterAll(() => harness?.stop())

  const audited = async (id: string): Promise<Anything[]> => (await admin.get(AUDIT, { id })).auditLog.nodes
  const start = async (selection: object) =>
    (await admin.get(START, { selection })).testAndEnableMailboxes.testRun as { id: string; queued: number }

  test('who started one, over what and how; who cancelled it, and how many were waiting', async () => {
    const { id, queued } = await start({ view: 'USER_MAILBOXES', filter: { text: 'an' } })
    expect(queued).toBe(1)
    await admin.get(CANCEL, { id })
    // nothing waits any more, so this is no command
    await admin.get(CANCEL, { id })
    const [cancelled, started, ...more] = await audited(id)
    expect(more).toEqual([])
    expect(started).toMatchObject({ action: 'testAndEnableMailboxes', actorName: 'admin', subjectType: 'TEST_RUN' })
    expect(started.details).toContainEqual({ field: 'view', value: 'USER_MAILBOXES' })
    expect(started.details).toContainEqual({ field: 'filter.text', value: 'an' })
    expect(started.changes.nodes[0].before).toBeNull()
    expect(started.changes.nodes[0].after).toContainEqual({ field: 'mode', value: 'TEST_ONLY' })
    expect(cancelled).toMatchObject({ action: 'cancelTestRun', actorName: 'admin' })
    expect(cancelled.changes.nodes).toEqual([
      { before: [{ field: 'queued', value: '1' }], after: [{ field: 'queued', value: '0' }] },
    ])
  })

  test('who repeated the failed ones, and of which run', async () => {
    const { id } = await start({ view: 'ALL' })
    await admin.get(CANCEL, { id })
    await harness.app.db.inTransaction((tx) =>
      tx.em.update(TestRunItem, { runId: id }, { state: TestItemState.FAILED }),
    )
    const { testRun } = (await admin.get(RETRY, { id })).retryFailedTests
    const [repeated] = await audited(testRun.id)
    expect(repeated).toMatchObject({ action: 'retryFailedTests', details: [{ field: 'runId', value: id }] })
    await admin.get(CANCEL, { id: testRun.id })
  })
})
