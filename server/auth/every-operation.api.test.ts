import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import {
  buildSchema,
  type GraphQLField,
  type GraphQLInputType,
  getNamedType,
  isEnumType,
  isInputObjectType,
  isListType,
  isNonNullType,
  isObjectType,
} from 'graphql'
import { type Caller, Harness } from '../test/harness'
import { ApiToken } from './api-token.entity'
import { Role, type Scope } from './rights'
import { CALLERS, type CallerName, ROLE_MATRIX, type Row } from './role-matrix'
import { Session } from './user.entity'

const schema = buildSchema(readFileSync('schema.graphql', 'utf8'))
const ID = '01a20894-98d9-76d5-8880-179c368a8386'

/** A value of the type, just right enough to reach the resolver. */
function sample(type: GraphQLInputType): unknown {
  if (isNonNullType(type)) return sample(type.ofType)
  if (isListType(type)) return [sample(type.ofType)]
  if (isEnumType(type)) return type.getValues()[0]?.name
  if (isInputObjectType(type)) {
    const needed = Object.values(type.getFields()).filter((field) => isNonNullType(field.type))
    return Object.fromEntries(needed.map((field) => [field.name, sample(field.type)]))
  }
  return { ID, String: 'x', Int: 1, Boolean: true, DateTimeISO: '2030-01-01T00:00:00Z' }[getNamedType(type).name]
}

interface Operation {
  kind: 'query' | 'mutation' | 'subscription'
  field: GraphQLField<unknown, unknown>
}

const operations = new Map<string, Operation>()
for (const [kind, type] of [
  ['query', schema.getQueryType()],
  ['mutation', schema.getMutationType()],
  ['subscription', schema.getSubscriptionType()],
] as const) {
  for (const field of Object.values(type?.getFields() ?? {})) operations.set(`${kind} ${field.name}`, { kind, field })
}

interface Case {
  what: string
  kind: Operation['kind']
  document: string
  variables: Record<string, unknown>
  row: Row
}

/** The operation that a row is about, with all arguments it needs and those the row gives. */
function caseOf(what: string, row: Row): Case[] {
  const operation = operations.get(what.split(':')[0] ?? '')
  if (!operation) return []
  const { kind, field } = operation
  const given = row.variables ?? {}
  const passed = field.args.filter(({ name, type }) => isNonNullType(type) || name in given)
  const declared = passed.map(({ name, type }) => `$${name}: ${type}`).join(', ')
  const arguments_ = passed.map(({ name }) => `${name}: $${name}`).join(', ')
  const body = isObjectType(getNamedType(field.type)) ? ' { __typename }' : ''
  const document = `${kind} ${declared && `(${declared})`} { ${field.name}${arguments_ && `(${arguments_})`}${body} }`
  const variables = Object.fromEntries(
    passed.map(({ name, type }) => [name, name in given ? given[name] : sample(type)]),
  )
  return [{ what, kind, document, variables, row }]
}

// who has signed out may nothing more
const cases = Object.entries(ROLE_MATRIX)
  .flatMap(([what, row]) => caseOf(what, row))
  .sort((one, other) => Number(one.what === 'mutation signOut') - Number(other.what === 'mutation signOut'))
const asked = cases.filter(({ kind }) => kind !== 'subscription')
const watched = cases.filter(({ kind }) => kind === 'subscription')

/** There is nothing that some may not, and jest takes no empty table. */
const each = (some: Case[]) => (some.length > 0 ? test.each(some) : () => undefined)

test('every operation has a row of the matrix, and every row an operation', () => {
  const rows = new Set(Object.keys(ROLE_MATRIX).map((what) => what.split(':')[0]))
  expect([...rows].sort()).toEqual([...operations.keys()].sort())
})

describe('every operation of schema.graphql', () => {
  let harness: Harness
  const callers = new Map<CallerName, Caller>()

  beforeAll(async () => {
    harness = await Harness.start({ database: 'sqlite', work: false })
    const owner = `mutation { provisionOwners(owners: [{ kind: USER, name: "Anna", emailAddress: "anna@example.org" }]) { owners { id } } }`
    const ownerId = (await (await harness.admin()).get(owner)).provisionOwners.owners[0].id
    const given = { [Role.MAILBOX_APPROVER]: { domains: ['example.org'] }, [Role.MAILBOX_USER]: { ownerId } }
    for (const name of CALLERS) {
      const [, scope] = name.split(' ')
      const more = given[name as keyof typeof given]
      callers.set(
        name,
        await (scope === undefined
          ? harness.newUser(`${name} of the matrix`, { roles: [name as Role], ...more })
          : harness.newToken(scope as Scope)),
      )
    }
  })
  afterAll(() => harness?.stop())

  /** All rows of all tables; when a token was last used is no part of what it did. */
  const everything = async () => {
    const { read } = harness.app.db
    const tables = await read.query("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
    const rows = await Promise.all(tables.map(({ name }: { name: string }) => read.query(`SELECT * FROM ${name}`)))
    return JSON.stringify(rows, (key, value) => (key === 'last_used_at' ? undefined : value))
  }

  const refused = async (caller: Caller, { document, variables }: Case, code: string) => {
    const before = await everything()
    const { data, errors } = await caller.ask(document, variables)
    expect(errors.map((error) => error.extensions.code)).toEqual([code])
    expect(data === null || Object.values(data).every((value) => value === null)).toBe(true)
    expect(await everything()).toBe(before)
  }

  describe.each(CALLERS)('as %s', (name) => {
    const isAllowed = ({ row }: Case) => row.may.includes(name)

    each(asked.filter((one) => !isAllowed(one)))('$what is FORBIDDEN and changes nothing', async (one) => {
      await refused(callers.get(name) as Caller, one, 'FORBIDDEN')
    })

    each(watched.filter((one) => !isAllowed(one)))('$what is FORBIDDEN', async ({ document, variables }) => {
      const watching = (callers.get(name) as Caller).watch(document, variables)
      await expect(watching.next()).rejects.toThrow('FORBIDDEN')
    })

    each(watched.filter(isAllowed))('$what may be watched', async ({ document, variables }) => {
      const watching = (callers.get(name) as Caller).watch(document, variables)
      const first = await watching.next().then(
        () => 'an event',
        (error) => String(error),
      )
      expect(first).toMatch(/an event|NOT_FOUND/)
      await watching.end()
    })

    // what is wrong with the arguments is told to who may ask
    each(asked.filter(isAllowed))('$what may be asked', async ({ document, variables }) => {
      const { errors } = await (callers.get(name) as Caller).ask(document, variables)
      for (const { extensions } of errors) expect(['NOT_FOUND', 'BAD_USER_INPUT']).toContain(extensions.code)
    })
  })

  const closed = (one: Case) => !one.row.isOpen

  describe('without a session', () => {
    test.each(asked.filter(closed))('$what is UNAUTHENTICATED and changes nothing', async (one) => {
      await refused(harness.anonymous(), one, 'UNAUTHENTICATED')
    })

    test.each(watched)('$what closes the socket', async ({ document, variables }) => {
      await expect(harness.anonymous().watch(document, variables).next()).rejects.toMatchObject({ code: 4401 })
    })
  })

  describe.each(['session', 'token'])('with a %s that is over', (what) => {
    let late: Caller
    beforeAll(async () => {
      late = await (what === 'session' ? harness.admin() : harness.newToken('read', 'write'))
      expect((await late.get('{ viewer { id } }')).viewer).not.toBeNull()
      const entity = what === 'session' ? Session : ApiToken
      await harness.app.services.tokens.flush()
      await harness.app.db.inTransaction((tx) => tx.em.updateAll(entity, { expiresAt: new Date(0) }))
    })

    test.each(asked.filter(closed))('$what is UNAUTHENTICATED and changes nothing', async (one) => {
      await refused(late, one, 'UNAUTHENTICATED')
    })

    test.each(watched)('$what closes the socket', async ({ document, variables }) => {
      await expect(late.watch(document, variables).next()).rejects.toMatchObject({ code: 4401 })
    })

    test('nobody is signed in', async () => {
      expect((await late.get('{ viewer { id } }')).viewer).toBeNull()
    })
  })
})
