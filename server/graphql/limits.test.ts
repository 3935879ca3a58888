import { describe, expect, test } from '@jest/globals'
import { buildSchema, GraphQLError, getIntrospectionQuery, parse, specifiedRules, validate } from 'graphql'
import { checkCost, LIMITS, limitRules } from './limits'

const schema = buildSchema(`
  type Mailbox { id: ID! name: String! forward: Mailbox alerts(first: Int, after: String): Alerts! tags: [String!]! }
  type Mailboxes { nodes: [Mailbox!]! totalCount: Int! }
  type Alert { id: ID! mailbox: Mailbox }
  type Alerts { nodes: [Alert!]! }
  type Query { viewer: String mailbox(id: ID): Mailbox mailboxes(first: Int, after: String): Mailboxes! }
`)

const refusals = (query: string, introspection = true) =>
  validate(schema, parse(query), [...specifiedRules, ...limitRules(introspection)])

const nested = (depth: number) => `{ mailbox ${'{ forward '.repeat(depth - 2)}{ id }${' }'.repeat(depth - 2)} }`
const aliased = (count: number) => `{ ${Array.from({ length: count }, (_, n) => `a${n}: viewer`).join(' ')} }`

describe('validation: refused by a report, so that every other fault is reported too', () => {
  test.each<[string, string, number]>([
    ['as deep as allowed', nested(LIMITS.depth), 0],
    ['one level deeper', nested(LIMITS.depth + 1), 1],
    ['far deeper', nested(LIMITS.depth * 5), 1],
    ['as many aliases as allowed', aliased(LIMITS.aliases), 0],
    ['one alias more', aliased(LIMITS.aliases + 1), 1],
    ['both', `{ ${aliased(LIMITS.aliases + 1).slice(1, -1)} ${nested(LIMITS.depth + 1).slice(1, -1)} }`, 2],
  ])('%s', (_, query, expected) => {
    const errors = refusals(query)
    expect(errors).toHaveLength(expected)
    for (const error of errors) expect(error).toBeInstanceOf(GraphQLError)
  })

  test('a field that does not exist is named beside', () => {
    expect(refusals(`{ nmae ${aliased(LIMITS.aliases + 1).slice(1, -1)} }`)).toHaveLength(2)
  })

  test('depth hidden in fragments counts', () => {
    const deep = nested(LIMITS.depth + 1).replace(/^\{ mailbox/, '{ mailbox { ...Deep } } fragment Deep on Mailbox')
    expect(refusals(deep.replace(/ \}$/, ''))).toHaveLength(1)
  })

  test('aliases hidden in fragments count', () => {
    const body = aliased(LIMITS.aliases + 1)
    expect(refusals(`{ ...Many } fragment Many on Query ${body}`)).toHaveLength(1)
  })

  test('a tool may introspect, unless that is switched off', () => {
    expect(refusals(getIntrospectionQuery())).toEqual([])
    expect(refusals(getIntrospectionQuery(), false)).not.toEqual([])
    expect(refusals('{ __typename viewer }', false)).toEqual([])
  })
})

describe('cost: fields an answer may have, lists counted by first', () => {
  const cost = (query: string, variables: Record<string, unknown>) => {
    try {
      checkCost(schema, parse(query), variables, undefined)
    } catch (error) {
      return error as GraphQLError
    }
    return undefined
  }
  const page = (outer: string, inner: string) =>
    `query ($n: Int) { mailboxes${outer} { nodes { id alerts${inner} { nodes { id mailbox { name } } } } } }`

  test.each<[string, string, Record<string, unknown>]>([
    ['the largest page', '{ mailboxes(first: 500) { nodes { id name tags } totalCount } }', {}],
    ['a page of pages', page('(first: 50)', '(first: 50)'), {}],
    ['pages of the default length', page('', ''), {}],
    ['a short page of long ones', page('(first: $n)', '(first: 500)'), { n: 10 }],
    ['no list at all', '{ viewer }', {}],
  ])('%s is allowed', (_, query, variables) => {
    expect(cost(query, variables)).toBeUndefined()
  })

  test.each<[string, string, Record<string, unknown>]>([
    ['long pages of long pages', page('(first: 500)', '(first: 500)'), {}],
    ['the same by a variable', page('(first: $n)', '(first: $n)'), { n: 500 }],
    ['a length that is out of range counts as the longest', page('(first: 2147483647)', '(first: 2147483647)'), {}],
    ['pages of the default length in long pages', page('(first: 500)', ''), {}],
    [
      'the same page under many names',
      `{ ${Array.from({ length: 30 }, (_, n) => `p${n}: mailboxes(first: 500) { nodes { id name forward { id name } } }`).join(' ')} }`,
      {},
    ],
  ])('%s is refused', (_, query, variables) => {
    const error = cost(query, variables)
    expect(error?.extensions).toEqual({ code: 'BAD_USER_INPUT', http: { status: 400 } })
  })

  test('only the operation that is asked for counts', () => {
    const document = parse(
      `query Small { viewer } query Large { ${page('(first: 500)', '(first: 500)').slice(17, -1)} }`,
    )
    expect(() => checkCost(schema, document, {}, 'Small')).not.toThrow()
    expect(() => checkCost(schema, document, {}, 'Large')).toThrow(GraphQLError)
  })
})
