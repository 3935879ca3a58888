import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { LIMITS } from '../graphql/limits'
import { type Anything, type Caller, Harness } from './harness'

const deep = `{ mailboxes { nodes { ${'owner { mailbox { '.repeat(8)} id ${'} }'.repeat(8)} } } }`
const aliases = `{ ${Array.from({ length: LIMITS.aliases + 1 }, (_, index) => `a${index}: viewer { id }`).join(' ')} }`
const long = `{ ${'viewer { id } '.repeat(LIMITS.tokens)} }`
const costly = '{ mailboxes(first: 500) { nodes { alerts(first: 500) { nodes { id code } } } } }'

const REFUSED: [string, string, string][] = [
  ['too deep', deep, 'GRAPHQL_VALIDATION_FAILED'],
  ['too many aliases', aliases, 'GRAPHQL_VALIDATION_FAILED'],
  ['too long', long, 'GRAPHQL_PARSE_FAILED'],
  ['too costly', costly, 'BAD_USER_INPUT'],
  ['no such field', '{ nothing }', 'GRAPHQL_VALIDATION_FAILED'],
]

describe('limits of one operation', () => {
  let harness: Harness
  let admin: Caller

  beforeAll(async () => {
    harness = await Harness.start({ database: 'sqlite' })
    admin = await harness.admin()
  })
  afterAll(() => harness?.stop())

  test.each(REFUSED)('%s: refused on HTTP', async (_what, query, code) => {
    const { data, errors } = await admin.ask(query)
    expect(data ?? null).toBeNull()
    expect(errors.map((error) => error.extensions.code)).toContain(code)
  })

  test.each(REFUSED)('%s: refused on the websocket', async (_what, query) => {
    await expect(admin.watch(query).next()).rejects.toBeDefined()
  })

  test('introspection itself is not too deep', async () => {
    const type =
      'type { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name } } } } }'
    const { errors } = await admin.ask(`{ __schema { types { name fields { name ${type} args { name ${type} } } } } }`)
    expect(errors).toEqual([])
  })

  test('introspection can be switched off, on both ways in', async () => {
    const closed = await Harness.start({ database: 'sqlite', env: { MAILWARDEN_INTROSPECTION: 'off' } })
    const caller = await closed.admin()
    expect((await caller.ask('{ __schema { types { name } } }')).errors).not.toEqual([])
    await expect(caller.watch('{ __schema { types { name } } }').next()).rejects.toBeDefined()
    const { errors } = await caller.ask('{ mailboxez { totalCount } }')
    expect(errors[0]?.message).not.toContain('mailboxes')
    await closed.stop()
  })

  test('a body past the limit is not read', async () => {
    const { status } = await admin.ask('{ viewer { id } }', { filler: 'x'.repeat(LIMITS.bodyBytes) })
    expect(status).toBe(413)
  })

  test('a message past the limit ends its websocket', async () => {
    const filler = 'x'.repeat(LIMITS.messageBytes)
    await expect(admin.watch('{ viewer { id } }', { filler }).next()).rejects.toMatchObject({ code: 1009 })
  })

  test('one socket has at most so many operations under way', async () => {
    const socket = admin.socket()
    const watching = Array.from({ length: LIMITS.operationsPerSocket }, () =>
      admin.watch('subscription { mailboxViewCounts { count } }', {}, socket),
    )
    await Promise.all(watching.map((one) => one.next()))
    await expect(admin.watch('{ viewer { name } }', {}, socket).next()).rejects.toMatchObject([
      { extensions: { code: 'BAD_USER_INPUT' } },
    ])
    await Promise.all(watching.map((one) => one.end()))
  })

  test('queries and mutations run on the websocket too, by the same rights', async () => {
    const auditor = await harness.auditor()
    const answer = await auditor.watch('{ viewer { name } }').next()
    expect(answer.viewer.name).toBe('auditor')
    const mutation = auditor.watch('mutation { approveEmails(selection: { view: ALL }) { changed } }').next()
    await expect(mutation).rejects.toThrow('FORBIDDEN')
  })

  test('a bug is answered without a word about the inside, and logged once with its request id', async () => {
    const { db } = harness.app
    await db.inTransaction((tx) => tx.em.query('ALTER TABLE alerts RENAME TO alerts_away'))
    const { errors } = await admin.ask('{ alerts { nodes { id } } }')
    await db.inTransaction((tx) => tx.em.query('ALTER TABLE alerts_away RENAME TO alerts'))
    const [error] = errors as Anything[]
    expect(error.extensions.code).toBe('INTERNAL_SERVER_ERROR')
    expect(JSON.stringify(errors)).not.toContain('alerts_away')
    expect(JSON.stringify(errors)).not.toMatch(/SQLITE|no such table|SELECT/i)
    expect(harness.logged.filter((line) => line.includes(error.extensions.requestId))).toHaveLength(1)
  })

  test('every answer carries the security headers', async () => {
    const { headers } = await admin.ask('{ viewer { id } }')
    expect(headers.get('content-security-policy')).toContain("default-src 'self'")
    expect(headers.get('x-content-type-options')).toBe('nosniff')
    expect(headers.get('x-frame-options')).toBe('DENY')
    expect(headers.get('referrer-policy')).toBe('no-referrer')
    expect(headers.get('cache-control')).toBe('no-store')
  })
})
