import { describe, expect, test } from '@jest/globals'
import { isScope, RIGHTS, type Right, Role, rightsOf, SCOPES, type Scope } from './rights'

const { SYSTEM_ADMINISTRATOR, SERVICE_ADMINISTRATOR, AUDITOR, INTEGRATION } = Role

/** The rows of product rule 2.9, for the roles that exist; a scope of a token stands where the table names one. */
const TABLE: [string, Right[], Role[], Scope[]][] = [
  ['see all', ['mailboxes.read'], [SYSTEM_ADMINISTRATOR, SERVICE_ADMINISTRATOR, AUDITOR], ['read']],
  ['approve and reject', ['mailboxes.approve'], [SYSTEM_ADMINISTRATOR, SERVICE_ADMINISTRATOR], ['approve']],
  ['test & enable', ['mailboxes.test'], [SYSTEM_ADMINISTRATOR, SERVICE_ADMINISTRATOR], ['test']],
  [
    'edit mailboxes, profiles, settings, alerts',
    ['mailboxes.edit', 'mailboxes.credentials', 'profiles.edit', 'settings.edit', 'alerts.edit'],
    [SYSTEM_ADMINISTRATOR, SERVICE_ADMINISTRATOR],
    ['write'],
  ],
  ['provision users and queues', ['owners.provision'], [SYSTEM_ADMINISTRATOR, SERVICE_ADMINISTRATOR], ['provision']],
  ['audit log', ['audit.read'], [SYSTEM_ADMINISTRATOR, SERVICE_ADMINISTRATOR, AUDITOR], []],
  ['roles, tokens, sign-in', ['access.edit'], [SYSTEM_ADMINISTRATOR], []],
]

test('the table has every right there is', () => {
  expect(TABLE.flatMap(([, rights]) => rights).sort()).toEqual([...RIGHTS].sort())
})

describe.each(TABLE)('%s', (_, rights, roles, scopes) => {
  test.each(Object.values(Role))('as %s', (role) => {
    const had = rightsOf([role])
    expect(rights.filter((right) => had.has(right))).toEqual(roles.includes(role) ? rights : [])
  })

  // each command answers with what it did, so each scope reads: only `read` is tested for the row of reading
  test.each(Object.keys(SCOPES) as Scope[])('with a token of scope %s', (scope) => {
    const had = rightsOf([INTEGRATION], { scopes: [scope] })
    const commands = rights.filter((right) => right !== 'mailboxes.read')
    expect(commands.filter((right) => had.has(right))).toEqual(scopes.includes(scope) ? commands : [])
  })
})

test('a token of scope read only reads; one without scope may nothing', () => {
  expect([...rightsOf([INTEGRATION], { scopes: ['read'] }).keys()]).toEqual(['mailboxes.read'])
  expect(rightsOf([INTEGRATION]).size).toBe(0)
})

test('nobody without a role may anything; what several give adds up', () => {
  expect(rightsOf([]).size).toBe(0)
  const both = rightsOf([INTEGRATION], { scopes: ['approve', 'test'] })
  expect([...both.keys()]).toEqual(['mailboxes.approve', 'mailboxes.test'])
})

test('a role that this version does not know gives no right', () => {
  expect(rightsOf(['MAILBOX_OWNER' as Role]).size).toBe(0)
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
