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
    harness = await Harness.start({ database, work: false })
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

  test('the default is an active profile', async () => {
    const inactive = { active: false, isDefault: true }
    const notDefault = { profile: null, userErrors: [{ code: 'INACTIVE', path: ['input', 'isDefault'] }] }
    expect(await create(profile('Never default', inactive))).toEqual(notDefault)
    const { profile: made } = await create(profile('Rather not', { active: false }))
    expect(await update(made.id, profile('Rather not', { isDefault: true }))).toEqual(notDefault)
    const { updateEmailSettings } = await admin.get(UPDATE_SETTINGS, { input: { defaultProfileId: made.id } })
    expect(updateEmailSettings.userErrors).toEqual([{ code: 'INACTIVE', path: ['input', 'defaultProfileId'] }])

    expect((await update(made.id, profile('Rather not', { active: true, isDefault: true }))).userErrors).toEqual([])
    const inUse = { profile: null, userErrors: [{ code: 'IN_USE', path: ['input', 'active'] }] }
    expect(await update(made.id, profile('Rather not', { active: false }))).toEqual(inUse)
    expect(await update(made.id, profile('Rather not', inactive))).toEqual(inUse)
    const { profile: after } = await update(made.id, profile('Rather not', { active: false, isDefault: false }))
    expect(after).toMatchObject({ active: false, isDefault: false })
    expect((await admin.get(SETTINGS)).emailSettings.defaultProfile).toBeNull()
  })

  test('an inactive profile blocks its mailboxes', async () => {
    const { profile: made } = await create(profile('Sleeps', { isDefault: true }))
    await admin.get(
      'mutation { provisionOwners(owners: [{ kind: USER, externalId: "p3", name: "Sleeper", emailAddress: "sleeper@example.org" }]) { owners { id } } }',
    )
    await update(made.id, { name: 'Sleeps', type: 'IMAP_SMTP', active: false, isDefault: false })
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

  describe('appointments, contacts and tasks go by a profile that has a way to them', () => {
    const davUrl = 'https://mail.example.org/dav'
    const DEFAULTS =
      'mutation ($input: EmailSettingsInput!) { updateEmailSettings(input: $input) { userErrors { code } } }'
    const owners = `mutation ($owners: [OwnerInput!]!) {
      provisionOwners(owners: $owners) { owners { mailbox { id actMethod } } userErrors { code } } }`
    const made = async (name: string): Promise<Anything> => {
      const owner = { kind: 'USER', externalId: `act ${name}`, name, emailAddress: `${name}@act.example` }
      return (await admin.get(owners, { owners: [owner] })).provisionOwners.owners[0].mailbox
    }

    beforeAll(() => admin.get(DEFAULTS, { input: { defaultActMethod: 'SERVER_SIDE_SYNC' } }))
    afterAll(() => admin.get(DEFAULTS, { input: { defaultActMethod: 'NONE' } }))

    test('a new mailbox gets them by default where its default profile has one', async () => {
      await create(profile('Without a way', { isDefault: true }))
      expect(await made('nobody')).toMatchObject({ actMethod: 'NONE' })
      await create(profile('With a way', { isDefault: true, davUrl }))
      expect(await made('somebody')).toMatchObject({ actMethod: 'SERVER_SIDE_SYNC' })
      await create(profile('A way by its type', { isDefault: true, type: 'EXCHANGE_ONLINE' }))
      expect(await made('anybody')).toMatchObject({ actMethod: 'SERVER_SIDE_SYNC' })
    })

    test.each<[string, object, object, string]>([
      ['its DAV address', { davUrl }, { davUrl: null }, 'davUrl'],
      ['its type', { type: 'EXCHANGE_ONLINE' }, { type: 'IMAP_SMTP' }, 'type'],
    ])('the profile keeps %s while mailboxes need it', async (what, had, wanted, field) => {
      const name = `Keeps ${what}`
      const { profile: keeping } = await create(profile(name, { isDefault: true, ...had }))
      const { id } = await made(`keeper-${field.toLowerCase()}`)
      const answer = await update(keeping.id, profile(name, { ...had, ...wanted }))
      expect(answer).toEqual({ profile: null, userErrors: [{ code: 'ACT_NEEDS_DAV', path: ['input', field] }] })
      const without = `mutation ($ids: [ID!]!) {
        updateMailboxes(selection: { ids: $ids }, changes: { actMethod: NONE }) { changed userErrors { code } } }`
      expect((await admin.get(without, { ids: [id] })).updateMailboxes).toEqual({ changed: 1, userErrors: [] })
      expect((await update(keeping.id, profile(name, { ...had, ...wanted }))).userErrors).toEqual([])
    })

    test('its mailboxes move to no profile without one when it is deleted', async () => {
      const { profile: old } = await create(profile('Goes away', { isDefault: true, davUrl }))
      await made('mover-by-dav')
      const { profile: without } = await create(profile('Takes no appointments'))
      const { profile: next } = await create(profile('Takes appointments', { davUrl: `${davUrl}/next` }))
      const DELETE_TO = `mutation ($id: ID!, $to: ID) { deleteEmailServerProfile(id: $id, moveMailboxesTo: $to) {
        profile { id } userErrors { code path } } }`
      const refused = (await admin.get(DELETE_TO, { id: old.id, to: without.id })).deleteEmailServerProfile
      expect(refused).toEqual({ profile: null, userErrors: [{ code: 'ACT_NEEDS_DAV', path: ['moveMailboxesTo'] }] })
      const moved = (await admin.get(DELETE_TO, { id: old.id, to: next.id })).deleteEmailServerProfile
      expect(moved).toMatchObject({ profile: { id: old.id }, userErrors: [] })
    })
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
    ['no server of type POP3_SMTP', { name: 'x', type: 'POP3_SMTP' }, 'REQUIRED', 'incoming'],
    ['an unknown owner', profile('x', { ownerId: '01a20894-98d9-76d5-8880-179c368a8386' }), 'NOT_FOUND', 'ownerId'],
    ['an owner that is no id', profile('x', { ownerId: '' }), 'NOT_FOUND', 'ownerId'],
    ['a name that is taken', profile('MAIN'), 'TAKEN', 'name'],
  ])('%s is refused by name, and nothing is stored', async (_what, input, code, field) => {
    const before = (await admin.get(LIST)).emailServerProfiles.totalCount
    expect(await create(input)).toEqual({ profile: null, userErrors: [{ code, path: ['input', ...field.split('.')] }] })
    expect((await admin.get(LIST)).emailServerProfiles.totalCount).toBe(before)
  })

  const provision = async (externalId: string, more: object = {}): Promise<{ ownerId: string; mailboxId: string }> => {
    const owners = [{ kind: 'USER', externalId, name: externalId, emailAddress: `${externalId}@example.org`, ...more }]
    const { provisionOwners } = await admin.get(
      'mutation ($owners: [OwnerInput!]!) { provisionOwners(owners: $owners) { owners { id mailbox { id } } userErrors { code } } }',
      { owners },
    )
    const [owner] = provisionOwners.owners
    return { ownerId: owner.id, mailboxId: owner.mailbox.id }
  }
  const remove = async (id: string, moveMailboxesTo?: string): Promise<Anything> => {
    const query = `mutation ($id: ID!, $moveMailboxesTo: ID) { deleteEmailServerProfile(id: $id, moveMailboxesTo: $moveMailboxesTo) {
      profile { id name mailboxCount isDefault } userErrors { code path message }
    } }`
    return (await admin.get(query, { id, moveMailboxesTo })).deleteEmailServerProfile
  }
  /** What the log has of a profile, newest first: action, before and after. */
  const audited = async (id: string): Promise<Anything[]> => {
    const query = `query ($id: ID!) { auditLog(filter: { subjectId: $id, subjectType: PROFILE }) {
      nodes { action actorName details { field value } changes { nodes { before { field value } after { field value } } } }
    } }`
    const named = (values: Anything[] | null) =>
      values && Object.fromEntries(values.map(({ field, value }: Anything) => [field, value]))
    const { auditLog } = await admin.get(query, { id })
    return auditLog.nodes.map(({ action, actorName, details, changes }: Anything) => {
      const [{ before, after }] = changes.nodes
      return { action, actorName, details: named(details), before: named(before), after: named(after) }
    })
  }
  const standing = `id profile { id } health blockers { code } approval
    incomingEmailStatus outgoingEmailStatus incomingEnabled outgoingEnabled incomingChangedSinceTest outgoingChangedSinceTest`
  const mailbox = async (id: string): Promise<Anything> =>
    (await admin.get(`query ($id: ID!) { mailbox(id: $id) { ${standing} } }`, { id })).mailbox
  /** As a successful TEST_AND_ENABLE leaves it. */
  const tested = async (id: string) => {
    const done = `incoming_email_status = 'SUCCESS', outgoing_email_status = 'SUCCESS', incoming_enabled = 1, outgoing_enabled = 1`
    await harness.app.db.inTransaction((tx) => tx.em.query(`UPDATE mailboxes SET ${done} WHERE id = ?`, [id]))
    await admin.get('mutation ($ids: [ID!]!) { approveEmails(selection: { ids: $ids }) { changed } }', { ids: [id] })
  }

  describe('the owner of a profile', () => {
    test('is an Owner, told with the profile, and can be taken away', async () => {
      const { ownerId } = await provision('mail-team')
      const { profile: made } = await create(profile('Owned', { ownerId }))
      const owner = async () =>
        (await admin.get('query ($id: ID!) { emailServerProfile(id: $id) { owner { id name } } }', { id: made.id }))
          .emailServerProfile.owner
      expect(await owner()).toEqual({ id: ownerId, name: 'mail-team' })
      await update(made.id, { name: 'Owned', type: 'IMAP_SMTP' })
      expect((await owner())?.id).toBe(ownerId)
      const wrong = await update(made.id, { name: 'Owned', type: 'IMAP_SMTP', ownerId: made.id })
      expect(wrong.userErrors).toEqual([{ code: 'NOT_FOUND', path: ['input', 'ownerId'] }])
      await update(made.id, { name: 'Owned', type: 'IMAP_SMTP', ownerId: null })
      expect(await owner()).toBeNull()
    })
  })

  describe.each(['POP3_SMTP', 'EXCHANGE_ONLINE', 'GMAIL'])('a profile of type %s', (type) => {
    test('can be stored and edited', async () => {
      const servers = type === 'POP3_SMTP' ? { incoming: imap({ port: 995 }) } : {}
      const { profile: made, userErrors } = await create({ name: type, type, ...servers })
      expect(userErrors).toEqual([])
      expect(made.type).toBe(type)
      const { profile: after } = await update(made.id, { name: type, type, maxConcurrentConnections: 3 })
      expect(after).toMatchObject({ type, maxConcurrentConnections: 3 })
    })
  })

  test('without its servers a profile becomes none of type IMAP_SMTP', async () => {
    const { profile: made } = await create({ name: 'Cloud', type: 'EXCHANGE_ONLINE' })
    const { userErrors } = await update(made.id, { name: 'Cloud', type: 'IMAP_SMTP' })
    expect(userErrors).toEqual([{ code: 'REQUIRED', path: ['input', 'incoming'] }])
    expect((await update(made.id, profile('Cloud'))).userErrors).toEqual([])
  })

  describe('what a change of the profile does to its mailboxes (product rule 2.3)', () => {
    const kept = {
      ...{ incomingEmailStatus: 'SUCCESS', outgoingEmailStatus: 'SUCCESS' },
      ...{ incomingEnabled: true, outgoingEnabled: true, approval: 'APPROVED' },
    }
    const both = { incomingChangedSinceTest: true, outgoingChangedSinceTest: true }
    const neither = { incomingChangedSinceTest: false, outgoingChangedSinceTest: false }
    const login = { credentialSource: 'PROFILE', username: 'service', password: 'rule-secret-1' }

    test.each<[string, object, object, object]>([
      ['its password', login, { password: 'rule-secret-2' }, both],
      ['its user name', login, { username: 'other' }, both],
      ['whose credentials are shown', {}, login, both],
      ['a password that is not shown', {}, { password: 'unused' }, neither],
      ['the incoming server', {}, { incoming: imap({ port: 994 }) }, { ...neither, incomingChangedSinceTest: true }],
      ['the outgoing server', {}, { outgoing: smtp({ port: 466 }) }, { ...neither, outgoingChangedSinceTest: true }],
      ['which certificates are believed', {}, { verifyCertificates: false }, both],
      ['the type', {}, { type: 'POP3_SMTP' }, both],
      ['its name and limits', {}, { name: 'renamed', maxConcurrentConnections: 3 }, neither],
    ])('%s', async (what, first, change, flags) => {
      const { profile: made } = await create(profile(`Rule ${what}`, { ...first, isDefault: true }))
      const { mailboxId } = await provision(`rule-${what.replaceAll(' ', '-')}`)
      await tested(mailboxId)
      const { userErrors } = await update(made.id, { name: made.name, type: 'IMAP_SMTP', ...change })
      expect(userErrors).toEqual([])
      expect(await mailbox(mailboxId)).toMatchObject({ ...kept, ...flags })
    })

    test('deactivated: they are blocked and keep their statuses; reactivated: they are as before', async () => {
      const { profile: made } = await create(profile('Rests', { isDefault: true }))
      const { mailboxId } = await provision('rests')
      await tested(mailboxId)
      const before = await mailbox(mailboxId)
      expect(before).toMatchObject({ ...kept, health: 'HEALTHY', blockers: [] })
      await update(made.id, { name: 'Rests', type: 'IMAP_SMTP', active: false, isDefault: false })
      const resting = await mailbox(mailboxId)
      expect(resting).toMatchObject({
        ...kept,
        ...neither,
        health: 'BLOCKED',
        blockers: [{ code: 'PROFILE_INACTIVE' }],
      })
      await update(made.id, { name: 'Rests', type: 'IMAP_SMTP', active: true })
      expect(await mailbox(mailboxId)).toEqual(before)
    })
  })

  describe('is deleted', () => {
    test('when no mailbox uses it; it is the default no more', async () => {
      const { profile: made } = await create(profile('Short-lived', { isDefault: true }))
      const { profile: gone, userErrors } = await remove(made.id)
      expect(userErrors).toEqual([])
      expect(gone).toEqual({ id: made.id, name: 'Short-lived', mailboxCount: 0, isDefault: false })
      expect(await admin.get('query ($id: ID!) { emailServerProfile(id: $id) { id } }', { id: made.id })).toEqual({
        emailServerProfile: null,
      })
      expect((await admin.get(SETTINGS)).emailSettings.defaultProfile).toBeNull()
      expect((await create(profile('Short-lived'))).userErrors).toEqual([])
    })

    test('not while mailboxes use it, which are counted', async () => {
      const { profile: made } = await create(profile('In use', { isDefault: true }))
      const { ownerId } = await provision('user-1')
      await provision('user-2')
      const { profile: gone, userErrors } = await remove(made.id)
      expect(gone).toBeNull()
      expect(userErrors).toEqual([{ code: 'IN_USE', path: ['id'], message: expect.stringContaining('2 mailboxes') }])
      // one that is inactive uses it, too
      await harness.app.db.inTransaction((tx) =>
        tx.em.query('UPDATE mailboxes SET active = 0 WHERE owner_id = ?', [ownerId]),
      )
      expect((await remove(made.id)).userErrors[0].message).toContain('2 mailboxes')
      expect((await admin.get(SETTINGS)).emailSettings.defaultProfile.name).toBe('In use')
    })

    test('when another profile takes its mailboxes: these are tested anew', async () => {
      const { profile: old } = await create(profile('Old system', { isDefault: true }))
      const { profile: next } = await create(profile('Next system'))
      const { mailboxId } = await provision('mover-1')
      await tested(mailboxId)
      expect((await remove(old.id, next.id)).userErrors).toEqual([])
      expect(await mailbox(mailboxId)).toMatchObject({
        ...{ profile: { id: next.id }, approval: 'APPROVED' },
        ...{ incomingEmailStatus: 'NOT_RUN', outgoingEmailStatus: 'NOT_RUN' },
        ...{ incomingEnabled: false, outgoingEnabled: false },
      })
    })

    test.each([
      ['the default, too', true],
      ['not the default when it is inactive', false],
    ])('who takes its mailboxes is %s', async (_what, active) => {
      const { profile: old } = await create(profile(`Default of ${active}`, { isDefault: true }))
      const { profile: next } = await create(profile(`Heir of ${active}`, { active }))
      const { profile: gone, userErrors } = await remove(old.id, next.id)
      expect({ userErrors, isDefault: gone.isDefault }).toEqual({ userErrors: [], isDefault: false })
      const { defaultProfile } = (await admin.get(SETTINGS)).emailSettings
      expect(defaultProfile).toEqual(active ? { name: next.name } : null)
    })

    test('what waits to be tested with it goes on with the one that takes its mailbox', async () => {
      const { profile: old } = await create(profile('Waited for', { isDefault: true }))
      const { profile: next } = await create(profile('Goes on'))
      const { mailboxId } = await provision('waiter')
      await tested(mailboxId)
      const { testAndEnableMailboxes } = await admin.get(
        'mutation ($ids: [ID!]!) { testAndEnableMailboxes(selection: { ids: $ids }) { testRun { id queued } userErrors { code } } }',
        { ids: [mailboxId] },
      )
      expect(testAndEnableMailboxes).toMatchObject({ testRun: { queued: 1 }, userErrors: [] })
      expect((await remove(old.id, next.id)).userErrors).toEqual([])
      const items = await harness.app.db.read.query('SELECT profile_id FROM test_run_items WHERE mailbox_id = ?', [
        mailboxId,
      ])
      expect(items).toEqual([{ profile_id: next.id }])
    })

    test.each<[string, (id: string) => string, string]>([
      ['itself', (id) => id, 'NOT_ALLOWED'],
      ['one that is not there', () => '01a20894-98d9-76d5-8880-179c368a8386', 'NOT_FOUND'],
      ['what is no id', () => 'x', 'NOT_FOUND'],
    ])('not for %s', async (what, target, code) => {
      const { profile: made } = await create(profile(`Not for ${what}`))
      const { userErrors } = await remove(made.id, target(made.id))
      expect(userErrors).toEqual([{ code, path: ['moveMailboxesTo'], message: expect.any(String) }])
      expect((await remove('nope')).userErrors[0]).toMatchObject({ code: 'NOT_FOUND', path: ['id'] })
    })

    test('or gets a mailbox, not both at once', async () => {
      const { profile: made } = await create(profile('Contested'))
      const { mailboxId } = await provision('contender')
      const choose = `mutation ($ids: [ID!]!, $profileId: ID!) { updateMailboxes(selection: { ids: $ids }, changes: { profileId: $profileId }) {
        changed userErrors { code } } }`
      const [removed, chosen] = await Promise.all([
        remove(made.id),
        admin.get(choose, { ids: [mailboxId], profileId: made.id }),
      ])
      const isGone = removed.userErrors.length === 0
      expect(chosen.updateMailboxes.userErrors).toEqual(isGone ? [{ code: 'NOT_FOUND' }] : [])
      expect((await mailbox(mailboxId)).profile?.id === made.id).toBe(!isGone)
    })
  })

  describe('in the audit log', () => {
    const SECRETS = ['audit-secret-1', 'audit-secret-2', 'audit-secret-3']
    const login = { credentialSource: 'PROFILE', username: 'service', password: SECRETS[0] }

    test('stands who made, changed and deleted it, with what differs', async () => {
      const { profile: made } = await create(profile('Audited', { ...login, isDefault: true }))
      await update(made.id, { name: 'Audited', type: 'IMAP_SMTP', maxConcurrentConnections: 3, password: SECRETS[1] })
      await update(made.id, { name: 'Audited', type: 'IMAP_SMTP', maxConcurrentConnections: 3 })
      await update(made.id, { name: 'Audited', type: 'IMAP_SMTP', username: 'other', password: SECRETS[2] })
      await remove(made.id)
      const [deleted, second, first, creation, ...more] = await audited(made.id)
      expect(more).toEqual([])
      expect(creation).toMatchObject({ action: 'createEmailServerProfile', actorName: 'admin', before: null })
      expect(creation.after).toEqual({
        ...{ name: 'Audited', type: 'IMAP_SMTP', active: 'true', username: 'service', password: 'changed' },
        ...{ incomingHost: 'mail.example.org', incomingPort: '993', incomingSecurity: 'TLS' },
        ...{ outgoingHost: 'mail.example.org', outgoingPort: '465', outgoingSecurity: 'TLS' },
        ...{ credentialSource: 'PROFILE', verifyCertificates: 'true', maxConcurrentConnections: '10' },
      })
      expect(first).toMatchObject({
        action: 'updateEmailServerProfile',
        before: { maxConcurrentConnections: '10', password: 'changed' },
        after: { maxConcurrentConnections: '3', password: 'changed' },
      })
      expect(second.after).toEqual({ username: 'other', password: 'changed' })
      expect(deleted).toMatchObject({ action: 'deleteEmailServerProfile', after: null, details: { mailboxes: '0' } })
      expect(deleted.before).toMatchObject({ name: 'Audited', maxConcurrentConnections: '3', username: 'other' })
    })

    test('stand certificates by their fingerprints, as many as there may be', async () => {
      const system = await startMailSystem({ users: [] })
      const { trustedCertificates } = system
      await system.stop()
      const many = trustedCertificates.repeat(Math.floor(59_000 / trustedCertificates.length))
      const { profile: made, userErrors } = await create(profile('Many authorities', { trustedCertificates: many }))
      expect(userErrors).toEqual([])
      const [{ after }] = await audited(made.id)
      expect(after.trustedCertificates).toMatch(/^([0-9A-F]{2}:){31}[0-9A-F]{2}( |$)/)
    })

    test('stands nothing of a command that was refused', async () => {
      const { profile: made } = await create(profile('Unchanged'))
      const entries = async () => (await admin.get('{ auditLog { totalCount } }')).auditLog.totalCount
      const before = await entries()
      await create(profile('Unchanged'))
      await update(made.id, profile('Unchanged', { maxConcurrentConnections: 0 }))
      await remove(made.id, made.id)
      expect(await entries()).toBe(before)
    })

    test('stands no password, in none of its tables', async () => {
      const tables = ['audit_entries', 'audit_changes', 'audit_subjects', 'audit_ranges']
      const rows = await Promise.all(tables.map((table) => harness.app.db.read.query(`SELECT * FROM ${table}`)))
      const text = JSON.stringify(rows)
      expect(text).toContain('Audited')
      for (const secret of [...SECRETS, 'rule-secret', 'stored', 'entered', 'profile-secret-4711', 'v1.test.']) {
        expect(text).not.toContain(secret)
      }
    })
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
