import { lookup } from 'node:dns/promises'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { UserFaults } from '../errors'
import { type Caller, DATABASES, Harness, makeUser, PASSWORD } from '../test/harness'
import { Role } from './rights'
import { SignInFailure } from './user.entity'

const SIGN_IN = `mutation ($name: String!, $password: String!) {
  signIn(name: $name, password: $password) { viewer { name roles rights } userErrors { code path } }
}`
const CREATE_TOKEN = `mutation ($input: ApiTokenInput!) {
  createApiToken(input: $input) { secret token { id name scopes lastUsedAt expiresAt } userErrors { code path } }
}`
const REVOKE = 'mutation ($id: ID!) { revokeApiToken(id: $id) { token { id } userErrors { code path } } }'
const VIEWER = '{ viewer { name roles } }'
const COUNTS = 'subscription { mailboxViewCounts { view count } }'

const signIn = async (caller: Caller, name: string, password: string) =>
  (await caller.get(SIGN_IN, { name, password })).signIn

describe('where a hash takes as long as in life', () => {
  let slow: Harness
  beforeAll(async () => {
    slow = await Harness.start({ database: 'sqlite', realPasswords: true })
  })
  afterAll(() => slow?.stop())

  test('a flood of sign-ins leaves DNS its threads, and is refused beyond a short line', async () => {
    let hashed = 0
    const flood = Array.from({ length: 60 }, async (_, number) => {
      const { userErrors } = await signIn(slow.anonymous(), `stranger-${number}`, 'wrong password')
      if (userErrors[0].code === 'WRONG_CREDENTIALS') hashed += 1
      return userErrors[0].code
    })
    await Promise.race(flood)
    await lookup('localhost')
    expect(hashed).toBeLessThan(10)
    const codes = await Promise.all(flood)
    expect(codes.filter((code) => code === 'TOO_MANY_ATTEMPTS').length).toBeGreaterThan(20)
  })
})

describe('behind a proxy and TLS', () => {
  let harness: Harness
  beforeAll(async () => {
    const env = { MAILWARDEN_TRUST_PROXY: '1', PUBLIC_URL: 'https://mw.example' }
    harness = await Harness.start({ database: 'sqlite', env })
  })
  afterAll(() => harness?.stop())

  test('the cookie is for this host alone, and works on HTTP and on the websocket', async () => {
    const caller = await harness.admin()
    expect(caller.sessionCookie).toMatch(/^__Host-mailwarden_session=mws_/)
    expect((await caller.get(VIEWER)).viewer.name).toBe('admin')
    expect((await caller.watch(VIEWER).next()).viewer.name).toBe('admin')
  })

  test('who names another address with each guess is the same; who comes from another one is not', async () => {
    const guess = async (forwarded: string) => {
      const variables = { name: 'auditor', password: 'wrong password' }
      const { data } = await harness.anonymous().ask(SIGN_IN, variables, { 'x-forwarded-for': forwarded })
      return data.signIn.userErrors[0].code
    }
    for (let attempt = 0; attempt < 10; attempt++) {
      expect(await guess(`198.51.100.${attempt}, 2001:db8::${attempt}`)).toBe('WRONG_CREDENTIALS')
    }
    expect(await guess('198.51.100.77, 2001:db8::77')).toBe('TOO_MANY_ATTEMPTS')
    expect(await guess('2001:db8:0:1::77')).toBe('WRONG_CREDENTIALS')
  })
})

const LOCK_OUTS = `query ($id: ID!) { auditLog(filter: { subjectId: $id, action: "signIn" }) {
  nodes { action actorId details { field value } } } }`

describe.each(DATABASES)('signing in on %s', (database) => {
  let harness: Harness
  let admin: Caller

  beforeAll(async () => {
    harness = await Harness.start({ database })
    admin = await harness.admin()
  })
  afterAll(() => harness?.stop())

  const token = async (input: object) => (await admin.get(CREATE_TOKEN, { input })).createApiToken

  test('sets a cookie that scripts cannot read and other sites cannot send', async () => {
    const caller = harness.anonymous()
    const { data, headers } = await caller.ask(SIGN_IN, { name: 'ADMIN ', password: PASSWORD })
    expect(data.signIn.viewer).toMatchObject({ name: 'admin', roles: ['SYSTEM_ADMINISTRATOR'] })
    expect(data.signIn.viewer.rights).toContain('access.edit')
    const [cookie = ''] = headers.getSetCookie()
    expect(cookie).toMatch(/^mailwarden_session=mws_[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict$/)
    expect((await caller.get(VIEWER)).viewer.name).toBe('admin')
  })

  test('without a session there is no viewer, and signing out ends the session everywhere', async () => {
    expect((await harness.anonymous().get(VIEWER)).viewer).toBeNull()
    const caller = await harness.auditor()
    const cookie = caller.sessionCookie
    const watching = caller.watch(COUNTS)
    await watching.next()
    expect((await caller.get('mutation { signOut }')).signOut).toBe(true)
    await expect(watching.until(() => false)).rejects.toMatchObject({ code: 4401 })
    const { data } = await harness.anonymous().ask(VIEWER, {}, { cookie })
    expect(data.viewer).toBeNull()
  })

  test.each([
    ['a wrong password', 'auditor', 'wrong password', 'WRONG_CREDENTIALS', ['password']],
    ['an unknown name, with the same answer', 'nobody', 'wrong password', 'WRONG_CREDENTIALS', ['password']],
    ['no name', '', 'x', 'INVALID', ['name']],
    ['a password of 10,000 characters', 'auditor', 'x'.repeat(10_000), 'TOO_LONG', ['password']],
  ])('%s is refused', async (_what, name, password, code, path) => {
    const caller = harness.anonymous()
    expect(await signIn(caller, name, password)).toEqual({ viewer: null, userErrors: [{ code, path }] })
    expect(caller.sessionCookie).toBe('')
  })

  test('after ten wrong passwords even the right one is refused', async () => {
    await makeUser(harness.app, 'guessed', { roles: [Role.AUDITOR] })
    const caller = harness.anonymous()
    for (let attempt = 0; attempt < 10; attempt++) await signIn(caller, 'guessed', 'wrong password')
    expect((await signIn(caller, 'guessed', PASSWORD)).userErrors).toEqual([
      { code: 'TOO_MANY_ATTEMPTS', path: ['name'] },
    ])
    expect((await signIn(caller, 'auditor', PASSWORD)).userErrors).toEqual([])
    // who goes on from there locks nobody else out
    for (let attempt = 0; attempt < 100; attempt++) await signIn(caller, 'guessed', 'wrong password')
    const { viewer } = await harness.app.services.auth.signIn('guessed', PASSWORD, '192.0.2.99')
    expect(viewer.name).toBe('guessed')
    const log = await (await harness.admin()).get(LOCK_OUTS, { id: viewer.id })
    expect(log.auditLog.nodes).toEqual([
      { action: 'signIn', actorId: null, details: [{ field: 'address', value: '127.0.0.1' }] },
    ])
    expect(JSON.stringify(log)).not.toContain('wrong password')
  })

  test('guesses made at one time are no more than guesses made one after the other', async () => {
    await makeUser(harness.app, 'hurried', { roles: [Role.AUDITOR] })
    const codes = await Promise.all(
      Array.from({ length: 20 }, async (_, number) => {
        const { userErrors } = await signIn(
          harness.anonymous(),
          number % 2 ? 'Hurried' : '\uff48urried ',
          'wrong password',
        )
        return userErrors[0].code
      }),
    )
    expect(codes.filter((code) => code === 'WRONG_CREDENTIALS')).toHaveLength(10)
    expect(codes.filter((code) => code === 'TOO_MANY_ATTEMPTS')).toHaveLength(10)
  })

  test('a right password makes good for the wrong ones before it', async () => {
    await makeUser(harness.app, 'forgetful', { roles: [Role.AUDITOR] })
    const caller = harness.anonymous()
    for (let attempt = 0; attempt < 6; attempt++) await signIn(caller, 'forgetful', 'wrong password')
    expect((await signIn(caller, 'forgetful', PASSWORD)).userErrors).toEqual([])
    for (let attempt = 0; attempt < 6; attempt++) await signIn(caller, 'forgetful', 'wrong password')
    expect((await signIn(caller, 'forgetful', PASSWORD)).userErrors).toEqual([])
  })

  test('guesses for one name from many addresses are counted together, less strictly', async () => {
    const { auth } = harness.app.services
    const code = (ip: string) =>
      auth.signIn('nobody-at-all', 'wrong password', ip).catch((error: UserFaults) => error.faults[0]?.code)
    await harness.app.db.inTransaction((tx) => tx.em.query('DELETE FROM sign_in_failures'))
    expect(await code('192.0.2.1')).toBe('WRONG_CREDENTIALS')
    await harness.app.db.inTransaction((tx) => tx.em.query('UPDATE sign_in_failures SET failures = 99'))
    // the counter of this address is at 99, too, but that of another one begins
    expect(await code('192.0.2.2')).toBe('WRONG_CREDENTIALS')
    expect(await code('192.0.2.3')).toBe('TOO_MANY_ATTEMPTS')
    const hourAgo = new Date(Date.now() - 3_600_000)
    await harness.app.db.inTransaction((tx) => tx.em.updateAll(SignInFailure, { since: hourAgo }))
    expect(await code('192.0.2.3')).toBe('WRONG_CREDENTIALS')
  })

  test('a foreign page can use the cookie neither on HTTP nor on the websocket', async () => {
    const { data } = await admin.ask(VIEWER, {}, { origin: 'https://evil.example' })
    expect(data.viewer).toBeNull()
    const socket = admin.socket({ origin: 'https://evil.example' })
    await expect(admin.watch(COUNTS, {}, socket).next()).rejects.toMatchObject({ code: 4401 })
  })

  test('a form of a foreign page is no request', async () => {
    const { status, data } = await admin.ask('mutation { signOut }', {}, { 'content-type': 'text/plain' })
    expect(status).toBe(400)
    expect(data).toBeUndefined()
    expect((await admin.get(VIEWER)).viewer.name).toBe('admin')
  })

  test('an API token acts within its scopes, on HTTP and on the websocket, until it is revoked', async () => {
    const { secret, token: made, userErrors } = await token({ name: 'Sync', scopes: ['read', 'test'] })
    expect(userErrors).toEqual([])
    const integration = harness.withToken(secret)
    expect((await integration.get(VIEWER)).viewer).toEqual({ name: 'Sync', roles: ['INTEGRATION'] })
    expect((await integration.ask('{ mailboxes { totalCount } }')).errors).toEqual([])
    const approve = await integration.ask('mutation { approveEmails(selection: { view: ALL }) { changed } }')
    expect(approve.errors[0]?.extensions.code).toBe('FORBIDDEN')
    const watching = integration.watch(COUNTS)
    await watching.next()
    expect((await admin.get(REVOKE, { id: made.id })).revokeApiToken.userErrors).toEqual([])
    await expect(watching.until(() => false)).rejects.toMatchObject({ code: 4401 })
    expect((await integration.ask('{ mailboxes { totalCount } }')).errors[0]?.extensions.code).toBe('UNAUTHENTICATED')
  })

  test('a token that may write the settings but not read them is shown none', async () => {
    const change =
      'mutation ($input: EmailSettingsInput!) { updateEmailSettings(input: $input) { settings { processOnlyApprovedUsers } userErrors { code } } }'
    const { secret } = await token({ name: 'Writer', scopes: ['write'] })
    const input = { processOnlyApprovedUsers: true }
    const { data, errors } = await harness.withToken(secret).ask(change, { input })
    expect(errors).toEqual([])
    expect(data.updateEmailSettings).toEqual({ settings: null, userErrors: [] })
    expect((await admin.get(change, { input })).updateEmailSettings.settings).toEqual(input)
  })

  test('the settings take no profile that there is not, not even one without a name', async () => {
    const change =
      'mutation ($input: EmailSettingsInput!) { updateEmailSettings(input: $input) { settings { defaultProfile { id } } userErrors { code path } } }'
    const update = async (defaultProfileId: string | null) =>
      (await admin.get(change, { input: { defaultProfileId } })).updateEmailSettings
    const userErrors = [{ code: 'NOT_FOUND', path: ['input', 'defaultProfileId'] }]
    expect(await update('')).toEqual({ settings: null, userErrors })
    expect(await update('nope')).toEqual({ settings: null, userErrors })
    expect(await update(null)).toEqual({ settings: { defaultProfile: null }, userErrors: [] })
  })

  test('an expired token is none', async () => {
    const { secret, token: made } = await token({
      name: 'Brief',
      scopes: ['read'],
      expiresAt: new Date(Date.now() + 3_600_000),
    })
    await harness.app.db.inTransaction((tx) =>
      tx.em.query('UPDATE api_tokens SET expires_at = created_at WHERE id = ?', [made.id]),
    )
    expect((await harness.withToken(secret).get(VIEWER)).viewer).toBeNull()
  })

  test.each([
    ['no scope', { name: 'x', scopes: [] }, [{ code: 'REQUIRED', path: ['input', 'scopes'] }]],
    [
      'an unknown scope',
      { name: 'x', scopes: ['read', 'all'] },
      [{ code: 'UNKNOWN_SCOPE', path: ['input', 'scopes', '1'] }],
    ],
    ['no name', { name: ' ', scopes: ['read'] }, [{ code: 'REQUIRED', path: ['input', 'name'] }]],
    [
      'an expiry in the past',
      { name: 'x', scopes: ['read'], expiresAt: '2020-01-01T00:00:00Z' },
      [{ code: 'IN_THE_PAST', path: ['input', 'expiresAt'] }],
    ],
  ])('a token with %s is refused', async (_what, input, userErrors) => {
    expect(await token(input)).toEqual({ secret: null, token: null, userErrors })
  })

  test('no secret stands in the database', async () => {
    const { secret } = await token({ name: 'Hidden', scopes: ['read'] })
    const session = admin.sessionCookie.split('=')[1] ?? ''
    const rows = JSON.stringify([
      await harness.app.db.read.query('SELECT * FROM users'),
      await harness.app.db.read.query('SELECT * FROM sessions'),
      await harness.app.db.read.query('SELECT * FROM api_tokens'),
    ])
    for (const text of [secret, session, PASSWORD]) expect(rows).not.toContain(text)
  })
})
