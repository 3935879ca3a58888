import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { type Anything, type Caller, DATABASES, Harness } from '../test/harness'

const START = `mutation ($selection: MailboxSelection, $profileId: ID, $options: TestOptions) {
  testAndEnableMailboxes(selection: $selection, profileId: $profileId, options: $options) { testRun { id } userErrors { code } }
}`
const LOG = `query ($id: ID!) { auditLog(filter: { subjectId: $id }) { nodes {
  action actorName subjectType subjectCount details { field value }
  changes { nodes { before { field value } after { field value } } }
} } }`

const named = (values: Anything[] | null): object | null =>
  values && Object.fromEntries(values.map(({ field, value }: Anything) => [field, value]))

describe.each(DATABASES)('test runs in the audit log on %s', (database) => {
  let harness: Harness
  let admin: Caller
  let ids: string[]
  let profileId: string

  beforeAll(async () => {
    // nothing works here: what is started waits
    harness = await Harness.start({ database, work: false })
    admin = await harness.admin()
    const { createEmailServerProfile } = await admin.get(
      'mutation { createEmailServerProfile(input: { name: "Main", type: IMAP_SMTP, isDefault: true, incoming: { host: "a.test", port: 993, security: TLS } }) { profile { id } } }',
    )
    profileId = createEmailServerProfile.profile.id
    const owners = ['a', 'b', 'c'].map((name) => ({
      kind: 'USER',
      externalId: name,
      name,
      emailAddress: `${name}@x.test`,
    }))
    const { provisionOwners } = await admin.get(
      'mutation ($owners: [OwnerInput!]!) { provisionOwners(owners: $owners) { owners { mailbox { id } } } }',
      { owners },
    )
    ids = provisionOwners.owners.map((owner: Anything) => owner.mailbox.id)
    await admin.get('mutation ($ids: [ID!]!) { approveEmails(selection: { ids: $ids }) { changed } }', { ids })
  })
  afterAll(() => harness?.stop())

  const entriesOf = async (id: string) =>
    (await admin.get(LOG, { id })).auditLog.nodes.map(({ details, changes, ...entry }: Anything) => {
      const [{ before, after }] = changes.nodes
      return { ...entry, details: named(details), before: named(before), after: named(after) }
    })
  const start = async (variables: object): Promise<string> => {
    const { testRun, userErrors } = (await admin.get(START, variables)).testAndEnableMailboxes
    expect(userErrors).toEqual([])
    return testRun.id
  }

  test('a start: what is tested, how, and of how many', async () => {
    const options = { mode: 'TEST_ONLY', directions: ['INCOMING'], roundTrip: false }
    const id = await start({ selection: { view: 'ALL', filter: { domain: 'x.test' } }, options })
    expect(await entriesOf(id)).toEqual([
      {
        ...{ action: 'testAndEnableMailboxes', actorName: 'admin', subjectType: 'TEST_RUN', subjectCount: 1 },
        ...{ details: { view: 'ALL', 'filter.domain': 'x.test' }, before: null },
        after: { mode: 'TEST_ONLY', directions: '["INCOMING"]', roundTrip: 'false', total: '3' },
      },
    ])
  })

  test('a start for a profile', async () => {
    const [entry] = await entriesOf(await start({ profileId }))
    expect(entry).toMatchObject({ details: { profileId }, after: { mode: 'TEST_AND_ENABLE', total: '3' } })
  })

  test('a start of named ones tells no list of them', async () => {
    const [entry] = await entriesOf(await start({ selection: { ids } }))
    expect(entry.after.total).toBe('3')
    expect(JSON.stringify(entry)).not.toContain(ids[0])
  })

  test('a cancellation, which cancels something', async () => {
    const cancel = (id: string) =>
      admin.get('mutation ($id: ID!) { cancelTestRun(id: $id) { userErrors { code } } }', { id })
    const waiting = await admin.get('{ testRuns(first: 50) { nodes { id queued } } }')
    const run = waiting.testRuns.nodes.find((node: Anything) => node.queued > 0)
    await cancel(run.id)
    const [entry, ...earlier] = await entriesOf(run.id)
    expect(entry).toMatchObject({ action: 'cancelTestRun', actorName: 'admin', before: { queued: String(run.queued) } })
    expect(earlier).toHaveLength(1)
    await cancel(run.id)
    expect(await entriesOf(run.id)).toHaveLength(2)
  })

  test('a repetition, with the run that it repeats', async () => {
    const first = await start({ selection: { ids } })
    const failed = "UPDATE test_run_items SET state = 'FAILED', error_code = 'CONNECT_TIMEOUT' WHERE run_id = ?"
    await harness.app.db.inTransaction((tx) => tx.em.query(failed, [first]))
    const { retryFailedTests } = await admin.get(
      'mutation ($id: ID!) { retryFailedTests(runId: $id) { testRun { id } userErrors { code } } }',
      { id: first },
    )
    const [entry] = await entriesOf(retryFailedTests.testRun.id)
    expect(entry).toMatchObject({ action: 'retryFailedTests', details: { runId: first }, after: { total: '3' } })
  })

  test('what was refused leaves nothing', async () => {
    const count = async () => (await admin.get('{ auditLog { totalCount } }')).auditLog.totalCount
    const before = await count()
    await admin.get(START, { selection: { ids }, profileId })
    await admin.get('mutation { cancelTestRun(id: "nope") { userErrors { code } } }')
    await admin.get('mutation { retryFailedTests(runId: "nope") { userErrors { code } } }')
    expect(await count()).toBe(before)
  })
})
