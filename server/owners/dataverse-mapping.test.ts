import { readFileSync } from 'node:fs'
import { describe, expect, test } from '@jest/globals'
import { ENTITY_SETS, type EntitySet, ID_COLUMNS, readDataverse } from './dataverse-file'
import { planDataverse } from './dataverse-mapping'

const LOOKUP = '@Microsoft.Dynamics.CRM.lookuplogicalname'
const FORMATTED = '@OData.Community.Display.V1.FormattedValue'
const guid = (number: number) => `${String(number).padStart(8, '0')}-1111-4111-8111-111111111111`

/** What the files say, as a plan. */
function plan(content: Partial<Record<EntitySet, object[]>>) {
  const bytes = Buffer.from(JSON.stringify(content))
  return planDataverse(readDataverse([{ name: 'sample.json', bytes }]))
}

const profile = (columns: object = {}) => ({
  ...{ emailserverprofileid: guid(1), name: 'IMAP', servertype: 4, incomingserverlocation: 'imap.x.example' },
  ...columns,
})
const mailbox = (columns: object = {}) => ({
  ...{ mailboxid: guid(2), name: 'Ada', emailaddress: 'ada@x.example', isforwardmailbox: false },
  ...{ _regardingobjectid_value: guid(3), [`_regardingobjectid_value${LOOKUP}`]: 'systemuser' },
  ...{ _emailserverprofile_value: guid(1), incomingemaildeliverymethod: 0, outgoingemaildeliverymethod: 0 },
  ...{ actdeliverymethod: 2, emailrouteraccessapproval: 2 },
  ...columns,
})
const QUEUE = { [`_regardingobjectid_value${LOOKUP}`]: 'queue' }
const FORWARD = { isforwardmailbox: true, _regardingobjectid_value: null }

const planProfile = (columns: object) => {
  const { profiles, notes, faults } = plan({ emailserverprofiles: [profile(columns)] })
  expect(faults).toEqual([])
  return { profile: profiles[0], noted: notes.map(({ column }) => column) }
}
const planMailbox = (columns: object, profileColumns: object = {}) => {
  const found = plan({ emailserverprofiles: [profile(profileColumns)], mailboxes: [mailbox(columns)] })
  expect(found.faults).toEqual([])
  return { mailbox: found.mailboxes[0], noted: found.notes.map(({ column }) => column), ...found }
}

const EWS = 'https://mail.x.example/EWS/Exchange.asmx'
const ONLINE = 'https://outlook.office365.com/EWS/Exchange.asmx'

describe('an option of a mailbox', () => {
  test.each([
    ['incomingemaildeliverymethod', 0, { incomingMethod: 'NONE' }, []],
    ['incomingemaildeliverymethod', 1, { incomingMethod: 'NONE' }, ['incomingemaildeliverymethod']],
    ['incomingemaildeliverymethod', 2, { incomingMethod: 'SERVER_SIDE_SYNC' }, []],
    ['incomingemaildeliverymethod', 3, { incomingMethod: 'FORWARD_MAILBOX' }, []],
    ['incomingemaildeliverymethod', 9, { incomingMethod: 'NONE' }, ['incomingemaildeliverymethod']],
    ['outgoingemaildeliverymethod', 0, { outgoingMethod: 'NONE' }, []],
    ['outgoingemaildeliverymethod', 1, { outgoingMethod: 'NONE' }, ['outgoingemaildeliverymethod']],
    ['outgoingemaildeliverymethod', 2, { outgoingMethod: 'SERVER_SIDE_SYNC' }, []],
    ['actdeliverymethod', 0, { actMethod: 'NONE' }, ['actdeliverymethod']],
    ['actdeliverymethod', 1, { actMethod: 'SERVER_SIDE_SYNC' }, []],
    ['actdeliverymethod', 2, { actMethod: 'NONE' }, []],
    ['emailrouteraccessapproval', 0, { approval: { kind: 'NONE' } }, []],
    [
      'emailrouteraccessapproval',
      1,
      { approval: { kind: 'APPROVED', by: expect.stringMatching(/^Dynamics 365 import/), at: null } },
      [],
    ],
    ['emailrouteraccessapproval', 2, { approval: { kind: 'NONE' } }, []],
    ['emailrouteraccessapproval', 3, { approval: { kind: 'REJECTED' } }, []],
    ['statecode', 0, { active: true }, []],
    ['statecode', 1, { active: false }, []],
    ['processanddeleteemails', true, { deleteAfterProcessing: false }, ['processanddeleteemails']],
    ['processanddeleteemails', false, { deleteAfterProcessing: false }, []],
  ])('%s %p', (column, value, expected, noted) => {
    const found = planMailbox({ [column]: value })
    expect(found.mailbox).toMatchObject(expected)
    expect(found.noted).toEqual(noted)
  })

  test.each([
    ['a queue', QUEUE],
    ['a forward mailbox', FORWARD],
  ])('mail of %s may be deleted after processing', (_what, columns) => {
    const found = planMailbox({ ...columns, processanddeleteemails: true })
    expect([found.mailbox?.deleteAfterProcessing, found.noted]).toEqual([true, []])
  })

  test.each([
    ['outgoingemaildeliverymethod', 2, { outgoingMethod: 'NONE' }, true],
    ['actdeliverymethod', 1, { actMethod: 'NONE' }, true],
    ['actdeliverymethod', 0, { actMethod: 'NONE' }, false],
    ['incomingemaildeliverymethod', 3, { incomingMethod: 'SERVER_SIDE_SYNC' }, true],
  ])('a forward mailbox only collects: %s %p', (column, value, expected, isNoted) => {
    const found = planMailbox({ ...FORWARD, [column]: value })
    expect(found.mailbox).toMatchObject({ owner: null, ...expected })
    expect(found.noted).toEqual(isNoted ? [column] : [])
  })

  test.each([
    [true, 'ada', 'ada', []],
    [false, 'ada', null, ['username']],
    [true, null, null, []],
  ])('allowed to use credentials %p, user name %p', (isAllowed, username, expected, noted) => {
    const found = planMailbox({ allowemailconnectortousecredentials: isAllowed, username })
    expect([found.mailbox?.username, found.noted]).toEqual([expected, noted])
  })
})

describe('an approval', () => {
  const approved = { emailrouteraccessapproval: 1, emailaddressapprovedon: '2024-02-03T10:00:00Z' }

  test('keeps who gave it and when', () => {
    const by = { _emailaddressapprovedby_value: guid(9), [`_emailaddressapprovedby_value${FORMATTED}`]: 'Ada' }
    expect(planMailbox({ ...approved, ...by }).mailbox?.approval).toEqual({
      ...{ kind: 'APPROVED', by: 'Dynamics 365 import: Ada', at: new Date('2024-02-03T10:00:00Z') },
    })
  })

  test('for Exchange Online takes the second one, by an administrator of Microsoft 365', () => {
    const online = { servertype: 3, incomingserverlocation: ONLINE }
    const alone = planMailbox(approved, online)
    expect(alone.mailbox?.approval).toEqual({ kind: 'NONE' })
    expect(alone.noted).toContain('emailrouteraccessapproval')
    const both = planMailbox({ ...approved, isemailaddressapprovedbyo365admin: true }, online)
    expect(both.mailbox?.approval.kind).toBe('APPROVED')
  })

  test('is of no use for another address than the one of the owner', () => {
    const users = [{ systemuserid: guid(3), fullname: 'Ada', internalemailaddress: 'new@x.example' }]
    const found = plan({ systemusers: users, emailserverprofiles: [profile()], mailboxes: [mailbox(approved)] })
    expect(found.mailboxes[0]?.approval).toEqual({ kind: 'NONE' })
    expect(found.notes.map(({ column }) => column)).toEqual(['emailaddress', 'emailrouteraccessapproval'])
    const spelled = [{ ...users[0], internalemailaddress: 'ADA@x.example' }]
    const same = plan({ systemusers: spelled, emailserverprofiles: [profile()], mailboxes: [mailbox(approved)] })
    expect(same.mailboxes[0]?.approval.kind).toBe('APPROVED')
  })
})

describe('whose a mailbox is', () => {
  test.each([
    ['a user', {}, { kind: 'USER', guid: guid(3) }],
    ['a queue', QUEUE, { kind: 'QUEUE', guid: guid(3) }],
    ['nobody', FORWARD, null],
  ])('%s', (_what, columns, owner) => {
    const found = planMailbox(columns)
    expect(found.mailbox?.owner).toEqual(owner)
    // the owner is made of the mailbox when it is in no file
    expect(found.owners.map(({ input }) => [input.kind, input.externalId, input.emailAddress])).toEqual(
      owner ? [[owner.kind, owner.guid, 'ada@x.example']] : [],
    )
  })

  test('without annotations it is found among the users and queues', () => {
    const bare = mailbox({ [`_regardingobjectid_value${LOOKUP}`]: undefined })
    const found = plan({ queues: [{ queueid: guid(3), name: 'Q', emailaddress: 'ada@x.example' }], mailboxes: [bare] })
    expect(found.mailboxes[0]?.owner).toEqual({ kind: 'QUEUE', guid: guid(3) })
    expect(plan({ mailboxes: [bare] }).faults.map(({ code }) => code)).toEqual(['NO_OWNER'])
  })

  test('one owner with two mailboxes, and a mailbox of nobody that is no forward mailbox, are refused', () => {
    const second = mailbox({ mailboxid: guid(8) })
    expect(plan({ mailboxes: [mailbox(), second] }).faults.map(({ code }) => code)).toEqual(['DUPLICATE'])
    const orphan = mailbox({ _regardingobjectid_value: null })
    expect(plan({ mailboxes: [orphan] }).faults.map(({ code }) => code)).toEqual(['NO_OWNER'])
  })

  test('users and queues', () => {
    const { owners } = plan({
      systemusers: [
        { systemuserid: guid(3), fullname: 'Ada', internalemailaddress: 'ada@x.example', isdisabled: false },
        { systemuserid: guid(4), fullname: null, internalemailaddress: 'b@x.example', isdisabled: true },
      ],
      queues: [
        { queueid: guid(5), name: 'Q', emailaddress: null, statecode: 0 },
        { queueid: guid(6), name: 'R', emailaddress: 'r@x.example', statecode: 1 },
      ],
    })
    expect(owners.map(({ input }) => [input.kind, input.name, input.emailAddress, input.active])).toEqual([
      ['USER', 'Ada', 'ada@x.example', true],
      ['USER', 'b@x.example', 'b@x.example', false],
      ['QUEUE', 'Q', null, true],
      ['QUEUE', 'R', 'r@x.example', false],
    ])
  })
})

describe('a profile', () => {
  test.each([
    ['an Exchange server', { servertype: 0, incomingserverlocation: EWS }, 'IMAP_SMTP', false],
    ['Exchange Online by its address', { servertype: 0, incomingserverlocation: ONLINE }, 'EXCHANGE_ONLINE', true],
    ['Exchange Online by server-to-server', { servertype: 0, incomingcredentialretrieval: 2 }, 'EXCHANGE_ONLINE', true],
    ['POP3', { servertype: 1 }, 'POP3_SMTP', true],
    ['a hybrid Exchange server', { servertype: 2, incomingserverlocation: EWS }, 'IMAP_SMTP', false],
    ['hybrid Exchange Online', { servertype: 3, incomingserverlocation: ONLINE }, 'EXCHANGE_ONLINE', true],
    ['IMAP', { servertype: 4 }, 'IMAP_SMTP', true],
    ['Gmail', { servertype: 4, incomingcredentialretrieval: 5 }, 'GMAIL', true],
    ['IMAP without servers', { servertype: 4, incomingserverlocation: null }, 'IMAP_SMTP', false],
    ['an inactive one', { statecode: 1 }, 'IMAP_SMTP', false],
  ])('of %s', (_what, columns, type, active) => {
    expect(planProfile(columns).profile).toMatchObject({ type, active })
  })

  test.each([
    [0, 'MAILBOX', []],
    [1, 'PROFILE', []],
    [2, 'OAUTH_CLIENT_CREDENTIALS', []],
    [3, 'MAILBOX', ['incomingcredentialretrieval']],
    [4, 'MAILBOX', ['incomingcredentialretrieval']],
    [5, 'OAUTH_MAILBOX_CONSENT', ['incomingserverlocation']],
    [6, 'MAILBOX', ['incomingcredentialretrieval']],
    [7, 'OAUTH_CLIENT_CREDENTIALS', []],
  ])('credentials %p', (value, credentialSource, noted) => {
    const found = planProfile({ incomingcredentialretrieval: value })
    expect(found.profile).toMatchObject({ credentialSource })
    expect(found.noted).toEqual(noted)
  })

  test.each([
    ['incomingauthenticationprotocol', 0, false],
    ['incomingauthenticationprotocol', 1, true],
    ['incomingauthenticationprotocol', 2, true],
    ['incomingauthenticationprotocol', 3, false],
    ['incomingauthenticationprotocol', 4, true],
    ['incominguseimpersonation', true, true],
    ['outgoingautograntdelegateaccess', true, true],
    ['useautodiscover', true, true],
    ['useautodiscover', false, false],
    ['minpollingintervalinminutes', 15, true],
    ['timeoutmailboxconnectionafteramount', 100_000, false],
    ['timeoutmailboxconnectionafteramount', 5_000, true],
    ['moveundeliveredemails', true, true],
    ['sendemailalert', true, true],
    ['encodingcodepage', 'iso-8859-1', true],
    ['description', 'of old', true],
    ['new_own', 1, true],
    ['hostid', 'x', true],
    ['lasttestexecutionstatus', 1, false],
  ])('%s %p is listed: %p', (column, value, isNoted) => {
    expect(planProfile({ [column]: value }).noted).toEqual(isNoted ? [column] : [])
  })

  test.each([
    ['IMAP', 4, { incomingportnumber: 993, incomingusessl: true }, [993, 'TLS']],
    ['IMAP with STARTTLS', 4, { incomingportnumber: 143, incomingusessl: true }, [143, 'STARTTLS']],
    ['IMAP in clear', 4, { incomingportnumber: 143, incomingusessl: false }, [143, 'NONE']],
    ['IMAP on its usual port', 4, {}, [993, 'TLS']],
    ['IMAP in clear on its usual port', 4, { incomingusessl: false }, [143, 'NONE']],
    ['POP3', 1, { incomingportnumber: 995, incomingusessl: true }, [995, 'TLS']],
    ['POP3 with STARTTLS', 1, { incomingportnumber: 110 }, [110, 'STARTTLS']],
    ['POP3 on its usual port', 1, {}, [995, 'TLS']],
    ['a port of its own', 4, { incomingportnumber: 10_993 }, [10_993, 'TLS']],
    ['what is no port', 4, { incomingportnumber: 0 }, [993, 'TLS']],
  ])('endpoint of %s', (_what, servertype, columns, [port, security]) => {
    const found = planProfile({ servertype, ...columns })
    expect(found.profile?.incoming).toEqual({ host: 'imap.x.example', port, security })
  })

  test.each([
    ['587', { outgoingportnumber: 587 }, [587, 'STARTTLS']],
    ['465', { outgoingportnumber: 465 }, [465, 'TLS']],
    ['25 in clear', { outgoingportnumber: 25, outgoingusessl: false }, [25, 'NONE']],
    ['the usual one', {}, [587, 'STARTTLS']],
  ])('SMTP on port %s', (_what, columns, [port, security]) => {
    const found = planProfile({ outgoingserverlocation: 'SMTP.x.example', ...columns })
    expect(found.profile?.outgoing).toEqual({ host: 'smtp.x.example', port, security })
  })

  test.each([
    ['in clear', { incomingusessl: false }, 'incomingusessl'],
    ['no host', { incomingserverlocation: 'imap.x.example/path' }, 'incomingserverlocation'],
    ['another sign-in for outgoing mail', OUTGOING_OTHER(1), 'outgoingcredentialretrieval'],
    ['too many connections', { maxconcurrentconnections: 500 }, 'maxconcurrentconnections'],
    ['a user name that is not used', { incomingusername: 'sync' }, 'incomingusername'],
    ['owned by a team', { _ownerid_value: guid(7), [`_ownerid_value${LOOKUP}`]: 'team' }, '_ownerid_value'],
  ])('%s is listed', (_what, columns, column) => {
    expect(planProfile(columns).noted).toContain(column)
  })

  test('two of one name are refused, for they could not be told apart the next time', () => {
    const profiles = [profile(), profile({ emailserverprofileid: guid(8), name: 'imap' })]
    expect(plan({ emailserverprofiles: profiles }).faults.map(({ code }) => code)).toEqual(['DUPLICATE'])
  })

  test('limits, user names and owners', () => {
    const found = planProfile({
      ...{ incomingcredentialretrieval: 1, incomingusername: 'sync', maxconcurrentconnections: 300 },
      ...{ _ownerid_value: guid(3), [`_ownerid_value${LOOKUP}`]: 'systemuser' },
    })
    expect(found.profile).toMatchObject({ username: 'sync', maxConcurrentConnections: 300, ownerGuid: guid(3) })
    expect(planProfile({}).profile).toMatchObject({ maxConcurrentConnections: 10, ownerGuid: null })
  })
})

function OUTGOING_OTHER(value: number) {
  return { usesamesettingsforoutgoingconnections: false, outgoingcredentialretrieval: value }
}

describe('the sample organisation', () => {
  const bytes = readFileSync('server/owners/samples/dataverse.json')
  const answers = JSON.parse(bytes.toString('utf8')) as { value: Record<string, unknown>[] }[]
  const found = planDataverse(readDataverse([{ name: 'sample', bytes }]))

  test.each([
    ['servertype', [0, 1, 2, 3, 4]],
    ['incomingcredentialretrieval', [0, 1, 2, 3, 5, 6, 7]],
    ['incomingemaildeliverymethod', [0, 1, 2, 3]],
    ['outgoingemaildeliverymethod', [0, 1, 2]],
    ['actdeliverymethod', [0, 1, 2]],
    ['emailrouteraccessapproval', [0, 1, 2, 3]],
    ['incomingemailstatus', [0, 1, 2]],
    ['statecode', [0, 1]],
  ])('has every %s', (column, values) => {
    const has = new Set(answers.flatMap(({ value }) => value.map((record) => record[column])))
    expect([...has].filter((value) => value !== undefined).sort()).toEqual(values)
  })

  test('imports whole, and names what it leaves out', () => {
    expect(found.faults).toEqual([])
    const counts = [found.profiles.length, found.owners.length, found.mailboxes.length]
    expect(counts).toEqual([8, 11, 12])
    expect(found.left.find(({ set }) => set === 'mailboxes')?.columns).toContain('hostid')
    expect(found.notes.filter(({ column }) => column === 'new_region')).toHaveLength(1)
  })

  const columnsOf = (set: EntitySet) => {
    const records = recordsOf(set)
    return [...new Set(records.flatMap((record) => Object.keys(record)))].filter((column) => !column.includes('@'))
  }
  const recordsOf = (set: EntitySet) =>
    answers.flatMap(({ value }) => value).filter((record) => record[ID_COLUMNS[set]] !== undefined)
  const odd = (value: unknown) => (typeof value === 'boolean' ? !value : typeof value === 'number' ? 77 : 'odd')

  test.each(ENTITY_SETS.flatMap((set) => columnsOf(set).map((column) => [set, column] as const)))(
    'no value of %s %s is dropped in silence',
    (set, column) => {
      if (found.left.some((left) => left.set === set && left.columns.includes(column))) return
      const isHeard = recordsOf(set).some((record) => {
        const changed = answers.map((answer) => ({
          value: answer.value.map((one) => {
            // without the name beside it, which is what people read
            const bare = { ...one, [column]: odd(one[column]), [`${column}${FORMATTED}`]: undefined }
            return one === record ? bare : one
          }),
        }))
        const other = planDataverse(readDataverse([{ name: 'sample', bytes: Buffer.from(JSON.stringify(changed)) }]))
        return JSON.stringify(other) !== JSON.stringify(found)
      })
      expect(isHeard).toBe(true)
    },
  )

  test('nothing that is secret is repeated', () => {
    const secret = 'hunter2-secret'
    const told = planMailbox({ password: secret, oauthaccesstoken: secret })
    expect(told.noted).toEqual(['password', 'oauthaccesstoken'])
    expect(JSON.stringify(told)).not.toContain(secret)
  })
})

describe('what is not as the tables say is told', () => {
  const user = (columns: object) => {
    const { owners, notes } = plan({ systemusers: [{ systemuserid: guid(5), fullname: 'Ada', ...columns }] })
    return { input: owners[0]?.input, notes }
  }

  test.each<[string, object, object, string]>([
    ['isdisabled', { isdisabled: 'yes' }, { active: false }, 'inactive'],
    ['fullname', { fullname: undefined }, { name: guid(5) }, guid(5)],
    ['fullname', { fullname: 7, internalemailaddress: 'ada@x.example' }, { name: 'ada@x.example' }, 'ada@x.example'],
    ['internalemailaddress', { internalemailaddress: 7 }, { emailAddress: null }, 'text'],
  ])('%s of a user: %p', (column, columns, input, said) => {
    const found = user(columns)
    expect(found.input).toMatchObject(input)
    expect(found.notes).toEqual([expect.objectContaining({ column, instead: expect.stringContaining(said) })])
  })

  test.each([7, true, '', 'active'])('the unknown state %p is inactive', (statecode) => {
    const { mailbox: found, notes } = planMailbox({ statecode })
    expect(found?.active).toBe(false)
    expect(notes).toEqual([
      expect.objectContaining({ column: 'statecode', instead: expect.stringContaining('the state inactive is taken') }),
    ])
  })
})
