import { createHmac, timingSafeEqual } from 'node:crypto'

/** The header by which a test message is known (product rule 2.5). */
export const TEST_HEADER = 'X-Mailwarden-Test'

/** How long a token is believed: a test message found later is left to its mailbox's owner. */
export const TEST_TOKEN_DAYS = 7

const LIFETIME_MS = TEST_TOKEN_DAYS * 24 * 60 * 60 * 1000
/** How far the clocks of two nodes may differ. */
const CLOCK_SKEW_MS = 5 * 60 * 1000
/** Keeps these signatures apart from any other that is made with the same key. */
const PURPOSE = 'mailwarden test message\n'
const ID = /^[A-Za-z0-9_-]{1,64}$/

export interface TestToken {
  /** The item of the test run that sent the message. */
  itemId: string
  /** The mailbox it was sent from. */
  mailboxId: string
  at: Date
}

/**
 * Signs what a test message says about itself: `itemId.mailboxId.time.signature`, URL-safe ASCII without spaces, about
 * 130 characters. A message that carries a token for which `verifyTestToken` answers is ours: it may be deleted, and it
 * is never tracked as an activity (product rule 2.5).
 * @throws Error when an id has other characters than A-Z a-z 0-9 _ -
 */
export function signTestToken(key: string | Buffer, token: TestToken): string {
  if (!ID.test(token.itemId) || !ID.test(token.mailboxId)) throw new Error('the ids of a test token are not opaque ids')
  const payload = `${token.itemId}.${token.mailboxId}.${token.at.getTime().toString(36)}`
  return `${payload}.${signature(key, payload)}`
}

/** What a genuine token of the last seven days says; undefined for every other text. */
export function verifyTestToken(key: string | Buffer, text: string, now: Date): TestToken | undefined {
  const parts = text.trim().split('.')
  const [itemId, mailboxId, time, given] = parts
  if (parts.length !== 4 || !itemId || !mailboxId || !time || !given) return undefined
  const expected = Buffer.from(signature(key, `${itemId}.${mailboxId}.${time}`))
  const actual = Buffer.from(given)
  if (actual.length !== expected.length || !timingSafeEqual(actual, expected)) return undefined
  const at = new Date(Number.parseInt(time, 36))
  const age = now.getTime() - at.getTime()
  if (!(age <= LIFETIME_MS && age >= -CLOCK_SKEW_MS)) return undefined
  return { itemId, mailboxId, at }
}

function signature(key: string | Buffer, payload: string): string {
  return createHmac('sha256', key).update(PURPOSE).update(payload).digest('base64url')
}
