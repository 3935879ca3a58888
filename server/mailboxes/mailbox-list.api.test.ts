import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'
import { operator, type Reach, type Viewer } from '../auth/auth.service'
import { newId } from '../db/id'
import { EmailServerProfile } from '../profiles/profile.entity'
import { IncomingMethod, SyncMethod } from '../settings/email-settings.entity'
import { aMailbox, aProfile } from '../test/builders'
import { DATABASES, Harness } from '../test/harness'
import { Mailbox } from './mailbox.entity'
import { ApprovalStatus, MailboxKind, MailboxView, SortDirection, TestStatus } from './mailbox.enums'
import type { MailboxFilter } from './mailbox.inputs'
import { recount } from './mailbox-counts'
import { LIMITS } from './mailbox-found'
import { SORT_FIELDS } from './mailbox-sorts'
import { insertWords } from './mailbox-words'

const PROFILES = ['Beta', 'alpha', 'Gamma'].map((name) => ({ id: newId(), name }))
const ME = newId()
const STATUSES = Object.values(TestStatus)
const DOMAINS = ['one.test', 'two.test', 'three.test']
const AT = Date.parse('2026-01-01T00:00:00.000Z')

/** Many of them alike in what they are sorted by, and no two alike in all. */
const MAILBOXES = Array.from({ length: 150 }, (_, index) => {
  const pick = <T>(values: readonly T[], step: number): T => values[Math.floor(index / step) % values.length] as T
  const [profile, domain] = [pick([...PROFILES, null], 1), pick(DOMAINS, 4)]
  const [incoming, incomingMethod] = [pick(STATUSES, 2), pick(Object.values(IncomingMethod), 11)]
  const hasFailed = incoming === TestStatus.FAILURE && incomingMethod !== IncomingMethod.NONE
  return aMailbox({
    id: newId(),
    name: `${pick(['Ada', 'ben', 'Émile', 'Zoë'], 3)} ${index % 11}`,
    emailAddress: index % 9 === 0 ? null : `m${(index * 7) % 150}@${domain}`,
    kind: pick(Object.values(MailboxKind), 5),
    active: index % 8 !== 3,
    approval: pick(Object.values(ApprovalStatus), 7),
    profileId: profile?.id ?? null,
    ownerId: index === 40 ? ME : newId(),
    incomingMethod,
    outgoingMethod: pick(Object.values(SyncMethod), 13),
    actMethod: pick(Object.values(SyncMethod), 17),
    incomingEmailStatus: incoming,
    outgoingEmailStatus: pick(STATUSES, 3),
    actStatus: pick(STATUSES, 19),
    incomingEnabled: incoming === TestStatus.SUCCESS,
    incomingErrorCode: hasFailed ? pick(['AUTHENTICATION_FAILED', 'DNS_NOT_FOUND'], 2) : null,
    outgoingEnabled: index % 5 === 0,
    pausedUntil: index % 10 === 0 ? new Date(AT) : null,
    lastTestedAt: index % 6 === 0 ? null : new Date(AT + (index % 13) * 1000),
    updatedAt: new Date(AT + (index % 17) * 1000),
    deletedAt: index % 37 === 5 ? new Date(AT) : null,
  })
})
const SHOWN = MAILBOXES.filter((mailbox) => !mailbox.deletedAt)

/** The order of bytes, as both databases compare texts; nothing comes first. */
function compare(one: unknown, other: unknown): number {
  if (one === null || other === null) return Number(one !== null) - Number(other !== null)
  if (typeof one === 'string' && typeof other === 'string') return Buffer.compare(Buffer.from(one), Buffer.from(other))
  return Number(one) - Number(other)
}

function keysOf(field: string, mailbox: Mailbox): unknown[] {
  const byName = [mailbox.nameKey, mailbox.id]
  const profile = PROFILES.find(({ id }) => id === mailbox.profileId)
  if (field === 'name') return byName
  if (field === 'profile') return [profile?.name.toLowerCase() ?? null, ...byName]
  if (field === 'emailAddress') return [mailbox.addressKey, mailbox.id]
  if (field === 'createdAt') return [mailbox.id]
  const value = mailbox[field as keyof Mailbox]
  if (value instanceof Date || (value === null && field.endsWith('At'))) return [value?.valueOf() ?? null, mailbox.id]
  return [value, ...byName]
}

function sorted(mailboxes: readonly Mailbox[], field: string, direction: SortDirection): string[] {
  const sign = direction === SortDirection.DESC ? -1 : 1
  const keyed = mailboxes.map((mailbox) => ({ mailbox, keys: keysOf(field, mailbox) }))
  keyed.sort((one, other) => sign * (one.keys.map((key, i) => compare(key, other.keys[i])).find((n) => n !== 0) ?? 0))
  return keyed.map(({ mailbox }) => mailbox.id)
}

const METHODS = [
  ['incomingMethod', 'incomingEmailStatus'],
  ['outgoingMethod', 'outgoingEmailStatus'],
  ['actMethod', 'actStatus'],
] as const
const anyStatus = (mailbox: Mailbox, status: TestStatus) =>
  METHODS.some(([method, of]) => mailbox[method] !== SyncMethod.NONE && mailbox[of] === status)

const IN_VIEW: Record<MailboxView, (mailbox: Mailbox) => boolean> = {
  ALL: () => true,
  ACTIVE: ({ active }) => active,
  INACTIVE: ({ active }) => !active,
  MINE: ({ ownerId }) => ownerId === ME,
  USER_MAILBOXES: ({ active, kind }) => active && kind === MailboxKind.USER,
  QUEUE_MAILBOXES: ({ active, kind }) => active && kind === MailboxKind.QUEUE,
  FORWARD_MAILBOXES: ({ active, kind }) => active && kind === MailboxKind.FORWARD,
  PENDING_EMAIL_APPROVAL: ({ active, approval }) => active && approval === ApprovalStatus.PENDING,
  NOT_TESTED: (mailbox) => mailbox.active && anyStatus(mailbox, TestStatus.NOT_RUN),
  TEST_AND_ENABLE_FAILED: (mailbox) => mailbox.active && anyStatus(mailbox, TestStatus.FAILURE),
  ENABLED: ({ active, ...is }) => active && (is.incomingEnabled || is.outgoingEnabled || is.actEnabled),
  PAUSED: ({ active, pausedUntil }) => active && pausedUntil !== null,
}

const VIEWS = Object.values(MailboxView)
const DIRECTIONS = Object.values(SortDirection)
const ORDERS = SORT_FIELDS.flatMap((field) => DIRECTIONS.map((direction) => ({ field, direction })))

const viewerOf = (reach: Reach): Viewer => ({
  ...operator('test'),
  rights: new Map([['mailboxes.read', reach]]),
  ownerId: ME,
})
const ALL = viewerOf('ALL')

/** With these, no mailbox that a text finds is read one by one. */
const TOO_MANY = { entries: 0, ids: 0, part: 7 }

const limitTo = (limits: typeof LIMITS) =>
  (['entries', 'ids', 'part'] as const).map((name) => jest.replaceProperty(LIMITS, name, limits[name]))

describe.each(DATABASES)('lists of mailboxes on %s', (database) => {
  let harness: Harness

  beforeAll(async () => {
    harness = await Harness.start({ database, work: false })
    await harness.app.db.inTransaction(async (tx) => {
      const profiles = PROFILES.map(({ id, name }) => aProfile({ id, name, nameKey: name.toLowerCase() }))
      await tx.em.insert(EmailServerProfile, profiles)
      const rows = MAILBOXES.map((mailbox) => ({ ...mailbox, activeAddress: null }))
      await tx.em.createQueryBuilder().insert().into(Mailbox).values(rows).updateEntity(false).execute()
      await insertWords(
        tx,
        MAILBOXES.filter(({ deletedAt }) => !deletedAt),
      )
      await recount(tx)
    })
  })
  afterAll(() => harness?.stop())

  type What = { view: MailboxView; filter?: MailboxFilter; sort?: { field: string; direction: SortDirection } }

  async function pages(viewer: Viewer, what: What, first: number): Promise<{ ids: string[]; totalCount: number }> {
    const ids: string[] = []
    for (let after: string | null = null; ; ) {
      const page = await harness.app.services.mailboxes.list(viewer, what, { first, after })
      ids.push(...page.nodes.map((mailbox) => mailbox.id))
      after = page.pageInfo.endCursor
      if (!page.pageInfo.hasNextPage) return { ids, totalCount: await page.totalCount() }
    }
  }

  test.each(VIEWS)('%s in every order has each mailbox once, in its place', async (view) => {
    const expected = SHOWN.filter(IN_VIEW[view])
    for (const sort of ORDERS) {
      const { ids, totalCount } = await pages(ALL, { view, sort }, 23)
      expect({ sort, ids }).toEqual({ sort, ids: sorted(expected, sort.field, sort.direction) })
      expect(totalCount).toBe(expected.length)
    }
  })

  test('every view is counted', async () => {
    const counts = await harness.app.services.mailboxes.viewCounts(ALL)
    expect(counts).toEqual(VIEWS.map((view) => ({ view, count: SHOWN.filter(IN_VIEW[view]).length })))
  })

  const ofDomain = (domains: readonly string[]) => (mailbox: Mailbox) =>
    domains.includes(mailbox.addressKey?.split('@')[1] ?? '')
  test.each<[string, MailboxFilter, (mailbox: Mailbox) => boolean]>([
    ['text', { text: 'ÉMIL' }, ({ nameKey }) => nameKey.startsWith('émil')],
    ['words', { text: '1 AD' }, ({ nameKey }) => /^ada 1/.test(nameKey)],
    ['a word of a domain', { text: 'zo thr' }, (m) => m.nameKey.startsWith('zo') && ofDomain(['three.test'])(m)],
    ['an address', { text: 'm1@t' }, (m) => /^m1\d*@t/.test(m.addressKey ?? '')],
    ['half a domain', { text: '@two' }, ofDomain(['two.test'])],
    ['words that nobody has', { text: 'ada émile' }, ({ nameKey }) => nameKey === ''],
    ['profile', { profileId: PROFILES[1]?.id }, ({ profileId }) => profileId === PROFILES[1]?.id],
    ['domain', { domain: 'Two.test' }, ({ addressKey }) => addressKey?.endsWith('@two.test') ?? false],
    ['kind', { kind: MailboxKind.QUEUE }, ({ kind }) => kind === MailboxKind.QUEUE],
    ['approval', { approval: ApprovalStatus.REJECTED }, ({ approval }) => approval === ApprovalStatus.REJECTED],
    ['status', { actStatus: TestStatus.FAILURE }, ({ actStatus }) => actStatus === TestStatus.FAILURE],
    ['method', { incomingMethod: IncomingMethod.NONE }, (row) => row.incomingMethod === IncomingMethod.NONE],
    ['error', { errorCode: 'DNS_NOT_FOUND' }, ({ incomingErrorCode }) => incomingErrorCode === 'DNS_NOT_FOUND'],
    [
      'all at once',
      {
        ...{ text: 'a', profileId: PROFILES[0]?.id, domain: 'one.test', kind: MailboxKind.USER },
        outgoingEmailStatus: TestStatus.SUCCESS,
      },
      (row) =>
        row.nameKey.startsWith('a') &&
        row.profileId === PROFILES[0]?.id &&
        (row.addressKey?.endsWith('@one.test') ?? false) &&
        row.kind === MailboxKind.USER &&
        row.outgoingEmailStatus === TestStatus.SUCCESS,
    ],
  ])('a filter by %s holds in every order', async (name, filter, holds) => {
    const expected = SHOWN.filter(holds)
    expect(expected.length > 0).toBe(name !== 'words that nobody has')
    for (const sort of ORDERS) {
      const { ids, totalCount } = await pages(ALL, { view: MailboxView.ALL, filter, sort }, 50)
      expect({ sort, ids }).toEqual({ sort, ids: sorted(expected, sort.field, sort.direction) })
      expect(totalCount).toBe(expected.length)
    }
    if (!filter.text) return
    for (const limit of [TOO_MANY, { ...LIMITS, part: 7 }, { entries: 30, ids: 30, part: 2 }]) {
      const limits = limitTo(limit)
      for (const sort of ORDERS) {
        const { ids, totalCount } = await pages(ALL, { view: MailboxView.ALL, filter, sort }, 50)
        expect({ limit, sort, ids }).toEqual({ limit, sort, ids: sorted(expected, sort.field, sort.direction) })
        expect(totalCount).toBe(expected.length)
      }
      for (const limit of limits) limit.restore()
    }
  })

  const own = ({ ownerId }: Mailbox) => ownerId === ME
  test.each<[string, Reach, (mailbox: Mailbox) => boolean]>([
    ['two domains', { domains: ['one.test', 'two.test'], ownerIds: [] }, ofDomain(['one.test', 'two.test'])],
    ['an owner', { domains: [], ownerIds: [ME] }, own],
    [
      'a domain and an owner',
      { domains: ['three.test'], ownerIds: [ME] },
      (m) => own(m) || ofDomain(['three.test'])(m),
    ],
    ['the domain of the owner', { domains: ['two.test'], ownerIds: [ME] }, (m) => own(m) || ofDomain(['two.test'])(m)],
    ['nothing', { domains: [], ownerIds: [] }, () => false],
  ])('who reaches %s sees and counts just that, in every view and order', async (_name, reach, reaches) => {
    const viewer = viewerOf(reach)
    const seen = SHOWN.filter(reaches)
    for (const sort of ORDERS) {
      const { ids, totalCount } = await pages(viewer, { view: MailboxView.ALL, sort }, 20)
      expect({ sort, ids }).toEqual({ sort, ids: sorted(seen, sort.field, sort.direction) })
      expect(totalCount).toBe(seen.length)
    }
    for (const view of VIEWS)
      expect((await pages(viewer, { view }, 100)).ids).toHaveLength(seen.filter(IN_VIEW[view]).length)
    const filter = { domain: 'one.test' }
    const filtered = await pages(viewer, { view: MailboxView.ALL, filter }, 20)
    expect(filtered.ids).toEqual(sorted(seen.filter(ofDomain(['one.test'])), 'name', SortDirection.ASC))
    expect(filtered.totalCount).toBe(filtered.ids.length)
    const counts = await harness.app.services.mailboxes.viewCounts(viewer)
    const mine = (view: MailboxView) => (view === MailboxView.MINE ? SHOWN : seen).filter(IN_VIEW[view]).length
    expect(counts).toEqual(VIEWS.map((view) => ({ view, count: mine(view) })))
  })

  /** How the database reads `mailboxes` for a statement: one line a table access. */
  async function accesses(sql: string, values: unknown[]): Promise<string[]> {
    const rows = await harness.app.db.read.query(`EXPLAIN ${database === 'sqlite' ? 'QUERY PLAN ' : ''}${sql}`, values)
    if (database === 'sqlite') {
      return rows.map((row: { detail: string }) => row.detail).filter((line: string) => /mailboxes/.test(line))
    }
    return rows
      .filter((row: { table: string }) => row.table === 'mailboxes')
      .map((row: { type: string; key: string; Extra: string }) => `${row.type} ${row.key} ${row.Extra}`)
  }

  test.each([LIMITS, TOO_MANY, { ...LIMITS, part: 7 }])('a text is looked up by indexes, within %j', async (limit) => {
    const limits = limitTo(limit)
    const query = jest.spyOn(harness.app.db.read, 'query')
    const texts = ['ada', 'ada 1', 'ada thr', 'm1@three', '@three']
    const whats = texts.flatMap((text) => ORDERS.map((sort) => ({ view: MailboxView.ACTIVE, filter: { text }, sort })))
    for (const what of whats) await (await harness.app.services.mailboxes.list(ALL, what, { first: 2 })).totalCount()
    const reads = query.mock.calls.filter(([sql]) => /mailbox_words|FROM mailboxes/.test(sql))
    query.mockRestore()
    expect(reads.length).toBeGreaterThan(whats.length)
    for (const [sql, values] of reads) {
      const plan = await harness.app.db.read.query(
        `EXPLAIN ${database === 'sqlite' ? 'QUERY PLAN ' : ''}${sql}`,
        values as unknown[],
      )
      const lines: string[] =
        database === 'sqlite'
          ? plan.map((row: { detail: string }) => row.detail)
          : plan.map((row: { type: string; table: string }) => `${row.type} ${row.table}`)
      const scans = lines.filter((line) => /^(SCAN|ALL|index) (w|o|mailbox)/.test(line))
      expect({ sql, scans }).toEqual({ sql, scans: [] })
    }
    for (const limit of limits) limit.restore()
  })

  const INDEXES: Record<string, string> = {
    ...{ name: 'by_name', kind: 'by_name', active: 'by_name', emailAddress: 'by_address' },
    ...{ lastTestedAt: 'by_last_test', createdAt: 'by_creation', updatedAt: 'by_update', profile: 'by_profile' },
  }

  test.each(VIEWS)('%s is read by an index for each order, and never sorted by the row', async (view) => {
    const query = jest.spyOn(harness.app.db.read, 'query')
    for (const sort of ORDERS) {
      const after = (await harness.app.services.mailboxes.list(ALL, { view, sort }, { first: 1 })).pageInfo.endCursor
      query.mockClear()
      await harness.app.services.mailboxes.list(ALL, { view, sort }, { first: 50, after })
      const reads = query.mock.calls.filter(([sql]) => /FROM mailboxes/.test(sql))
      query.mockClear()
      for (const [sql, values] of reads) {
        const index = view === MailboxView.MINE ? 'owner' : (INDEXES[sort.field] ?? 'by_facets')
        const lines = await accesses(sql, values as unknown[])
        if (view !== MailboxView.MINE) expect(lines.length).toBeGreaterThan(0)
        for (const line of lines) {
          expect(line).toContain(`mailboxes_${index}`)
          if (database === 'sqlite') expect(line).toMatch(/^SEARCH/)
          else expect(line).toMatch(/^(ref|range|const|eq_ref)/)
          if (view !== MailboxView.MINE) expect(line).not.toMatch(/filesort|temporary/)
        }
        if (database === 'sqlite' && lines.length === 1) {
          const plan = await harness.app.db.read.query(`EXPLAIN QUERY PLAN ${sql}`, values)
          if (view !== MailboxView.MINE) expect(JSON.stringify(plan)).not.toContain('TEMP B-TREE')
        }
      }
    }
    query.mockRestore()
  })
})
