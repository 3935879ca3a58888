import { isAbsolute } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import { ConfigError, readConfig } from './config'

const read = (env: Record<string, string>, defaults: Record<string, string> = {}) => readConfig(defaults, env)

/** What each variable refuses. The values are unmistakable, so that one that is printed is found. */
const FAULTS: [string, string][] = [
  ['PORT', '65536'],
  ['PORT', '-731'],
  ['PORT', '40.77'],
  ['PORT', 'p0rt-value'],
  ['PUBLIC_URL', 'ftp://files.value'],
  ['PUBLIC_URL', 'no-url-value'],
  ['DATABASE_URL', 'postgres://user:s3cr3t-db@host/db'],
  ['REDIS_URL', 'http://:s3cr3t-redis@host'],
  ['MAILWARDEN_WORKER', 'outside-value'],
  ['MAILWARDEN_TEST_CONCURRENCY', '1001'],
  ['MAILWARDEN_TEST_CONCURRENCY', '0.731'],
  ['MAILWARDEN_CONNECT_TIMEOUT_MS', '10seconds-value'],
  ['MAILWARDEN_GREETING_TIMEOUT_MS', '-5731'],
  ['MAILWARDEN_RESPONSE_TIMEOUT_MS', '600001'],
  ['MAILWARDEN_RECEIVE_TIMEOUT_MS', 'nan-value'],
  ['MAILWARDEN_TEST_TIMEOUT_MS', '731.5'],
  ['MAILWARDEN_LEASE_MS', '998'],
  ['MAILWARDEN_SMTP_URL', 'http://user:s3cr3t-mail@relay-value'],
  ['MAILWARDEN_SMTP_URL', 'smtp://user:s3cr3t-mail@relay-value/path'],
  ['MAILWARDEN_SMTP_URL', 'relay-value:25'],
  ['MAILWARDEN_MAIL_FROM', 'nobody-value'],
  ['MAILWARDEN_MAIL_FROM', 'a@b-value\r\nBcc: c@d-value'],
  ['MAILWARDEN_INTROSPECTION', 'yes-value'],
  ['MAILWARDEN_TRUST_PROXY', 'on-value'],
  ['MAILWARDEN_TRUST_PROXY', '-731'],
  ['MAILWARDEN_TRUST_PROXY', '10.7.0.0/33'],
  ['MAILWARDEN_TRUST_PROXY', '10.7.0.1,proxy-value'],
  ['MAILWARDEN_EGRESS_ALLOW', '10.7.0.0/33'],
  ['MAILWARDEN_EGRESS_ALLOW', '10.7.0.0/8/8'],
  ['MAILWARDEN_EGRESS_DENY', '10.0.0.0/8,host-value'],
  ['DATABASE_URL', 'sqlite::memory:'],
  ['DATABASE_URL', 'sqlite:file:memory-value?mode=memory'],
  ['MAILWARDEN_LOG', 'loud-value'],
]

function faultOf(env: Record<string, string>): string {
  try {
    read(env)
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError)
    return (error as ConfigError).message
  }
  throw new Error(`${JSON.stringify(env)} was taken`)
}

describe('faults', () => {
  test.each(FAULTS)('%s=%s is named, its value is not', (name, value) => {
    const message = faultOf({ [name]: value })
    expect(message).toContain(`${name}: `)
    expect(message).not.toContain(value)
    expect(message).not.toMatch(/s3cr3t|-value/)
  })

  test('all of them are listed at once', () => {
    const env = Object.fromEntries(FAULTS)
    const message = faultOf({ ...env, MAILWARDEN_KEYS: 'k1:s3cr3t-key' })
    const named = message.split('\n').slice(1)
    expect(named).toHaveLength(Object.keys(env).length)
    for (const name of Object.keys(env)) expect(message).toContain(`${name}: `)
    expect(message).not.toMatch(/s3cr3t|-value/)
  })
})

test('without Redis nobody would tell a worker elsewhere what there is to do', () => {
  expect(faultOf({ MAILWARDEN_WORKER: 'none' })).toContain('MAILWARDEN_WORKER: ')
  expect(faultOf({ MAILWARDEN_WORKER: 'none', PORT: 'p' }).split('\n')).toHaveLength(3)
  expect(read({ MAILWARDEN_WORKER: 'none', REDIS_URL: 'redis://cache' }).workerInside).toBe(false)
})

test('a mail server and a sender go together', () => {
  const smtp = 'smtp://user:s3cr3t@relay.test:587'
  expect(faultOf({ MAILWARDEN_SMTP_URL: smtp })).toContain('MAILWARDEN_MAIL_FROM: ')
  expect(faultOf({ MAILWARDEN_MAIL_FROM: 'mail@house.test' })).toContain('MAILWARDEN_MAIL_FROM: ')
  expect(read({}).mailOutlet).toBeUndefined()
  for (const from of ['mail@house.test', 'Mail of the house <mail@house.test>']) {
    const { mailOutlet } = read({ MAILWARDEN_SMTP_URL: smtp, MAILWARDEN_MAIL_FROM: from })
    expect(mailOutlet).toEqual({ url: smtp, from })
  }
})

describe('which proxies are believed', () => {
  test.each<[string, number | string[]]>([
    ['off', 0],
    ['1', 1],
    ['2', 2],
    ['10.0.0.7', ['10.0.0.7']],
    ['10.0.0.0/8, fd00::/8', ['10.0.0.0/8', 'fd00::/8']],
  ])('%s', (value, expected) => {
    expect(read({ MAILWARDEN_TRUST_PROXY: value }).trustProxy).toEqual(expected)
  })
})

describe('what is not set', () => {
  const DEFAULTS = {
    port: 4000,
    host: '127.0.0.1',
    publicUrl: undefined,
    databaseUrl: expect.stringMatching(/^sqlite:.*data.mailwarden\.sqlite$/),
    redisUrl: undefined,
    encryptionKeys: undefined,
    workerInside: true,
    testConcurrency: 50,
    egress: { allow: [], deny: [] },
    mailTimeouts: {},
    leaseMs: 30_000,
    introspection: true,
    trustProxy: 0,
    logLevel: 'info',
  }

  test('has its default', () => {
    expect(read({})).toMatchObject(DEFAULTS)
    expect(isAbsolute(read({}).dataFolder)).toBe(true)
    expect(isAbsolute(read({}).webFolder)).toBe(true)
  })

  test('or is empty, as a compose file leaves it', () => {
    const names = [...new Set(FAULTS.map(([name]) => name))]
    const more = ['HOST', 'MAILWARDEN_DATA', 'MAILWARDEN_KEYS', 'MAILWARDEN_EGRESS_ALLOW', 'MAILWARDEN_WEB']
    expect(read(Object.fromEntries([...names, ...more].map((name) => [name, ''])))).toEqual(read({}))
  })

  test("has the caller's default before the product's; what is set counts before both", () => {
    const defaults = { PORT: '1', MAILWARDEN_LOG: 'warn', HOST: '0.0.0.0' }
    expect(read({ PORT: '2', HOST: '' }, defaults)).toMatchObject({ port: 2, logLevel: 'warn', host: '0.0.0.0' })
  })
})

test('what is set is read', () => {
  const config = read({
    PORT: '0',
    HOST: '0.0.0.0',
    PUBLIC_URL: 'https://mw.example',
    DATABASE_URL: 'mariadb://u:p@db/mw',
    REDIS_URL: 'rediss://cache',
    MAILWARDEN_KEYS: 'k1:abc',
    MAILWARDEN_WORKER: 'none',
    MAILWARDEN_TEST_CONCURRENCY: '7',
    MAILWARDEN_EGRESS_ALLOW: '10.0.0.0/8, fd00::/8,',
    MAILWARDEN_EGRESS_DENY: '10.1.0.0/16',
    MAILWARDEN_CONNECT_TIMEOUT_MS: '1',
    MAILWARDEN_GREETING_TIMEOUT_MS: '2',
    MAILWARDEN_RESPONSE_TIMEOUT_MS: '3',
    MAILWARDEN_RECEIVE_TIMEOUT_MS: '4',
    MAILWARDEN_TEST_TIMEOUT_MS: '5',
    MAILWARDEN_LEASE_MS: '1000',
    MAILWARDEN_INTROSPECTION: 'off',
    MAILWARDEN_TRUST_PROXY: '1',
    MAILWARDEN_LOG: 'silent',
    SOMETHING_ELSE: 'is not ours',
  })
  expect(config).toMatchObject({
    port: 0,
    host: '0.0.0.0',
    publicUrl: 'https://mw.example',
    databaseUrl: 'mariadb://u:p@db/mw',
    redisUrl: 'rediss://cache',
    encryptionKeys: 'k1:abc',
    workerInside: false,
    testConcurrency: 7,
    egress: { allow: ['10.0.0.0/8', 'fd00::/8'], deny: ['10.1.0.0/16'] },
    mailTimeouts: { connectMs: 1, greetingMs: 2, responseMs: 3, receiveMs: 4, totalMs: 5 },
    leaseMs: 1000,
    introspection: false,
    trustProxy: 1,
    logLevel: 'silent',
  })
  expect(Object.isFrozen(config)).toBe(true)
})
