import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { operator } from '../auth/auth.service'
import { type Anything, type Caller, DATABASES, Harness } from '../test/harness'

const IMPORT = `mutation ($csv: String!, $dryRun: Boolean) { importOwners(csv: $csv, dryRun: $dryRun) {
  rows { line result code message } created updated unchanged refused userErrors { code } } }`
const HEADER = 'kind,externalId,name,emailAddress,active'

describe.each(DATABASES)('owners from a CSV file on %s', (database) => {
  let harness: Harness
  let admin: Caller

  beforeAll(async () => {
    harness = await Harness.start({ database })
    admin = await harness.admin()
  })
  afterAll(() => harness?.stop())

  const run = async (rows: readonly string[], dryRun?: boolean): Promise<Anything> =>
    (await admin.get(IMPORT, { csv: [HEADER, ...rows].join('\n'), dryRun })).importOwners
  const tables = async () => {
    const names = ['owners', 'mailboxes', 'audit_entries', 'audit_changes']
    const read = (name: string) => harness.app.db.read.query(`SELECT * FROM ${name} ORDER BY id`)
    return JSON.stringify(await Promise.all(names.map(read)))
  }
  const results = ({ rows }: Anything) => rows.map((row: Anything) => [row.line, row.result, row.code])

  test('a dry run answers exactly what the real one does, and changes nothing', async () => {
    await run(['user,r1,Rita,rita@csv.test,', 'user,r2,Rolf,rolf@csv.test,'])
    const rows = ['user,r1,Rita,rita@csv.test,', 'user,r2,Rolf R.,rolf.r@csv.test,no', 'queue,r3,Sales,sales@csv.test,']
    const before = await tables()
    const dry = await run(rows, true)
    expect(await tables()).toBe(before)
    expect(await run(rows)).toEqual(dry)
    expect(dry).toEqual({
      rows: [
        { line: 2, result: 'UNCHANGED', code: null, message: null },
        {
          ...{ line: 3, result: 'UPDATED', code: null },
          message: 'name: Rolf -> Rolf R., emailAddress: rolf@csv.test -> rolf.r@csv.test, active: true -> false',
        },
        { line: 4, result: 'CREATED', code: null, message: null },
      ],
      ...{ created: 1, updated: 1, unchanged: 1, refused: 0, userErrors: [] },
    })
    expect(await run(rows)).toMatchObject({ created: 0, updated: 0, unchanged: 3 })
    const { mailboxes } = await admin.get(
      '{ mailboxes(view: ALL, filter: { domain: "csv.test" }) { nodes { name active } } }',
    )
    expect(mailboxes.nodes).toEqual([
      { name: 'Rita', active: true },
      { name: 'Rolf R.', active: false },
      { name: 'Sales', active: true },
    ])
  })

  test('one row that is refused leaves everything as it was; each row says what would become of it', async () => {
    await run(['user,s1,Sam,sam@csv.test,'])
    const before = await tables()
    const rows = [
      'user,s2,New,new@csv.test,',
      'user,s3,Second Sam,SAM@csv.test,',
      'user,s4,No address,no address,',
      'team,s5,Team,team@csv.test,',
      'user,s2,Twice,twice@csv.test,',
      'user,s1,Samuel,sam@csv.test,',
      'user,,Nobody,,',
    ]
    const refused = await run(rows)
    expect(await tables()).toBe(before)
    expect(results(refused)).toEqual([
      [2, 'CREATED', null],
      [3, 'REFUSED', 'ADDRESS_TAKEN'],
      [4, 'REFUSED', 'INVALID_ADDRESS'],
      [5, 'REFUSED', 'INVALID_KIND'],
      [6, 'REFUSED', 'DUPLICATE'],
      [7, 'UPDATED', null],
      [8, 'REFUSED', 'REQUIRED'],
    ])
    expect(refused).toMatchObject({ created: 1, updated: 1, unchanged: 0, refused: 5 })
    expect(await run(rows, true)).toEqual(refused)
  })

  test('every refused row is named, however many there are', async () => {
    const rows = Array.from({ length: 300 }, (_, index) => `user,t${index},T,nowhere,`)
    const answer = await run(rows)
    expect([answer.refused, answer.rows.length]).toEqual([300, 300])
  })

  test('a file that is none, and one of 10,001 owners, are refused', async () => {
    expect(results((await admin.get(IMPORT, { csv: 'PK\u0003\u0004' })).importOwners)).toEqual([
      [1, 'REFUSED', 'UNKNOWN_COLUMN'],
      [1, 'REFUSED', 'MISSING_COLUMN'],
    ])
    const many = await run(Array.from({ length: 10_001 }, (_, index) => `user,m${index},M,,`))
    expect(many.rows.at(-1)).toMatchObject({ line: 10_002, code: 'TOO_MANY' })
    const { owners } = await admin.get('{ owners(filter: { text: "m" }) { nodes { externalId } } }')
    expect(owners.nodes.filter(({ externalId }: Anything) => externalId === 'm0')).toEqual([])
  })

  test('more than 10,000 rows of the command line are one transaction: addresses may move from one end to the other', async () => {
    const count = 10_500
    const file = (shift: number) => {
      const rows = Array.from(
        { length: count },
        (_, index) => `user,big${index},B,${(index + shift) % count}@big.test,`,
      )
      return Buffer.from([HEADER, ...rows].join('\n'))
    }
    const options = { dryRun: false, action: 'cli import owners', mostRows: 200_000 }
    const take = (bytes: Buffer) =>
      harness.app.services.ownerImport.importCsv(operator('cli import owners'), bytes, options)
    expect(await take(file(0))).toMatchObject({ created: count, refused: 0 })
    expect(await take(file(1))).toMatchObject({ updated: count, refused: 0 })
    const { owners } = await admin.get('{ owners(filter: { text: "@big.test" }) { totalCount } }')
    expect(owners.totalCount).toBe(count)
  }, 120_000)

  test('needs the right to provision', async () => {
    const { errors } = await (await harness.auditor()).ask(IMPORT, { csv: HEADER })
    expect(errors.map((error) => error.extensions.code)).toEqual(['FORBIDDEN'])
  })
})
