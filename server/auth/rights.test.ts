import { describe, expect, test } from '@jest/globals'
import { isScope, type Reach, RIGHTS, type Right, Role, rightsOf, SCOPES, type Scope } from './rights'

const { SYSTEM_ADMINISTRATOR, SERVICE_ADMINISTRATOR, MAILBOX_APPROVER, MAILBOX_USER, AUDITOR, INTEGRATION } = Role
const DOMAINS = ['example.org', 'example.com']
const OWN: Reach = { domains: [], ownerIds: ['owner'] }
const IN_DOMAINS: Reach = { domains: DOMAINS, ownerIds: [] }

type Row = [what: string, rights: Right[], roles: Partial<Record<Role, Reach>>, scopes: Scope[]]

const ADMINISTRATORS = { [SYSTEM_ADMINISTRATOR]: 'ALL', [SERVICE_ADMINISTRATOR]: 'ALL' } as const

/** The rows of product rule 2.9 with the extent of each; a scope of a token stands where the table names one. */
const TABLE: Row[] = [
  [
    'see mailboxes and what hangs on them',
    ['mailboxes.read'],
    { ...ADMINISTRATORS, [AUDITOR]: 'ALL', [MAILBOX_APPROVER]: IN_DOMAINS, [MAILBOX_USER]: OWN },
    ['read'],
  ],
  ['approve and reject', ['mailboxes.approve'], { ...ADMINISTRATORS, [MAILBOX_APPROVER]: IN_DOMAINS }, ['approve']],
  ['test & enable', ['mailboxes.test'], { ...ADMINISTRATORS, [MAILBOX_USER]: OWN }, ['test']],
  ['enter credentials', ['mailboxes.credentials'], { ...ADMINISTRATORS, [MAILBOX_USER]: OWN }, ['write']],
  [
    'edit mailboxes, profiles, settings, alerts',
    ['mailboxes.edit', 'profiles.edit', 'settings.edit', 'alerts.edit'],
    ADMINISTRATORS,
    ['write'],
  ],
  ['provision users and queues', ['owners.provision'], ADMINISTRATORS, ['provision']],
  ['audit log', ['audit.read'], { ...ADMINISTRATORS, [AUDITOR]: 'ALL' }, []],
  ['roles, tokens, sign-in', ['access.edit'], { [SYSTEM_ADMINISTRATOR]: 'ALL' }, []],
]

test('the table has every right there is, once', () => {
  expect(TABLE.flatMap(([, rights]) => rights).sort()).toEqual([...RIGHTS].sort())
})

describe.each(TABLE)('%s', (_, rights, roles, scopes) => {
  test.each(Object.values(Role))('as %s', (role) => {
    const had = rightsOf([role], { domains: DOMAINS, ownerId: 'owner' })
    for (const right of rights) expect(had.get(right)).toEqual(roles[role])
  })

  // each command answers with what it did, so each scope reads: only `read` is tested for the row of reading
  test.each(Object.keys(SCOPES) as Scope[])('with a token of scope %s', (scope) => {
    const had = rightsOf([INTEGRATION], { scopes: [scope] })
    const commands = rights.filter((right) => right !== 'mailboxes.read')
    expect(commands.filter((right) => had.get(right) === 'ALL')).toEqual(scopes.includes(scope) ? commands : [])
  })
})

test('a token of scope read only reads; one without scope may nothing', () => {
  expect([...rightsOf([INTEGRATION], { scopes: ['read'] })]).toEqual([['mailboxes.read', 'ALL']])
  expect(rightsOf([INTEGRATION]).size).toBe(0)
})

test('nobody without a role may anything; what several give adds up', () => {
  expect(rightsOf([], { domains: DOMAINS, ownerId: 'owner' }).size).toBe(0)
  const scopes = rightsOf([INTEGRATION], { scopes: ['approve', 'test'] })
  expect([...scopes.keys()]).toEqual(['mailboxes.approve', 'mailboxes.test'])
  const both = rightsOf([MAILBOX_APPROVER, MAILBOX_USER], { domains: DOMAINS, ownerId: 'owner' })
  expect(both.get('mailboxes.read')).toEqual({ domains: DOMAINS, ownerIds: ['owner'] })
  expect(both.get('mailboxes.approve')).toEqual(IN_DOMAINS)
  expect(both.get('mailboxes.test')).toEqual(OWN)
})

test.each([[[MAILBOX_USER, AUDITOR]], [[AUDITOR, MAILBOX_USER]]])(
  'what extends to all is not narrowed by another role: %j',
  (roles) => {
    const had = rightsOf(roles, { ownerId: 'owner' })
    expect(had.get('mailboxes.read')).toBe('ALL')
    expect(had.get('mailboxes.test')).toEqual(OWN)
  },
)

test('who was given no domain and no owner reaches nothing', () => {
  for (const role of [MAILBOX_APPROVER, MAILBOX_USER]) {
    for (const reach of rightsOf([role]).values()) expect(reach).toEqual({ domains: [], ownerIds: [] })
  }
  expect(rightsOf([MAILBOX_USER], { domains: DOMAINS }).get('mailboxes.read')).toEqual({ domains: [], ownerIds: [] })
  expect(rightsOf([MAILBOX_APPROVER], { ownerId: 'owner' }).get('mailboxes.read')).toEqual({
    domains: [],
    ownerIds: [],
  })
})

test('a role that this version does not know gives no right', () => {
  expect(rightsOf(['MAILBOX_OWNER' as Role], { domains: DOMAINS, ownerId: 'owner' }).size).toBe(0)
})

test.each([
  ...Object.keys(SCOPES).map((scope) => [scope, true] as const),
  ['admin', false],
  ['', false],
  ['constructor', false],
  ['READ', false],
] as const)('%j is a scope: %s', (text, expected) => {
  expect(isScope(text)).toBe(expected)
})
