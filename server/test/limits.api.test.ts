import { once } from 'node:events'
import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'
import { LIMITS } from '../graphql/limits'
import { type Anything, type Caller, Harness } from './harness'
import { waitFor } from './wait-for'

const deep = `{ mailboxes { nodes { ${'owner { mailbox { '.repeat(8)} id ${'} }'.repeat(8)} } } }`
const aliases = `{ ${Array.from({ length: LIMITS.aliases + 1 }, (_, index) => `a${index}: viewer { id }`).join(' ')} }`
const long = `{ ${'viewer { id } '.repeat(LIMITS.tokens)} }`
const costly = '{ mailboxes(first: 500) { nodes { alerts(first: 500) { nodes { id code } } } } }'

const costlyEvents =
  'subscription { testRunProgress(id: "x") { items { mailbox { alerts(first: 500) { nodes { id } } } } } }'

const REFUSED: [string, string, string][] = [
  ['too deep', deep, 'GRAPHQL_VALIDATION_FAILED'],
  ['too many aliases', aliases, 'GRAPHQL_VALIDATION_FAILED'],
  ['too long', long, 'GRAPHQL_PARSE_FAILED'],
  ['too costly', costly, 'BAD_USER_INPUT'],
  ['no such field', '{ nothing }', 'GRAPHQL_VALIDATION_FAILED'],
  ['no GraphQL', '{ viewer ', 'GRAPHQL_PARSE_FAILED'],
  ['no such argument', '{ mailboxes(fist: 1) { totalCount } }', 'GRAPHQL_VALIDATION_FAILED'],
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
    const { status, data, errors } = await admin.ask(query)
    expect(status).toBe(400)
    expect(data ?? null).toBeNull()
    expect(errors.map((error) => error.extensions.code)).toContain(code)
  })

  test.each(REFUSED)('%s: refused on the websocket, by the same code', async (_what, query, code) => {
    const refusal = admin.watch(query).next()
    await expect(refusal).rejects.toContainEqual(expect.objectContaining({ extensions: { code } }))
  })

  test.each<[string, string, Record<string, unknown>]>([
    ['wrong enum', 'query ($v: MailboxView) { mailboxes(view: $v) { totalCount } }', { v: 'NOWHERE' }],
    ['missing variable', 'query ($id: ID!) { mailbox(id: $id) { id } }', {}],
    ['unknown input field', 'query ($f: MailboxFilter) { mailboxes(filter: $f) { totalCount } }', { f: { x: 1 } }],
    ['too large Int', 'query ($n: Int) { mailboxes(first: $n) { totalCount } }', { n: 3_000_000_000 }],
    ['bad date', 'query ($f: AuditFilter) { auditLog(filter: $f) { totalCount } }', { f: { from: 'soon' } }],
    ['null argument', 'query ($id: ID = "x") { mailbox(id: $id) { id } }', { id: null }],
  ])("variables: a %s is the caller's mistake", async (_what, query, variables) => {
    const { status, errors } = await admin.ask(query, variables)
    expect({ status, codes: errors.map((error) => error.extensions) }).toEqual({
      status: 400,
      codes: [{ code: 'BAD_USER_INPUT' }],
    })
    const refusal = admin.watch(query, variables).next()
    await expect(refusal).rejects.toContainEqual(expect.objectContaining({ extensions: { code: 'BAD_USER_INPUT' } }))
  })

  test('a list without first counts by the most it may have', async () => {
    const [error] = await admin
      .watch(costlyEvents)
      .next()
      .then(
        () => [],
        (errors: { message: string }[]) => errors,
      )
    expect(error?.message).toContain('fields')
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
    const onSocket = await caller
      .watch('{ mailboxez { totalCount } }')
      .next()
      .catch((refusal) => refusal)
    for (const answer of [errors, onSocket]) {
      expect(answer[0].message).toContain('mailboxez')
      expect(answer[0].message).not.toMatch(/mailboxes|Did you mean/)
    }
    await closed.stop()
  })

  test('a body past the limit is not read', async () => {
    const { status, errors } = await admin.ask('{ viewer { id } }', { filler: 'x'.repeat(LIMITS.bodyBytes) })
    expect(status).toBe(413)
    expect(errors).toEqual([{ message: expect.any(String), extensions: { code: 'BAD_REQUEST' } }])
  })

  test.each([
    ['no JSON', 'application/json', '{"query":', 400],
    ['of another type', 'text/html', '<p>', 415],
  ])('a body that is %s is answered as GraphQL answers', async (_what, type, body, status) => {
    const answer = await fetch(`${harness.url}/graphql`, { method: 'POST', headers: { 'content-type': type }, body })
    expect(answer.status).toBe(status)
    const { errors } = (await answer.json()) as Anything
    expect(errors).toEqual([{ message: expect.any(String), extensions: { code: 'BAD_REQUEST' } }])
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

  test('a page of GraphQL is not offered', async () => {
    const { status } = await fetch(`${harness.url}/graphql`, { headers: { accept: 'text/html' } })
    expect(status).toBe(400)
  })

  test('health without its database is 503 without a word about the inside', async () => {
    const { db } = harness.app
    expect(await (await fetch(`${harness.url}/healthz`)).json()).toEqual({ status: 'ok' })
    jest.spyOn(db.read, 'query').mockRejectedValueOnce(new Error('connect ECONNREFUSED 10.0.0.7:3306'))
    const answer = await fetch(`${harness.url}/healthz`)
    expect(answer.status).toBe(503)
    expect(await answer.json()).toEqual({ status: 'unavailable' })
    expect(harness.logged.filter((line) => line.includes('10.0.0.7'))).toHaveLength(1)
  })

  test('a websocket that cannot be let in is told nothing about the inside', async () => {
    jest.spyOn(harness.app.services.auth, 'bySession').mockRejectedValueOnce(new Error('ECONNREFUSED 10.0.0.8'))
    await expect(admin.watch('{ viewer { name } }').next()).rejects.toMatchObject({
      code: 4500,
      reason: 'INTERNAL_SERVER_ERROR',
    })
    expect(harness.logged.filter((line) => line.includes('10.0.0.8'))).toHaveLength(1)
  })

  test('a request under way is answered before the server closes; one that does not end, and a mute websocket, are cut', async () => {
    const closing = await Harness.start({ database: 'sqlite' })
    const caller = await closing.admin()
    let open = () => {}
    const gate = new Promise<void>((resolve) => {
      open = resolve
    })
    const { auth } = closing.app.services
    const bySession = auth.bySession.bind(auth)
    const held = jest.spyOn(auth, 'bySession').mockImplementation(async (secret, ip) => {
      await gate
      return bySession(secret, ip)
    })
    const answered = caller.ask('{ viewer { name } }')
    const mute = connect(Number(new URL(closing.url).port), '127.0.0.1')
    mute.on('error', () => {})
    mute.write(`GET /graphql HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n`)
    mute.write('Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n')
    mute.write('Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n')
    await once(mute, 'data')
    const endless = connect(Number(new URL(closing.url).port), '127.0.0.1')
    endless.on('error', () => {})
    endless.write('POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Type: application/json\r\n\r\n{')
    await waitFor('the request to be under way', () => held.mock.calls.length > 0)
    const stopped = closing.stop()
    open()
    expect((await answered).data).toEqual({ viewer: { name: 'admin' } })
    await stopped
  }, 10_000)

  test('every answer carries the security headers', async () => {
    const { headers } = await admin.ask('{ viewer { id } }')
    expect(headers.get('content-security-policy')).toContain("default-src 'self'")
    expect(headers.get('x-content-type-options')).toBe('nosniff')
    expect(headers.get('x-frame-options')).toBe('DENY')
    expect(headers.get('referrer-policy')).toBe('no-referrer')
    expect(headers.get('cache-control')).toBe('no-store')
  })
})
