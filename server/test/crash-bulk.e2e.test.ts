import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from '@jest/globals'
import { ENTITIES } from '../app'
import { Database } from '../db/database'
import { type Anything, type Caller, DATABASES, makeDatabase } from './harness'
import { ProductProcess } from './product-process'
import { Service } from './service'

const MAILBOXES = 6_000
const OWNERS_A_CALL = 2_000

const PROVISION = 'mutation ($owners: [OwnerInput!]!) { provisionOwners(owners: $owners) { userErrors { code } } }'
const ANSWER = 'matched changed refusedCount userErrors { code }'
/** Each of them changes every mailbox, whatever those before it did. */
const COMMANDS = [
  `mutation { approveEmails(selection: { view: ALL }) { ${ANSWER} } }`,
  `mutation { rejectEmails(selection: { view: ALL }, reason: "away") { ${ANSWER} } }`,
  `mutation { updateMailboxes(selection: { view: ALL }, changes: { outgoingMethod: NONE }) { ${ANSWER} } }`,
  `mutation { setMailboxesActive(selection: { view: ALL }, active: false) { ${ANSWER} } }`,
  `mutation { setMailboxesActive(selection: { view: ALL }, active: true) { ${ANSWER} } }`,
]
const COUNTS = '{ mailboxViewCounts { view count } }'

describe.each(DATABASES)('the service is killed in the middle of a bulk command, on %s', (kind) => {
  const folder = mkdtempSync(join(tmpdir(), 'mailwarden-crash-bulk-'))
  const ends: (() => unknown)[] = [() => rmSync(folder, { recursive: true, force: true })]

  afterAll(async () => {
    await ProductProcess.killAll()
    for (const end of ends) await end()
  })

  /** What the dead service left, read beside it. */
  async function look<T>(url: string, read: (db: Database) => Promise<T>): Promise<T> {
    const nothing = () => undefined
    const outlets = {
      enqueue: async () => undefined,
      audit: async () => undefined,
      publish: nothing,
      onLostNudge: nothing,
    }
    const db = await Database.open({ url, entities: ENTITIES, migrations: [], outlets })
    try {
      return await read(db)
    } finally {
      await db.close()
    }
  }

  /** The counts as they are kept, and as they must be; how often each state of a mailbox occurs; what the audit log tells of. */
  const leftOf = (url: string) =>
    look(url, async (db) => {
      const kept = await db.read.query(
        "SELECT view_class, facets, n FROM mailbox_counts WHERE scope = '' AND n <> 0 ORDER BY 1, 2",
      )
      const counted = await db.read.query(
        'SELECT view_class, facets, COUNT(*) AS n FROM mailboxes GROUP BY 1, 2 ORDER BY 1, 2',
      )
      const states = await db.read.query(
        `SELECT active, approval, outgoing_method, COUNT(*) AS n FROM mailboxes GROUP BY 1, 2, 3`,
      )
      const scopes = await db.read.query(
        'SELECT scope, SUM(n) AS n FROM mailbox_counts GROUP BY scope HAVING SUM(n) <> 0',
      )
      const entries = await db.read.query(
        "SELECT action, subject_count FROM audit_entries WHERE subject_type = 'MAILBOX' ORDER BY id",
      )
      const plain = (rows: Anything[]) => rows.map((row) => ({ ...row, n: Number(row.n) }))
      return { kept: plain(kept), counted: plain(counted), states, scopes: plain(scopes), entries }
    })

  async function provision(admin: Caller): Promise<void> {
    for (let start = 0; start < MAILBOXES; start += OWNERS_A_CALL) {
      const owners = Array.from({ length: OWNERS_A_CALL }, (_, index) => {
        const at = String(start + index).padStart(5, '0')
        return { kind: 'USER', externalId: at, name: `User ${at}`, emailAddress: `user${at}@crash.test` }
      })
      expect((await admin.get(PROVISION, { owners })).provisionOwners.userErrors).toEqual([])
    }
  }

  test('each command has happened whole or not at all, and the counts are right', async () => {
    const databaseUrl = await makeDatabase(kind, folder, ends)
    const service = await Service.start({ MAILWARDEN_DATA: folder, DATABASE_URL: databaseUrl })
    const admin = await service.firstAdministrator()
    await provision(admin)
    let known = await leftOf(databaseUrl)
    let unanswered = 0
    for (const [index, command] of COMMANDS.entries()) {
      const answered = admin.ask(command).then(
        () => true,
        () => false,
      )
      // it works while others are answered, so it is somewhere in the middle
      for (let request = 0; request <= index; request++) await admin.get(COUNTS)
      await service.kill()
      if (!(await answered)) unanswered += 1
      const left = await leftOf(databaseUrl)
      expect(left.kept).toEqual(left.counted)
      expect(left.scopes.filter(({ scope }) => scope === '')).toEqual([{ scope: '', n: MAILBOXES }])
      expect(left.scopes.filter(({ scope }) => scope.startsWith('d:'))).toEqual([
        { scope: 'd:crash.test', n: MAILBOXES },
      ])
      // all of them are alike, as they were before
      expect(left.states).toHaveLength(1)
      const isDone = JSON.stringify(left.states) !== JSON.stringify(known.states)
      expect(left.entries.length - known.entries.length).toBe(isDone ? 1 : 0)
      if (isDone) expect(Number(left.entries.at(-1)?.subject_count)).toBe(MAILBOXES)
      known = left
      await service.startAgain()
    }
    expect(unanswered).toBeGreaterThan(0)
    expect(await service.stop()).toBe(0)
  }, 180_000)
})
