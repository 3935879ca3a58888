import { describe, expect, test } from '@jest/globals'
import Fastify, { type FastifyBaseLogger } from 'fastify'
import { ReplyError } from 'ioredis'
import { QueryFailedError } from 'typeorm'
import { makeLog } from './process'

const SECRET = 's3cr3t'

/** As mysql2 makes it of a duplicate key, and TypeORM of that. */
function duplicateKey(): Error {
  const message = `Duplicate entry '${SECRET}' for key 'users_name'`
  const driverError = Object.assign(new Error(message), {
    code: 'ER_DUP_ENTRY',
    errno: 1062,
    sqlState: '23000',
    sqlMessage: message,
    sql: `INSERT INTO users VALUES ('${SECRET}')`,
  })
  return new QueryFailedError('INSERT INTO users VALUES (?)', [SECRET, { hash: SECRET }], driverError)
}

/** As ioredis makes it of Redis's refusal. */
const refusedCommand = (message: string): Error =>
  Object.assign(new (ReplyError as unknown as new (text: string) => Error)(message), {
    command: { name: 'auth', args: ['mailwarden', SECRET] },
  })

const ERRORS: [string, () => Error, RegExp][] = [
  ['a failed query', duplicateKey, /ER_DUP_ENTRY/],
  ['a refused sign-in at Redis', () => refusedCommand('WRONGPASS invalid username-password pair'), /WRONGPASS/],
  [
    'a command that Redis does not know',
    () => refusedCommand(`ERR unknown command 'AUT', with args beginning with: '${SECRET}'`),
    /unknown command/,
  ],
  ['a cause', () => new Error('The start failed', { cause: duplicateKey() }), /ER_DUP_ENTRY/],
  ['a cause of causes', () => new Error('a', { cause: new Error('b', { cause: duplicateKey() }) }), /ER_DUP_ENTRY/],
  ['one of many', () => new AggregateError([refusedCommand('NOAUTH')], 'all failed'), /NOAUTH/],
  [
    'what hangs on an error',
    () => Object.assign(new Error('no'), { parameters: [SECRET], options: { url: SECRET } }),
    /no/,
  ],
]

function logging() {
  const lines: string[] = []
  const log = makeLog({ write: (line: string) => void lines.push(line) })
  return { lines, log }
}

describe.each(ERRORS)('the log of %s', (_, make, told) => {
  test.each<[string, (log: ReturnType<typeof makeLog>, error: Error) => void]>([
    ['with words', (log, err) => log.error({ err }, 'An operation failed')],
    ['without words', (log, err) => log.error({ err })],
    ['with its own words', (log, err) => log.error({ err }, err.message)],
    ['alone', (log, err) => log.error(err)],
    ['by a child', (log, err) => log.child({ part: 'x' }).error({ err }, err.message)],
    ['by Fastify', (log, err) => Fastify({ loggerInstance: log as FastifyBaseLogger }).log.error({ err }, err.message)],
  ])('%s has no value in it', (_way, write) => {
    const { lines, log } = logging()
    write(log, make())
    expect(lines).toHaveLength(1)
    expect(lines[0]).not.toContain(SECRET)
    expect(lines[0]).toMatch(told)
    expect(JSON.parse(lines[0] ?? '').err.stack).toContain('process.test.ts')
  })
})

test('an error keeps its kind, words, codes and place', () => {
  const { lines, log } = logging()
  const error = Object.assign(new TypeError('connect ECONNREFUSED 127.0.0.1:1'), { code: 'ECONNREFUSED', errno: -111 })
  log.error({ err: error }, 'No connection')
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({
    msg: 'No connection',
    err: {
      type: 'TypeError',
      message: 'connect ECONNREFUSED 127.0.0.1:1',
      code: 'ECONNREFUSED',
      errno: -111,
      stack: expect.stringMatching(/^ +at .*process\.test\.ts/),
    },
  })
})

test('an error that is its own cause is told', () => {
  const { lines, log } = logging()
  const error = new Error('round')
  error.cause = error
  log.error({ err: error }, 'told')
  expect(lines).toHaveLength(1)
})
