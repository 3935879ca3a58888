import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals'
import { Role } from '../auth/rights'
import { newId } from '../db/id'
import { ErrorActor, ErrorNature, ErrorScope, type MailError, MailErrorCode } from '../mail/mail-error'
import { Direction, TestStatus } from '../mailboxes/mailbox.enums'
import { aMailError } from '../test/builders'
import { type Anything, type Caller, DATABASES, Harness } from '../test/harness'
import { Alert, AlertSeverity, AlertState } from './alert.entity'
import { ProfileCode, rollUp } from './profile-statement'

const PROVISION = `mutation ($owners: [OwnerInput!]!) {
  provisionOwners(owners: $owners) { owners { id mailbox { id } } userErrors { code } } }`
const PROFILE = `mutation ($input: EmailServerProfileInput!) {
  createEmailServerProfile(input: $input) { profile { id } userErrors { code path } } }`
const SETTINGS = 'mutation ($input: EmailSettingsInput!) { updateEmailSettings(input: $input) { userErrors { code } } }'
const ALERTS = `query ($mailboxId: ID, $profileId: ID, $state: AlertState, $severity: AlertSeverity, $code: String) {
  alerts(mailboxId: $mailboxId, profileId: $profileId, state: $state, severity: $severity, code: $code) {
    totalCount nodes { id code severity state count mailbox { id } profile { id } } } }`
const BY = (name: string) => `mutation ($filter: AlertFilter!) {
  ${name}(filter: $filter) { changed alerts { id state } userErrors { code path } } }`
const DISMISS =
  'mutation ($ids: [ID!]!) { dismissAlerts(ids: $ids) { changed alerts { id } userErrors { code path } } }'
const WALLS = `query ($first: Int) { mailboxes(view: ALL) { nodes {
  id alerts(first: $first) { totalCount pageInfo { hasNextPage endCursor } nodes { id } } } } }`
const WALL = `query ($id: ID!, $first: Int, $after: String) { mailbox(id: $id) {
  alerts(first: $first, after: $after) { totalCount pageInfo { hasNextPage endCursor } nodes { id code } } } }`

const { AUTHENTICATION_FAILED, CONNECTION_REFUSED, INBOX_READ_ONLY } = MailErrorCode
const own = (differences: Partial<MailError> = {}) => aMailError(differences)
const shared = aMailError({ code: CONNECTION_REFUSED, scope: ErrorScope.PROFILE })
const passing = aMailError({ code: INBOX_READ_ONLY, nature: ErrorNature.TRANSIENT, actor: ErrorActor.NOBODY })

describe.each(DATABASES)('alerts on %s', (database) => {
  let harness: Harness
  let admin: Caller
  let profileId: string
  let owners: string[]
  let mailboxes: string[]
  const at = (index: number) => mailboxes[index] ?? ''

  beforeAll(async () => {
    // no schedule: these mailboxes do not fail in truth, so their alerts would be resolved
    harness = await Harness.start({ database, work: false })
    admin = await harness.admin()
    const server = { host: 'mail.demo.test', port: 993, security: 'TLS' }
    const input = { name: 'Mail', type: 'IMAP_SMTP', incoming: server, outgoing: server, isDefault: true }
    profileId = (await admin.get(PROFILE, { input })).createEmailServerProfile.profile.id
    const addresses = ['ada@demo.test', 'bob@demo.test', 'eve@other.test', 'boss@house.test']
    const people = addresses.map((address) => ({ kind: 'USER', name: address, emailAddress: address }))
    const made = (await admin.get(PROVISION, { owners: people })).provisionOwners.owners
    owners = made.map((owner: Anything) => owner.id)
    mailboxes = made.map((owner: Anything) => owner.mailbox.id)
  })
  afterAll(() => harness?.stop())
  beforeEach(() => harness.app.db.inTransaction((tx) => tx.em.clear(Alert)))

  /** A test of the mailbox ended so, as a worker reports it. */
  const ended = (mailboxId: string, error: MailError | undefined, when = new Date(), direction = Direction.INCOMING) =>
    harness.app.db.inTransaction((tx) => {
      const status = error ? TestStatus.FAILURE : TestStatus.SUCCESS
      const outcome = { mailboxId, profileId, enabling: true, directions: [{ direction, status, error }] }
      return harness.app.services.alerts.observe(tx, [outcome], when)
    })
  const seenBy = async (caller: Caller, filter: object = {}) => (await caller.get(ALERTS, filter)).alerts
  const codesOf = ({ nodes }: Anything) =>
    nodes.map((alert: Anything) => [alert.code, alert.mailbox?.id ?? 'the profile']).sort()

  describe('are seen by whom they concern', () => {
    const roll = () =>
      harness.app.db.inTransaction((tx) =>
        tx.em.insert(Alert, {
          ...{ id: newId(), severity: AlertSeverity.WARNING, state: AlertState.OPEN, code: 'MAILBOXES_FAILING' },
          ...{ message: 'Two fail.', remedy: null, serverResponse: null, mailboxId: null, profileId, directions: [] },
          ...{ openKey: null, count: 2, firstSeenAt: new Date(), lastSeenAt: new Date() },
        }),
      )

    beforeEach(async () => {
      for (const mailboxId of mailboxes) await ended(mailboxId, own())
      await ended(at(0), shared)
      await roll()
    })

    test('administrators, auditors and tokens that may read see all', async () => {
      for (const caller of [admin, await harness.auditor(), await harness.newToken('read')]) {
        expect(await seenBy(caller)).toMatchObject({ totalCount: 6 })
      }
    })

    test("a mailbox owner sees its own, and the profile's errors when the organisation wants that", async () => {
      const ada = await harness.newUser('ada', { roles: [Role.MAILBOX_USER], ownerId: owners[0] })
      expect(codesOf(await seenBy(ada))).toEqual([[AUTHENTICATION_FAILED, at(0)]])
      expect((await seenBy(ada, { mailboxId: at(1) })).nodes).toEqual([])
      expect((await seenBy(ada, { profileId })).nodes).toEqual([])
      await admin.get(SETTINGS, { input: { notifyMailboxOwner: true } })
      const told = [
        [AUTHENTICATION_FAILED, at(0)],
        [CONNECTION_REFUSED, 'the profile'],
      ]
      expect(codesOf(await seenBy(ada))).toEqual(told)
      expect(codesOf(await seenBy(ada, { mailboxId: at(0) }))).toEqual(told)
      const { mailbox } = await ada.get(WALL, { id: at(0) })
      expect(mailbox.alerts).toMatchObject({ totalCount: 2, nodes: [{ code: CONNECTION_REFUSED }, {}] })
      await admin.get(SETTINGS, { input: { notifyMailboxOwner: false } })
      expect((await ada.get(WALL, { id: at(0) })).mailbox.alerts).toMatchObject({ totalCount: 1 })
    })

    test('who approves for a domain sees its mailboxes’ and the errors of their profiles', async () => {
      const domains = ['other.test']
      const approver = await harness.newUser('approver', { roles: [Role.MAILBOX_APPROVER], domains })
      expect(codesOf(await seenBy(approver))).toEqual([
        [AUTHENTICATION_FAILED, at(2)],
        [CONNECTION_REFUSED, 'the profile'],
      ])
    })

    test('the owner of the profile sees all that is about the profile', async () => {
      const boss = await harness.newUser('boss', { roles: [Role.MAILBOX_USER], ownerId: owners[3] })
      expect((await seenBy(boss, { profileId })).nodes).toEqual([])
      const mine = (ownerId: string | null | undefined) =>
        harness.app.db.inTransaction((tx) => tx.em.update('EmailServerProfile', { id: profileId }, { ownerId }))
      await mine(owners[3])
      expect(codesOf(await seenBy(boss))).toEqual([
        [AUTHENTICATION_FAILED, at(3)],
        [CONNECTION_REFUSED, 'the profile'],
        ['MAILBOXES_FAILING', 'the profile'],
      ])
      await mine(null)
    })

    test('live: whom it does not concern is told nothing of it', async () => {
      const bob = await harness.newUser('bob', { roles: [Role.MAILBOX_USER], ownerId: owners[1] })
      const query = 'subscription { alertChanges { kind alert { code count mailbox { id } } } }'
      const watching = bob.watch(query)
      expect((await watching.next())?.alertChanges.kind).toBe('RESYNC')
      await ended(at(0), own())
      await ended(at(0), shared)
      await ended(at(1), own())
      expect((await watching.next())?.alertChanges).toEqual({
        kind: 'CHANGED',
        alert: { code: AUTHENTICATION_FAILED, count: 2, mailbox: { id: at(1) } },
      })
      await watching.end()
    })
  })

  test("live: a mailbox's watcher hears of its profile's errors, not of what is said of the profile as a whole", async () => {
    const query = 'subscription ($id: ID) { alertChanges(mailboxId: $id) { kind alert { code } } }'
    const watching = admin.watch(query, { id: at(0) })
    await watching.next()
    const { alerts } = harness.app.services
    const said = rollUp({ tested: 3, failing: 2 }, 50)
    await harness.app.db.inTransaction((tx) =>
      alerts.state(tx, ProfileCode.MAILBOXES_FAILING, new Map([[profileId, said]]), new Date()),
    )
    await ended(at(1), shared)
    expect((await watching.next())?.alertChanges).toEqual({ kind: 'CHANGED', alert: { code: CONNECTION_REFUSED } })
    await watching.end()
  })

  describe('walls', () => {
    const minute = (index: number) => new Date(Date.UTC(2026, 1, 2, 10, index))

    beforeEach(async () => {
      const codes = [AUTHENTICATION_FAILED, INBOX_READ_ONLY, MailErrorCode.QUOTA_EXCEEDED]
      for (const [index, code] of codes.entries()) await ended(at(0), own({ code }), minute(index))
      await ended(at(1), own(), minute(1))
      await ended(at(1), shared, minute(5))
    })

    test('of many mailboxes are the same as of each by itself, page by page', async () => {
      for (const first of [1, 2, 50]) {
        const { nodes } = (await admin.get(WALLS, { first })).mailboxes
        expect(nodes).toHaveLength(mailboxes.length)
        for (const { id, alerts } of nodes) {
          const whole = await seenBy(admin, { mailboxId: id })
          const walked = [...alerts.nodes]
          let { hasNextPage, endCursor } = alerts.pageInfo
          while (hasNextPage) {
            const page = (await admin.get(WALL, { id, first, after: endCursor })).mailbox.alerts
            walked.push(...page.nodes)
            hasNextPage = page.pageInfo.hasNextPage
            endCursor = page.pageInfo.endCursor
          }
          expect(alerts.totalCount).toBe(whole.totalCount)
          expect(walked.map((alert) => alert.id)).toEqual(whole.nodes.map((alert: Anything) => alert.id))
        }
      }
    })

    test('of a list of mailboxes take as many statements as of one', async () => {
      const statements = async (query: string, variables: object) => {
        const { connection } = harness.app.db.read
        const counting = jest.spyOn(connection.logger, 'logQuery')
        await admin.get(query, variables)
        const count = counting.mock.calls.filter(([sql]) => /\balerts\b/.test(sql)).length
        counting.mockRestore()
        return count
      }
      const one = await statements(WALL, { id: at(0), first: 2 })
      expect(one).toBeGreaterThan(0)
      expect(await statements(WALLS, { first: 2 })).toBe(one)
    })

    test('first is checked for all of them', async () => {
      const { errors } = await admin.ask(WALLS, { first: 501 })
      expect(errors[0]?.extensions.code).toBe('BAD_USER_INPUT')
    })

    test('are filtered by severity, code and state', async () => {
      await ended(at(2), passing)
      expect(codesOf(await seenBy(admin, { severity: 'WARNING' }))).toEqual([[INBOX_READ_ONLY, at(2)]])
      expect(codesOf(await seenBy(admin, { code: INBOX_READ_ONLY, severity: 'ERROR' }))).toEqual([
        [INBOX_READ_ONLY, at(0)],
      ])
      expect(codesOf(await seenBy(admin, { profileId }))).toEqual([[CONNECTION_REFUSED, 'the profile']])
      expect((await seenBy(admin, { state: 'ACKNOWLEDGED' })).nodes).toEqual([])
    })
  })

  describe('by filter', () => {
    const act = async (name: string, filter: object, caller = admin) => (await caller.get(BY(name), { filter }))[name]

    beforeEach(async () => {
      for (const mailboxId of mailboxes) await ended(mailboxId, own())
      await ended(at(0), passing)
      await ended(at(0), shared)
    })

    test('all that match are acknowledged, then dismissed; what is over stays as it is', async () => {
      expect(await act('acknowledgeAlertsBy', { code: AUTHENTICATION_FAILED })).toMatchObject({ changed: 4 })
      expect(await act('acknowledgeAlertsBy', { state: 'OPEN' })).toMatchObject({ changed: 2 })
      expect(await act('dismissAlertsBy', { mailboxId: at(0) })).toMatchObject({ changed: 2 })
      const { changed, alerts } = await act('dismissAlertsBy', { severity: 'ERROR' })
      expect([changed, alerts.map((alert: Anything) => alert.state)]).toEqual([4, Array(4).fill('DISMISSED')])
      expect(await act('dismissAlertsBy', { state: 'RESOLVED' })).toMatchObject({ changed: 0 })
      expect(await act('dismissAlertsBy', { code: AUTHENTICATION_FAILED })).toMatchObject({ changed: 0 })
      // put away: the next failure opens a new one
      await ended(at(1), own())
      expect(await seenBy(admin, { state: 'OPEN' })).toMatchObject({ nodes: [{ count: 1, mailbox: { id: at(1) } }] })
    })

    test('a filter that names nothing, or an empty value, is refused: it would put away everything', async () => {
      expect((await act('dismissAlertsBy', {})).userErrors).toEqual([{ code: 'EMPTY', path: ['filter'] }])
      const none = await act('dismissAlertsBy', { mailboxId: null, code: '' })
      expect(none.userErrors).toEqual([
        { code: 'REQUIRED', path: ['filter', 'mailboxId'] },
        { code: 'REQUIRED', path: ['filter', 'code'] },
      ])
      expect(await seenBy(admin, { state: 'OPEN' })).toMatchObject({ totalCount: 6 })
    })

    test('is in the audit log with each alert’s state before and after, and the filter', async () => {
      const [first] = (await seenBy(admin, { mailboxId: at(1), code: AUTHENTICATION_FAILED })).nodes
      await admin.get('mutation ($ids: [ID!]!) { acknowledgeAlerts(ids: $ids) { changed } }', { ids: [first.id] })
      await act('dismissAlertsBy', { code: AUTHENTICATION_FAILED })
      const entries = await harness.app.db.read.query(
        `SELECT e.action, e.subject_count AS subjects, e.details, c.\`before\`, c.\`after\` FROM audit_entries e
         JOIN audit_changes c ON c.entry_id = e.id WHERE e.subject_type = 'ALERT' ORDER BY e.id DESC LIMIT 3`,
      )
      const read = entries.map((row: Anything) => ({
        action: row.action,
        subjects: row.subjects,
        filter: JSON.parse(row.details)?.filter,
        change: [JSON.parse(row.before).state, JSON.parse(row.after).state],
      }))
      const dismissed = { action: 'dismissAlertsBy', subjects: 4, filter: { code: AUTHENTICATION_FAILED } }
      expect(read).toHaveLength(3)
      expect(read).toEqual(
        expect.arrayContaining([
          { ...dismissed, change: ['ACKNOWLEDGED', 'DISMISSED'] },
          { ...dismissed, change: ['OPEN', 'DISMISSED'] },
          { action: 'acknowledgeAlerts', subjects: 1, filter: undefined, change: ['OPEN', 'ACKNOWLEDGED'] },
        ]),
      )
    })

    test('a token that may write but not read learns how many, not which', async () => {
      const writer = await harness.newToken('write')
      expect(await act('acknowledgeAlertsBy', { state: 'OPEN' }, writer)).toMatchObject({ changed: 6, alerts: [] })
      const [alert] = (await seenBy(admin)).nodes
      const { dismissAlerts } = await writer.get(DISMISS, { ids: [alert.id] })
      expect(dismissAlerts).toEqual({ changed: 1, alerts: [], userErrors: [] })
    })

    test('who only sees them changes nothing', async () => {
      const auditor = await harness.auditor()
      const { errors } = await auditor.ask(BY('dismissAlertsBy'), { filter: { state: 'OPEN' } })
      expect(errors[0]?.extensions.code).toBe('FORBIDDEN')
      expect(await seenBy(admin, { state: 'OPEN' })).toMatchObject({ totalCount: 6 })
    })
  })

  describe('a kind that is switched off', () => {
    const kinds = (input: object) => admin.get(SETTINGS, { input })

    test('is not opened; what is open stays, is not counted, and resolves by itself', async () => {
      await ended(at(0), passing)
      await kinds({ alertWarnings: false })
      await ended(at(0), passing)
      await ended(at(1), passing)
      await ended(at(1), own())
      expect((await seenBy(admin)).nodes).toMatchObject([
        { severity: 'ERROR', mailbox: { id: at(1) } },
        { severity: 'WARNING', state: 'OPEN', count: 1, mailbox: { id: at(0) } },
      ])
      await ended(at(0), undefined)
      expect(await seenBy(admin, { severity: 'WARNING' })).toMatchObject({ nodes: [{ state: 'RESOLVED' }] })
      await kinds({ alertWarnings: true })
      await ended(at(1), passing)
      expect(await seenBy(admin, { severity: 'WARNING', state: 'OPEN' })).toMatchObject({ totalCount: 1 })
    })

    test('errors too', async () => {
      await kinds({ alertErrors: false })
      await ended(at(0), own())
      await ended(at(0), shared)
      expect((await seenBy(admin)).nodes).toEqual([])
      await kinds({ alertErrors: true })
    })
  })

  test('what no test resolves is resolved in parts, however much is open', async () => {
    const many = 4_500
    const now = new Date()
    await harness.app.db.inTransaction(async (tx) => {
      for (let done = 0; done < many; done += 500) {
        const gone = Array.from({ length: 500 }, () => ({ mailboxId: newId(), profileId: null }))
        const alerts = gone.map(({ mailboxId }) => ({
          ...{ id: newId(), severity: AlertSeverity.ERROR, state: AlertState.OPEN, code: AUTHENTICATION_FAILED },
          ...{ message: 'x', remedy: null, serverResponse: null, mailboxId, profileId: null, count: 1 },
          ...{ directions: [Direction.INCOMING], openKey: `m:${mailboxId}:X`, firstSeenAt: now, lastSeenAt: now },
        }))
        await tx.em.createQueryBuilder().insert().into(Alert).values(alerts).updateEntity(false).execute()
      }
    })
    expect(await harness.app.services.alerts.reconcile()).toBe(many)
    expect(await seenBy(admin, { state: 'RESOLVED' })).toMatchObject({ totalCount: many })
    expect(await harness.app.services.alerts.reconcile()).toBe(0)
  })
})
