import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { DataSource } from 'typeorm'
import { newId } from '../db/id'
import { SnakeNaming } from '../db/snake-naming'
import { FaultList, OperationError, type UserFault, UserFaults } from '../errors'
import { normalizeAddress } from '../mail/address'
import { IncomingMethod, SyncMethod } from '../settings/email-settings.entity'
import { aMailbox } from '../test/builders'
import { Mailbox } from './mailbox.entity'
import { ApprovalStatus, MailboxKind, MailboxView, SortDirection, TestStatus } from './mailbox.enums'
import type { MailboxFilter, MailboxSelection } from './mailbox.inputs'
import {
  type Condition,
  filterCondition,
  type Looker,
  MOST_IDS,
  selectionCondition as selectionFor,
  viewCondition as viewFor,
} from './mailbox-selection'
import { SORT_FIELDS, sortingOf } from './mailbox-sorts'
import { MailboxWord } from './mailbox-word.entity'
import { wordsOf } from './mailbox-words'

const EVERYTHING: Looker = { reach: 'ALL', ownerId: null }
const viewCondition = (faults: FaultList, view: MailboxView, filter?: MailboxFilter | null) =>
  viewFor(faults, EVERYTHING, view, filter)
const selectionCondition = (faults: FaultList, selection: MailboxSelection) =>
  selectionFor(faults, EVERYTHING, selection)

/** A table in memory: a condition is judged by the rows it finds, not by its text. */
const source = new DataSource({
  type: 'better-sqlite3',
  database: ':memory:',
  entities: [Mailbox, MailboxWord],
  namingStrategy: new SnakeNaming(),
  synchronize: true,
})

const PROFILE = newId()
const NONE = {
  incomingMethod: IncomingMethod.NONE,
  outgoingMethod: SyncMethod.NONE,
  incomingEnabled: false,
  outgoingEnabled: false,
}
const ROWS: Partial<Mailbox>[] = [
  { name: 'Anna', emailAddress: 'Anna@Example.com', profileId: PROFILE },
  { name: 'Bulk_Mail 100%!', emailAddress: 'bulk_mail@example.org', kind: MailboxKind.QUEUE },
  { name: 'BulkxMail 100x', emailAddress: 'bulkxmail@sub.example.com', kind: MailboxKind.QUEUE },
  { name: 'Forward', emailAddress: 'in@forward.test', kind: MailboxKind.FORWARD, pausedUntil: new Date() },
  { name: 'Gone', emailAddress: 'gone@example.com', active: false, approval: ApprovalStatus.PENDING },
  { name: 'Nobody', emailAddress: null, ...NONE },
  {
    name: 'Pending',
    emailAddress: 'pending@example.com',
    approval: ApprovalStatus.PENDING,
    ...{ incomingEmailStatus: TestStatus.NOT_RUN, outgoingEmailStatus: TestStatus.NOT_RUN },
    ...{ incomingEnabled: false, outgoingEnabled: false },
  },
  {
    name: 'Wrong password',
    emailAddress: 'wrong@example.com',
    outgoingEmailStatus: TestStatus.FAILURE,
    outgoingErrorCode: 'AUTHENTICATION_FAILED',
    outgoingEnabled: false,
  },
  // a failure of a method that was chosen no longer
  { name: 'Zero', emailAddress: 'zero@example.com', ...NONE, outgoingEmailStatus: TestStatus.FAILURE },
]

beforeAll(async () => {
  await source.initialize()
  const mailboxes = await source.manager.save(ROWS.map((row) => aMailbox({ ...row, id: newId() })))
  const words = mailboxes.flatMap(({ id, nameKey, addressKey }) =>
    wordsOf(nameKey, addressKey).map((word) => ({ word, mailboxId: id })),
  )
  await source.manager.insert(MailboxWord, words)
})
afterAll(() => source.destroy())

async function names({ sql, parameters }: Condition): Promise<string[]> {
  const rows = await source.manager
    .createQueryBuilder(Mailbox, 'm')
    .where(sql, parameters)
    .orderBy('m.nameKey')
    .getMany()
  return rows.map((row) => row.name)
}

function faultsOf(work: (faults: FaultList) => unknown): Pick<UserFault, 'code' | 'path'>[] {
  const faults = new FaultList()
  work(faults)
  try {
    faults.check()
  } catch (error) {
    return (error as UserFaults).faults.map(({ code, path }) => ({ code, path }))
  }
  return []
}

describe('views (product rule 3)', () => {
  const everybody = ROWS.map((row) => String(row.name))
  const active = everybody.filter((name) => name !== 'Gone')
  test.each<[MailboxView, string[]]>([
    [MailboxView.ALL, everybody],
    [MailboxView.ACTIVE, active],
    [MailboxView.INACTIVE, ['Gone']],
    [MailboxView.MINE, []],
    [MailboxView.USER_MAILBOXES, ['Anna', 'Nobody', 'Pending', 'Wrong password', 'Zero']],
    [MailboxView.QUEUE_MAILBOXES, ['Bulk_Mail 100%!', 'BulkxMail 100x']],
    [MailboxView.FORWARD_MAILBOXES, ['Forward']],
    [MailboxView.PENDING_EMAIL_APPROVAL, ['Pending']],
    [MailboxView.NOT_TESTED, ['Pending']],
    [MailboxView.TEST_AND_ENABLE_FAILED, ['Wrong password']],
    [MailboxView.ENABLED, ['Anna', 'Bulk_Mail 100%!', 'BulkxMail 100x', 'Forward', 'Wrong password']],
    [MailboxView.PAUSED, ['Forward']],
  ])('%s', async (view, expected) => {
    expect((await names(viewCondition(new FaultList(), view))).sort()).toEqual([...expected].sort())
  })

  test('what is out of reach is in no view', async () => {
    const [anna] = await source.manager.findBy(Mailbox, { name: 'Anna' })
    await source.manager.update(Mailbox, { id: anna?.id }, { ownerId: PROFILE })
    const seen = (reach: Looker['reach'], view = MailboxView.ALL) =>
      names(viewFor(new FaultList(), { reach, ownerId: PROFILE }, view))
    expect(await seen({ domains: ['example.org', 'forward.test'], ownerIds: [] })).toEqual([
      'Bulk_Mail 100%!',
      'Forward',
    ])
    expect(await seen({ domains: [], ownerIds: [PROFILE] })).toEqual(['Anna'])
    expect(await seen({ domains: ['forward.test'], ownerIds: [PROFILE] })).toEqual(['Anna', 'Forward'])
    expect(await seen({ domains: [], ownerIds: [] })).toEqual([])
    expect(await seen('ALL', MailboxView.MINE)).toEqual(['Anna'])
  })
})

describe('filters', () => {
  test.each<[MailboxFilter, string[]]>([
    [{ text: 'ANNA' }, ['Anna']],
    [{ text: '  forward.TEST ' }, ['Forward']],
    [{ text: 'mail BULK' }, ['Bulk_Mail 100%!']],
    // the beginning of a word, not its middle
    [{ text: 'nna' }, []],
    [{ text: 'ulkxmail' }, []],
    [{ text: '100' }, ['Bulk_Mail 100%!', 'BulkxMail 100x']],
    [{ text: 'sub' }, ['BulkxMail 100x']],
    [{ text: 'bulk org' }, ['Bulk_Mail 100%!']],
    [{ text: 'bulk@example' }, ['Bulk_Mail 100%!']],
    [{ text: 'bulkxmail@example' }, []],
    [{ text: '@sub.ex' }, ['BulkxMail 100x']],
    [{ text: 'example@' }, []],
    [{ text: '@ex_mple' }, []],
    [{ text: '%' }, []],
    [{ text: '_' }, []],
    [{ text: '@' }, []],
    [{ text: ' ' }, []],
    [{ text: "' OR 2=2 --" }, []],
    [{ domain: 'EXAMPLE.ORG' }, ['Bulk_Mail 100%!']],
    // neither a subdomain nor a pattern
    [{ domain: 'com' }, []],
    [{ domain: 'sub.example.com' }, ['BulkxMail 100x']],
    [{ domain: '%.com' }, []],
    [{ profileId: PROFILE }, ['Anna']],
    [{ profileId: newId() }, []],
    [{ profileId: '' }, []],
    [{ kind: MailboxKind.FORWARD }, ['Forward']],
    [{ approval: ApprovalStatus.EMPTY }, ['Nobody']],
    [{ errorCode: 'AUTHENTICATION_FAILED' }, ['Wrong password']],
    [{ text: 'b', kind: MailboxKind.QUEUE, domain: 'example.org' }, ['Bulk_Mail 100%!']],
  ])('%j', async (filter, expected) => {
    const faults = new FaultList()
    const condition = viewCondition(faults, MailboxView.ACTIVE, filter)
    expect(faults.any).toBe(false)
    expect(await names(condition)).toEqual(expected)
  })

  test.each<MailboxFilter | null | undefined>([undefined, null, {}, { text: '' }, { text: null, domain: null }])(
    '%j holds for all',
    async (filter) => {
      expect(await names(viewCondition(new FaultList(), MailboxView.ALL, filter))).toHaveLength(ROWS.length)
    },
  )

  test.each<[MailboxFilter, string, string]>([
    [{ text: 'a\r\nb' }, 'CONTROL_CHARACTER', 'text'],
    [{ text: 'x'.repeat(201) }, 'TOO_LONG', 'text'],
    // empty by mistake: would otherwise be everybody
    [{ domain: '' }, 'REQUIRED', 'domain'],
    [{ domain: ' ' }, 'REQUIRED', 'domain'],
    [{ domain: 'x'.repeat(254) }, 'TOO_LONG', 'domain'],
    [{ errorCode: '' }, 'REQUIRED', 'errorCode'],
    [{ errorCode: 'x'.repeat(41) }, 'TOO_LONG', 'errorCode'],
  ])('%j is a fault: %s', (filter, code, field) => {
    expect(faultsOf((faults) => viewCondition(faults, MailboxView.ALL, filter))).toEqual([
      { code, path: ['filter', field] },
    ])
  })
})

describe('selections: exactly one of ids, or a view with or without a filter', () => {
  const known = newId()
  test.each<[string, MailboxSelection, string, string[]]>([
    ['neither', {}, 'EXACTLY_ONE', ['selection']],
    ['a filter alone', { filter: { text: 'a' } }, 'EXACTLY_ONE', ['selection']],
    ['both', { ids: [known], view: MailboxView.ALL }, 'EXACTLY_ONE', ['selection']],
    ['a filter with ids', { ids: [known], filter: { text: 'a' } }, 'NOT_ALLOWED', ['selection', 'filter']],
    ['no ids', { ids: [] }, 'EMPTY', ['selection', 'ids']],
    ['too many ids', { ids: Array.from({ length: MOST_IDS + 1 }, () => known) }, 'TOO_MANY', ['selection', 'ids']],
    ['an id that can be none', { ids: [known, "x' OR 1=1 --"] }, 'NOT_FOUND', ['selection', 'ids', '1']],
    [
      'a fault in the filter',
      { view: MailboxView.ALL, filter: { text: '\u0007' } },
      'CONTROL_CHARACTER',
      ['selection', 'filter', 'text'],
    ],
  ])('%s is refused', async (_, selection, code, path) => {
    expect(faultsOf((faults) => selectionCondition(faults, selection))).toEqual([{ code, path }])
  })

  test.each<MailboxSelection>([{}, { ids: [] }, { ids: ['x'] }, { ids: [known], view: MailboxView.ALL }])(
    'what is refused (%j) selects nothing, should the faults be overlooked',
    async (selection) => {
      expect(await names(selectionCondition(new FaultList(), selection))).toEqual([])
    },
  )

  test.each([' BÜCHER.example', 'xn--bcher-kva.example', 'XN--BCHER-KVA.example '])(
    'the domain "%s" is that of the addresses, however it is spelled',
    (domain) => {
      const { parameters } = filterCondition(new FaultList(), [], { domain })
      expect(normalizeAddress('ada@Bücher.Example')).toBe(`ada@${parameters.filterDomain}`)
    },
  )

  test('ids select just these, each once', async () => {
    const [first, second] = await source.manager.find(Mailbox, { order: { nameKey: 'ASC' }, take: 2 })
    const ids = [String(first?.id), String(second?.id), String(first?.id)]
    const condition = selectionCondition(new FaultList(), { ids })
    expect(condition.parameters.selectedIds).toEqual(ids.slice(0, 2))
    expect(await names(condition)).toEqual(['Anna', 'Bulk_Mail 100%!'])
  })

  test('as many ids as are allowed are taken', () => {
    const ids = Array.from({ length: MOST_IDS }, () => known)
    expect(faultsOf((faults) => selectionCondition(faults, { ids }))).toEqual([])
  })

  test('a view and its filter hold both', async () => {
    const selection = { view: MailboxView.QUEUE_MAILBOXES, filter: { domain: 'example.org' } }
    expect(await names(selectionCondition(new FaultList(), selection))).toEqual(['Bulk_Mail 100%!'])
  })
})

describe('sorting', () => {
  const asked = (field: string) => sortingOf({ field, direction: SortDirection.DESC })

  test.each(SORT_FIELDS)('by %s', (field) => {
    const { sort, isDescending } = asked(field)
    expect(isDescending).toBe(true)
    if (!('index' in sort)) return
    const column = source.getMetadata(Mailbox).findColumnWithPropertyName(sort.property)
    expect(column?.databaseName).toBe(sort.column)
    // nulls have a place of their own: forgotten, rows would be lost between pages
    expect(sort.isNullable ?? false).toBe(column?.isNullable)
  })

  test('by name, ascending, unless asked otherwise', () => {
    expect(sortingOf(undefined)).toEqual(sortingOf({ field: 'name', direction: SortDirection.ASC }))
    expect(sortingOf(null).isDescending).toBe(false)
  })

  test.each(['', 'passwordSealed', 'name; DROP TABLE mailboxes', 'constructor', '__proto__', 'name_key'])(
    'not by %j',
    (field) => {
      expect(() => asked(field)).toThrow(OperationError)
      expect(() => asked(field)).toThrow(
        expect.objectContaining({ code: 'BAD_USER_INPUT', argument: ['sort', 'field'] }),
      )
    },
  )
})
