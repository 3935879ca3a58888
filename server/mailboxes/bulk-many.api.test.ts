import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'
import type { Keyring } from '../secrets/keyring'
import { type Anything, DATABASES, Harness } from '../test/harness'
import {
  BULK_COMMANDS,
  type BulkCommand,
  countsAndRecount,
  everyRow,
  MailboxCommands,
  onStatement,
} from '../test/mailbox-commands'
import { Mailbox } from './mailbox.entity'
import { TestStatus } from './mailbox.enums'
import { IDS_A_STATEMENT } from './mailbox-bulk'
import { recount } from './mailbox-counts'

const SECRET = 'mailbox-secret-4712'
const { SUCCESS, FAILURE, NOT_RUN } = TestStatus

const MANY = 2_300
const inMany = { view: 'ACTIVE', filter: { domain: 'many.test' } }

describe.each(DATABASES)('bulk commands over many mailboxes on %s', (database) => {
  let harness: Harness
  let commands: MailboxCommands
  let withDav = ''
  const parts = Math.ceil(MANY / IDS_A_STATEMENT[database])

  const statementsOf = async (work: () => Promise<unknown>): Promise<string[]> => {
    const statements: string[] = []
    const stop = onStatement(harness, (sql) => statements.push(sql))
    await work().finally(stop)
    return statements.filter((sql) => /mailboxes|mailbox_counts/.test(sql) && !/^START|^COMMIT/.test(sql))
  }

  beforeAll(async () => {
    harness = await Harness.start({ database, work: false })
    commands = new MailboxCommands(await harness.admin())
    await commands.profile('Plain', { isDefault: true })
    withDav = await commands.profile('With DAV', { davUrl: 'https://127.0.0.1/dav' })
    await commands.provisionMany('Many', MANY, (index) => `many${index}@many.test`)
    // each of them another mixture of statuses: an edit finds them in hundreds of groups
    const all = await harness.app.db.read.find(Mailbox, {
      select: { id: true },
      where: { addressDomain: 'many.test' },
    })
    const values = [NOT_RUN, SUCCESS, FAILURE]
    await harness.app.db.inTransaction(async (tx) => {
      for (let mixture = 0; mixture < 27; mixture++) {
        const of = [mixture % 3, Math.floor(mixture / 3) % 3, Math.floor(mixture / 9)] as const
        const [incoming, outgoing] = of.map((index) => values[index] ?? NOT_RUN)
        const ids = all.filter((_, index) => index % 27 === mixture).map(({ id }) => id)
        await tx.em
          .createQueryBuilder()
          .update(Mailbox)
          .set({
            ...{ incomingEmailStatus: incoming, incomingEnabled: incoming === SUCCESS },
            ...{ outgoingEmailStatus: outgoing, outgoingEnabled: outgoing === SUCCESS },
            ...{ incomingErrorCode: incoming === FAILURE ? `CODE_${of[2]}` : null },
          })
          .whereInIds(ids)
          .execute()
      }
      await recount(tx)
    })
  })
  afterAll(() => harness?.stop())

  test.each<[BulkCommand, () => object]>([
    ['update', () => ({ changes: { profileId: withDav } })],
    ['applyDefaults', () => ({})],
    ['setActive', () => ({ active: false })],
  ])('%s takes few statements, however they differ', async (command, variables) => {
    let answer: Anything
    const statements = await statementsOf(async () => {
      answer = await commands.bulk(command, { selection: inMany, ...variables() })
    })
    expect(answer).toMatchObject({ matched: MANY, changed: MANY, refusedCount: 0 })
    expect(answer.mailboxes).toHaveLength(500)
    expect(statements.length).toBeLessThanOrEqual(4 * parts + 12)
    const [kept, recounted] = await countsAndRecount(harness)
    expect(kept).toEqual(recounted)
  })

  test('activation takes few statements', async () => {
    const inactive = { ...inMany, view: 'INACTIVE' }
    let answer: Anything
    const statements = await statementsOf(async () => {
      answer = await commands.bulk('setActive', { selection: inactive, active: true })
    })
    expect(answer).toMatchObject({ matched: MANY, changed: MANY, refusedCount: 0 })
    expect(statements.length).toBeLessThanOrEqual(6 * parts + 12)
    const [kept, recounted] = await countsAndRecount(harness)
    expect(kept).toEqual(recounted)
  })

  test.each<[string, BulkCommand, object]>([
    ['approval', 'approve', {}],
    ['edit', 'update', { changes: { username: 'late', incomingMethod: 'NONE' } }],
    ['deactivation', 'setActive', { active: false }],
  ])('a fault in the second part of an %s leaves nothing', async (_what, command, variables) => {
    const before = await everyRow(harness)
    let updates = 0
    const stop = onStatement(harness, (sql) => {
      if (/^UPDATE mailboxes/.test(sql) && ++updates === 2) throw new Error('the disk is full')
    })
    const { errors } = await commands.admin
      .ask(BULK_COMMANDS[command], { selection: inMany, ...variables })
      .finally(stop)
    expect(updates).toBe(2)
    expect(errors.map(({ extensions }) => extensions.code)).toEqual(['INTERNAL_SERVER_ERROR'])
    expect(await everyRow(harness)).toBe(before)
  })

  test('a password that cannot be sealed for one of them is stored for none', async () => {
    const before = await everyRow(harness)
    const keyring: Keyring = Reflect.get(harness.app.services.mailboxCommands, 'keyring')
    const { seal } = keyring
    let sealed = 0
    const spy = jest.spyOn(keyring, 'seal').mockImplementation((...args) => {
      if (++sealed === 1_500) throw new Error('the key is gone')
      return seal(...args)
    })
    const variables = { selection: inMany, changes: { password: SECRET } }
    const { errors } = await commands.admin.ask(BULK_COMMANDS.update, variables).finally(() => spy.mockRestore())
    expect(sealed).toBe(1_500)
    expect(errors.map(({ extensions }) => extensions.code)).toEqual(['INTERNAL_SERVER_ERROR'])
    expect(await everyRow(harness)).toBe(before)
    expect(harness.logged.join()).not.toContain(SECRET)
  })

  test('a view is what it holds at the call: each is approved once, and who comes meanwhile is not', async () => {
    const newcomer = { name: 'Newcomer', emailAddress: 'newcomer@many.test' }
    let came: Promise<void> | undefined
    const stop = onStatement(harness, (sql) => {
      if (/^UPDATE mailboxes SET approval/.test(sql)) came ??= commands.provision([newcomer])
    })
    const selection = { view: 'PENDING_EMAIL_APPROVAL' }
    const answer = await commands.bulk('approve', { selection }).finally(stop)
    await came
    expect(answer).toMatchObject({ matched: MANY, changed: MANY, refusedCount: 0 })
    expect(await commands.read('Newcomer', 'approval')).toEqual({ approval: 'PENDING' })
    const [{ id }] = await harness.app.db.read.query(
      "SELECT id FROM audit_entries WHERE action = 'approveEmails' ORDER BY id DESC LIMIT 1",
    )
    const subjects = await harness.app.db.read.query(`SELECT subject_ids FROM audit_changes WHERE entry_id = '${id}'`)
    const approved: string[] = subjects.flatMap((row: { subject_ids: string }) => JSON.parse(row.subject_ids))
    expect(approved).toHaveLength(MANY)
    expect(new Set(approved).size).toBe(MANY)
    expect(await commands.bulk('approve', { selection })).toMatchObject({ matched: 1, changed: 1 })
    const [kept, recounted] = await countsAndRecount(harness)
    expect(kept).toEqual(recounted)
  })

  test('who watches is told to read again', async () => {
    const events = commands.admin.watch('subscription { mailboxChanges { kind mailboxes { id } } }')
    await events.next()
    await commands.bulk('reject', { selection: inMany })
    expect((await events.next()).mailboxChanges).toEqual({ kind: 'RESYNC', mailboxes: [] })
    await events.end()
  })
})
