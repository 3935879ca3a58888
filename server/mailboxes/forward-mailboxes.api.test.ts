import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { type Anything, type Caller, DATABASES, Harness } from '../test/harness'
import { type MailFixture, passwordOf, setUpMail } from '../test/mail-fixture'
import { countsAndRecount, everyRow, MailboxCommands } from '../test/mailbox-commands'
import { runToEnd } from '../test/run-to-end'
import { Mailbox } from './mailbox.entity'
import { TestStatus } from './mailbox.enums'
import { recount } from './mailbox-counts'

const UNKNOWN = '01a20894-98d9-76d5-8880-179c368a8386'
const SECRET = 'forward-secret-4713'

const CREATE = `mutation ($input: CreateForwardMailboxInput!) { createForwardMailbox(input: $input) {
  mailbox {
    id kind name emailAddress active owner { id } profile { id } approval username hasPassword deleteAfterProcessing
    incomingMethod outgoingMethod actMethod incomingEmailStatus incomingEnabled health blockers { code }
  }
  userErrors { code path message } } }`
const DELETE = `mutation ($id: ID!, $moveForwardedTo: ID) { deleteForwardMailbox(id: $id, moveForwardedTo: $moveForwardedTo) {
  mailbox { id active } userErrors { code path message } } }`
const START = `mutation ($ids: [ID!]!) { testAndEnableMailboxes(selection: { ids: $ids }) {
  testRun { id } userErrors { code path } } }`
const LAST_TEST =
  'incomingEmailStatus incomingEnabled lastTestItem { state results { direction status steps { name state error { code } } } }'

describe.each(DATABASES)('forward mailboxes on %s', (database) => {
  let harness: Harness
  let admin: Caller
  let commands: MailboxCommands
  let mail: MailFixture
  let made = 0

  beforeAll(async () => {
    harness = await Harness.start({ database })
    admin = await harness.admin()
    commands = new MailboxCommands(admin)
    mail = await setUpMail(admin, [{ name: 'Ada', address: 'ada@demo.test' }])
    for (const [, id] of mail.mailboxIds) commands.ids.set('Ada', id)
  })
  afterAll(async () => {
    await mail?.stop()
    await harness?.stop()
  })

  const create = async (input: object): Promise<Anything> => (await admin.get(CREATE, { input })).createForwardMailbox
  const remove = async (name: string, moveForwardedTo?: string): Promise<Anything> =>
    (await admin.get(DELETE, { id: commands.idOf(name), moveForwardedTo })).deleteForwardMailbox
  const forwardTo = (name: string) => ({
    incomingMethod: 'FORWARD_MAILBOX',
    forwardMailboxId: commands.idOf(name),
  })
  const expectCountsExact = async () => {
    const [kept, recounted] = await countsAndRecount(harness)
    expect(kept).toEqual(recounted)
  }

  /** A forward mailbox, and two users and a queue whose mail arrives in it. */
  const inUse = async () => {
    const n = made++
    const [forward, other, users] = [`Collector ${n}`, `Other ${n}`, [`A ${n}`, `B ${n}`, `C ${n}`]] as const
    await commands.forwardMailbox(forward, `collector${n}@forward.test`)
    await commands.forwardMailbox(other, `other${n}@forward.test`)
    await commands.provision(users.map((name) => ({ name, emailAddress: `${name.replace(' ', '')}@forward.test` })))
    await commands.bulk('update', { selection: commands.select(...users), changes: forwardTo(forward) })
    return { forward, other, users }
  }

  describe('are made by hand', () => {
    test('with the default profile, pending, collecting by server-side synchronization', async () => {
      const { mailbox, userErrors } = await create({ name: ' Support in ', emailAddress: 'Support-In@forward.test' })
      expect(userErrors).toEqual([])
      expect(mailbox).toEqual({
        ...{ id: expect.any(String), kind: 'FORWARD', name: 'Support in', emailAddress: 'Support-In@forward.test' },
        ...{ active: true, owner: null, profile: { id: mail.profileId }, approval: 'PENDING' },
        ...{ username: null, hasPassword: false, deleteAfterProcessing: false },
        ...{ incomingMethod: 'SERVER_SIDE_SYNC', outgoingMethod: 'NONE', actMethod: 'NONE' },
        ...{ incomingEmailStatus: 'NOT_RUN', incomingEnabled: false },
        ...{ health: 'BLOCKED', blockers: [{ code: 'APPROVAL_PENDING' }, { code: 'NOT_TESTED' }] },
      })
      await expectCountsExact()
    })

    test('with a profile, credentials and deletion; the password is sealed and never answered', async () => {
      const profileId = await commands.profile('For forwarding')
      const given = { profileId, username: 'collector', password: SECRET, deleteAfterProcessing: true }
      const { mailbox } = await create({ name: 'Given', emailAddress: 'given@forward.test', ...given })
      expect(mailbox).toMatchObject({ profile: { id: profileId }, username: 'collector', hasPassword: true })
      expect(mailbox.deleteAfterProcessing).toBe(true)
      expect(await everyRow(harness)).not.toContain(SECRET)
      expect(harness.logged.join()).not.toContain(SECRET)
      const { changes, ...entry } = await commands.lastEntry()
      expect(entry).toMatchObject({ action: 'createForwardMailbox', subjectType: 'MAILBOX', subjectCount: 1 })
      expect(changes).toEqual([
        {
          ids: [mailbox.id],
          before: null,
          after: expect.objectContaining({ name: 'Given', username: 'collector', password: 'changed' }),
        },
      ])
    })

    test.each([
      ['no name', { name: ' ' }, 'REQUIRED', 'name'],
      ['a name of two lines', { name: 'a\nb' }, 'CONTROL_CHARACTER', 'name'],
      ['a name that is too long', { name: 'x'.repeat(201) }, 'TOO_LONG', 'name'],
      ['no address', { emailAddress: '' }, 'INVALID_ADDRESS', 'emailAddress'],
      ['an address that is none', { emailAddress: 'nobody' }, 'INVALID_ADDRESS', 'emailAddress'],
      [
        'an address with more letters than its domain name has',
        { emailAddress: `x@a${'\ufe0f'.repeat(300)}.test` },
        'TOO_LONG',
        'emailAddress',
      ],
      ['an unknown profile', { profileId: UNKNOWN }, 'NOT_FOUND', 'profileId'],
      ['a profile id that is none', { profileId: "' OR 1=1" }, 'NOT_FOUND', 'profileId'],
      ['a user name of two lines', { username: 'a\r\nb' }, 'CONTROL_CHARACTER', 'username'],
      ['a password of two lines', { password: 'a\r\nLOGOUT' }, 'CONTROL_CHARACTER', 'password'],
    ])('but not with %s, and nothing is stored', async (_what, faulty, code, field) => {
      const before = await everyRow(harness)
      const answer = await create({ name: 'Faulty', emailAddress: 'faulty@forward.test', ...faulty })
      expect(answer.mailbox).toBeNull()
      expect(answer.userErrors).toEqual([{ code, path: ['input', field], message: expect.any(String) }])
      expect(await everyRow(harness)).toBe(before)
    })

    test('all faults are told at once', async () => {
      const { userErrors } = await create({ name: '', emailAddress: 'x', profileId: UNKNOWN })
      expect(userErrors.map((fault: Anything) => fault.path[1]).sort()).toEqual(['emailAddress', 'name', 'profileId'])
    })

    test('but not with the address of another active mailbox: both are named', async () => {
      const { userErrors } = await create({ name: 'Thief', emailAddress: 'ADA@demo.test' })
      const [fault] = userErrors
      expect(fault).toMatchObject({ code: 'ADDRESS_TAKEN', path: ['input', 'emailAddress'] })
      expect(fault.message).toContain('Thief')
      expect(fault.message).toContain('Ada')
    })
  })

  describe('are named by the mailboxes whose mail arrives in them', () => {
    test('and these answer them', async () => {
      const { forward, users } = await inUse()
      expect(await commands.read(users[0], 'incomingMethod forwardMailbox { id name kind }')).toEqual({
        incomingMethod: 'FORWARD_MAILBOX',
        forwardMailbox: { id: commands.idOf(forward), name: forward, kind: 'FORWARD' },
      })
    })

    test.each<[string, () => Promise<string>, string]>([
      ["a user's mailbox", async () => commands.idOf('Ada'), 'NOT_FOUND'],
      ['nothing', async () => UNKNOWN, 'NOT_FOUND'],
      ['what is no id', async () => 'x', 'NOT_FOUND'],
      [
        'an inactive one',
        async () => {
          const { other } = await inUse()
          await commands.bulk('setActive', { selection: commands.select(other), active: false })
          return commands.idOf(other)
        },
        'INACTIVE',
      ],
      [
        'a deleted one',
        async () => {
          const { other } = await inUse()
          expect((await remove(other)).userErrors).toEqual([])
          return commands.idOf(other)
        },
        'NOT_FOUND',
      ],
    ])('but nobody names %s', async (_what, target, code) => {
      const { users } = await inUse()
      const changes = { incomingMethod: 'FORWARD_MAILBOX', forwardMailboxId: await target() }
      const answer = await commands.bulk('update', { selection: commands.select(...users), changes })
      expect(answer).toMatchObject({ changed: 0, userErrors: [{ code, path: ['changes', 'forwardMailboxId'] }] })
    })

    test('and who goes another way lets go of it', async () => {
      const { forward, users } = await inUse()
      const changes = { incomingMethod: 'SERVER_SIDE_SYNC' }
      await commands.bulk('update', { selection: commands.select(...users), changes })
      expect(await commands.read(users[0], 'forwardMailbox { id }')).toEqual({ forwardMailbox: null })
      expect((await remove(forward)).userErrors).toEqual([])
    })
  })

  describe('in use', () => {
    test('are not deactivated or deleted: the count is told', async () => {
      const { forward } = await inUse()
      const before = await everyRow(harness)
      const answer = await commands.bulk('setActive', { selection: commands.select(forward), active: false })
      expect(answer).toMatchObject({ changed: 0, refusedCount: 1, refused: [{ code: 'IN_USE' }] })
      expect(answer.refused[0].message).toMatch(/\b3\b/)
      const [fault] = (await remove(forward)).userErrors
      expect(fault).toMatchObject({ code: 'IN_USE', path: ['id'] })
      expect(fault.message).toMatch(/\b3\b/)
      expect(await everyRow(harness)).toBe(before)
    })

    test.each<['deactivated' | 'deleted']>([['deactivated'], ['deleted']])(
      '%s when their users move: these wait for a test of their incoming mail',
      async (what) => {
        const { forward, other, users } = await inUse()
        const { SUCCESS } = TestStatus
        const working = { incomingEmailStatus: SUCCESS, incomingEnabled: true, outgoingEmailStatus: SUCCESS }
        const { ids } = commands.select(...users)
        await harness.app.db.inTransaction(async (tx) => {
          for (const id of ids) await tx.em.update(Mailbox, { id }, { ...working, outgoingEnabled: true })
          await recount(tx)
        })
        const moveForwardedTo = commands.idOf(other)
        if (what === 'deleted') expect((await remove(forward, moveForwardedTo)).userErrors).toEqual([])
        else {
          const selection = commands.select(forward)
          const dry = await commands.bulk('setActive', { selection, active: false, moveForwardedTo, dryRun: true })
          const real = await commands.bulk('setActive', { selection, active: false, moveForwardedTo })
          expect(real).toEqual(dry)
          expect(real).toMatchObject({ matched: 1, changed: 1, refusedCount: 0 })
        }
        for (const name of users) {
          const fields =
            'forwardMailbox { id } incomingMethod incomingEmailStatus incomingEnabled outgoingEmailStatus outgoingEnabled'
          expect(await commands.read(name, fields)).toEqual({
            ...{ forwardMailbox: { id: moveForwardedTo }, incomingMethod: 'FORWARD_MAILBOX' },
            ...{ incomingEmailStatus: 'NOT_RUN', incomingEnabled: false },
            ...{ outgoingEmailStatus: 'SUCCESS', outgoingEnabled: true },
          })
        }
        const { auditLog } = await admin.get(
          'query ($id: ID!) { auditLog(first: 1, filter: { subjectId: $id }) { nodes { action subjectCount } } }',
          { id: ids[0] },
        )
        const action = what === 'deleted' ? 'deleteForwardMailbox' : 'setMailboxesActive'
        expect(auditLog.nodes).toEqual([{ action, subjectCount: 3 }])
        // that of the forward mailbox itself
        expect(await commands.lastEntry()).toMatchObject({ action, subjectCount: 1, details: { moveForwardedTo } })
      },
    )

    test.each<[string, (names: { forward: string }) => string, string]>([
      ['themselves', ({ forward }) => commands.idOf(forward), 'NOT_ALLOWED'],
      ["a user's mailbox", () => commands.idOf('Ada'), 'NOT_FOUND'],
      ['nothing', () => UNKNOWN, 'NOT_FOUND'],
    ])('do not hand their users to %s', async (_what, target, code) => {
      const names = await inUse()
      const before = await everyRow(harness)
      const moveForwardedTo = target(names)
      const expected = [{ code, path: ['moveForwardedTo'], message: expect.any(String) }]
      expect((await remove(names.forward, moveForwardedTo)).userErrors).toEqual(expected)
      const selection = commands.select(names.forward)
      const answer = await commands.bulk('setActive', { selection, active: false, moveForwardedTo })
      expect(answer).toMatchObject({ changed: 0, userErrors: expected })
      expect(await everyRow(harness)).toBe(before)
    })
  })

  describe('once deleted', () => {
    test('are in no view, cannot be selected or tested, and free their address', async () => {
      const { other } = await inUse()
      const { emailAddress } = await commands.read(other, 'emailAddress')
      const { ids } = commands.select(other)
      const inViews = async () => {
        const { mailboxViewCounts } = await admin.get('{ mailboxViewCounts { view count } }')
        const listed: Record<string, boolean> = {}
        for (const { view } of mailboxViewCounts) {
          const filter = { text: emailAddress }
          const { mailboxes } = await admin.get(
            'query ($view: MailboxView!, $filter: MailboxFilter!) { mailboxes(view: $view, filter: $filter) { totalCount } }',
            { view, filter },
          )
          listed[view] = mailboxes.totalCount > 0
        }
        const all = mailboxViewCounts.find(({ view }: Anything) => view === 'ALL').count
        return { listed, all }
      }
      const before = await inViews()
      expect(before.listed).toMatchObject({ ALL: true, ACTIVE: true, FORWARD_MAILBOXES: true, INACTIVE: false })
      expect(await remove(other)).toEqual({ mailbox: { id: ids[0], active: false }, userErrors: [] })
      const after = await inViews()
      expect(Object.values(after.listed)).not.toContain(true)
      expect(after.all).toBe(before.all - 1)
      await expectCountsExact()
      const notFound = { code: 'NOT_FOUND', path: ['selection', 'ids', '0'] }
      for (const [command, variables] of [
        ['approve', {}],
        ['update', { changes: { username: 'x' } }],
        ['setActive', { active: true }],
      ] as const) {
        const answer = await commands.bulk(command, { selection: { ids }, ...variables })
        expect(answer).toMatchObject({ changed: 0, userErrors: [notFound] })
      }
      const { testRun, userErrors } = (await admin.get(START, { ids })).testAndEnableMailboxes
      expect({ testRun, userErrors }).toEqual({ testRun: null, userErrors: [notFound] })
      expect((await remove(other)).userErrors).toEqual([
        { code: 'NOT_FOUND', path: ['id'], message: expect.any(String) },
      ])
      await commands.forwardMailbox(`Again ${other}`, emailAddress)
    })

    test.each([['x'], [UNKNOWN]])('%s is none', async (id) => {
      const { deleteForwardMailbox } = await admin.get(DELETE, { id })
      expect(deleteForwardMailbox.userErrors).toMatchObject([{ code: 'NOT_FOUND', path: ['id'] }])
    })

    test("are no user's or queue's mailbox", async () => {
      expect((await remove('Ada')).userErrors).toMatchObject([{ code: 'NOT_ALLOWED', path: ['id'] }])
    })

    test('show what was tested with them, and their alerts are resolved', async () => {
      const [name, address] = ['Tested', 'tested@demo.test']
      mail.system.addUser({ address, password: passwordOf(address) })
      const id = await commands.forwardMailbox(name, address, { password: 'not the one' })
      await commands.bulk('approve', { selection: { ids: [id] } })
      await runToEnd(admin, { ids: [id] })
      const ALERTS = 'query ($id: ID!) { alerts(mailboxId: $id, first: 10) { nodes { code state } } }'
      const alerts = async () => (await admin.get(ALERTS, { id })).alerts.nodes
      expect(await alerts()).toEqual([{ code: 'AUTHENTICATION_FAILED', state: 'OPEN' }])
      const { lastTestItem } = await commands.read(name, 'lastTestItem { id }')
      expect((await remove(name)).userErrors).toEqual([])
      await harness.app.services.alerts.reconcile()
      expect(await alerts()).toEqual([{ code: 'AUTHENTICATION_FAILED', state: 'RESOLVED' }])
      const { testRuns } = await admin.get(
        '{ testRuns(first: 1) { nodes { items { nodes { id mailbox { id name } } } } } }',
      )
      expect(testRuns.nodes[0].items.nodes).toEqual([{ id: lastTestItem.id, mailbox: { id, name } }])
    })
  })

  describe('a test of a mailbox that is forwarded', () => {
    const [forwardName, forwardAddress] = ['Collecting', 'collecting@demo.test']

    beforeAll(async () => {
      mail.system.addUser({ address: forwardAddress, password: passwordOf(forwardAddress) })
      await commands.forwardMailbox(forwardName, forwardAddress, { password: passwordOf(forwardAddress) })
      await commands.bulk('update', { selection: commands.select('Ada'), changes: forwardTo(forwardName) })
    })

    const tested = async () => {
      await runToEnd(admin, commands.select('Ada'))
      const { lastTestItem, ...mailbox } = await commands.read('Ada', LAST_TEST)
      const incoming = lastTestItem.results.find((result: Anything) => result.direction === 'INCOMING')
      return { ...mailbox, incoming, state: lastTestItem.state }
    }

    test('sends to its address, and finds the message in the forward mailbox', async () => {
      mail.system.setForward('ada@demo.test', forwardAddress)
      const { incoming, ...mailbox } = await tested()
      expect(mailbox).toEqual({ incomingEmailStatus: 'SUCCESS', incomingEnabled: true, state: 'SUCCEEDED' })
      expect(incoming.steps.at(-1)).toEqual({ name: 'RECEIVE', state: 'SUCCEEDED', error: null })
      // it went there, and was removed there
      expect(mail.system.messages(forwardAddress)).toEqual([])
      expect(mail.system.messages('ada@demo.test')).toEqual([])
    })

    test('fails where nothing forwards: the message stays away', async () => {
      mail.system.setForward('ada@demo.test', undefined)
      const { incoming, ...mailbox } = await tested()
      expect(mailbox).toEqual({ incomingEmailStatus: 'FAILURE', incomingEnabled: false, state: 'FAILED' })
      const last = incoming.steps.at(-1)
      expect(last).toMatchObject({ name: 'RECEIVE', state: 'FAILED', error: { code: 'ROUND_TRIP_TIMEOUT' } })
      expect(mail.system.messages(forwardAddress)).toEqual([])
    })
  })

  describe('a failure at the forward mailbox, met by tests of two users of it,', () => {
    const alertsOf = async (subject: object): Promise<Anything[]> => {
      const query = `query ($mailboxId: ID, $profileId: ID) { alerts(mailboxId: $mailboxId, profileId: $profileId, first: 50) {
        nodes { code state count mailbox { id } profile { id } } } }`
      const { alerts } = await admin.get(query, subject)
      return alerts.nodes.filter((alert: Anything) => alert.code !== 'MAILBOXES_FAILING')
    }
    const settle = () => harness.app.services.alerts.reconcile()
    const runTest = (...names: string[]) => runToEnd(admin, commands.select(...names))

    /** Two users who send by a profile that works, and whose mail arrives in a forward mailbox of another profile. */
    const forwarded = async (word: string, forward: { password: string; incoming?: object }) => {
      const collector = `${word} in`
      const address = (name: string) => `${name.replaceAll(' ', '-').toLowerCase()}@demo.test`
      const users = [`${word} one`, `${word} two`]
      const { imaps, smtps } = mail.system.endpoints
      const { trustedCertificates } = mail.system
      const servers = { incoming: forward.incoming ?? imaps, outgoing: smtps, trustedCertificates }
      const profileId = await commands.profile(`${word} profile`, servers)
      for (const name of [collector, ...users]) {
        mail.system.addUser({ address: address(name), password: passwordOf(address(name)) })
      }
      await commands.forwardMailbox(collector, address(collector), { profileId, password: forward.password })
      await commands.provision(users.map((name) => ({ name, emailAddress: address(name) })))
      for (const name of users) {
        mail.system.setForward(address(name), address(collector))
        const changes = { ...forwardTo(collector), profileId: mail.profileId, password: passwordOf(address(name)) }
        await commands.bulk('update', { selection: commands.select(name), changes })
      }
      await commands.bulk('approve', { selection: commands.select(collector, ...users) })
      return { collector, users, profileId, servers, password: passwordOf(address(collector)) }
    }

    test("is one alert of the forward mailbox's profile while its server is away, until the mail arrives again", async () => {
      const incoming = { ...mail.system.endpoints.imaps, port: mail.system.endpoints.dead.port }
      const { users, profileId, servers, password } = await forwarded('Away', { incoming, password: 'to be replaced' })
      await runTest(...users)
      await settle()
      const alert = { code: 'CONNECTION_REFUSED', count: 2, mailbox: null, profile: { id: profileId } }
      expect(await alertsOf({ profileId })).toEqual([{ ...alert, state: 'OPEN' }])
      expect(await alertsOf({ profileId: mail.profileId })).toEqual([])
      const input = { name: 'Away profile', type: 'IMAP_SMTP', ...servers, incoming: mail.system.endpoints.imaps }
      const UPDATE = `mutation ($id: ID!, $input: EmailServerProfileInput!) {
        updateEmailServerProfile(id: $id, input: $input) { userErrors { code path } } }`
      const { updateEmailServerProfile } = await admin.get(UPDATE, { id: profileId, input })
      expect(updateEmailServerProfile.userErrors).toEqual([])
      await commands.bulk('update', { selection: commands.select('Away in'), changes: { password } })
      await runTest(users[0] ?? '')
      await settle()
      // who met it is not processed before another test
      expect(await alertsOf({ profileId })).toEqual([{ ...alert, state: 'OPEN' }])
      await runTest(users[1] ?? '')
      expect(await alertsOf({ profileId })).toEqual([{ ...alert, state: 'RESOLVED' }])
    })

    test.each<['users' | 'forward mailbox']>([['users'], ['forward mailbox']])(
      'is one alert of the forward mailbox when it has a wrong password, until its %s work again',
      async (who) => {
        const { collector, users, profileId, password } = await forwarded(`Wrong ${who[0]}`, { password: 'wrong' })
        await runTest(...users)
        await settle()
        const id = commands.idOf(collector)
        const alert = { code: 'AUTHENTICATION_FAILED', count: 2, mailbox: { id }, profile: null }
        expect(await alertsOf({ mailboxId: id })).toEqual([{ ...alert, state: 'OPEN' }])
        for (const name of users) expect(await alertsOf({ mailboxId: commands.idOf(name) })).toEqual([])
        expect(await alertsOf({ profileId })).toEqual([])
        await commands.bulk('update', { selection: commands.select(collector), changes: { password } })
        if (who === 'forward mailbox') await runTest(collector)
        else {
          await runTest(users[0] ?? '')
          expect(await alertsOf({ mailboxId: id })).toEqual([{ ...alert, state: 'OPEN' }])
          await runTest(users[1] ?? '')
        }
        expect(await alertsOf({ mailboxId: id })).toEqual([{ ...alert, state: 'RESOLVED' }])
      },
    )

    test('is over by a schedule when its users are deactivated', async () => {
      const { collector, users } = await forwarded('Left', { password: 'wrong' })
      await runTest(...users)
      await commands.bulk('setActive', { selection: commands.select(...users), active: false })
      await settle()
      expect(await alertsOf({ mailboxId: commands.idOf(collector) })).toMatchObject([{ state: 'RESOLVED' }])
    })

    test('is not that of who is not forwarded: each has its own alert', async () => {
      const { collector, users } = await forwarded('Astray', { password: passwordOf('astray-in@demo.test') })
      mail.system.setForward('astray-one@demo.test', undefined)
      await runTest(...users)
      await settle()
      const [astray = ''] = users
      expect(await alertsOf({ mailboxId: commands.idOf(astray) })).toMatchObject([
        { code: 'ROUND_TRIP_TIMEOUT', state: 'OPEN', mailbox: { id: commands.idOf(astray) } },
      ])
      expect(await alertsOf({ mailboxId: commands.idOf(collector) })).toEqual([])
    })
  })
})
