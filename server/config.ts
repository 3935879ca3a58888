import { isIP } from 'node:net'
import { join, resolve } from 'node:path'
import { z } from 'zod'

/** The only reader of process.env. Every fault is listed at once; values are never printed, for some are secrets. */
const port = z.coerce.number().int().min(0).max(65535)
const milliseconds = z.coerce.number().int().min(1).max(600_000)
const switchOn = z.enum(['on', 'off']).transform((word) => word === 'on')
const list = z.string().transform((text) =>
  text
    .split(',')
    .map((part) => part.trim())
    .filter(Boolean),
)

/** An address, or a CIDR range of them. */
function isRange(text: string): boolean {
  const [address = '', width, ...more] = text.split('/')
  const version = isIP(address)
  const isWidth = width === undefined || (/^\d{1,3}$/.test(width) && Number(width) <= (version === 4 ? 32 : 128))
  return version !== 0 && !address.includes('%') && isWidth && more.length === 0
}

const ranges = list.refine((all) => all.every(isRange), 'must be addresses or ranges of them, such as 10.0.0.0/8')
function isSmtpUrl(text: string): boolean {
  if (!URL.canParse(text)) return false
  const { protocol, hostname, pathname, search, hash } = new URL(text)
  return /^smtps?:$/.test(protocol) && hostname !== '' && /^\/?$/.test(pathname) && search === '' && hash === ''
}

/** off, how many proxies stand before the service, or which. */
const proxies = z.union(
  [z.literal('off').transform(() => 0), z.coerce.number().int().min(1).max(10), ranges.refine((all) => all.length > 0)],
  'must be off, how many proxies there are, or their addresses or ranges',
)

const environment = z.object({
  PORT: port.default(4000),
  HOST: z.string().min(1).default('127.0.0.1'),
  PUBLIC_URL: z.url({ protocol: /^https?$/ }).optional(),
  MAILWARDEN_DATA: z.string().min(1).default('data'),
  DATABASE_URL: z
    .string()
    .regex(/^(mysql|mariadb|sqlite):/, 'must begin with mysql:, mariadb: or sqlite:')
    .refine((url) => !/^sqlite:(:memory:.*|file:.*|)$/.test(url), 'must name a file: it is opened by two connections')
    .optional(),
  REDIS_URL: z
    .string()
    .regex(/^rediss?:\/\//, 'must begin with redis:// or rediss://')
    .optional(),
  MAILWARDEN_KEYS: z.string().optional(),
  MAILWARDEN_WORKER: z.enum(['inside', 'none']).default('inside'),
  MAILWARDEN_TEST_CONCURRENCY: z.coerce.number().int().min(1).max(1000).default(50),
  MAILWARDEN_EGRESS_ALLOW: ranges.default([]),
  MAILWARDEN_EGRESS_DENY: ranges.default([]),
  MAILWARDEN_CONNECT_TIMEOUT_MS: milliseconds.optional(),
  MAILWARDEN_GREETING_TIMEOUT_MS: milliseconds.optional(),
  MAILWARDEN_RESPONSE_TIMEOUT_MS: milliseconds.optional(),
  MAILWARDEN_RECEIVE_TIMEOUT_MS: milliseconds.optional(),
  MAILWARDEN_TEST_TIMEOUT_MS: milliseconds.optional(),
  MAILWARDEN_LEASE_MS: z.coerce.number().int().min(1000).max(600_000).default(30_000),
  MAILWARDEN_SMTP_URL: z.string().refine(isSmtpUrl, 'must be smtp://user:password@host:port or smtps://...').optional(),
  MAILWARDEN_MAIL_FROM: z
    .string()
    .regex(/^(?:[^<>\p{Cc}]* <)?[^\s<>@\p{Cc}]+@[^\s<>@\p{Cc}]+>?$/u, 'must be an address, or Name <address>')
    .optional(),
  MAILWARDEN_INTROSPECTION: switchOn.default(true),
  MAILWARDEN_TRUST_PROXY: proxies.default(0),
  MAILWARDEN_LOG: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'silent']).default('info'),
  MAILWARDEN_WEB: z.string().optional(),
})

/** Also beside faults of other variables, so that all are told at once. */
const always = { when: ({ value }: { value: unknown }) => typeof value === 'object' && value !== null }

/** What each variable alone cannot tell. */
const configuration = environment
  .refine((e) => e.MAILWARDEN_WORKER === 'inside' || e.REDIS_URL !== undefined, {
    path: ['MAILWARDEN_WORKER'],
    message: 'none needs REDIS_URL: without it no worker learns of what there is to do',
    ...always,
  })
  .refine((e) => (e.MAILWARDEN_SMTP_URL === undefined) === (e.MAILWARDEN_MAIL_FROM === undefined), {
    path: ['MAILWARDEN_MAIL_FROM'],
    message: 'goes with MAILWARDEN_SMTP_URL: set both, or neither',
    ...always,
  })

export interface Config {
  port: number
  host: string
  /** Where browsers reach the service; https makes the session cookie Secure. */
  publicUrl?: string
  dataFolder: string
  /** sqlite:FILE, or mysql://user:password@host:port/database (mariadb: is the same). */
  databaseUrl: string
  redisUrl?: string
  /** As MAILWARDEN_KEYS gives them: `k2:BASE64,k1:BASE64`, the first one encrypts. */
  encryptionKeys?: string
  workerInside: boolean
  testConcurrency: number
  egress: { allow: string[]; deny: string[] }
  mailTimeouts: Partial<Record<'connectMs' | 'greetingMs' | 'responseMs' | 'receiveMs' | 'totalMs', number>>
  /** How long a claimed test item stays with a worker that gives no sign of life. */
  leaseMs: number
  /** The service's own way to send mail, and the sender; without it nobody is mailed. */
  mailOutlet?: { url: string; from: string }
  introspection: boolean
  /** How many proxies stand before the service, or the ranges they are in; what they say of the client's address is believed. */
  trustProxy: number | readonly string[]
  logLevel: string
  /** The built dashboard. */
  webFolder: string
}

export class ConfigError extends Error {}

const defined = <T extends object>(values: T): T =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as T

/**
 * Reads the configuration; throws ConfigError that names every faulty variable at once and no value.
 * `defaults` stand in for variables that are not set (the demo brings its own).
 */
export function readConfig(defaults: NodeJS.ProcessEnv = {}, env: NodeJS.ProcessEnv = process.env): Readonly<Config> {
  const given = Object.entries(env).filter(([, value]) => value !== '')
  const present = { ...defaults, ...Object.fromEntries(given) }
  const parsed = configuration.safeParse(present)
  if (!parsed.success) {
    const faults = parsed.error.issues.map((issue) => `  ${issue.path.join('.')}: ${issue.message}`)
    throw new ConfigError(`The configuration has faults:\n${faults.join('\n')}`)
  }
  const e = parsed.data
  const dataFolder = resolve(e.MAILWARDEN_DATA)
  return Object.freeze({
    port: e.PORT,
    host: e.HOST,
    publicUrl: e.PUBLIC_URL,
    dataFolder,
    databaseUrl: e.DATABASE_URL ?? `sqlite:${join(dataFolder, 'mailwarden.sqlite')}`,
    redisUrl: e.REDIS_URL,
    encryptionKeys: e.MAILWARDEN_KEYS,
    workerInside: e.MAILWARDEN_WORKER === 'inside',
    testConcurrency: e.MAILWARDEN_TEST_CONCURRENCY,
    egress: { allow: e.MAILWARDEN_EGRESS_ALLOW, deny: e.MAILWARDEN_EGRESS_DENY },
    mailTimeouts: defined({
      connectMs: e.MAILWARDEN_CONNECT_TIMEOUT_MS,
      greetingMs: e.MAILWARDEN_GREETING_TIMEOUT_MS,
      responseMs: e.MAILWARDEN_RESPONSE_TIMEOUT_MS,
      receiveMs: e.MAILWARDEN_RECEIVE_TIMEOUT_MS,
      totalMs: e.MAILWARDEN_TEST_TIMEOUT_MS,
    }),
    leaseMs: e.MAILWARDEN_LEASE_MS,
    mailOutlet:
      e.MAILWARDEN_SMTP_URL && e.MAILWARDEN_MAIL_FROM
        ? { url: e.MAILWARDEN_SMTP_URL, from: e.MAILWARDEN_MAIL_FROM }
        : undefined,
    introspection: e.MAILWARDEN_INTROSPECTION,
    trustProxy: e.MAILWARDEN_TRUST_PROXY,
    logLevel: e.MAILWARDEN_LOG,
    webFolder: resolve(e.MAILWARDEN_WEB ?? join(__dirname, '..', 'web')),
  })
}
