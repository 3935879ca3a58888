import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { operator } from '../auth/auth.service'
import { type Anything, type Caller, DATABASES, Harness } from '../test/harness'

const SAMPLE = { name: 'dataverse.json', bytes: readFileSync('server/owners/samples/dataverse.json') }
const ACTION = 'cli import dataverse'
const MAILBOXES = `{ mailboxes(view: ALL, first: 100) { nodes { id kind name emailAddress active approval approvedBy approvedAt
  incomingMethod outgoingMethod actMethod username deleteAfterProcessing hasPassword incomingEnabled incomingEmailStatus
  profile { name } forwardMailbox { name } owner { name externalId active } } } }`
const PROFILES = `{ emailServerProfiles(first: 100) { nodes { name type active credentialSource maxConcurrentConnections
  incoming { host port security } outgoing { host port security } owner { name } } } }`

describe.each(DATABASES)('a Dynamics 365 organisation on %s', (database) => {
  let harness: Harness
  let admin: Caller

  beforeAll(async () => {
    harness = await Harness.start({ database })
    admin = await harness.admin()
  })
  afterAll(() => harness?.stop())

  const take = (dryRun = false, files = [SAMPLE]) =>
    harness.app.services.dataverseImport.import(operator(ACTION), files, { dryRun, action: ACTION })
  const changed = (change: (answers: Anything) => void) => {
    const answers = JSON.parse(SAMPLE.bytes.toString('utf8'))
    change(answers)
    return [{ name: 'changed.json', bytes: Buffer.from(JSON.stringify(answers)) }]
  }
  const tables = async () => {
    const names = ['email_server_profiles', 'owners', 'mailboxes', 'audit_entries', 'mailbox_counts']
    const read = async (name: string) => {
      const rows = (await harness.app.db.read.query(`SELECT * FROM ${name}`)) as object[]
      return rows.map((row) => JSON.stringify(row)).sort()
    }
    return JSON.stringify(await Promise.all(names.map(read)))
  }
  const mailboxNamed = async (name: string) =>
    (await admin.get(MAILBOXES)).mailboxes.nodes.find((mailbox: Anything) => mailbox.name === name)

  test('a dry run says what the real one says, and changes nothing', async () => {
    const before = await tables()
    const dry = await take(true)
    expect(await tables()).toBe(before)
    expect(dry.refused).toEqual([])
    expect(await take()).toEqual(dry)
  })

  test('profiles are taken over with servers and limits, and no password', async () => {
    const { emailServerProfiles } = await admin.get(PROFILES)
    const byName = new Map(emailServerProfiles.nodes.map((profile: Anything) => [profile.name, profile]))
    expect(byName.get('Contoso IMAP')).toEqual({
      ...{ name: 'Contoso IMAP', type: 'IMAP_SMTP', active: true, credentialSource: 'MAILBOX' },
      ...{ maxConcurrentConnections: 25, owner: { name: 'Ada Lovelace' } },
      incoming: { host: 'imap.contoso.example', port: 993, security: 'TLS' },
      outgoing: { host: 'smtp.contoso.example', port: 587, security: 'STARTTLS' },
    })
    expect(byName.get('Contoso Exchange')).toMatchObject({ active: false, incoming: null, outgoing: null })
    expect(byName.get('Microsoft Exchange Online')).toMatchObject({ type: 'EXCHANGE_ONLINE', active: true })
    expect(byName.get('Shared account')).toMatchObject({ credentialSource: 'PROFILE' })
    expect(byName.size).toBe(8)
    const sealed = await harness.app.db.read.query(
      'SELECT name FROM email_server_profiles WHERE password_sealed IS NOT NULL',
    )
    expect(sealed).toEqual([])
  })

  test('mailboxes are set up as they were, and nothing is enabled before it was tested here', async () => {
    expect(await mailboxNamed('Ada Lovelace')).toMatchObject({
      ...{
        kind: 'USER',
        active: true,
        username: 'ada.lovelace',
        hasPassword: false,
        profile: { name: 'Contoso IMAP' },
      },
      ...{ approval: 'APPROVED', approvedBy: 'Dynamics 365 import: Ada Lovelace' },
      ...{ approvedAt: '2024-02-03T10:00:00.000Z', incomingEnabled: false, incomingEmailStatus: 'NOT_RUN' },
    })
    expect(await mailboxNamed('Grace Hopper')).toMatchObject({
      ...{ incomingMethod: 'NONE', outgoingMethod: 'NONE', actMethod: 'NONE', approval: 'PENDING' },
    })
    // no administrator of Microsoft 365 had approved the first
    expect(await mailboxNamed('Alan Turing')).toMatchObject({ actMethod: 'SERVER_SIDE_SYNC', approval: 'PENDING' })
    expect(await mailboxNamed('Barbara Liskov')).toMatchObject({ approval: 'APPROVED' })
    expect(await mailboxNamed('Edsger Dijkstra')).toMatchObject({
      ...{ approval: 'REJECTED', incomingMethod: 'FORWARD_MAILBOX', forwardMailbox: { name: 'Forwarded mail' } },
    })
    expect(await mailboxNamed('Left Company')).toMatchObject({ active: false, owner: { active: false } })
    expect(await mailboxNamed('No Address')).toMatchObject({ approval: 'EMPTY', emailAddress: null })
    expect(await mailboxNamed('Support')).toMatchObject({ kind: 'QUEUE', deleteAfterProcessing: true })
    expect(await mailboxNamed('Forwarded mail')).toMatchObject({
      ...{ kind: 'FORWARD', owner: null, deleteAfterProcessing: true, approval: 'APPROVED', outgoingMethod: 'NONE' },
    })
  })

  test('the same files again change nothing', async () => {
    const before = await tables()
    const again = await take()
    expect(again.refused).toEqual([])
    expect(new Set(again.steps.map(({ result }) => result))).toEqual(new Set(['UNCHANGED', 'KEPT']))
    expect(await tables()).toBe(before)
  })

  test('what has no counterpart is listed with what is done instead', async () => {
    const { notes, left } = await take(true)
    const noted = (subject: string) => notes.flatMap((note) => (note.subject.includes(subject) ? note.column : []))
    expect(noted('"Grace Hopper"')).toEqual(
      expect.arrayContaining(['incomingemaildeliverymethod', 'actdeliverymethod', 'incomingemailstatus']),
    )
    expect(noted('"Donald Knuth"')).toEqual(
      expect.arrayContaining([
        'username',
        'verboseloggingenabled',
        'processemailreceivedafter',
        'new_region',
        'actdeliverymethod',
      ]),
    )
    expect(noted('"Edsger Dijkstra"')).toContain('incomingemaildeliverymethod')
    expect(left.map(({ set }) => set)).toEqual(['emailserverprofiles', 'systemusers', 'queues', 'mailboxes'])
  })

  test('the end says how many passwords and consents are missing', async () => {
    const { credentials } = await take(true)
    // Ada and Grace's profile takes the mailbox's; the shared account and Exchange Online their own; Google consents
    expect(credentials).toEqual({ profiles: 2, mailboxes: expect.any(Number), consents: 1 })
    const ada = await mailboxNamed('Ada Lovelace')
    await admin.get(
      'mutation ($ids: [ID!]!) { updateMailboxes(selection: { ids: $ids }, changes: { password: "x" }) { changed } }',
      { ids: [ada.id] },
    )
    expect((await take(true)).credentials.mailboxes).toBe(credentials.mailboxes - 1)
  })

  test('what is decided here about an address stays', async () => {
    const { id } = await mailboxNamed('Ada Lovelace')
    await admin.get('mutation ($ids: [ID!]!) { rejectEmails(selection: { ids: $ids }, reason: "left") { changed } }', {
      ids: [id],
    })
    await take()
    expect(await mailboxNamed('Ada Lovelace')).toMatchObject({ approval: 'REJECTED' })
  })

  describe('a forward mailbox', () => {
    const SET_ACTIVE = `mutation ($ids: [ID!]!, $active: Boolean!) {
      setMailboxesActive(selection: { ids: $ids }, active: $active) { changed refused { code } userErrors { code } } }`
    const setActive = async (ids: string[], active: boolean) =>
      (await admin.get(SET_ACTIVE, { ids, active })).setMailboxesActive
    const notesOf = (notes: readonly Anything[], name: string, column: string) =>
      notes.filter((note) => note.subject.includes(`"${name}"`) && note.column === column)

    test('that is inactive there stays active here while mailboxes get their mail through it, and it is said', async () => {
      const { id } = await mailboxNamed('Forwarded mail')
      const sales = await mailboxNamed('Sales')
      const point = `mutation ($ids: [ID!]!, $changes: MailboxChanges!) {
        updateMailboxes(selection: { ids: $ids }, changes: $changes) { changed userErrors { code } } }`
      const closed = changed((answers) => {
        Object.assign(answers[3].value.at(-1), { statecode: 1, statuscode: 2 })
        // a queue that this import says nothing of
        answers[3].value = answers[3].value.filter((row: Anything) => row.name !== 'Sales')
      })
      const changes = { incomingMethod: 'FORWARD_MAILBOX', forwardMailboxId: id }
      expect((await admin.get(point, { ids: [sales.id], changes })).updateMailboxes.changed).toBe(1)
      const { notes, refused } = await take(false, closed)
      expect(refused).toEqual([])
      // the user who came with it is not forwarded any more; the queue is
      const [note, ...more] = notesOf(notes, 'Forwarded mail', 'statecode')
      expect(more).toEqual([])
      expect(note.instead).toMatch(/^1 /)
      expect(await mailboxNamed('Forwarded mail')).toMatchObject({ active: true })
      expect(await mailboxNamed('Sales')).toMatchObject({ forwardMailbox: { name: 'Forwarded mail' } })
      await take()
      const again = await take(false, closed)
      expect(notesOf(again.notes, 'Forwarded mail', 'statecode')).toEqual([])
      expect(await mailboxNamed('Forwarded mail')).toMatchObject({ active: false })
    })

    test('that is inactive here gets no users by an import, and it is said', async () => {
      // deactivated by the test before
      const { id } = await mailboxNamed('Forwarded mail')
      const { notes } = await take()
      expect(notesOf(notes, 'Edsger Dijkstra', 'incomingemaildeliverymethod')).toMatchObject([
        { instead: expect.stringContaining('inactive here') },
      ])
      expect(await mailboxNamed('Edsger Dijkstra')).toMatchObject({ incomingMethod: 'NONE', forwardMailbox: null })
      expect(await setActive([id], true)).toEqual({ changed: 1, refused: [], userErrors: [] })
      await take()
      expect(await mailboxNamed('Edsger Dijkstra')).toMatchObject({ forwardMailbox: { name: 'Forwarded mail' } })
    })
  })

  test('one refusal leaves everything as it was, before and after the first rows are written', async () => {
    const before = await tables()
    const badAddress = changed((answers) => {
      answers[1].value[0].internalemailaddress = 'no address'
      answers[1].value.push({ ...answers[1].value[1], systemuserid: '00000999-1111-4111-8111-111111111111' })
    })
    expect((await take(false, badAddress)).refused.map(({ code }) => code)).toEqual([
      'INVALID_ADDRESS',
      'ADDRESS_TAKEN',
    ])
    const taken = changed((answers) => {
      answers[1].value.push({ systemuserid: '00000999-1111-4111-8111-111111111111', fullname: 'New' })
      Object.assign(answers[3].value.at(-1), { mailboxid: '00000998-1111-4111-8111-111111111111' })
      answers[3].value.at(-1).emailaddress = 'grace@contoso.example'
    })
    expect((await take(false, taken)).refused.map(({ code }) => code)).toEqual(['ADDRESS_TAKEN'])
    expect(await tables()).toBe(before)
  })

  test('all refusals are told at once, and who is refused is not told as created', async () => {
    const id = (number: number) => `${String(number).padStart(8, '0')}-2222-4222-8222-222222222222`
    const user = (number: number, emailAddress: string) => ({
      ...{ systemuserid: id(number), fullname: `User ${number}`, internalemailaddress: emailAddress },
    })
    const systemusers = [
      ...[user(1, 'one@round.example'), user(2, 'no address'), user(3, 'ada@contoso.example')],
      ...[user(4, 'four@round.example'), user(5, 'five@round.example')],
    ]
    const forward = {
      mailboxid: id(9),
      name: 'Collector',
      emailaddress: 'grace@contoso.example',
      isforwardmailbox: true,
    }
    const bytes = Buffer.from(JSON.stringify({ systemusers, mailboxes: [forward] }))
    const { steps, refused } = await take(false, [{ name: 'round.json', bytes }])
    expect(refused.map(({ code, subject }) => [code, /"(.*)"/.exec(subject)?.[1]])).toEqual([
      ['INVALID_ADDRESS', 'User 2'],
      ['ADDRESS_TAKEN', 'User 3'],
      ['ADDRESS_TAKEN', 'Collector'],
    ])
    expect(refused[1]?.message).toContain('ada@contoso.example')
    expect(steps.map(({ result }) => result)).toEqual(['CREATED', 'CREATED', 'CREATED'])
  })

  test('each step is in the audit log under the name of the command', async () => {
    const entries = (await harness.app.db.read.query(
      `SELECT DISTINCT subject_type AS subject FROM audit_entries WHERE action = '${ACTION}' ORDER BY 1`,
    )) as { subject: string }[]
    expect(entries.map(({ subject }) => subject)).toEqual(['MAILBOX', 'OWNER', 'PROFILE'])
  })

  test('needs every right over all', async () => {
    const viewer = { ...operator(ACTION), rights: new Map([['owners.provision', 'ALL']] as const) }
    const { dataverseImport } = harness.app.services
    await expect(dataverseImport.import(viewer, [SAMPLE], { dryRun: true, action: ACTION })).rejects.toMatchObject({
      code: 'FORBIDDEN',
    })
  })
})
