import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { makeEgressPolicy } from '../mail/egress'
import { probeImap } from '../mail/imap'
import { ConnectionSecurity, type ProbeResult, type ProbeSettings, StepState } from '../mail/probe'
import { probeSmtp } from '../mail/smtp'
import { signTestToken, verifyTestToken } from '../mail/test-token'
import { FAULTS, type FaultName } from './faults'
import { type EndpointName, type MailSystem, startMailSystem } from './mail-system'

const KEY = 'the key of this test'
const egress = makeEgressPolicy({ allow: ['127.0.0.0/8'], deny: [] })
/** A user for each fault, so that the slow ones can be probed together. */
const userOf = (name: string) => ({ address: `${name.toLowerCase()}@demo.test`, password: 'demo' })

const FAULT_NAMES = Object.keys(FAULTS) as FaultName[]
let system: MailSystem

beforeAll(async () => {
  system = await startMailSystem({
    users: [userOf('works'), ...FAULT_NAMES.map((fault) => ({ ...userOf(fault), fault }))],
  })
})

afterAll(() => system.stop())

type Route = { incoming: EndpointName; outgoing: EndpointName; security?: ConnectionSecurity; trusts?: boolean }
type Outcome = string | undefined

const outcomeOf = ({ steps }: ProbeResult): Outcome => {
  const failed = steps.find(({ state }) => state === StepState.FAILED)
  return failed && `${failed.name} ${failed.error?.code}`
}

/** The failed step and its code, of both directions, as a test of a mailbox with a round trip finds them. */
async function probe(
  route: Route,
  name = 'works',
  password = userOf(name).password,
): Promise<[incoming: Outcome, outgoing: Outcome]> {
  const user = { ...userOf(name), password }
  const settings = (endpoint: EndpointName): ProbeSettings => ({
    endpoint: { ...system.endpoints[endpoint], ...(route.security && { security: route.security }) },
    username: user.address,
    password: user.password,
    emailAddress: user.address,
    trustedCertificates: route.trusts === false ? undefined : system.trustedCertificates,
    verifyCertificates: true,
    // Long enough for whoever answers, short for those who never do.
    timeouts: { connectMs: 2_000, greetingMs: 1_000, responseMs: 1_000, receiveMs: 500, totalMs: 8_000 },
  })
  const token = signTestToken(KEY, { itemId: 'item', mailboxId: 'mailbox', at: new Date() })
  const verify = (value: string) => verifyTestToken(KEY, value, new Date()) !== undefined
  const sending = probeSmtp(settings(route.outgoing), { egress, testMessage: { token } })
  const sent = sending.then((result) => outcomeOf(result) === undefined)
  const receiving = probeImap(settings(route.incoming), { egress, roundTrip: { token, verify, sent } })
  return [outcomeOf(await receiving), outcomeOf(await sending)]
}

test('a wrong password can be corrected', async () => {
  const route: Route = { incoming: 'imaps', outgoing: 'smtps' }
  expect(await probe(route, 'wrongPassword', 'demo-new')).toEqual([undefined, undefined])
})

describe('each fault is found as what it is', () => {
  const works: Route = { incoming: 'imaps', outgoing: 'smtps' }
  const cases: Record<FaultName, [incoming: Outcome, outgoing: Outcome]> = {
    wrongPassword: ['AUTHENTICATE AUTHENTICATION_FAILED', 'AUTHENTICATE AUTHENTICATION_FAILED'],
    disabled: ['AUTHENTICATE ACCOUNT_DISABLED', 'AUTHENTICATE ACCOUNT_DISABLED'],
    passwordExpired: ['AUTHENTICATE AUTHENTICATION_FAILED', 'AUTHENTICATE AUTHENTICATION_FAILED'],
    appPasswordRequired: ['AUTHENTICATE APP_PASSWORD_REQUIRED', 'AUTHENTICATE APP_PASSWORD_REQUIRED'],
    smtpLoginDisabled: [undefined, 'AUTHENTICATE AUTHENTICATION_METHOD_UNAVAILABLE'],
    throttled: ['AUTHENTICATE THROTTLED', 'AUTHENTICATE THROTTLED'],
    tooManyConnections: ['AUTHENTICATE TOO_MANY_CONNECTIONS', 'AUTHENTICATE TOO_MANY_CONNECTIONS'],
    serverUnavailable: ['AUTHENTICATE SERVER_UNAVAILABLE', 'AUTHENTICATE SERVER_UNAVAILABLE'],
    inboxMissing: ['OPEN_INBOX INBOX_NOT_FOUND', undefined],
    inboxForbidden: ['OPEN_INBOX INBOX_READ_ONLY', undefined],
    readOnlyInbox: ['OPEN_INBOX INBOX_READ_ONLY', undefined],
    quotaFull: [undefined, 'SEND QUOTA_EXCEEDED'],
    senderRefused: [undefined, 'SEND SENDER_REFUSED'],
    senderNotOwned: [undefined, 'SEND SENDER_REFUSED'],
    recipientRefused: [undefined, 'SEND RECIPIENT_REFUSED'],
    greylisted: [undefined, 'SEND GREYLISTED'],
    messageRefused: [undefined, 'SEND MESSAGE_REFUSED'],
    losesMail: ['RECEIVE ROUND_TRIP_TIMEOUT', undefined],
    slow: [undefined, undefined],
    hangsAtLogin: ['AUTHENTICATE RESPONSE_TIMEOUT', 'AUTHENTICATE RESPONSE_TIMEOUT'],
    dropsAtLogin: ['AUTHENTICATE CONNECTION_RESET', 'AUTHENTICATE CONNECTION_RESET'],
  }

  test('nothing wrong', async () => {
    expect(await probe(works)).toEqual([undefined, undefined])
    expect(system.messages(userOf('works').address)).toHaveLength(0)
  })

  // Started at the first test and awaited one by one: together they take as long as the slowest.
  const outcomes = new Map<FaultName, ReturnType<typeof probe>>()
  beforeAll(() => {
    for (const fault of FAULT_NAMES) outcomes.set(fault, probe(works, fault))
  })

  test.each(FAULT_NAMES)('%s', async (fault) => {
    expect(await outcomes.get(fault)).toEqual(cases[fault])
  })
})

describe('each listener is found as what it is', () => {
  const both = (outcome: Outcome): [Outcome, Outcome] => [outcome, outcome]
  const cases: [name: string, route: Route, outcomes: [Outcome, Outcome]][] = [
    ['STARTTLS', { incoming: 'imapStartTls', outgoing: 'submission' }, both(undefined)],
    ['no TLS', { incoming: 'imapPlain', outgoing: 'smtpPlain' }, both(undefined)],
    ['expired', { incoming: 'imapsExpired', outgoing: 'smtpsExpired' }, both('TLS TLS_CERTIFICATE_EXPIRED')],
    ['untrusted', { incoming: 'imapsUntrusted', outgoing: 'smtpsUntrusted' }, both('TLS TLS_CERTIFICATE_UNTRUSTED')],
    [
      'authority missing',
      { incoming: 'imaps', outgoing: 'smtps', trusts: false },
      both('TLS TLS_CERTIFICATE_UNTRUSTED'),
    ],
    ['other host', { incoming: 'imapsOtherHost', outgoing: 'smtpsOtherHost' }, both('TLS TLS_HOSTNAME_MISMATCH')],
    ['dead', { incoming: 'dead', outgoing: 'dead' }, both('CONNECT CONNECTION_REFUSED')],
    ['silent', { incoming: 'silent', outgoing: 'silent' }, both('GREETING GREETING_TIMEOUT')],
    ['garbage', { incoming: 'garbage', outgoing: 'garbage' }, both('GREETING NOT_THIS_PROTOCOL')],
    ['a byte a second', { incoming: 'dripping', outgoing: 'dripping' }, both('GREETING GREETING_TIMEOUT')],
    ['100 MB in one line', { incoming: 'endlessLine', outgoing: 'endlessLine' }, both('GREETING NOT_THIS_PROTOCOL')],
    [
      'TLS to a plain-text port',
      { incoming: 'imapPlain', outgoing: 'smtpPlain', security: ConnectionSecurity.TLS },
      both('TLS TLS_WRONG_MODE'),
    ],
    [
      'plain text where TLS is required',
      { incoming: 'imapStartTls', outgoing: 'submission', security: ConnectionSecurity.NONE },
      both('AUTHENTICATE TLS_REQUIRED'),
    ],
    [
      'STARTTLS not offered',
      { incoming: 'imapPlain', outgoing: 'smtpPlain', security: ConnectionSecurity.STARTTLS },
      both('TLS TLS_NOT_OFFERED'),
    ],
    ['wrong protocol', { incoming: 'smtpPlain', outgoing: 'imapPlain' }, both('GREETING NOT_THIS_PROTOCOL')],
  ]

  test.each(cases)('%s', async (_name, route, outcomes) => {
    expect(await probe(route)).toEqual(outcomes)
  })
})
