import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'
import { SelectQueryBuilder } from 'typeorm'
import type { AuditRecord } from '../db/audit-record'
import { newId } from '../db/id'
import { UserFaults } from '../errors'
import { type Anything, type Caller, DATABASES, Harness } from '../test/harness'

const TABLES = ['audit_entries', 'audit_changes', 'audit_subjects', 'audit_ranges']
/** All of their columns are the key: a row that replaced another would be the same. */
const KEYS_ONLY = { audit_subjects: 'entry_id', audit_ranges: 'change_id' }
const VALUES = '{ field value }'
const LOG = `query ($filter: AuditFilter, $first: Int, $after: String) {
  auditLog(filter: $filter, first: $first, after: $after) {
    totalCount pageInfo { hasNextPage endCursor }
    nodes { id at action actorId actorName actorAddress subjectType subjectCount details ${VALUES} }
  }
}`
const CHANGES = `query ($filter: AuditFilter, $first: Int, $after: String, $subjectId: ID) {
  auditLog(filter: $filter) { nodes { changes(first: $first, after: $after, subjectId: $subjectId) {
    totalCount pageInfo { hasNextPage endCursor }
    nodes { subjectCount subjectIds before ${VALUES} after ${VALUES} }
  } } }
}`

const ANNA = { id: newId(), name: 'Anna Bell', ip: '192.0.2.1' }
const ANNABEL = { id: newId(), name: 'ANNABEL Å', ip: null }
const TOKEN = { id: newId(), name: 'crm', ip: '2001:db8::1' }
const [BOX, OTHER_BOX, PROFILE] = [newId(), newId(), newId()]
const change = (...subjectIds: string[]) => ({ subjectIds, before: { name: 'a' }, after: { name: 'b' } })

const COMMANDS: AuditRecord[] = [
  { actor: ANNA, action: 'approveEmails', subject: 'MAILBOX', changes: [change(BOX)] },
  { actor: ANNABEL, action: 'approveEmails', subject: 'MAILBOX', changes: [change(BOX, OTHER_BOX)] },
  { actor: TOKEN, action: 'rejectEmails', subject: 'MAILBOX', changes: [change(OTHER_BOX)] },
  { actor: ANNA, action: 'updateEmailServerProfile', subject: 'PROFILE', changes: [change(PROFILE)] },
  { actor: null, action: 'reconcile-alerts', subject: 'ALERT', changes: [change(newId())] },
  { actor: TOKEN, action: 'updateMailboxes', subject: 'MAILBOX', changes: [change(BOX), change(BOX, OTHER_BOX)] },
]

describe.each(DATABASES)('the audit log on %s', (database) => {
  let harness: Harness
  let auditor: Caller

  beforeAll(async () => {
    harness = await Harness.start({ database })
    auditor = await harness.auditor()
    for (const command of COMMANDS) await record(command)
  })
  afterAll(() => harness?.stop())

  const record = ({ actor, ...command }: AuditRecord) =>
    harness.app.db.inTransaction(async (tx) => tx.record(actor, command))
  const log = async (filter: object = {}, page: object = {}): Promise<Anything> =>
    (await auditor.get(LOG, { filter, ...page })).auditLog
  const rows = async (): Promise<string> => {
    const tables = TABLES.map((table) => harness.app.db.read.query(`SELECT * FROM ${table} ORDER BY 1, 2`))
    return JSON.stringify(await Promise.all(tables))
  }

  test('newest first, with who, when, from where and to how many', async () => {
    const { nodes } = await log()
    const ours = nodes.filter((node: Anything) => COMMANDS.some(({ action }) => action === node.action))
    expect(ours.map((node: Anything) => node.action)).toEqual(COMMANDS.map(({ action }) => action).reverse())
    expect(ours.at(-1)).toMatchObject({
      ...{ actorId: ANNA.id, actorName: 'Anna Bell', actorAddress: '192.0.2.1' },
      ...{ subjectType: 'MAILBOX', subjectCount: 1, details: [] },
    })
    expect(ours[1]).toMatchObject({ actorId: null, actorName: 'Mailwarden', actorAddress: null })
    expect(ours[0].subjectCount).toBe(2)
  })

  test('pages of two are the same as one page of all', async () => {
    const { nodes, totalCount } = await log()
    expect(totalCount).toBe(nodes.length)
    const walked: string[] = []
    for (let after: string | null = null; ; ) {
      const page: Anything = await log({}, { first: 2, after })
      walked.push(...page.nodes.map((node: Anything) => node.id))
      if (!page.pageInfo.hasNextPage) break
      after = page.pageInfo.endCursor
    }
    expect(walked).toEqual(nodes.map((node: Anything) => node.id))
  })

  test('every combination of filters answers what all of its filters let through', async () => {
    const all: Anything[] = (await log()).nodes
    const middle = all[Math.floor(all.length / 2)].at
    const subjectsOf = new Map<string, string[]>(
      COMMANDS.map(({ action, changes, actor }) => [
        `${action} ${actor?.id}`,
        changes.flatMap((one) => one.subjectIds),
      ]),
    )
    const filters: [object, (node: Anything) => boolean][][] = [
      [ANNA, TOKEN].map(({ id }) => [{ actorId: id }, (node) => node.actorId === id]),
      ['annab', 'bell', 'CRM', 'å', 'nobody'].map((actor) => [
        { actor },
        (node) => node.actorName.toLowerCase().includes(actor.toLowerCase()),
      ]),
      ['approveEmails', 'updateMailboxes'].map((action) => [{ action }, (node) => node.action === action]),
      ['MAILBOX', 'PROFILE'].map((subjectType) => [{ subjectType }, (node) => node.subjectType === subjectType]),
      [BOX, OTHER_BOX].map((subjectId) => [
        { subjectId },
        (node) => subjectsOf.get(`${node.action} ${node.actorId}`)?.includes(subjectId) ?? false,
      ]),
      [[{ from: middle }, (node) => node.at >= middle]],
      [[{ to: middle }, (node) => node.at < middle]],
    ]
    const combinations = filters.reduce<(typeof filters)[number][]>(
      (known, choices) => known.flatMap((one) => [one, ...choices.map((choice) => [...one, choice])]),
      [[]],
    )
    // each filter alone, each with each other, and all at once
    const asked = combinations.filter(({ length }) => length <= 2 || length === filters.length)
    expect(asked.length).toBeGreaterThan(80)
    for (const combination of asked) {
      const filter = Object.assign({}, ...combination.map(([part]) => part))
      const expected = all.filter((node) => combination.every(([, holds]) => holds(node)))
      const answer = await log(filter)
      expect([filter, answer.nodes]).toEqual([filter, expected])
      expect(answer.totalCount).toBe(expected.length)
    }
  })

  test('an empty search for an actor searches for nothing; a line break is refused', async () => {
    expect((await log({ actor: '' })).totalCount).toBe((await log()).totalCount)
    const { errors } = await auditor.ask(LOG, { filter: { actor: 'a\nb' } })
    expect(errors[0]?.extensions).toMatchObject({ code: 'BAD_USER_INPUT' })
  })

  test('before and after, as fields and values; of one subject its own changes', async () => {
    const filter = { action: 'updateMailboxes' }
    const values = { before: [{ field: 'name', value: 'a' }], after: [{ field: 'name', value: 'b' }] }
    const { auditLog } = await auditor.get(CHANGES, { filter })
    expect(auditLog.nodes[0].changes).toMatchObject({
      totalCount: 2,
      nodes: [
        { subjectIds: [BOX], subjectCount: 1, ...values },
        { subjectIds: [BOX, OTHER_BOX], subjectCount: 2, ...values },
      ],
    })
    const ofOther = await auditor.get(CHANGES, { filter, subjectId: OTHER_BOX })
    expect(ofOther.auditLog.nodes[0].changes.nodes).toEqual([auditLog.nodes[0].changes.nodes[1]])
    const ofNone = await auditor.get(CHANGES, { filter, subjectId: PROFILE })
    expect(ofNone.auditLog.nodes[0].changes).toMatchObject({ totalCount: 0, nodes: [] })
  })

  test('what is new has no before, what is gone has no after', async () => {
    const id = newId()
    const made = { subjectIds: [id], before: null, after: { active: true, port: 993, host: null } }
    await record({ actor: ANNA, action: 'make', subject: 'PROFILE', changes: [made] })
    await record({
      actor: ANNA,
      action: 'delete',
      subject: 'PROFILE',
      changes: [{ ...made, before: made.after, after: null }],
    })
    const { auditLog } = await auditor.get(CHANGES, { filter: { subjectId: id } })
    const values = [
      { field: 'active', value: 'true' },
      { field: 'port', value: '993' },
      { field: 'host', value: null },
    ]
    expect(auditLog.nodes.map((node: Anything) => node.changes.nodes[0])).toMatchObject([
      { before: values, after: null },
      { before: null, after: values },
    ])
  })

  test('many subjects: each is found, and their ids are answered in bounds', async () => {
    const ids = Array.from({ length: 2_500 }, newId)
    const details = { selection: { view: 'ALL' }, note: '😀'.repeat(40_000), ids }
    const changes = [
      { subjectIds: [...ids, ids[0] ?? ''], before: { approval: 'PENDING' }, after: { approval: 'APPROVED' } },
    ]
    await record({ actor: ANNA, action: 'bulk', subject: 'MAILBOX', changes, details })
    const { nodes } = await log({ subjectId: ids[2_300] })
    expect(nodes).toHaveLength(1)
    expect(nodes[0]).toMatchObject({ action: 'bulk', subjectCount: 2_500 })
    expect(nodes[0].details[0]).toEqual({ field: 'selection.view', value: 'ALL' })
    const of = async (subjectId?: string) => {
      const { auditLog } = await auditor.get(CHANGES, { filter: { action: 'bulk' }, subjectId })
      return auditLog.nodes[0].changes.nodes.map((node: Anything) => [node.subjectCount, node.subjectIds.length])
    }
    expect(await of()).toEqual([
      [1_000, 100],
      [1_000, 100],
      [500, 100],
    ])
    expect(await of(ids[2_300])).toEqual([[500, 100]])
    // between the first and the last of them, and not one of them
    const between = `${ids[700]?.slice(0, -1)}${ids[700]?.endsWith('0') ? '1' : '0'}`
    expect((await log({ subjectId: between })).nodes).toEqual([])
    expect((await log({ subjectId: ids[700]?.slice(0, -1) })).nodes).toEqual([])
    expect((await log({ subjectId: '%' })).nodes).toEqual([])
    const query = `query ($first: Int) { auditLog(filter: { action: "bulk" }) { nodes { changes { nodes { subjectIds(first: $first) } } } } }`
    const { auditLog } = await auditor.get(query, { first: 1_000 })
    expect(auditLog.nodes[0].changes.nodes.flatMap((node: Anything) => node.subjectIds)).toEqual(ids)
    for (const first of [0, 1_001]) {
      const { errors } = await auditor.ask(query, { first })
      expect(errors[0]?.extensions.code).toBe('BAD_USER_INPUT')
    }
  })

  test.each([1, 50, 51, 1_000, 1_001])('each of %i subjects is found, and its change', async (size) => {
    const ids = Array.from({ length: size }, newId)
    const [first = '', last = ''] = [ids[0], ids.at(-1)]
    // in any order, and a second change of some of them
    const changes = [change(...[...ids].reverse()), { subjectIds: [last], before: null, after: { name: 'c' } }]
    const countRows = async () => (await harness.app.db.read.query('SELECT COUNT(*) AS n FROM audit_subjects'))[0].n
    const before = Number(await countRows())
    await record({ actor: ANNA, action: `of ${size}`, subject: 'OWNER', changes })
    expect(Number(await countRows()) - before).toBe(size > 50 ? 1 : size)
    for (const subjectId of [first, ids[size >> 1] ?? '', last]) {
      const { nodes } = await log({ subjectId })
      expect(nodes.map((node: Anything) => [node.action, node.subjectCount])).toEqual([[`of ${size}`, size]])
      const { auditLog } = await auditor.get(CHANGES, { filter: { subjectId }, subjectId })
      expect(auditLog.nodes[0].changes.totalCount).toBe(subjectId === last ? 2 : 1)
    }
  })

  describe('nothing of it can be changed', () => {
    const columns = { audit_entries: 'action', audit_changes: 'after', ...KEYS_ONLY }
    const statements = Object.entries(columns).flatMap(([table, column]) => [
      [`UPDATE ${table}`, `UPDATE ${table} SET \`${column}\` = 'x'`],
      [`DELETE FROM ${table}`, `DELETE FROM ${table}`],
      ...(table in KEYS_ONLY ? [] : [[`REPLACE INTO ${table}`, `REPLACE INTO ${table} SELECT * FROM ${table}`]]),
    ])
    test.each(statements)('%s is refused by the database', async (_, sql) => {
      const before = await rows()
      const changing = harness.app.db.inTransaction((tx) => tx.em.query(sql))
      await expect(changing).rejects.toMatchObject({ message: expect.stringContaining('append-only') })
      expect(await rows()).toBe(before)
    })
  })

  test('a command that fails leaves nothing, whatever it recorded', async () => {
    const before = await rows()
    const failing = harness.app.db.inTransaction(async (tx) => {
      tx.record(ANNA, { action: 'approveEmails', subject: 'MAILBOX', changes: [change(BOX)] })
      throw new UserFaults([{ code: 'NOT_FOUND', path: ['id'], message: 'There is no such mailbox' }])
    })
    await expect(failing).rejects.toThrow(UserFaults)
    expect(await rows()).toBe(before)
  })

  test('a command and its entry stand or fall together', async () => {
    const settings = () => harness.app.db.read.query('SELECT * FROM email_settings')
    const before = await settings()
    const failing = harness.app.db.inTransaction(async (tx) => {
      await tx.em.query('DELETE FROM email_settings')
      const action = null as unknown as string
      tx.record(ANNA, { action, subject: 'SETTINGS', changes: [change(newId())] })
    })
    await expect(failing).rejects.toThrow(/null/i)
    expect(await settings()).toEqual(before)
  })

  test('who may not read it reads nothing', async () => {
    const admin = await harness.admin()
    const { createApiToken } = await admin.get(
      'mutation { createApiToken(input: { name: "all", scopes: ["read", "write", "approve", "test", "provision"] }) { secret } }',
    )
    for (const caller of [harness.anonymous(), harness.withToken(createApiToken.secret)]) {
      const { data, errors } = await caller.ask(LOG)
      expect(data).toBeNull()
      expect(['UNAUTHENTICATED', 'FORBIDDEN']).toContain(errors[0]?.extensions.code)
    }
  })

  describe('goes by an index', () => {
    const busy = newId()
    let subject: string

    beforeAll(async () => {
      subject = newId()
      for (let n = 0; n < 600; n++) {
        const actor = { id: n % 2 === 0 ? busy : newId(), name: `actor ${n}`, ip: null }
        const action = n % 3 === 0 ? 'approveEmails' : `action ${n}`
        const kind = n % 50 === 0 ? 'USER' : 'MAILBOX'
        await record({ actor, action, subject: kind, changes: [change(n % 100 === 0 ? subject : newId())] })
      }
      for (const table of TABLES)
        await harness.app.db.read.query(`ANALYZE ${database === 'sqlite' ? '' : 'TABLE '}${table}`)
    })

    const planOf = async (filter: object): Promise<string> => {
      const spy = jest.spyOn(SelectQueryBuilder.prototype, 'getMany')
      try {
        await log(filter, { first: 10, after: (await log(filter, { first: 1 })).pageInfo.endCursor })
        const [sql, parameters] = (spy.mock.contexts.at(-1) as SelectQueryBuilder<object>).getQueryAndParameters()
        const explain = database === 'sqlite' ? 'EXPLAIN QUERY PLAN ' : 'EXPLAIN '
        const plan: Anything[] = await harness.app.db.read.query(explain + sql, parameters)
        const line = (row: Anything) => row.detail ?? `${row.table} ${row.type} ${row.key} ${row.Extra}`
        return plan.map(line).join('\n')
      } finally {
        spy.mockRestore()
      }
    }
    const sorts = database === 'sqlite' ? 'TEMP B-TREE' : 'filesort'

    test.each([
      ['nothing', {}, database === 'sqlite' ? 'sqlite_autoindex_audit_entries_1' : 'PRIMARY'],
      ['the actor', { actorId: 'busy' }, 'audit_entries_actor'],
      ["the actor's name", { actor: 'actor 77' }, 'audit_entries_actor_name'],
      ['the action', { action: 'approveEmails' }, 'audit_entries_action'],
      ['a rare action', { action: 'action 7' }, 'audit_entries_action'],
      ['what it is about', { subjectType: 'USER' }, 'audit_entries_subject'],
    ])('a page filtered by %s', async (_, filter, index) => {
      const plan = await planOf('actorId' in filter ? { actorId: busy } : filter)
      expect(plan).toMatch(new RegExp(`\\b${index}\\b`))
      expect(plan).not.toContain(sorts)
    })

    test('a page of one subject reads its own entries, not the log', async () => {
      const plan = await planOf({ subjectId: subject })
      const expected = {
        sqlite: [/SEARCH x .*audit_subjects_1 \(subject_id=\?\)/, /(SEARCH|SCAN) r/, /SEARCH e .*\(id=\?\)/],
        mariadb: [
          /^x (ref|range) PRIMARY .*Using index/m,
          /^r (range|index) PRIMARY .*Using index/m,
          /^e eq_ref PRIMARY/m,
        ],
      }
      for (const step of expected[database]) expect(plan).toMatch(step)
    })
  })
})
