import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { MIGRATIONS } from '../app'
import { hashPassword, PASSWORD_COST } from '../auth/password'
import { ApprovalStatus, MailboxKind, TestStatus } from '../mailboxes/mailbox.enums'
import { wordsOf } from '../mailboxes/mailbox-words'
import { aMailbox, aProfile } from '../test/builders'
import { type Anything, type Caller, DATABASES, Harness, makeDatabase, PASSWORD } from '../test/harness'
import { countsAndRecount } from '../test/mailbox-commands'
import { Database } from './database'
import { newId } from './id'

const PROFILE = aProfile()
const OWNERS = ['Ada', 'ÉMILE', 'Nobody'].map((name) => ({ id: newId(), name }))
const AT = new Date('2026-01-02T03:04:05.678Z')

/** What was in the tables of the first version, in several states. */
const MAILBOXES = [
  aMailbox({ id: newId(), ownerId: OWNERS[0]?.id, name: 'Ada', nameKey: 'ada' }),
  aMailbox({
    ...{ id: newId(), ownerId: OWNERS[1]?.id, name: 'ÉMILE', nameKey: 'émile', kind: MailboxKind.QUEUE },
    ...{ emailAddress: 'emile@other.test', addressKey: 'emile@other.test', activeAddress: 'emile@other.test' },
    ...{ incomingEmailStatus: TestStatus.FAILURE, incomingEnabled: false, incomingErrorCode: 'DNS_NOT_FOUND' },
    ...{ approval: ApprovalStatus.PENDING, approvedBy: null, approvedAt: null, pausedUntil: AT },
  }),
  aMailbox({
    ...{ id: newId(), ownerId: OWNERS[2]?.id, name: 'Nobody', nameKey: 'nobody', active: false, profileId: null },
    ...{ emailAddress: null, addressKey: null, activeAddress: null, approval: ApprovalStatus.EMPTY },
    ...{ approvedBy: null, approvedAt: null, incomingEmailStatus: TestStatus.NOT_RUN, incomingEnabled: false },
    ...{ outgoingEmailStatus: TestStatus.NOT_RUN, outgoingEnabled: false, lastTestedAt: null },
  }),
]

const snake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

/** As a driver writes it: neither the entities nor the columns of the first version are at hand. */
function stored(value: unknown): unknown {
  if (value instanceof Date) return value.toISOString().replace('T', ' ').replace('Z', '')
  if (typeof value === 'boolean') return Number(value)
  return typeof value === 'object' && value !== null ? JSON.stringify(value) : value
}

describe.each(DATABASES)('an installation of the first version, on %s,', (kind) => {
  const ends: (() => unknown)[] = []
  let harness: Harness
  let admin: Caller

  beforeAll(async () => {
    const folder = mkdtempSync(join(tmpdir(), 'mailwarden-test-'))
    ends.push(() => rmSync(folder, { recursive: true, force: true }))
    const url = await makeDatabase(kind, folder, ends)
    await fillFirstVersion(url)
    harness = await Harness.start({ database: kind, databaseUrl: url, work: false })
    ends.unshift(() => harness.stop())
    admin = await harness.anonymous().signIn('founder', PASSWORD)
  })
  afterAll(async () => {
    for (const end of ends) await end()
  })

  async function fillFirstVersion(url: string): Promise<void> {
    const outlets = {
      ...{ enqueue: async () => undefined, audit: async () => undefined },
      ...{ publish: () => undefined, onLostNudge: () => undefined },
    }
    const db = await Database.open({ url, entities: [], migrations: MIGRATIONS.slice(0, 1), outlets })
    const insert = async (table: string, row: object) => {
      const list = {
        sqlite: `SELECT name FROM pragma_table_info('${table}')`,
        mariadb: `SELECT column_name AS name FROM information_schema.columns
                  WHERE table_schema = DATABASE() AND table_name = '${table}'`,
      }
      const columns = ((await db.source.query(list[kind])) as { name: string }[]).map(({ name }) => name)
      const given = Object.entries(row).filter(([name]) => columns.includes(snake(name)))
      const places = given.map(() => '?').join(', ')
      await db.source.query(
        `INSERT INTO ${table} (${given.map(([name]) => snake(name)).join(', ')}) VALUES (${places})`,
        given.map(([, value]) => stored(value)),
      )
    }
    const passwordHash = await hashPassword(PASSWORD, { ...PASSWORD_COST, N: 2 ** 8, p: 1 })
    const user = { id: newId(), name: 'founder', nameKey: 'founder', passwordHash, roles: ['SYSTEM_ADMINISTRATOR'] }
    await insert('users', { ...user, createdAt: AT })
    await insert('email_server_profiles', PROFILE)
    for (const { id, name } of OWNERS) {
      const { kind: of, emailAddress, addressKey, active } = MAILBOXES.find((one) => one.ownerId === id) ?? aMailbox()
      const owner = { id, kind: of, externalId: `crm-${name}`, name, emailAddress, addressKey, active }
      await insert('owners', { ...owner, createdAt: AT, updatedAt: AT })
    }
    for (const mailbox of MAILBOXES) await insert('mailboxes', mailbox)
    await db.close()
  }

  test('has the counts that a recount makes', async () => {
    const [kept, recounted] = await countsAndRecount(harness)
    expect(kept.length).toBeGreaterThan(0)
    expect(kept).toEqual(recounted)
  })

  test('has its owners in the order of their names, and its mailboxes by their words', async () => {
    const { read } = harness.app.db
    const owners = await read.query('SELECT name, name_key AS nameKey FROM owners ORDER BY id')
    expect(owners).toEqual(OWNERS.map(({ name }) => ({ name, nameKey: name.toLowerCase() })))
    const words: { id: string; word: string }[] = await read.query(
      'SELECT mailbox_id AS id, word FROM mailbox_words ORDER BY word',
    )
    for (const { id, nameKey, addressKey } of MAILBOXES) {
      const own = words.filter((row) => row.id === id).map(({ word }) => word)
      expect(own.sort()).toEqual(wordsOf(nameKey, addressKey).sort())
    }
  })

  test('opens with all that it had', async () => {
    const LIST = `query ($view: MailboxView, $filter: MailboxFilter) { mailboxes(view: $view, filter: $filter) { totalCount nodes {
      name approval active incomingEmailStatus incomingEnabled profile { name } owner { name } lastTestedAt } } }`
    const list = async (variables: object): Promise<Anything> => (await admin.get(LIST, variables)).mailboxes
    const { nodes, totalCount } = await list({ view: 'ALL' })
    expect(totalCount).toBe(MAILBOXES.length)
    const at = MAILBOXES[0]?.lastTestedAt?.toISOString()
    const untested = { approval: 'EMPTY', active: false, incomingEmailStatus: 'NOT_RUN', incomingEnabled: false }
    const failed = { approval: 'PENDING', active: true, incomingEmailStatus: 'FAILURE', incomingEnabled: false }
    const works = { approval: 'APPROVED', active: true, incomingEmailStatus: 'SUCCESS', incomingEnabled: true }
    const profile = { name: PROFILE.name }
    expect(nodes).toEqual([
      { name: 'Ada', ...works, profile, owner: { name: 'Ada' }, lastTestedAt: at },
      { name: 'Nobody', ...untested, profile: null, owner: { name: 'Nobody' }, lastTestedAt: null },
      { name: 'ÉMILE', ...failed, profile, owner: { name: 'ÉMILE' }, lastTestedAt: at },
    ])
    expect(await list({ view: 'ALL', filter: { text: 'émile' } })).toMatchObject({ totalCount: 1 })
    expect(await list({ view: 'TEST_AND_ENABLE_FAILED' })).toMatchObject({ totalCount: 1 })
  })
})
