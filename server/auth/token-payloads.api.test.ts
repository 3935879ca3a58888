import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import {
  buildSchema,
  type GraphQLField,
  type GraphQLObjectType,
  getNamedType,
  isNonNullType,
  isObjectType,
} from 'graphql'
import { type Caller, DATABASES, Harness } from '../test/harness'
import { entrances, pathsFrom } from '../test/schema-paths'
import { operator } from './auth.service'
import type { Scope } from './rights'

const schema = buildSchema(readFileSync('schema.graphql', 'utf8'))
const MAILBOX = schema.getType('Mailbox') as GraphQLObjectType
const typeOf = (mutation: string) =>
  schema.getType(String(schema.getMutationType()?.getFields()[mutation]?.type).replace('!', '')) as GraphQLObjectType

/** From a payload to what hangs on the mailboxes of its owners. */
const STEPS = 3

const PROFILE = `mutation ($input: EmailServerProfileInput!) {
  createEmailServerProfile(input: $input) { profile { id } userErrors { code } }
}`
const PROVISION = `mutation ($owners: [OwnerInput!]!) {
  provisionOwners(owners: $owners) { owners { id mailbox { id } } userErrors { code } }
}`
const EDIT = `mutation ($ids: [ID!]!, $changes: MailboxChanges!) {
  updateMailboxes(selection: { ids: $ids }, changes: $changes) { changed }
}`
const REJECT = `mutation ($ids: [ID!]!) { rejectEmails(selection: { ids: $ids }, reason: "Hidden reason") { changed } }`

/** One innermost field at a time: one that is refused must not hide what the others would tell. */
const eachLeaf = (path: string): string[] => {
  const [, head = '', leaves = '', tail = ''] = path.match(/^(.*\{) ([^{}]*) (\}.*)$/) ?? []
  return leaves.split(' ').map((leaf) => `${head} ${leaf} ${tail}`)
}

describe.each(DATABASES)('what a token with one scope is told, on %s', (database) => {
  let harness: Harness
  let admin: Caller
  const tokens = new Map<Scope, Caller>()
  const id = { owner: '', mailbox: '', profile: '' }
  let made = 0

  /** Everything that only who may read is told; an owner's own words are the provisioner's, too. */
  const SECRETS = ['hidden-username', 'Hidden reason', 'Hidden profile', 'hidden.example']
  const anna = { kind: 'USER', externalId: 'a-1', name: 'Anna Eins', emailAddress: 'anna@one.test' }

  beforeAll(async () => {
    harness = await Harness.start({ database, work: false })
    admin = await harness.admin()
    const provisioned = (await admin.get(PROVISION, { owners: [anna] })).provisionOwners.owners[0]
    id.owner = provisioned.id
    id.mailbox = provisioned.mailbox.id
    const endpoint = { host: 'mail.hidden.example', port: 993, security: 'TLS' }
    const input = { name: 'Hidden profile', type: 'IMAP_SMTP', incoming: endpoint, outgoing: endpoint }
    id.profile = (await admin.get(PROFILE, { input })).createEmailServerProfile.profile.id
    const changes = { profileId: id.profile, username: 'hidden-username' }
    await admin.get(EDIT, { ids: [id.mailbox], changes })
    await admin.get(REJECT, { ids: [id.mailbox] })
    for (const scope of ['read', 'approve', 'test', 'write', 'provision'] as const) {
      tokens.set(scope, await harness.newToken(scope))
    }
  })
  afterAll(() => harness?.stop())

  const token = (scope: Scope) => tokens.get(scope) as Caller

  /** All that somebody is told by a mutation, run once for each thing he could ask of its payload. */
  async function toldBy(caller: Caller, mutation: string, call: () => string): Promise<string> {
    const told: string[] = []
    for (const path of pathsFrom(typeOf(mutation), STEPS).flatMap(eachLeaf)) {
      const { data, errors } = await caller.ask(`mutation { ${mutation}${call()} ${path} }`)
      for (const { extensions } of errors) expect(extensions.code).toBe('FORBIDDEN')
      told.push(JSON.stringify(data))
    }
    return told.join('\n')
  }

  const selection = () => `(selection: { ids: ["${id.mailbox}"] })`
  const newProfile = (name: string) =>
    `name: "${name}", type: IMAP_SMTP, incoming: { host: "mail.hidden.example", port: 993, security: TLS }`
  /** One that is there to be deleted. */
  const profileToDelete = async () => {
    const endpoint = { host: 'mail.hidden.example', port: 993, security: 'TLS' }
    const input = { name: `Hidden profile ${++made}`, type: 'IMAP_SMTP', incoming: endpoint, outgoing: endpoint }
    return (await admin.get(PROFILE, { input })).createEmailServerProfile.profile.id as string
  }

  const MUTATIONS: [Scope, string, () => string][] = [
    ['approve', 'approveEmails', selection],
    ['approve', 'rejectEmails', selection],
    ['test', 'testAndEnableMailboxes', selection],
    [
      'write',
      'updateMailboxes',
      () => `(selection: { ids: ["${id.mailbox}"] }, changes: { deleteAfterProcessing: ${++made % 2 === 0} })`,
    ],
    ['write', 'setMailboxesActive', () => `(selection: { ids: ["${id.mailbox}"] }, active: ${++made % 2 === 0})`],
    ['write', 'createEmailServerProfile', () => `(input: { ${newProfile(`Hidden profile ${++made}`)} })`],
    ['write', 'updateEmailServerProfile', () => `(id: "${id.profile}", input: { ${newProfile('Hidden profile')} })`],
    ['write', 'updateEmailSettings', () => `(input: { failureThresholdPercent: ${(++made % 50) + 10} })`],
  ]

  test.each(MUTATIONS)('scope %s: %s tells nothing of what is not read', async (scope, mutation, call) => {
    const told = await toldBy(token(scope), mutation, call)
    const hidden = [...SECRETS, id.profile, id.mailbox, 'Anna Eins', 'anna@one.test']
    expect(hidden.filter((secret) => told.includes(secret))).toEqual([])
    expect(told).toContain('userErrors')
  })

  test('scope write: deleteEmailServerProfile tells nothing of the profile', async () => {
    const [gone, seen] = [await profileToDelete(), await profileToDelete()]
    const remove = 'mutation ($id: ID!) { deleteEmailServerProfile(id: $id) { profile { name } userErrors { code } } }'
    const { deleteEmailServerProfile: answer } = await token('write').get(remove, { id: gone })
    expect(answer).toEqual({ profile: null, userErrors: [] })
    expect((await admin.get(remove, { id: seen })).deleteEmailServerProfile.profile.name).toMatch('Hidden profile')
  })

  test.each(['approve', 'test', 'write', 'provision'] as const)('scope %s reads nothing', async (scope) => {
    const { owner, mailbox, profile } = id
    const open = new Set(['viewer'])
    const ways = entrances(schema.getQueryType() as GraphQLObjectType, [owner, mailbox, profile])
    for (const { call, type } of ways) {
      if (open.has(call)) continue
      const { data, errors } = await token(scope).ask(`{ ${call} ${pathsFrom(type, 1)[0]} }`)
      expect(errors.map((error) => error.extensions.code)).toEqual(['FORBIDDEN'])
      expect(Object.values(data ?? {}).filter((value) => value !== null)).toEqual([])
    }
  })

  describe('scope provision', () => {
    const provision = () =>
      '(owners: [{ kind: USER, externalId: "a-1", name: "Anna Eins", emailAddress: "anna@one.test" }])'
    const ask = (selection: string, caller = token('provision')) =>
      caller.ask(`mutation { provisionOwners${provision()} { owners { id mailbox { ${selection} } } } }`)
    const own = {
      id: () => id.mailbox,
      name: () => 'Anna Eins',
      emailAddress: () => 'anna@one.test',
      approval: () => 'REJECTED',
    }
    const inner = (field: GraphQLField<unknown, unknown>): string => {
      const type = getNamedType(field.type)
      return isObjectType(type) ? `${field.name} ${pathsFrom(type, 1)[0]}` : field.name
    }
    const fields = Object.values(MAILBOX.getFields()).filter(
      (field) => !field.args.some((one) => isNonNullType(one.type)),
    )
    const isShown = (name: string) => Object.hasOwn(own, name)

    test('who provisions learns of a mailbox its id, name, address and approval', async () => {
      await admin.get(REJECT, { ids: [id.mailbox] })
      const { data, errors } = await ask(Object.keys(own).join(' '))
      expect(errors).toEqual([])
      const shown = Object.fromEntries(Object.entries(own).map(([name, value]) => [name, value()]))
      expect(data.provisionOwners.owners).toEqual([{ id: id.owner, mailbox: shown }])
    })

    test.each(fields.filter(({ name }) => !isShown(name)))('$name of the mailbox is FORBIDDEN', async (field) => {
      const { data, errors } = await ask(inner(field))
      expect(errors.map((error) => error.extensions.code)).toEqual(['FORBIDDEN'])
      expect(data?.provisionOwners?.owners[0].mailbox[field.name] ?? null).toBeNull()
    })

    test('who reads as well sees all of it', async () => {
      const both = await harness.newToken('provision', 'read')
      const { data, errors } = await ask(fields.map(inner).join(' '), both)
      expect(errors).toEqual([])
      expect(data.provisionOwners.owners[0].mailbox.username).toBe('hidden-username')
    })

    test.each([
      ['provisionOwners', provision],
      ['deleteOwners', () => '(selection: { keys: [{ kind: USER, externalId: "a-1" }] })'],
    ])('%s tells nothing of what is not read', async (mutation, call) => {
      const told = await toldBy(token('provision'), mutation, call)
      expect([...SECRETS, id.profile].filter((secret) => told.includes(secret))).toEqual([])
      expect(told).toContain(id.mailbox)
    })
  })

  test('mailboxes of profiles are counted for who may read', async () => {
    const { mailboxes, tokens: service } = harness.app.services
    await expect(mailboxes.countsByProfile(undefined, [id.profile])).rejects.toMatchObject({ code: 'UNAUTHENTICATED' })
    const { secret } = await service.create(operator('test'), { name: 'write', scopes: ['write'] })
    const viewer = await service.bySecret(secret, '127.0.0.1')
    await expect(mailboxes.countsByProfile(viewer, [id.profile])).rejects.toMatchObject({ code: 'FORBIDDEN' })
  })
})
