import { setTimeout as pause } from 'node:timers/promises'
import type { ImapFlow, MailboxObject } from 'imapflow'
import { ProbeFault } from './fault'
import { MailErrorCode } from './mail-error'
import { StepNotNeeded } from './probe-run'
import { TEST_HEADER, TEST_TOKEN_DAYS } from './test-token'

const FIRST_PAUSE_MS = 50
const LONGEST_PAUSE_MS = 1000
/** A server need not announce a new message in answer to NOOP (RFC 3501 6.1.2 says only that it may). */
const LOOK_ANYWAY_EVERY = 5
/** The message may have come before the inbox was opened; by then it is among the newest. */
const RECENT = 20
/** At most so many headers are read at once, whatever the server sends. */
const MOST_MESSAGES = 500
const DAY_MS = 24 * 60 * 60 * 1000

export interface RoundTrip {
  /** The token of the message that is waited for. */
  token: string
  /** True for the header's value of any test message of ours that may be deleted (test-token.ts). */
  verify(headerValue: string): boolean
  /** Whether the message was accepted for delivery; until then nothing is looked for. */
  sent: Promise<boolean>
}

interface Seen {
  uid: number
  /** The value of the test header; empty on every other message. */
  token: string
}

/**
 * Waits until the test message is in the open inbox, and deletes it together with those that earlier runs left behind.
 * The newest messages' headers are read instead of asking the server's search, which finds the header late or never on
 * some servers (Gmail indexes only well-known headers).
 * @throws StepNotNeeded when it was not sent, ProbeFault ROUND_TRIP_TIMEOUT when it does not come within `receiveMs`
 */
export async function receiveTestMessage(client: ImapFlow, roundTrip: RoundTrip, receiveMs: number): Promise<void> {
  if (!(await untilSent(client, roundTrip.sent))) throw new StepNotNeeded()
  const arrived = await untilArrived(client, roundTrip, performance.now() + receiveMs)
  const leftovers = await leftoversOf(client, roundTrip, arrived)
  if (!(await remove(client, [...arrived, ...leftovers]))) {
    throw new ProbeFault(MailErrorCode.INBOX_READ_ONLY, {
      message: 'The test message arrived, but the server did not let this user delete it.',
    })
  }
}

function untilSent(client: ImapFlow, sent: Promise<boolean>): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const onClose = () => reject(connectionGone())
    client.once('close', onClose)
    const answer = (isSent: boolean) => {
      client.off('close', onClose)
      resolve(isSent)
    }
    sent.then(answer, () => answer(false))
  })
}

/** The UIDs of the message, once it is there: more than one if the server delivered it twice. */
async function untilArrived(client: ImapFlow, roundTrip: RoundTrip, deadline: number): Promise<number[]> {
  let isNew = true
  const onNews = () => {
    isNew = true
  }
  client.on('exists', onNews)
  try {
    let next = 0
    let pauseMs = FIRST_PAUSE_MS
    for (let round = 0; ; round++) {
      if (isNew || round % LOOK_ANYWAY_EVERY === 0) {
        isNew = false
        const seen = await (next === 0 ? newest(client) : messages(client, `${next}:*`, true))
        const ours = seen.filter(({ token }) => token === roundTrip.token && roundTrip.verify(token))
        if (ours.length > 0) return ours.map(({ uid }) => uid)
        next = Math.max(next, inbox(client).uidNext ?? 0, 1, ...seen.map(({ uid }) => uid + 1))
      }
      if (performance.now() + pauseMs > deadline) throw new ProbeFault(MailErrorCode.ROUND_TRIP_TIMEOUT)
      await pause(pauseMs)
      pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)
      await client.noop()
      inbox(client)
    }
  } finally {
    client.off('exists', onNews)
  }
}

/** Genuine test messages of the last week that no test removed: they came too late, or the test was killed. */
async function leftoversOf(client: ImapFlow, { verify }: RoundTrip, known: number[]): Promise<number[]> {
  const since = new Date(Date.now() - (TEST_TOKEN_DAYS + 1) * DAY_MS)
  // A server that cannot search for the header answers false: its leftovers stay, which harms nobody.
  const marked = await client.search({ since, header: { [TEST_HEADER]: true } }, { uid: true })
  if (!Array.isArray(marked)) return []
  const others = marked.filter((uid) => !known.includes(uid)).slice(-MOST_MESSAGES)
  if (others.length === 0) return []
  const seen = await messages(client, others.join(','), true)
  return seen.filter(({ uid, token }) => others.includes(uid) && verify(token)).map(({ uid }) => uid)
}

/**
 * Deletes by UID. Without UIDPLUS an EXPUNGE would also remove what the mailbox's owner has only marked (RFC 4315 1), so
 * then ours are left marked beside those.
 */
async function remove(client: ImapFlow, uids: number[]): Promise<boolean> {
  const range = uids.join(',')
  // To Gmail an inbox is a label: expunged there, the message would stay in "All Mail".
  if (client.capabilities.has('X-GM-EXT-1')) {
    return client.messageFlagsAdd(range, ['\\Trash'], { uid: true, useLabels: true })
  }
  if (!client.capabilities.has('UIDPLUS')) {
    const marked = await client.search({ deleted: true }, { uid: true })
    const isAlone = Array.isArray(marked) && marked.every((uid) => uids.includes(uid))
    if (!isAlone) return client.messageFlagsAdd(range, ['\\Deleted'], { uid: true })
  }
  return client.messageDelete(range, { uid: true })
}

async function newest(client: ImapFlow): Promise<Seen[]> {
  const { exists } = inbox(client)
  return exists === 0 ? [] : messages(client, `${Math.max(1, exists - RECENT + 1)}:*`, false)
}

async function messages(client: ImapFlow, range: string, uid: boolean): Promise<Seen[]> {
  const seen: Seen[] = []
  for await (const message of client.fetch(range, { uid: true, headers: [TEST_HEADER] }, { uid })) {
    seen.push({ uid: message.uid, token: headerValue(message.headers) })
    if (seen.length >= MOST_MESSAGES) break
  }
  return seen
}

/** The value in an answer to HEADER.FIELDS of one name; unfolded (RFC 5322 2.2.3). */
function headerValue(headers: Buffer | undefined): string {
  const text = headers?.toString('latin1') ?? ''
  const value = /^[^:\r\n]+:((?:.|\r?\n[ \t])*)/.exec(text)?.[1] ?? ''
  return value.replace(/\s+/g, '')
}

/** imapflow's NOOP hides a broken connection; the missing mailbox shows it. */
function inbox(client: ImapFlow): MailboxObject {
  if (!client.mailbox) throw connectionGone()
  return client.mailbox
}

function connectionGone(): Error {
  return Object.assign(new Error('the connection is gone'), { code: 'NoConnection' })
}
