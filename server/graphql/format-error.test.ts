import { describe, expect, test } from '@jest/globals'
import {
  buildSchema,
  type ExecutionResult,
  execute,
  GraphQLError,
  type GraphQLFieldResolver,
  parse,
  specifiedRules,
  validate,
} from 'graphql'
import { OperationError, UserFaults } from '../errors'
import { formatError } from './format-error'

const REQUEST = '0b0e7d7e-request'

/** What goes into the log, and what comes out. */
function formatted(error: unknown) {
  const logged: { fields: Record<string, unknown>; message: string }[] = []
  const log = { error: (fields: object, message: string) => void logged.push({ fields: { ...fields }, message }) }
  return { answer: formatError(error, REQUEST, log), logged }
}

const schema = buildSchema(`
  enum Colour { RED GREEN }
  type Query { name(first: Int): String, pick(id: ID!): String, must: String!, colour(of: Colour): Colour, count: Int }
`)

/** The error that graphql-js makes of what a resolver does. */
function failing(
  query: string,
  resolver: GraphQLFieldResolver<unknown, unknown>,
  variableValues?: object,
): GraphQLError {
  const { errors } = execute({
    schema,
    document: parse(query),
    fieldResolver: resolver,
    variableValues: { ...variableValues },
  }) as ExecutionResult
  if (!errors?.[0]) throw new Error('Nothing failed')
  return errors[0]
}

const throwing = (thrown: unknown) => () => {
  throw thrown
}

describe('what a use case ends with on purpose passes', () => {
  test.each(['UNAUTHENTICATED', 'FORBIDDEN', 'NOT_FOUND', 'BAD_USER_INPUT'] as const)('%s', (code) => {
    const { answer, logged } = formatted(failing('{ name }', throwing(new OperationError(code, 'Sign in first'))))
    expect(answer).toMatchObject({ message: 'Sign in first', path: ['name'], extensions: { code } })
    expect(answer.locations).toHaveLength(1)
    expect(Object.keys(answer.extensions ?? {})).toEqual(['code'])
    expect(logged).toEqual([])
  })

  test('with the argument that is wrong', () => {
    const error = new OperationError('BAD_USER_INPUT', 'first must be from 1 to 500', ['first'])
    expect(formatted(failing('{ name }', throwing(error))).answer.extensions).toEqual({
      code: 'BAD_USER_INPUT',
      argument: ['first'],
    })
  })

  test('outside of an execution too, as in a subscription', () => {
    const { answer } = formatted(new OperationError('FORBIDDEN', 'Not yours'))
    expect(answer).toEqual({ message: 'Not yours', extensions: { code: 'FORBIDDEN' } })
  })
})

describe('a bug never leaves: masked, logged once with the request id', () => {
  const SECRET = 'connect ECONNREFUSED mysql://root:s3cr3t@10.0.0.7/mailwarden'
  test.each<[string, () => unknown, boolean]>([
    ['an exception in a resolver', () => failing('{ name }', throwing(new TypeError(SECRET))), true],
    [
      'an exception with a code of its own',
      () => failing('{ name }', throwing(Object.assign(new Error(SECRET), { code: 'ER_PARSE', extensions: {} }))),
      true,
    ],
    [
      'an exception with the extensions of a database',
      () => failing('{ name }', throwing(Object.assign(new Error(SECRET), { extensions: { code: SECRET } }))),
      true,
    ],
    ['an error of GraphQL without a code', () => failing('{ name }', throwing(new GraphQLError(SECRET))), true],
    ['something thrown that is no error', () => failing('{ name }', throwing(SECRET)), true],
    [
      'faults that nobody made a payload of',
      () => failing('{ name }', throwing(new UserFaults([{ code: SECRET, path: [], message: SECRET }]))),
      true,
    ],
    ['null for what cannot be null', () => failing('{ must }', () => null), true],
    ['a value that is not of the enum', () => failing('{ colour }', () => SECRET), true],
    ['a value that is no number', () => failing('{ count }', () => SECRET), true],
    ['an error outside of an execution', () => new Error(SECRET), false],
    ['no error at all', () => SECRET, false],
    ['nothing at all', () => undefined, false],
    [
      'an error with a code that is none of the requests',
      () => new GraphQLError(SECRET, { extensions: { code: 'INTERNAL_SERVER_ERROR', stacktrace: [SECRET] } }),
      false,
    ],
  ])('%s', (_, make, hasPath) => {
    const { answer, logged } = formatted(make())
    expect(answer.extensions).toEqual({ code: 'INTERNAL_SERVER_ERROR', requestId: REQUEST })
    expect(answer.message).toContain(REQUEST)
    expect(JSON.stringify(answer)).not.toMatch(/s3cr3t|10\.0\.0\.7|ECONNREFUSED/)
    expect(answer.path === undefined).toBe(!hasPath)
    expect(logged).toHaveLength(1)
    expect(logged[0]?.fields).toMatchObject({ requestId: REQUEST })
  })

  test('the log has the error itself, with its stack', () => {
    const bug = new TypeError(SECRET)
    expect(formatted(failing('{ name }', throwing(bug))).logged[0]?.fields.err).toBe(bug)
  })
})

describe('a request that cannot be executed is told why, and is nobody’s bug', () => {
  test.each<[string, () => unknown, string]>([
    ['does not fit the schema', () => validate(schema, parse('{ nmae }'), specifiedRules)[0], 'BAD_USER_INPUT'],
    [
      'a variable is wrong',
      () => failing('query ($n: Int) { name(first: $n) }', () => 'x', { n: 'x' }),
      'BAD_USER_INPUT',
    ],
    ['a variable is missing', () => failing('query ($id: ID!) { pick(id: $id) }', () => 'x'), 'BAD_USER_INPUT'],
    [
      'a variable is null where its default would do',
      () => failing('query ($id: ID = "x") { pick(id: $id) }', () => 'x', { id: null }),
      'BAD_USER_INPUT',
    ],
    ...[
      'GRAPHQL_PARSE_FAILED',
      'GRAPHQL_VALIDATION_FAILED',
      'BAD_USER_INPUT',
      'BAD_REQUEST',
      'OPERATION_RESOLUTION_FAILURE',
      'PERSISTED_QUERY_NOT_SUPPORTED',
    ].map((code): [string, () => unknown, string] => [
      code,
      () => new GraphQLError('Cannot query', { extensions: { code, stacktrace: ['at /srv/inside.js'] } }),
      code,
    ]),
  ])('%s', (_, make, code) => {
    const error = make() as GraphQLError
    const { answer, logged } = formatted(error)
    expect(answer.message).toBe(error.message)
    expect(answer.extensions).toEqual({ code })
    expect(logged).toEqual([])
  })
})

describe('where the schema is not told, no guess tells it', () => {
  test.each<[string, () => unknown]>([
    ['a field', () => validate(schema, parse('{ nmae }'), specifiedRules)[0]],
    ['an argument', () => validate(schema, parse('{ name(frist: 1) }'), specifiedRules)[0]],
    ['a value', () => failing('query ($c: Colour) { colour(of: $c) }', () => 'x', { c: 'REDD' })],
  ])('%s', (_, make) => {
    const error = make() as GraphQLError
    expect(error.message).toContain('Did you mean')
    const { message } = formatError(error, REQUEST, { error: () => {} }, { hidesSchema: true })
    expect(message).not.toMatch(/Did you mean|"name"|"first"|"RED"/)
    expect(message).not.toBe('')
  })
})
