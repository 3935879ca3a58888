import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'
import { Role } from '../auth/rights'
import { type Anything, DATABASES, Harness } from '../test/harness'
import { type BulkCommand, countsAndRecount, everyRow, MailboxCommands } from '../test/mailbox-commands'
import { Mailbox } from './mailbox.entity'
import { TestStatus } from './mailbox.enums'
import { recount } from './mailbox-counts'

const UNKNOWN = '01a20894-98d9-76d5-8880-179c368a8386'
const LONG_AGO = new Date('2020-01-02T03:04:05.678Z')
const SECRET = 'mailbox-secret-4711'

const { SUCCESS, NOT_RUN } = TestStatus
const WORKING = {
  ...{ incomingEmailStatus: SUCCESS, outgoingEmailStatus: SUCCESS, actStatus: SUCCESS },
  ...{ incomingEnabled: true, outgoingEnabled: true, actEnabled: true },
  ...{ incomingChangedSinceTest: false, outgoingChangedSinceTest: false, actChangedSinceTest: false },
}
const CHANGED = { incomingChangedSinceTest: true, outgoingChangedSinceTest: true, actChangedSinceTest: true }
const INCOMING_RESET = { incomingEmailStatus: NOT_RUN, incomingEnabled: false }
const OUTGOING_RESET = { outgoingEmailStatus: NOT_RUN, outgoingEnabled: false }
const ACT_RESET = { actStatus: NOT_RUN, actEnabled: false }

describe.each(DATABASES)('bulk commands on %s', (database) => {
  let harness: Harness
  let commands: MailboxCommands
  let [plain, withDav] = ['', '']
  let made = 0

  beforeAll(async () => {
    harness = await Harness.start({ database, work: false })
    commands = new MailboxCommands(await harness.admin())
    plain = await commands.profile('Plain', { isDefault: true })
    withDav = await commands.profile('With DAV', { davUrl: 'https://127.0.0.1/dav' })
  })
  afterAll(() => harness?.stop())

  /** A user, a queue and a forward mailbox that no other test has. */
  const someMailboxes = async () => {
    const n = made++
    const names = { user: `User ${n}`, queue: `Queue ${n}`, forward: `Forward ${n}` }
    await commands.provision([
      { name: names.user, emailAddress: `user${n}@bulk.test` },
      { kind: 'QUEUE', name: names.queue, emailAddress: `queue${n}@bulk.test` },
    ])
    await commands.forwardMailbox(names.forward, `forward${n}@bulk.test`)
    return { ...names, all: commands.select(names.user, names.queue, names.forward) }
  }

  /** Past the services, as tests and processing would leave them. */
  const put = (ids: readonly string[], columns: Partial<Mailbox>) =>
    harness.app.db.inTransaction(async (tx) => {
      for (const id of ids) await tx.em.update(Mailbox, { id }, columns)
      await recount(tx)
    })

  /** The dry run answers what the call then answers, and changes nothing; after both the counts are right. */
  const bulk = async (command: BulkCommand, variables: object): Promise<Anything> => {
    const before = await everyRow(harness)
    const foretold = await commands.bulk(command, { ...variables, dryRun: true })
    expect(await everyRow(harness)).toBe(before)
    const answer = await commands.bulk(command, variables)
    expect(answer).toEqual(foretold)
    if (answer.changed === 0) expect(await everyRow(harness)).toBe(before)
    const [kept, recounted] = await countsAndRecount(harness)
    expect(kept).toEqual(recounted)
    return answer
  }

  const refusals = (answer: Anything) =>
    Object.fromEntries(answer.refused.map((row: Anything) => [row.mailbox.name.split(' ')[0], row.code]))

  describe('what a mailbox refuses is answered for it alone', () => {
    test('without an address there is nothing to approve or to reject', async () => {
      const { all } = await someMailboxes()
      await commands.provision([{ name: `Nowhere ${made}` }])
      const selection = { ids: [...all.ids, commands.idOf(`Nowhere ${made}`)] }
      for (const command of ['approve', 'reject'] as const) {
        const answer = await bulk(command, { selection })
        expect(answer).toMatchObject({ matched: 4, changed: 3, refusedCount: 1, userErrors: [] })
        expect(refusals(answer)).toEqual({ Nowhere: 'NO_ADDRESS' })
      }
    })

    test('the defaults are not for forward mailboxes', async () => {
      const { all } = await someMailboxes()
      await bulk('update', { selection: all, changes: { profileId: withDav } })
      const answer = await bulk('applyDefaults', { selection: all })
      expect(answer).toMatchObject({ matched: 3, changed: 2, refusedCount: 1 })
      expect(refusals(answer)).toEqual({ Forward: 'FORWARD_MAILBOX' })
      expect(answer.mailboxes.map((mailbox: Anything) => mailbox.profile.id)).toEqual([plain, plain])
    })

    test.each<[string, (forward: string) => object, object]>([
      [
        'a way to send',
        () => ({ outgoingMethod: 'SERVER_SIDE_SYNC', username: 'x' }),
        { Forward: 'FORWARD_MAILBOX_METHOD' },
      ],
      [
        'appointments',
        () => ({ actMethod: 'SERVER_SIDE_SYNC', profileId: withDav }),
        { Forward: 'FORWARD_MAILBOX_METHOD' },
      ],
      [
        'being forwarded',
        (forward) => ({ incomingMethod: 'FORWARD_MAILBOX', forwardMailboxId: forward }),
        { Forward: 'FORWARD_MAILBOX_METHOD' },
      ],
      [
        'being forwarded nowhere',
        () => ({ incomingMethod: 'FORWARD_MAILBOX' }),
        { User: 'FORWARD_MAILBOX_REQUIRED', Queue: 'FORWARD_MAILBOX_REQUIRED', Forward: 'FORWARD_MAILBOX_METHOD' },
      ],
      [
        'a forward mailbox without its method',
        (forward) => ({ forwardMailboxId: forward }),
        { User: 'NOT_FORWARDED', Queue: 'NOT_FORWARDED', Forward: 'NOT_FORWARDED' },
      ],
      [
        'appointments without DAV',
        () => ({ actMethod: 'SERVER_SIDE_SYNC' }),
        { User: 'ACT_NEEDS_DAV', Queue: 'ACT_NEEDS_DAV', Forward: 'FORWARD_MAILBOX_METHOD' },
      ],
      ['deletion after processing', () => ({ deleteAfterProcessing: true }), { User: 'DELETE_NOT_ALLOWED' }],
    ])('%s', async (_what, changes, expected) => {
      const { all, forward } = await someMailboxes()
      const answer = await bulk('update', { selection: all, changes: changes(commands.idOf(forward)) })
      const count = Object.keys(expected).length
      expect(answer).toMatchObject({ matched: 3, changed: 3 - count, refusedCount: count, userErrors: [] })
      expect(refusals(answer)).toEqual(expected)
    })

    test('a profile without DAV is refused by who has appointments', async () => {
      const { all } = await someMailboxes()
      const dav = { profileId: withDav, actMethod: 'SERVER_SIDE_SYNC' }
      await bulk('update', { selection: all, changes: dav })
      const answer = await bulk('update', { selection: all, changes: { profileId: plain } })
      expect(refusals(answer)).toEqual({ User: 'ACT_NEEDS_DAV', Queue: 'ACT_NEEDS_DAV' })
    })

    test("an inactive owner's mailbox stays inactive", async () => {
      const { user, all } = await someMailboxes()
      await commands.provision([{ name: user, emailAddress: `${user.replace(' ', '')}@bulk.test`, active: false }])
      await bulk('setActive', { selection: all, active: false })
      const answer = await bulk('setActive', { selection: all, active: true })
      expect(answer).toMatchObject({ matched: 3, changed: 2, refusedCount: 1 })
      expect(refusals(answer)).toEqual({ User: 'OWNER_INACTIVE' })
    })

    test('an address that another active mailbox has: both are named', async () => {
      const { user, all } = await someMailboxes()
      const { emailAddress } = await commands.read(user, 'emailAddress')
      await bulk('setActive', { selection: all, active: false })
      await commands.forwardMailbox(`Holder of ${user}`, emailAddress.toUpperCase())
      const answer = await bulk('setActive', { selection: all, active: true })
      expect(answer).toMatchObject({ matched: 3, changed: 2, refusedCount: 1 })
      expect(refusals(answer)).toEqual({ User: 'ADDRESS_TAKEN' })
      const [{ message }] = answer.refused
      expect(message).toContain(user)
      expect(message).toContain(`Holder of ${user}`)
    })

    test('of two that share an address one becomes active', async () => {
      const { user, all } = await someMailboxes()
      const { emailAddress } = await commands.read(user, 'emailAddress')
      await bulk('setActive', { selection: all, active: false })
      await commands.forwardMailbox(`Twin of ${user}`, emailAddress)
      const twins = commands.select(user, `Twin of ${user}`)
      await bulk('setActive', { selection: commands.select(`Twin of ${user}`), active: false })
      const answer = await bulk('setActive', { selection: twins, active: true })
      expect(answer).toMatchObject({ matched: 2, changed: 1, refusedCount: 1 })
      expect(answer.refused[0].message).toContain(`Twin of ${user}`)
      expect(answer.refused[0].message).toContain(user)
    })

    test('a forward mailbox in use: with the count', async () => {
      const { user, queue, forward, all } = await someMailboxes()
      const changes = { incomingMethod: 'FORWARD_MAILBOX', forwardMailboxId: commands.idOf(forward) }
      await bulk('update', { selection: commands.select(user, queue), changes })
      const answer = await bulk('setActive', { selection: all, active: false })
      expect(answer).toMatchObject({ matched: 3, changed: 2, refusedCount: 1 })
      expect(refusals(answer)).toEqual({ Forward: 'IN_USE' })
      expect(answer.refused[0].message).toMatch(/\b2\b/)
    })

    test('a hundred refusals are told, all are counted', async () => {
      await commands.provisionMany('Nameless', 130, () => null)
      const selection = { view: 'ALL', filter: { text: 'nameless' } }
      const answer = await bulk('approve', { selection })
      expect(answer).toMatchObject({ matched: 130, changed: 0, refusedCount: 130 })
      expect(answer.refused).toHaveLength(100)
    })
  })

  describe('what resets what', () => {
    test.each<[string, BulkCommand, () => object, object]>([
      ['another name', 'update', () => ({ changes: { name: 'Renamed' } }), {}],
      [
        'another profile',
        'update',
        () => ({ changes: { profileId: plain, actMethod: 'NONE' } }),
        { ...INCOMING_RESET, ...OUTGOING_RESET, ...ACT_RESET },
      ],
      ['the profile it has', 'update', () => ({ changes: { profileId: withDav, username: '' } }), {}],
      ['the incoming method', 'update', () => ({ changes: { incomingMethod: 'NONE' } }), INCOMING_RESET],
      ['the outgoing method', 'update', () => ({ changes: { outgoingMethod: 'NONE' } }), OUTGOING_RESET],
      ['the method of appointments', 'update', () => ({ changes: { actMethod: 'NONE' } }), ACT_RESET],
      ['a user name', 'update', () => ({ changes: { username: 'ada' } }), CHANGED],
      ['a password', 'update', () => ({ changes: { password: SECRET } }), CHANGED],
      ['approval', 'approve', () => ({}), {}],
      ['rejection', 'reject', () => ({ reason: 'Left' }), {}],
      ['deactivation', 'setActive', () => ({ active: false }), {}],
      [
        'the defaults',
        'applyDefaults',
        () => ({}),
        { ...INCOMING_RESET, ...OUTGOING_RESET, ...ACT_RESET, actMethod: 'NONE' },
      ],
    ])('%s', async (_what, command, variables, reset) => {
      const { user } = await someMailboxes()
      const selection = commands.select(user)
      await bulk('update', { selection, changes: { profileId: withDav, actMethod: 'SERVER_SIDE_SYNC' } })
      await put(selection.ids, WORKING)
      await bulk(command, { selection, ...variables() })
      expect(await commands.read(user, `actMethod ${Object.keys(WORKING).join(' ')}`)).toMatchObject({
        ...WORKING,
        ...reset,
      })
    })

    test('approval and rejection replace each other, and who approved first stays', async () => {
      const { user } = await someMailboxes()
      const selection = commands.select(user)
      const fields = 'approval approvedBy approvedAt rejectionReason blockers { code }'
      await bulk('approve', { selection })
      const approved = await commands.read(user, fields)
      expect(approved).toMatchObject({ approval: 'APPROVED', approvedBy: 'admin', rejectionReason: null })
      const approver = new MailboxCommands(
        await harness.newUser(`approver ${user}`, { roles: [Role.SERVICE_ADMINISTRATOR] }),
      )
      expect(await approver.bulk('approve', { selection })).toMatchObject({ matched: 1, changed: 0 })
      expect(await commands.read(user, fields)).toEqual(approved)
      await bulk('reject', { selection, reason: 'Left' })
      const rejected = await commands.read(user, fields)
      expect(rejected).toMatchObject({ approval: 'REJECTED', approvedBy: null, approvedAt: null })
      expect(rejected.rejectionReason).toBe('Left')
      expect(rejected.blockers[0].code).toBe('APPROVAL_REJECTED')
      await bulk('approve', { selection })
      expect(await commands.read(user, fields)).toMatchObject({ approval: 'APPROVED', rejectionReason: null })
    })

    test.each(['', '  '])('"%s" is no reason', async (reason) => {
      const { user } = await someMailboxes()
      await bulk('reject', { selection: commands.select(user), reason })
      expect(await commands.read(user, 'approval rejectionReason')).toEqual({
        approval: 'REJECTED',
        rejectionReason: null,
      })
    })

    test.each([
      ['two lines', 'Left\u2028for good', 'CONTROL_CHARACTER'],
      ['a long tale', 'x'.repeat(501), 'TOO_LONG'],
    ])('%s are no reason either', async (_what, reason, code) => {
      const { user } = await someMailboxes()
      const answer = await bulk('reject', { selection: commands.select(user), reason })
      expect(answer).toMatchObject({ changed: 0, userErrors: [{ code, path: ['reason'] }] })
      expect(await commands.read(user, 'approval')).toEqual({ approval: 'PENDING' })
    })

    test('a deactivated mailbox frees its address and takes it again', async () => {
      const { user } = await someMailboxes()
      const selection = commands.select(user)
      const { emailAddress } = await commands.read(user, 'emailAddress')
      const holder = async () =>
        (await harness.app.db.read.findOneBy(Mailbox, { activeAddress: emailAddress }))?.id ?? null
      await bulk('setActive', { selection, active: false })
      expect(await holder()).toBeNull()
      await bulk('setActive', { selection, active: true })
      expect(await holder()).toBe(selection.ids[0])
    })

    test('only what changes is touched', async () => {
      const { user, queue, all } = await someMailboxes()
      await bulk('update', { selection: commands.select(user), changes: { name: 'Same', username: 'same' } })
      await put(all.ids, { updatedAt: LONG_AGO })
      const answer = await bulk('update', { selection: all, changes: { name: 'Same', username: 'same' } })
      expect(answer).toMatchObject({ matched: 3, changed: 2 })
      expect((await commands.read(user, 'updatedAt')).updatedAt).toBe(LONG_AGO.toISOString())
      expect((await commands.read(queue, 'updatedAt')).updatedAt).not.toBe(LONG_AGO.toISOString())
    })

    test('a password is stored for its own mailbox, and its removal changes only who has one', async () => {
      const { user, queue, all } = await someMailboxes()
      const sealed = () =>
        harness.app.db.read.query(
          `SELECT password_sealed AS p FROM mailboxes WHERE id IN ('${all.ids.join("','")}') ORDER BY id`,
        ) as Promise<{ p: string | null }[]>
      const changes = { password: SECRET }
      expect(await bulk('update', { selection: commands.select(user, queue), changes })).toMatchObject({ changed: 2 })
      const first = await sealed()
      expect(new Set(first.map(({ p }) => p)).size).toBe(3)
      expect(await bulk('update', { selection: commands.select(user, queue), changes })).toMatchObject({ changed: 2 })
      expect(await bulk('update', { selection: all, changes: { password: '' } })).toMatchObject({ changed: 2 })
      expect(await sealed()).toEqual([{ p: null }, { p: null }, { p: null }])
      expect(await bulk('update', { selection: all, changes: { password: '' } })).toMatchObject({ changed: 0 })
    })
  })

  describe('the audit log', () => {
    const entryOf = async (command: BulkCommand, variables: object) => {
      await bulk(command, variables)
      return commands.lastEntry()
    }

    test('tells an edit by what differed, once for all that are alike', async () => {
      const { user, queue, forward, all } = await someMailboxes()
      await bulk('update', { selection: commands.select(user), changes: { username: 'before' } })
      await bulk('update', { selection: commands.select(queue), changes: { username: 'AFTER' } })
      const { changes, ...entry } = await entryOf('update', { selection: all, changes: { username: 'after' } })
      expect(entry).toMatchObject({ action: 'updateMailboxes', actorName: 'admin', subjectType: 'MAILBOX' })
      expect(entry.subjectCount).toBe(3)
      const flags = {
        incomingChangedSinceTest: 'false',
        outgoingChangedSinceTest: 'false',
        actChangedSinceTest: 'false',
      }
      const flagged = {
        incomingChangedSinceTest: 'true',
        outgoingChangedSinceTest: 'true',
        actChangedSinceTest: 'true',
      }
      expect(changes).toHaveLength(3)
      expect(changes).toEqual(
        expect.arrayContaining([
          { ids: [commands.idOf(user)], before: { username: 'before' }, after: { username: 'after' } },
          { ids: [commands.idOf(queue)], before: { username: 'AFTER' }, after: { username: 'after' } },
          {
            ids: [commands.idOf(forward)],
            before: { username: null, ...flags },
            after: { username: 'after', ...flagged },
          },
        ]),
      )
    })

    test('tells of a password that it changed, and nothing else of it', async () => {
      const { user } = await someMailboxes()
      const selection = commands.select(user)
      const [first] = (await entryOf('update', { selection, changes: { password: SECRET } })).changes
      expect(first).toMatchObject({
        before: { hasPassword: 'false' },
        after: { hasPassword: 'true', password: 'changed' },
      })
      const [second] = (await entryOf('update', { selection, changes: { password: `${SECRET}-2` } })).changes
      expect(second).toEqual({ ids: selection.ids, before: {}, after: { password: 'changed' } })
      const tables = ['audit_entries', 'audit_changes']
      const rows = await Promise.all(tables.map((table) => harness.app.db.read.query(`SELECT * FROM ${table}`)))
      expect(JSON.stringify(rows)).not.toContain(SECRET)
      expect(harness.logged.join()).not.toContain(SECRET)
    })

    test.each<[BulkCommand, object, string, object, object]>([
      [
        'approve',
        {},
        'approveEmails',
        { approval: 'PENDING', approvedBy: null, approvedAt: null },
        { approval: 'APPROVED', approvedBy: 'admin', approvedAt: expect.any(String) },
      ],
      [
        'reject',
        { reason: 'Left' },
        'rejectEmails',
        { approval: 'PENDING', rejectionReason: null },
        { approval: 'REJECTED', rejectionReason: 'Left' },
      ],
      ['setActive', { active: false }, 'setMailboxesActive', { active: 'true' }, { active: 'false' }],
      [
        'applyDefaults',
        {},
        'applyDefaultEmailSettings',
        { outgoingMethod: 'NONE' },
        { outgoingMethod: 'SERVER_SIDE_SYNC' },
      ],
    ])('tells of %s before and after', async (command, variables, action, before, after) => {
      const { user, queue } = await someMailboxes()
      const selection = commands.select(user, queue)
      if (command === 'applyDefaults') await bulk('update', { selection, changes: { outgoingMethod: 'NONE' } })
      const entry = await entryOf(command, { selection, ...variables })
      expect(entry).toMatchObject({ action, actorName: 'admin', subjectType: 'MAILBOX', subjectCount: 2 })
      expect(entry.changes).toEqual([{ ids: [...selection.ids].sort(), before, after }])
      if (command === 'reject') expect(entry.details).toEqual({ reason: 'Left' })
    })

    test('tells of an activation by view which view and filter it was', async () => {
      const { user } = await someMailboxes()
      const filter = { text: user }
      for (const [view, active] of [
        ['ACTIVE', false],
        ['INACTIVE', true],
      ] as const) {
        const { details, subjectCount } = await entryOf('setActive', { selection: { view, filter }, active })
        expect(subjectCount).toBe(1)
        expect(details).toEqual({ view, 'filter.text': user })
      }
    })

    test('has no entry of a command that changed nothing', async () => {
      const { user } = await someMailboxes()
      await bulk('approve', { selection: commands.select(user) })
      const entry = await commands.lastEntry()
      expect(await bulk('approve', { selection: commands.select(user) })).toMatchObject({ changed: 0 })
      expect(await commands.lastEntry()).toEqual(entry)
    })
  })

  describe('who watches', () => {
    const WATCH = 'subscription ($ids: [ID!]) { mailboxChanges(ids: $ids) { kind mailboxes { id approval } } }'

    test('is told of what changed, and of a dry run nothing', async () => {
      const { user, queue, all } = await someMailboxes()
      const publish = jest.spyOn(harness.app.pubsub, 'publish')
      await commands.bulk('approve', { selection: all, dryRun: true })
      expect(publish).not.toHaveBeenCalled()
      publish.mockRestore()
      await bulk('approve', { selection: commands.select(queue) })
      const events = commands.admin.watch(WATCH, { ids: all.ids })
      expect((await events.next()).mailboxChanges.kind).toBe('RESYNC')
      await commands.bulk('approve', { selection: commands.select(user, queue) })
      const told = (await events.next()).mailboxChanges
      expect(told).toEqual({ kind: 'CHANGED', mailboxes: [{ id: commands.idOf(user), approval: 'APPROVED' }] })
      await events.end()
    })
  })

  test('one id that is not there refuses the whole call', async () => {
    const { all } = await someMailboxes()
    for (const [command, variables] of [
      ['approve', {}],
      ['reject', {}],
      ['update', { changes: { username: 'x' } }],
      ['applyDefaults', {}],
      ['setActive', { active: false }],
    ] as const) {
      const answer = await bulk(command, { selection: { ids: [...all.ids, UNKNOWN] }, ...variables })
      expect(answer).toMatchObject({ matched: 0, changed: 0 })
      expect(answer.userErrors).toEqual([
        { code: 'NOT_FOUND', path: ['selection', 'ids', '3'], message: expect.any(String) },
      ])
    }
  })
})
