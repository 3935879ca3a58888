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
  name: string
  document: string
  variables: Record<string, unknown>
}

function operation(kind: Operation['kind'], field: GraphQLField<unknown, unknown>): Operation {
  const needed = field.args.filter((argument) => isNonNullType(argument.type))
  const declared = needed.map((argument) => `$${argument.name}: ${argument.type}`).join(', ')
  const passed = needed.map((argument) => `${argument.name}: $${argument.name}`).join(', ')
  const body = isObjectType(getNamedType(field.type)) ? ' { __typename }' : ''
  return {
    kind,
    name: field.name,
    document: `${kind} ${declared && `(${declared})`} { ${field.name}${passed && `(${passed})`}${body} }`,
    variables: Object.fromEntries(needed.map((argument) => [argument.name, sample(argument.type)])),
  }
}

const operations = [
  ...Object.values(schema.getQueryType()?.getFields() ?? {}).map((field) => operation('query', field)),
  ...Object.values(schema.getMutationType()?.getFields() ?? {}).map((field) => operation('mutation', field)),
  ...Object.values(schema.getSubscriptionType()?.getFields() ?? {}).map((field) => operation('subscription', field)),
]
/** The only ones that need no session (contract). */
const OPEN = ['viewer', 'signIn']
const ofKind = (...kinds: Operation['kind'][]) =>
  operations.filter(({ kind, name }) => kinds.includes(kind) && !OPEN.includes(name))

describe('every operation of schema.graphql', () => {
  let harness: Harness
  let auditor: Caller

  beforeAll(async () => {
    harness = await Harness.start({ database: 'sqlite' })
    auditor = await harness.auditor()
  })
  afterAll(() => harness?.stop())

  const everything = async () => {
    const tables = [
      'users',
      'api_tokens',
      'email_server_profiles',
      'email_settings',
      'mailboxes',
      'owners',
      'alerts',
      'test_runs',
      'test_run_items',
    ]
    return JSON.stringify(await Promise.all(tables.map((table) => harness.app.db.read.query(`SELECT * FROM ${table}`))))
  }

  test('is known to this test', () => {
    expect(operations.length).toBeGreaterThanOrEqual(30)
  })

  test.each(ofKind('query', 'mutation'))(
    '$kind $name answers UNAUTHENTICATED without a session and changes nothing',
    async ({ document, variables }) => {
      const before = await everything()
      const { data, errors } = await harness.anonymous().ask(document, variables)
      expect(errors.map((error) => error.extensions.code)).toEqual(['UNAUTHENTICATED'])
      expect(data === null || Object.values(data).every((value) => value === null)).toBe(true)
      expect(await everything()).toBe(before)
    },
  )

  test.each(ofKind('subscription'))(
    'subscription $name is closed without a session',
    async ({ document, variables }) => {
      await expect(harness.anonymous().watch(document, variables).next()).rejects.toMatchObject({ code: 4401 })
    },
  )

  test.each(ofKind('mutation').filter(({ name }) => name !== 'signOut'))(
    'mutation $name answers an AUDITOR FORBIDDEN and changes nothing',
    async ({ document, variables }) => {
      const before = await everything()
      const { errors } = await auditor.ask(document, variables)
      expect(errors.map((error) => error.extensions.code)).toEqual(['FORBIDDEN'])
      expect(await everything()).toBe(before)
    },
  )

  test.each(ofKind('query'))('query $name may be asked by an AUDITOR', async ({ document, variables }) => {
    expect((await auditor.ask(document, variables)).errors).toEqual([])
  })
})
