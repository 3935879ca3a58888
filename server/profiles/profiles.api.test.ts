import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { startMailSystem } from '../demo/mail-system'
import { type Anything, type Caller, DATABASES, Harness } from '../test/harness'

const FIELDS = `id name type active isDefault credentialSource verifyCertificates trustedCertificates maxConcurrentConnections
  mailboxCount incoming { host port security } outgoing { host port security }`
const CREATE = `mutation ($input: EmailServerProfileInput!) {
  createEmailServerProfile(input: $input) { profile { ${FIELDS} } userErrors { code path } }
}`
const UPDATE = `mutation ($id: ID!, $input: EmailServerProfileInput!) {
  updateEmailServerProfile(id: $id, input: $input) { profile { ${FIELDS} } userErrors { code path } }
}`
const LIST = '{ emailServerProfiles { totalCount nodes { name } } }'
const SETTINGS = '{ emailSettings { processOnlyApprovedUsers defaultIncomingMethod defaultProfile { name } } }'
const UPDATE_SETTINGS = `mutation ($input: EmailSettingsInput!) {
  updateEmailSettings(input: $input) { settings { processOnlyApprovedUsers defaultProfile { name } } userErrors { code path } }
}`

const imap = (more: object = {}) => ({ host: 'mail.example.org', port: 993, security: 'TLS', ...more })
const smtp = (more: object = {}) => ({ host: 'mail.example.org', port: 465, security: 'TLS', ...more })
const profile = (name: string, more: object = {}) => ({
  name,
  type: 'IMAP_SMTP',
  incoming: imap(),
  outgoing: smtp(),
  ...more,
})

describe.each(DATABASES)('email server profiles on %s', (database) => {
  let harness: Harness
  let admin: Caller

  beforeAll(async () => {
    harness = await Harness.start({ database })
    admin = await harness.admin()
  })
  afterAll(() => harness?.stop())

  const create = async (input: object): Promise<Anything> =>
    (await admin.get(CREATE, { input })).createEmailServerProfile
  const update = async (id: string, input: object): Promise<Anything> =>
    (await admin.get(UPDATE, { id, input })).updateEmailServerProfile

  test('is made with what the caller gives and sensible defaults', async () => {
    const { profile: made, userErrors } = await create(
      profile('Main', { incoming: imap({ host: 'MAIL.example.org' }) }),
    )
    expect(userErrors).toEqual([])
    expect(made).toMatchObject({
      name: 'Main',
      type: 'IMAP_SMTP',
      active: true,
      isDefault: false,
      credentialSource: 'MAILBOX',
      verifyCertificates: true,
      maxConcurrentConnections: 10,
      mailboxCount: 0,
      incoming: { host: 'mail.example.org', port: 993, security: 'TLS' },
    })
  })

  test('an update leaves what it does not name', async () => {
    const { profile: made } = await create(profile('Partial', { maxConcurrentConnections: 7 }))
    const { profile: after } = await update(made.id, {
      name: 'Partial 2',
      type: 'IMAP_SMTP',
      outgoing: smtp({ port: 587, security: 'STARTTLS' }),
    })
    expect(after).toMatchObject({
      name: 'Partial 2',
      maxConcurrentConnections: 7,
      incoming: made.incoming,
      outgoing: { port: 587, security: 'STARTTLS' },
    })
  })

  test('there is one default, and new mailboxes get it', async () => {
    await create(profile('Old default', { isDefault: true }))
    const { profile: made } = await create(profile('New default', { isDefault: true }))
    expect(made.isDefault).toBe(true)
    expect((await admin.get(SETTINGS)).emailSettings.defaultProfile.name).toBe('New default')
    await admin.get(
      'mutation { provisionOwners(owners: [{ kind: USER, externalId: "p1", name: "P" }]) { owners { id } } }',
    )
    const { emailServerProfile } = await admin.get(
      'query ($id: ID!) { emailServerProfile(id: $id) { mailboxCount } }',
      { id: made.id },
    )
    expect(emailServerProfile.mailboxCount).toBe(1)
  })

  test('a changed endpoint marks the direction of its mailboxes as changed since the last test', async () => {
    const { profile: made } = await create(profile('Moves', { isDefault: true }))
    await admin.get(
      'mutation { provisionOwners(owners: [{ kind: USER, externalId: "p2", name: "Mover", emailAddress: "mover@example.org" }]) { owners { id } } }',
    )
    await update(made.id, { name: 'Moves', type: 'IMAP_SMTP', incoming: imap({ port: 143, security: 'STARTTLS' }) })
    const flags =
      '{ mailboxes(filter: { text: "mover" }) { nodes { incomingChangedSinceTest outgoingChangedSinceTest incomingEmailStatus } } }'
    expect((await admin.get(flags)).mailboxes.nodes).toEqual([
      { incomingChangedSinceTest: true, outgoingChangedSinceTest: false, incomingEmailStatus: 'NOT_RUN' },
    ])
  })

  test('an inactive profile blocks its mailboxes', async () => {
    const { profile: made } = await create(profile('Sleeps', { isDefault: true }))
    await admin.get(
      'mutation { provisionOwners(owners: [{ kind: USER, externalId: "p3", name: "Sleeper", emailAddress: "sleeper@example.org" }]) { owners { id } } }',
    )
    await update(made.id, { name: 'Sleeps', type: 'IMAP_SMTP', active: false })
    const { mailboxes } = await admin.get(
      '{ mailboxes(filter: { text: "sleeper" }) { nodes { health blockers { code } } } }',
    )
    expect(mailboxes.nodes[0].health).toBe('BLOCKED')
    expect(mailboxes.nodes[0].blockers[0].code).toBe('PROFILE_INACTIVE')
  })

  test('the password is stored sealed and answered nowhere', async () => {
    const password = 'profile-secret-4711'
    const { profile: made, userErrors } = await create(
      profile('Shared login', { credentialSource: 'PROFILE', username: 'service', password }),
    )
    expect(userErrors).toEqual([])
    const [row] = await harness.app.db.read.query('SELECT * FROM email_server_profiles WHERE id = ?', [made.id])
    expect(row.password_sealed).toMatch(/^v1\.test\./)
    expect(JSON.stringify(row)).not.toContain(password)
    expect(harness.logged.join()).not.toContain(password)
  })

  describe('a stored password goes to no server but its own', () => {
    const moves: [string, object][] = [
      ['another host', { incoming: imap({ host: 'other.example.org' }) }],
      ['another port', { outgoing: smtp({ port: 466 }) }],
      ['no encryption', { incoming: imap({ security: 'NONE' }) }],
      ['any certificate', { verifyCertificates: false }],
    ]
    const sealed = async (id: string) => {
      const [row] = await harness.app.db.read.query('SELECT password_sealed FROM email_server_profiles WHERE id = ?', [
        id,
      ])
      return row.password_sealed
    }

    test.each(moves)('%s: it has to be entered again', async (what, move) => {
      const login = { credentialSource: 'PROFILE', username: 'service', password: 'stored' }
      const { profile: made } = await create(profile(`Login ${what}`, login))
      const refused = await update(made.id, { name: made.name, type: 'IMAP_SMTP', ...move })
      expect(refused.userErrors).toEqual([{ code: 'REQUIRED', path: ['input', 'password'] }])
      const same = await update(made.id, { ...profile(`${made.name} 2`), verifyCertificates: true })
      expect(same.userErrors).toEqual([])
      const entered = await update(made.id, { name: made.name, type: 'IMAP_SMTP', ...move, password: 'entered' })
      expect(entered.userErrors).toEqual([])
    })

    test.each(moves)('%s: nor by way of the mailboxes\u2019 own passwords', async (what, move) => {
      const login = { credentialSource: 'PROFILE', username: 'service', password: 'stored' }
      const { profile: made } = await create(profile(`Detour ${what}`, login))
      const same = { name: made.name, type: 'IMAP_SMTP' }
      await update(made.id, { ...same, credentialSource: 'MAILBOX' })
      expect(await sealed(made.id)).not.toBeNull()
      expect((await update(made.id, { ...same, ...move })).userErrors).toEqual([])
      expect(await sealed(made.id)).toBeNull()
      const back = await update(made.id, { ...same, credentialSource: 'PROFILE' })
      expect(back.userErrors).toEqual([{ code: 'REQUIRED', path: ['input', 'password'] }])
    })
  })

  test('private certificates are kept as PEM', async () => {
    const system = await startMailSystem({ users: [] })
    const { profile: made } = await create(
      profile('Own authority', { trustedCertificates: system.trustedCertificates }),
    )
    await system.stop()
    expect(made.trustedCertificates).toContain('BEGIN CERTIFICATE')
  })

  test.each([
    [
      'a host with a space',
      profile('x', { incoming: imap({ host: 'mail example.org' }) }),
      'INVALID_HOST',
      'incoming.host',
    ],
    [
      'a URL as host',
      profile('x', { outgoing: smtp({ host: 'https://mail.example.org' }) }),
      'INVALID_HOST',
      'outgoing.host',
    ],
    [
      'a host with a line break',
      profile('x', { incoming: imap({ host: 'mail\r\n.example.org' }) }),
      'INVALID_HOST',
      'incoming.host',
    ],
    ['port 0', profile('x', { incoming: imap({ port: 0 }) }), 'OUT_OF_RANGE', 'incoming.port'],
    ['port 65536', profile('x', { outgoing: smtp({ port: 65536 }) }), 'OUT_OF_RANGE', 'outgoing.port'],
    ['a name of 10,000 characters', profile('x'.repeat(10_000)), 'TOO_LONG', 'name'],
    ['a name that is too long in lower case', profile('İ'.repeat(200)), 'TOO_LONG', 'name'],
    [
      'a host with more letters than its domain name has',
      profile('x', { incoming: imap({ host: `a${'\ufe0f'.repeat(300)}.test` }) }),
      'TOO_LONG',
      'incoming.host',
    ],
    ['a name with control characters', profile('x\u0007'), 'CONTROL_CHARACTER', 'name'],
    ['no name', profile(''), 'REQUIRED', 'name'],
    ['no server', { name: 'x', type: 'IMAP_SMTP' }, 'REQUIRED', 'incoming'],
    ['no connections', profile('x', { maxConcurrentConnections: 0 }), 'OUT_OF_RANGE', 'maxConcurrentConnections'],
    ['301 connections', profile('x', { maxConcurrentConnections: 301 }), 'OUT_OF_RANGE', 'maxConcurrentConnections'],
    ['no certificate', profile('x', { trustedCertificates: 'hello' }), 'INVALID_CERTIFICATE', 'trustedCertificates'],
    [
      'a password with a line break',
      profile('x', { credentialSource: 'PROFILE', username: 'u', password: 'a\r\nb' }),
      'CONTROL_CHARACTER',
      'password',
    ],
    [
      'credentials in the profile without a name',
      profile('x', { credentialSource: 'PROFILE', password: 'p' }),
      'REQUIRED',
      'username',
    ],
    ['a type that is not there yet', profile('x', { type: 'EXCHANGE_ONLINE' }), 'NOT_SUPPORTED', 'type'],
    ['a name that is taken', profile('MAIN'), 'TAKEN', 'name'],
  ])('%s is refused by name, and nothing is stored', async (_what, input, code, field) => {
    const before = (await admin.get(LIST)).emailServerProfiles.totalCount
    expect(await create(input)).toEqual({ profile: null, userErrors: [{ code, path: ['input', ...field.split('.')] }] })
    expect((await admin.get(LIST)).emailServerProfiles.totalCount).toBe(before)
  })

  test('an unknown profile can neither be updated nor be the default', async () => {
    expect(await update('nope', profile('x'))).toMatchObject({
      profile: null,
      userErrors: [{ code: 'NOT_FOUND', path: ['id'] }],
    })
    const { updateEmailSettings } = await admin.get(UPDATE_SETTINGS, { input: { defaultProfileId: 'nope' } })
    expect(updateEmailSettings.userErrors).toEqual([{ code: 'NOT_FOUND', path: ['input', 'defaultProfileId'] }])
  })

  test('an approval switch changes what the mailboxes wait for', async () => {
    const blockers = async () => {
      const { mailboxes } = await admin.get('{ mailboxes(filter: { text: "mover" }) { nodes { blockers { code } } } }')
      return mailboxes.nodes[0].blockers.map((blocker: Anything) => blocker.code)
    }
    expect(await blockers()).toContain('APPROVAL_PENDING')
    const { updateEmailSettings } = await admin.get(UPDATE_SETTINGS, { input: { processOnlyApprovedUsers: false } })
    expect(updateEmailSettings.settings.processOnlyApprovedUsers).toBe(false)
    expect(await blockers()).not.toContain('APPROVAL_PENDING')
  })
})
