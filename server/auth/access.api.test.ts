import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'
import { type Caller, DATABASES, Harness, makeUser, PASSWORD } from '../test/harness'
import { ApiToken } from './api-token.entity'
import { Role } from './rights'
import { User } from './user.entity'

const USER = '{ user { id name roles domains ownerId active } userErrors { code path } }'
const CREATE = `mutation ($input: CreateUserInput!) { createUser(input: $input) ${USER} }`
const UPDATE = `mutation ($id: ID!, $input: UpdateUserInput!) { updateUser(id: $id, input: $input) ${USER} }`
const SET_PASSWORD = `mutation ($id: ID!, $password: String!) { setUserPassword(id: $id, password: $password) ${USER} }`
const CHANGE_PASSWORD = `mutation ($current: String!, $next: String!) {
  changeOwnPassword(current: $current, next: $next) { viewer { name } userErrors { code path } }
}`
const END_SESSIONS = 'mutation ($userId: ID!) { endSessions(userId: $userId) { ended userErrors { code path } } }'
const VIEWER = '{ viewer { id name roles rights rightsForAll ownerId } }'
const COUNTS = 'subscription { mailboxViewCounts { view count } }'
const AUDIT = `query ($subjectId: ID!) { auditLog(filter: { subjectId: $subjectId }) {
  nodes { action actorName changes { nodes { before { field value } after { field value } } } }
} }`
const PROVISION = `mutation ($owners: [OwnerInput!]!) { provisionOwners(owners: $owners) { owners { id } userErrors { code } } }`
const OTHER_PASSWORD = 'another horse battery'

describe.each(DATABASES)('who gets in, on %s', (database) => {
  let harness: Harness
  let admin: Caller
  let count = 0

  beforeAll(async () => {
    harness = await Harness.start({ database, work: false })
    admin = await harness.admin()
  })
  afterAll(() => harness?.stop())

  const newName = () => `person-${++count}`
  const make = async (role: Role, more: object = {}) => makeUser(harness.app, newName(), { roles: [role], ...more })
  const signedIn = (name: string) => harness.anonymous().signIn(name, PASSWORD)
  const update = async (id: string, input: object) => (await admin.get(UPDATE, { id, input })).updateUser
  const newOwner = async () => {
    const owners = [{ kind: 'USER', externalId: newName(), name: 'Anna Bell' }]
    return (await admin.get(PROVISION, { owners })).provisionOwners.owners[0].id as string
  }
  const actions = async (subjectId: string): Promise<string[]> =>
    (await admin.get(AUDIT, { subjectId })).auditLog.nodes.map((entry: { action: string }) => entry.action)

  test('users are made with roles and what these need, and are listed by name', async () => {
    const ownerId = await newOwner()
    const input = { name: ' Zoë ', password: PASSWORD, roles: ['MAILBOX_APPROVER', 'MAILBOX_USER'] }
    const domains = ['Bücher.example', 'EXAMPLE.org', 'example.org']
    const { user, userErrors } = (await admin.get(CREATE, { input: { ...input, domains, ownerId } })).createUser
    expect(userErrors).toEqual([])
    const kept = ['example.org', 'xn--bcher-kva.example']
    expect(user).toMatchObject({ name: 'Zoë', roles: input.roles, domains: kept, ownerId, active: true })
    const zoe = await signedIn('zoë')
    const { viewer } = await zoe.get(VIEWER)
    expect(viewer).toMatchObject({ ownerId, rightsForAll: [] })
    expect(viewer.rights).toEqual(['mailboxes.read', 'mailboxes.approve', 'mailboxes.credentials', 'mailboxes.test'])
    const first = (await admin.get('{ users(first: 1) { nodes { name } pageInfo { endCursor } totalCount } }')).users
    expect(first.nodes).toEqual([{ name: 'admin' }])
    const after = first.pageInfo.endCursor
    const next = 'query ($after: String) { users(first: 1, after: $after) { nodes { name } } }'
    expect((await admin.get(next, { after })).users.nodes).toEqual([{ name: 'auditor' }])
  })

  test.each([
    ['no role', { roles: [] }, 'REQUIRED', ['input', 'roles']],
    ['the role of tokens', { roles: ['INTEGRATION'] }, 'NOT_ALLOWED', ['input', 'roles']],
    ['an approver without domain', { roles: ['MAILBOX_APPROVER'] }, 'REQUIRED', ['input', 'domains']],
    ['a mailbox user without owner', { roles: ['MAILBOX_USER'] }, 'REQUIRED', ['input', 'ownerId']],
    ['an unknown owner', { ownerId: '01900000-0000-7000-8000-000000000009' }, 'NOT_FOUND', ['input', 'ownerId']],
    ['an owner that is none', { ownerId: 'x' }, 'NOT_FOUND', ['input', 'ownerId']],
    ['no domain', { domains: ['example.org', 'not a domain'] }, 'INVALID', ['input', 'domains', '1']],
    ['too many domains', { domains: Array(201).fill('a.example') }, 'TOO_MANY', ['input', 'domains']],
    ['no name', { name: ' ' }, 'REQUIRED', ['input', 'name']],
    ['a name of two lines', { name: 'a\nb' }, 'CONTROL_CHARACTER', ['input', 'name']],
    ['a name that looks like another', { name: '\uff21DMIN' }, 'TAKEN', ['input', 'name']],
    ['a short password', { password: 'short' }, 'INVALID', ['input', 'password']],
  ])('%s is refused', async (_what, differences, code, path) => {
    const input = { name: newName(), password: PASSWORD, roles: ['AUDITOR'], ...differences }
    expect((await admin.get(CREATE, { input })).createUser).toEqual({ user: null, userErrors: [{ code, path }] })
  })

  test('what is left out of an update stays; what cannot be is refused and changes nothing', async () => {
    const { id, name } = await make(Role.MAILBOX_APPROVER, { domains: ['example.org'] })
    expect((await update(id, { name: `${name} the second` })).user).toMatchObject({ domains: ['example.org'] })
    expect((await update(id, { name: 'admin', domains: [] })).userErrors).toEqual([
      { code: 'REQUIRED', path: ['input', 'domains'] },
      { code: 'TAKEN', path: ['input', 'name'] },
    ])
    expect((await update('nobody', { active: false })).userErrors).toEqual([{ code: 'NOT_FOUND', path: ['id'] }])
    expect((await update(id, {})).user).toMatchObject({ name: `${name} the second`, active: true })
    // an empty update is no command
    expect(await actions(id)).toEqual(['updateUser', 'createUser'])
  })

  test('a change of roles holds at the next request, and open sockets come back with it', async () => {
    const { id, name } = await make(Role.AUDITOR)
    const caller = await signedIn(name)
    const watching = caller.watch(COUNTS)
    await watching.next()
    const untouched = (await harness.auditor()).watch(COUNTS)
    await untouched.next()
    await update(id, { roles: ['SERVICE_ADMINISTRATOR'] })
    expect((await caller.get(VIEWER)).viewer.rights).toContain('mailboxes.approve')
    await expect(watching.until(() => false)).rejects.toMatchObject({ code: 1012 })
    expect(await caller.watch(COUNTS).next()).toBeDefined()
    await untouched.end()
  })

  test('a change of domains closes the sockets of who watched with the others', async () => {
    const { id, name } = await make(Role.MAILBOX_APPROVER, { domains: ['example.org'] })
    const watching = (await signedIn(name)).watch(COUNTS)
    await watching.next()
    await update(id, { domains: ['example.com'] })
    await expect(watching.until(() => false)).rejects.toMatchObject({ code: 1012 })
  })

  test('who is deactivated is out at once, and in again when he is activated', async () => {
    const { id, name } = await make(Role.AUDITOR)
    const caller = await signedIn(name)
    const watching = caller.watch(COUNTS)
    await watching.next()
    expect((await update(id, { active: false })).user.active).toBe(false)
    await expect(watching.until(() => false)).rejects.toMatchObject({ code: 4401 })
    expect((await caller.get(VIEWER)).viewer).toBeNull()
    await expect(signedIn(name)).rejects.toThrow('USER_INACTIVE')
    await update(id, { active: true })
    expect((await caller.get(VIEWER)).viewer).toBeNull()
    await expect(signedIn(name)).resolves.toBeDefined()
  })

  test('who is deactivated while a socket is let in is not in', async () => {
    const { id, name } = await make(Role.AUDITOR)
    const caller = await signedIn(name)
    const { auth } = harness.app.services
    const bySession = auth.bySession.bind(auth)
    auth.bySession = async (secret, ip) => {
      const viewer = await bySession(secret, ip)
      // as late as can be: it was read that he may come in
      if (viewer?.id === id) await update(id, { active: false })
      return viewer
    }
    try {
      await expect(caller.watch(COUNTS).until(() => false)).rejects.toMatchObject({ code: 4401 })
    } finally {
      auth.bySession = bySession
    }
  })

  test('who is deactivated behind the back of a session is out, too', async () => {
    const { id, name } = await make(Role.AUDITOR)
    const caller = await signedIn(name)
    await harness.app.db.inTransaction((tx) =>
      tx.em.query('UPDATE users SET deactivated_at = created_at WHERE id = ?', [id]),
    )
    expect((await caller.get(VIEWER)).viewer).toBeNull()
  })

  test('the last administrator keeps the role, whoever asks, and though two take it from each other at one time', async () => {
    const { id: adminId } = (await admin.get(VIEWER)).viewer
    const last = (field: string) => [{ code: 'LAST_ADMINISTRATOR', path: ['input', field] }]
    expect((await update(adminId, { roles: ['AUDITOR'] })).userErrors).toEqual(last('roles'))
    expect((await update(adminId, { active: false })).userErrors).toEqual(last('active'))
    const second = await make(Role.SYSTEM_ADMINISTRATOR)
    const other = await signedIn(second.name)
    const roles = { roles: ['SERVICE_ADMINISTRATOR'] }
    await Promise.all([
      admin.ask(UPDATE, { id: second.id, input: roles }),
      other.ask(UPDATE, { id: adminId, input: roles }),
    ])
    const all = await harness.app.db.read.find(User)
    const administrators = all.filter((user) => user.roles.includes(Role.SYSTEM_ADMINISTRATOR))
    expect(administrators).toHaveLength(1)
    if (administrators[0]?.id === adminId) return
    await other.get(UPDATE, { id: adminId, input: { roles: ['SYSTEM_ADMINISTRATOR'] } })
    await other.get(UPDATE, { id: second.id, input: { roles: ['AUDITOR'] } })
  })

  test('a password that an administrator sets ends the sessions of its user, not his own', async () => {
    const { id, name } = await make(Role.AUDITOR)
    const caller = await signedIn(name)
    expect((await admin.get(SET_PASSWORD, { id, password: 'short' })).setUserPassword.userErrors).toEqual([
      { code: 'INVALID', path: ['password'] },
    ])
    expect((await caller.get(VIEWER)).viewer.name).toBe(name)
    expect((await admin.get(SET_PASSWORD, { id, password: OTHER_PASSWORD })).setUserPassword.userErrors).toEqual([])
    expect((await caller.get(VIEWER)).viewer).toBeNull()
    await expect(signedIn(name)).rejects.toThrow('WRONG_CREDENTIALS')
    await expect(harness.anonymous().signIn(name, OTHER_PASSWORD)).resolves.toBeDefined()
    expect((await admin.get(VIEWER)).viewer.name).toBe('admin')
  })

  test('everybody changes his own password by showing it; his other sessions end', async () => {
    const { id, name } = await make(Role.AUDITOR)
    const [caller, elsewhere] = [await signedIn(name), await signedIn(name)]
    const change = async (current: string, next: string) =>
      (await caller.get(CHANGE_PASSWORD, { current, next })).changeOwnPassword
    expect((await change('wrong password', OTHER_PASSWORD)).userErrors).toEqual([
      { code: 'WRONG_CREDENTIALS', path: ['current'] },
    ])
    expect((await change(PASSWORD, 'short')).userErrors).toEqual([{ code: 'INVALID', path: ['next'] }])
    expect(await change(PASSWORD, OTHER_PASSWORD)).toEqual({ viewer: { name }, userErrors: [] })
    expect((await caller.get(VIEWER)).viewer.name).toBe(name)
    expect((await elsewhere.get(VIEWER)).viewer).toBeNull()
    await expect(signedIn(name)).rejects.toThrow('WRONG_CREDENTIALS')
    expect(await actions(id)).toEqual(['changeOwnPassword', 'createUser'])
  })

  test.each([
    ['another password was set', (id: string) => admin.get(SET_PASSWORD, { id, password: OTHER_PASSWORD })],
    ['the user was deactivated', (id: string) => admin.get(UPDATE, { id, input: { active: false } })],
  ])('a password is not changed by one that was shown before %s', async (_, meanwhile) => {
    const { id, name } = await make(Role.AUDITOR)
    const caller = await signedIn(name)
    const { auth } = harness.app.services
    const prove = auth.prove.bind(auth)
    const spy = jest.spyOn(auth, 'prove').mockImplementationOnce(async (...asked) => {
      const proof = await prove(...asked)
      await meanwhile(id)
      return proof
    })
    const next = 'a third horse battery'
    const { changeOwnPassword } = await caller.get(CHANGE_PASSWORD, { current: PASSWORD, next })
    spy.mockRestore()
    expect(changeOwnPassword.userErrors).toEqual([{ code: 'WRONG_CREDENTIALS', path: ['current'] }])
    expect(await actions(id)).not.toContain('changeOwnPassword')
    await update(id, { active: true })
    await expect(harness.anonymous().signIn(name, next)).rejects.toThrow('WRONG_CREDENTIALS')
  })

  test('an owner that was deleted is none to stand for', async () => {
    const ownerId = await newOwner()
    const { id } = await make(Role.AUDITOR)
    const remove = 'mutation ($ids: [ID!]!) { deleteOwners(selection: { ids: $ids }) { userErrors { code } } }'
    expect((await admin.get(remove, { ids: [ownerId] })).deleteOwners.userErrors).toEqual([])
    const { userErrors } = await update(id, { roles: ['MAILBOX_USER'], ownerId })
    expect(userErrors).toEqual([{ code: 'NOT_FOUND', path: ['input', 'ownerId'] }])
    const create = `mutation ($input: EmailServerProfileInput!) {
      createEmailServerProfile(input: $input) { userErrors { code path } }
    }`
    const endpoint = { host: 'mail.example.org', port: 993, security: 'TLS' }
    const profile = { name: newName(), type: 'IMAP_SMTP', incoming: endpoint, outgoing: endpoint }
    const answer = (input: object) =>
      admin.get(create, { input }).then((data) => data.createEmailServerProfile.userErrors)
    expect(await answer({ ...profile, ownerId })).toEqual(userErrors)
    expect(await answer(profile)).toEqual([])
  })

  test('a token that is revoked many times at once was revoked once', async () => {
    const create = `mutation { createApiToken(input: { name: "Sync", scopes: ["read"] }) { token { id } userErrors { code } } }`
    const revoke = 'mutation ($id: ID!) { revokeApiToken(id: $id) { token { revokedAt } userErrors { code } } }'
    const { id } = (await admin.get(create)).createApiToken.token
    const answers = await Promise.all(Array.from({ length: 8 }, () => admin.get(revoke, { id })))
    expect(new Set(answers.map(({ revokeApiToken }) => revokeApiToken.token.revokedAt)).size).toBe(1)
    expect(await actions(id)).toEqual(['revokeApiToken', 'createApiToken'])
  })

  test('a stolen session does not guess the password: wrong ones count as at signing in', async () => {
    const { name } = await make(Role.AUDITOR)
    const caller = await signedIn(name)
    const guess = async (current: string) => {
      const { changeOwnPassword } = await caller.get(CHANGE_PASSWORD, { current, next: OTHER_PASSWORD })
      return changeOwnPassword.userErrors[0].code
    }
    for (let attempt = 0; attempt < 10; attempt++) expect(await guess('wrong password')).toBe('WRONG_CREDENTIALS')
    expect(await guess(PASSWORD)).toBe('TOO_MANY_ATTEMPTS')
  })

  test('ending the sessions of a user leaves the user', async () => {
    const { id, name } = await make(Role.AUDITOR)
    const [caller] = [await signedIn(name), await signedIn(name)]
    const end = async () => (await admin.get(END_SESSIONS, { userId: id })).endSessions
    expect(await end()).toEqual({ ended: 2, userErrors: [] })
    expect((await caller.get(VIEWER)).viewer).toBeNull()
    expect(await end()).toEqual({ ended: 0, userErrors: [] })
    await expect(signedIn(name)).resolves.toBeDefined()
    const unknown = (await admin.get(END_SESSIONS, { userId: 'nobody' })).endSessions
    expect(unknown.userErrors).toEqual([{ code: 'NOT_FOUND', path: ['userId'] }])
  })

  test('the audit log has who was made and changed, with what differs and no password', async () => {
    const name = newName()
    const input = { name, password: PASSWORD, roles: ['AUDITOR'] }
    const { id } = (await admin.get(CREATE, { input })).createUser.user
    await update(id, { roles: ['MAILBOX_APPROVER'], domains: ['example.org'] })
    await admin.get(SET_PASSWORD, { id, password: OTHER_PASSWORD })
    const { nodes } = (await admin.get(AUDIT, { subjectId: id })).auditLog
    expect(nodes.map((node: { action: string }) => node.action)).toEqual([
      'setUserPassword',
      'updateUser',
      'createUser',
    ])
    expect(nodes[0].actorName).toBe('admin')
    const [password, change, creation] = nodes.map((node: { changes: { nodes: object[] } }) => node.changes.nodes[0])
    expect(password.after).toEqual([{ field: 'password', value: 'changed' }])
    expect(change.before.map((value: { field: string }) => value.field)).toEqual(['roles', 'domains'])
    expect(creation.before).toBeNull()
    expect(creation.after).toContainEqual({ field: 'password', value: 'changed' })
    expect(JSON.stringify(nodes)).not.toContain(PASSWORD)
    expect(JSON.stringify(nodes)).not.toContain(OTHER_PASSWORD)
  })

  test('the audit log has who came and went, and nothing of who did not get in', async () => {
    const log =
      '{ auditLog(filter: { subjectType: SESSION }, first: 10) { nodes { id action actorName actorAddress } } }'
    const last = async () => (await admin.get(log)).auditLog.nodes
    const { name } = await make(Role.AUDITOR)
    const caller = await signedIn(name)
    await caller.get('mutation { signOut }')
    const before = await last()
    expect(before.slice(0, 2)).toMatchObject([
      { action: 'signOut', actorName: name },
      { action: 'signIn', actorName: name, actorAddress: expect.stringContaining('127.0.0.1') },
    ])
    await expect(harness.anonymous().signIn(name, 'wrong password')).rejects.toThrow('WRONG_CREDENTIALS')
    expect(await last()).toEqual(before)
  })

  test('tokens are listed with who made them, and what happens to them is audited', async () => {
    const input = { name: newName(), scopes: ['read'] }
    const create = 'mutation ($input: ApiTokenInput!) { createApiToken(input: $input) { token { id } } }'
    const { id } = (await admin.get(create, { input })).createApiToken.token
    const list = '{ apiTokens(first: 1) { nodes { id name scopes createdBy lastUsedAt revokedAt } totalCount } }'
    const shown = { ...input, id, createdBy: 'admin', lastUsedAt: null }
    expect((await admin.get(list)).apiTokens.nodes).toEqual([{ ...shown, revokedAt: null }])
    const revoke = 'mutation ($id: ID!) { revokeApiToken(id: $id) { token { revokedAt } userErrors { code } } }'
    const { revokedAt } = (await admin.get(revoke, { id })).revokeApiToken.token
    expect(revokedAt).toEqual(expect.any(String))
    // once is enough
    expect((await admin.get(revoke, { id })).revokeApiToken.token).toEqual({ revokedAt })
    expect((await admin.get(list)).apiTokens.nodes).toEqual([{ ...shown, revokedAt }])
    expect(await actions(id)).toEqual(['revokeApiToken', 'createApiToken'])
  })

  test("a token's use is noted to the minute, beside the request", async () => {
    const { app } = harness
    const caller = await harness.newToken('read')
    const [{ id }] = (await app.db.read.find(ApiToken, { order: { id: 'DESC' }, take: 1 })) as [ApiToken]
    const lastUsed = async () => {
      await app.services.tokens.flush()
      return (await app.db.read.findOneByOrFail(ApiToken, { id })).lastUsedAt?.getTime()
    }
    let finish = () => {}
    const held = app.db.inTransaction(async (tx) => {
      await tx.em.update(ApiToken, { id }, { name: 'held' })
      await new Promise<void>((resolve) => {
        finish = resolve
      })
    })
    // a long command holds the row, on SQLite the whole database; who comes with the token does not wait for it
    expect((await caller.get(VIEWER)).viewer.roles).toEqual(['INTEGRATION'])
    finish()
    await held
    const used = await lastUsed()
    expect(used).toBeGreaterThan(0)
    await caller.get(VIEWER)
    expect(await lastUsed()).toBe(used)
    await app.db.inTransaction((tx) => tx.em.update(ApiToken, { id }, { lastUsedAt: new Date(0) }))
  })

  test('a use that cannot be noted is logged and harms nobody, and is noted the next time', async () => {
    const { app } = harness
    const caller = await harness.newToken('read')
    const [{ id }] = (await app.db.read.find(ApiToken, { order: { id: 'DESC' }, take: 1 })) as [ApiToken]
    const { db } = app
    const inTransaction = db.inTransaction.bind(db)
    db.inTransaction = () => Promise.reject(new Error('the database is away'))
    expect((await caller.get(VIEWER)).viewer.roles).toEqual(['INTEGRATION'])
    await app.services.tokens.flush()
    db.inTransaction = inTransaction
    expect(harness.logged.join('\n')).toContain('the database is away')
    await caller.get(VIEWER)
    await app.services.tokens.flush()
    expect((await db.read.findOneByOrFail(ApiToken, { id })).lastUsedAt).not.toBeNull()
  })
})
