import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { buildSchema, type GraphQLObjectType } from 'graphql'
import { type Anything, type Caller, DATABASES, Harness } from '../test/harness'
import { type MailFixture, passwordOf, setUpMail } from '../test/mail-fixture'
import { entrances, pathsFrom } from '../test/schema-paths'
import { waitFor } from '../test/wait-for'
import { Role } from './rights'

const schema = buildSchema(readFileSync('schema.graphql', 'utf8'))
const QUERY = schema.getQueryType() as GraphQLObjectType

const START = `mutation ($selection: MailboxSelection, $profileId: ID) {
  testAndEnableMailboxes(selection: $selection, profileId: $profileId, options: { roundTrip: false }) {
    testRun { id total } userErrors { code path }
  }
}`
const RUN = `query ($id: ID!) { testRun(id: $id) {
  total queued running succeeded failed skipped cancelled finishedAt causes { code count }
  items { totalCount nodes { id state mailbox { id } } }
} }`
const EDIT = `mutation ($selection: MailboxSelection!, $changes: MailboxChanges!) {
  updateMailboxes(selection: $selection, changes: $changes) { matched changed mailboxes { id } userErrors { code path } }
}`
const APPROVE = `mutation ($selection: MailboxSelection!) {
  approveEmails(selection: $selection) { matched changed mailboxes { id } refusedCount userErrors { code path } }
}`
const CREATE_FORWARD = `mutation ($input: CreateForwardMailboxInput!) {
  createForwardMailbox(input: $input) { mailbox { id } userErrors { code } }
}`
const PROFILE = `mutation ($input: EmailServerProfileInput!) {
  createEmailServerProfile(input: $input) { profile { id } userErrors { code } }
}`
const CHANGES = 'subscription { mailboxChanges { kind mailboxes { id name } } }'
const NAMED_CHANGES = 'subscription ($ids: [ID!]) { mailboxChanges(ids: $ids) { kind mailboxes { id name } } }'
const COUNTS = '{ mailboxViewCounts { view count } }'
const ALERT_CHANGES = 'subscription { alertChanges { kind alert { id mailbox { id } } } }'
const PROGRESS = `subscription ($id: ID!) { testRunProgress(id: $id) {
  run { total failed finishedAt } items { id mailbox { id } }
} }`

/** So many paths are asked for in one document: it stays within the limits. */
const TOGETHER = 6
/** To the nodes of a list and what hangs on these. */
const FEW_STEPS = 2
/** The databases differ in the statements behind a step, not in the steps that there are. */
const STEPS = { sqlite: 12, mariadb: FEW_STEPS }

describe.each(DATABASES)('what somebody sees who may see some mailboxes only, on %s', (database) => {
  let harness: Harness
  let admin: Caller
  let user: Caller
  let approver: Caller
  let mail: MailFixture
  /** Anna's own; Ben shares her profile; Carl has another. The forward mailbox is nobody's. */
  const id = { anna: '', ben: '', carl: '', forward: '' }
  const owner = { anna: '', ben: '', carl: '' }
  const run = { all: '', others: '', annas: '' }
  let otherProfile = ''
  /** What must not be told, as it is told to an administrator. */
  let secrets: string[] = []
  /** Everything with an id. */
  let ids: string[] = []

  const startTest = async (caller: Caller, variables: object): Promise<Anything> =>
    (await caller.get(START, variables)).testAndEnableMailboxes
  const ended = async (variables: object): Promise<string> => {
    const { testRun } = await startTest(admin, variables)
    await waitFor('the run to end', async () => (await admin.get(RUN, { id: testRun.id })).testRun.finishedAt)
    return testRun.id
  }

  beforeAll(async () => {
    harness = await Harness.start({ database })
    admin = await harness.admin()
    mail = await setUpMail(admin, [
      { name: 'Anna Eins', address: 'anna@one.test', password: 'not hers' },
      { name: 'Ben Zwei', address: 'ben@two.test', password: 'not his' },
      { name: 'Carl Drei', address: 'carl@two.test', password: 'not his' },
    ])
    for (const name of ['anna', 'ben', 'carl'] as const) {
      id[name] = mail.mailboxIds.get(`${name}@${name === 'anna' ? 'one' : 'two'}.test`) ?? ''
      const answer = await admin.get('query ($id: ID!) { mailbox(id: $id) { owner { id } } }', { id: id[name] })
      owner[name] = answer.mailbox.owner.id
    }
    const endpoint = { host: '127.0.0.1', port: 1, security: 'TLS' }
    const input = { name: 'Profile of others', type: 'IMAP_SMTP', incoming: endpoint, outgoing: endpoint }
    otherProfile = (await admin.get(PROFILE, { input })).createEmailServerProfile.profile.id
    const forward = { name: 'Collects Vier', emailAddress: 'collect@two.test', profileId: otherProfile }
    id.forward = (await admin.get(CREATE_FORWARD, { input: forward })).createForwardMailbox.mailbox.id
    const edit = (ids: string[], changes: object) => admin.get(EDIT, { selection: { ids }, changes })
    run.all = await ended({ selection: { ids: [id.anna, id.ben] } })
    await edit([id.carl], { profileId: otherProfile, password: passwordOf('carl@two.test') })
    run.others = await ended({ selection: { ids: [id.ben, id.carl] } })
    run.annas = await ended({ selection: { ids: [id.anna] } })
    await edit([id.anna], { incomingMethod: 'FORWARD_MAILBOX', forwardMailboxId: id.forward })
    const items = async (runId: string) => (await admin.get(RUN, { id: runId })).testRun.items.nodes as Anything[]
    const foreign = [...(await items(run.all)), ...(await items(run.others))].filter(
      (item) => item.mailbox.id !== id.anna,
    )
    const { alerts } = await admin.get('{ alerts { nodes { id mailbox { id } profile { id } } } }')
    const foreignAlerts = alerts.nodes.filter(
      (alert: Anything) => alert.mailbox?.id !== id.anna && alert.profile?.id !== mail.profileId,
    )
    const hidden = [id.ben, id.carl, owner.ben, owner.carl, run.others, otherProfile, ...foreign.map((item) => item.id)]
    secrets = [...hidden, ...foreignAlerts.map((alert: Anything) => alert.id), 'Ben Zwei', 'Carl Drei', 'ben@two.test']
    secrets.push('carl@two.test', 'Profile of others', id.forward)
    user = await harness.newUser('anna', { roles: [Role.MAILBOX_USER], ownerId: owner.anna })
    approver = await newApprover('one.test')
    ids = [...Object.values(id), ...Object.values(owner), ...Object.values(run), otherProfile, mail.profileId]
  })
  afterAll(async () => {
    await mail?.stop()
    await harness?.stop()
  })

  const newApprover = (...domains: string[]) =>
    harness.newUser(`approver ${Math.random()}`, { roles: [Role.MAILBOX_APPROVER], domains })

  /** All that somebody is told, whichever way he asks. */
  async function crawl(caller: Caller): Promise<string> {
    const told: string[] = []
    for (const { call, type, isVariant } of entrances(QUERY, ids)) {
      const [head = '', ...rest] = pathsFrom(type, isVariant ? FEW_STEPS : STEPS[database])
      const nodes = type.getFields().nodes ? '{ nodes { __typename } }' : ''
      const first = await caller.ask(`{ ${call} ${head} ${nodes && `${call} ${nodes}`} }`)
      told.push(JSON.stringify([first.data, first.errors]))
      const [found] = Object.values<Anything>(first.data ?? {})
      // what is not there, and an empty list, has nothing behind it
      if (!found || found.nodes?.length === 0) continue
      for (let start = 0; start < rest.length; start += TOGETHER) {
        const some = rest.slice(start, start + TOGETHER).map((path) => `${call} ${path}`)
        const { data, errors } = await caller.ask(`{ ${some.join(' ')} }`)
        // a document that is refused as a whole would tell nothing
        if (!data) expect(errors.map((error) => error.extensions.code)).toEqual(['FORBIDDEN'])
        told.push(JSON.stringify([data, errors]))
      }
    }
    return told.join('\n')
  }

  test('an administrator is told everything, so that this test would find it', async () => {
    const told = await crawl(admin)
    expect(secrets.filter((secret) => !told.includes(secret))).toEqual([])
  })

  test('a MAILBOX_USER is told of no other mailbox, whichever way he asks', async () => {
    const told = await crawl(user)
    expect(secrets.filter((secret) => told.includes(secret))).toEqual([])
    for (const own of [id.anna, owner.anna, run.all, run.annas, mail.profileId]) expect(told).toContain(own)
  })

  test('a MAILBOX_APPROVER is told of no mailbox of another domain, whichever way he asks', async () => {
    const told = await crawl(approver)
    expect(secrets.filter((secret) => told.includes(secret))).toEqual([])
    for (const own of [id.anna, owner.anna, run.all, run.annas, mail.profileId]) expect(told).toContain(own)
  })

  test('who was given no mailbox sees none', async () => {
    const told = await crawl(await newApprover('none.test'))
    for (const one of [...secrets, id.anna, 'Anna Eins', run.all, mail.profileId]) expect(told).not.toContain(one)
  })

  test('counts count what is seen', async () => {
    const totals = `{ mailboxes(view: ALL) { totalCount } owners { totalCount } testRuns { totalCount }
      emailServerProfiles { totalCount nodes { mailboxCount } } alerts { totalCount nodes { id } } }`
    const answer = await user.get(totals)
    expect(answer.mailboxes.totalCount).toBe(1)
    expect(answer.owners.totalCount).toBe(1)
    expect(answer.testRuns.totalCount).toBe(2)
    expect(answer.emailServerProfiles).toEqual({ totalCount: 1, nodes: [{ mailboxCount: 1 }] })
    expect(answer.alerts.totalCount).toBe(answer.alerts.nodes.length)
    const { mailboxViewCounts } = await user.get(COUNTS)
    const count = (view: string) => mailboxViewCounts.find((row: Anything) => row.view === view).count
    expect([count('ALL'), count('MINE'), count('FORWARD_MAILBOXES')]).toEqual([1, 1, 0])
    const live = (await user.watch(`subscription ${COUNTS}`).next())?.mailboxViewCounts
    expect(live).toEqual(mailboxViewCounts)
  })

  test('of a run somebody sees his part: items, counters, causes', async () => {
    for (const caller of [user, approver]) {
      const { testRun } = await caller.get(RUN, { id: run.all })
      expect(testRun).toMatchObject({ total: 1, queued: 0, running: 0, succeeded: 0, failed: 1, skipped: 0 })
      expect(testRun.causes).toEqual([{ code: 'AUTHENTICATION_FAILED', count: 1 }])
      expect(testRun.items).toMatchObject({ totalCount: 1, nodes: [{ state: 'FAILED', mailbox: { id: id.anna } }] })
      expect((await caller.get(RUN, { id: run.others })).testRun).toBeNull()
      const listed = (await caller.get('{ testRuns { nodes { id total failed } } }')).testRuns.nodes
      expect(listed).toContainEqual({ id: run.all, total: 1, failed: 1 })
    }
    expect((await admin.get(RUN, { id: run.all })).testRun).toMatchObject({ total: 2, failed: 2 })
  })

  test('an approver of an international domain sees its addresses in either form', async () => {
    const addresses = ['dora@bücher.test', 'emil@xn--bcher-kva.test']
    const owners = addresses.map((emailAddress) => ({ kind: 'USER', name: emailAddress, emailAddress }))
    const provision = 'mutation ($owners: [OwnerInput!]!) { provisionOwners(owners: $owners) { userErrors { code } } }'
    expect((await admin.get(provision, { owners })).provisionOwners.userErrors).toEqual([])
    const { mailboxes } = await (await newApprover('BÜCHER.test')).get('{ mailboxes { nodes { emailAddress } } }')
    expect(mailboxes.nodes.map((mailbox: Anything) => mailbox.emailAddress).sort()).toEqual(addresses.sort())
  })

  test('subscriptions tell of own mailboxes alone', async () => {
    const all = user.watch(CHANGES)
    const named = user.watch(NAMED_CHANGES, { ids: [id.anna, id.ben] })
    expect((await all.next())?.mailboxChanges).toEqual({ kind: 'RESYNC', mailboxes: [] })
    const first = (await named.next())?.mailboxChanges
    expect(first.mailboxes.map((mailbox: Anything) => mailbox.id)).toEqual([id.anna])
    const rename = async (mailboxId: string) =>
      admin.get(EDIT, { selection: { ids: [mailboxId] }, changes: { username: `name ${Math.random()}` } })
    for (const watching of [all, named]) {
      const seen: string[] = []
      await rename(id.ben)
      await rename(id.anna)
      await watching.until(({ mailboxChanges }) => {
        // an empty one would tell when others' mailboxes change
        expect(mailboxChanges.mailboxes).not.toEqual([])
        seen.push(...mailboxChanges.mailboxes.map((mailbox: Anything) => mailbox.id))
        return seen.includes(id.anna)
      })
      expect(new Set(seen)).toEqual(new Set([id.anna]))
    }
    await Promise.all([all.end(), named.end()])
  })

  test('a run is watched by those who have a part in it, and ends for them, too', async () => {
    const { testRun } = await startTest(admin, { selection: { ids: [id.anna, id.ben] } })
    const seen: string[] = []
    const last = await user.watch(PROGRESS, { id: testRun.id }).until(({ testRunProgress }) => {
      seen.push(...testRunProgress.items.map((item: Anything) => item.mailbox.id))
      return testRunProgress.run.finishedAt !== null
    })
    expect(last.testRunProgress.run.total).toBe(1)
    expect(new Set(seen)).toEqual(new Set([id.anna]))
    await expect(user.watch(PROGRESS, { id: run.others }).next()).rejects.toThrow('NOT_FOUND')
  })

  test('changes of alerts are told of own mailboxes alone', async () => {
    const watching = user.watch(ALERT_CHANGES)
    await watching.next()
    await ended({ selection: { ids: [id.ben, id.carl] } })
    await ended({ selection: { ids: [id.anna] } })
    const { alertChanges } = (await watching.next()) as Anything
    // several of his at once are told as RESYNC
    if (alertChanges.alert) expect(alertChanges.alert.mailbox?.id ?? id.anna).toBe(id.anna)
    await watching.end()
  })

  describe('commands', () => {
    const unknown = (path: string[]) => [{ code: 'NOT_FOUND', path }]

    test('a MAILBOX_USER tests his own mailbox; others are not there', async () => {
      const notThere = await startTest(user, { selection: { ids: [id.anna, id.ben] } })
      expect(notThere).toEqual({ testRun: null, userErrors: unknown(['selection', 'ids', '1']) })
      const nobody = await startTest(user, { selection: { ids: [id.anna, run.all] } })
      expect(nobody.userErrors).toEqual(notThere.userErrors)
      expect((await startTest(user, { profileId: otherProfile })).userErrors).toEqual(unknown(['profileId']))
      for (const variables of [{ selection: { view: 'ALL' } }, { profileId: mail.profileId }]) {
        const { testRun, userErrors } = await startTest(user, variables)
        expect(userErrors).toEqual([])
        expect(testRun.total).toBe(1)
        await waitFor('the run to end', async () => (await user.get(RUN, { id: testRun.id })).testRun.finishedAt)
      }
    })

    test.each([
      ['cancelTestRun', 'id'],
      ['retryFailedTests', 'runId'],
    ])('%s is for runs that are wholly one’s own', async (name, argument) => {
      const ask = (runId: string) =>
        user.ask(`mutation ($id: ID!) { ${name}(${argument}: $id) { testRun { id } userErrors { code path } } }`, {
          id: runId,
        })
      expect((await ask(run.others)).data[name].userErrors).toEqual(unknown([argument]))
      expect((await ask(id.anna)).data[name].userErrors).toEqual(unknown([argument]))
      expect((await ask(run.all)).errors.map((error) => error.extensions.code)).toEqual(['FORBIDDEN'])
      expect((await ask(run.annas)).data[name]).toMatchObject({ testRun: { id: expect.any(String) }, userErrors: [] })
    })

    test('a MAILBOX_USER enters credentials of his own mailbox, and edits nothing else', async () => {
      const edit = async (selection: object, changes: object) => user.ask(EDIT, { selection, changes })
      const own = await edit({ view: 'ALL' }, { password: 'still not hers' })
      expect(own.data.updateMailboxes).toMatchObject({ matched: 1, mailboxes: [{ id: id.anna }], userErrors: [] })
      const other = await edit({ ids: [id.ben] }, { password: 'stolen' })
      expect(other.data.updateMailboxes).toMatchObject({ changed: 0, userErrors: unknown(['selection', 'ids', '0']) })
      const more = await edit({ ids: [id.anna] }, { password: 'x', profileId: otherProfile })
      expect(more.errors.map((error) => error.extensions.code)).toEqual(['FORBIDDEN'])
    })

    test('a MAILBOX_APPROVER decides within his domains; others are not there', async () => {
      const reject = 'mutation { rejectEmails(selection: { view: ALL }) { matched changed } }'
      expect((await approver.get(reject)).rejectEmails).toEqual({ matched: 1, changed: 1 })
      const approve = async (selection: object) => (await approver.get(APPROVE, { selection })).approveEmails
      expect(await approve({ ids: [id.anna, id.ben] })).toMatchObject({
        changed: 0,
        userErrors: unknown(['selection', 'ids', '1']),
      })
      expect(await approve({ view: 'ALL' })).toMatchObject({ matched: 1, changed: 1, mailboxes: [{ id: id.anna }] })
      const { mailbox } = await admin.get('query ($id: ID!) { mailbox(id: $id) { approval } }', { id: id.ben })
      expect(mailbox.approval).toBe('APPROVED')
    })
  })

  test('an exported list has what the list has', async () => {
    const csv = async (name: string) =>
      fetch(`${harness.url}/export/${name}.csv${name === 'mailboxes' ? '?view=ALL' : ''}`, {
        headers: { cookie: user.sessionCookie },
      })
    const exported = await csv('mailboxes')
    expect(exported.status).toBe(200)
    const text = await exported.text()
    expect(text).toContain(id.anna)
    for (const secret of [id.ben, id.carl, id.forward, 'ben@two.test']) expect(text).not.toContain(secret)
    expect((await csv('audit')).status).toBe(403)
  })
})
