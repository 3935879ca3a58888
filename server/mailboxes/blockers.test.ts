import { describe, expect, test } from '@jest/globals'
import { isAtWork, ProfileType } from '../profiles/profile.entity'
import { IncomingMethod, SyncMethod } from '../settings/email-settings.entity'
import { aMailbox } from '../test/builders'
import { type BlockerCode, blockersOf, healthOf, needsApproval, testBlocker } from './blockers'
import type { Mailbox } from './mailbox.entity'
import { ApprovalStatus, Direction, MailboxHealth, MailboxKind, TestStatus } from './mailbox.enums'

const BOTH_ON = { processOnlyApprovedUsers: true, processOnlyApprovedQueues: true }
const BOTH_OFF = { processOnlyApprovedUsers: false, processOnlyApprovedQueues: false }
const ACTIVE = { active: true, name: 'Office', type: ProfileType.IMAP_SMTP }
const INACTIVE = { ...ACTIVE, active: false }
const UNSPOKEN = { ...ACTIVE, type: ProfileType.EXCHANGE_ONLINE }
const NO_METHODS = {
  incomingMethod: IncomingMethod.NONE,
  outgoingMethod: SyncMethod.NONE,
  actMethod: SyncMethod.NONE,
}

const codes = (mailbox: Mailbox, profile: typeof ACTIVE | null = ACTIVE, switches = BOTH_ON) =>
  blockersOf(mailbox, profile, switches).map(({ code, direction }) => (direction ? `${code} ${direction}` : code))

describe('conditions of processing (product rule 2.2)', () => {
  test('a mailbox that meets all of them has no blocker', () => {
    expect(codes(aMailbox())).toEqual([])
  })

  // by isAtWork the effect of a switch is counted
  test.each([ACTIVE, INACTIVE, UNSPOKEN])('a profile blocks nothing exactly when it is at work: %j', (profile) => {
    expect(codes(aMailbox(), profile).length === 0).toBe(isAtWork(profile))
  })

  test.each<[string, Partial<Mailbox>, typeof ACTIVE | null]>([
    ['MAILBOX_INACTIVE', { active: false }, ACTIVE],
    ['NO_ADDRESS', { emailAddress: null }, ACTIVE],
    ['NO_METHOD', NO_METHODS, ACTIVE],
    ['NO_PROFILE', { profileId: null }, null],
    // a profile that is gone is none
    ['NO_PROFILE', {}, null],
    ['PROFILE_INACTIVE', {}, INACTIVE],
    ['PROFILE_TYPE_NOT_SUPPORTED', {}, UNSPOKEN],
    ['APPROVAL_PENDING', { approval: ApprovalStatus.PENDING }, ACTIVE],
    ['APPROVAL_REJECTED', { approval: ApprovalStatus.REJECTED }, ACTIVE],
    ['NOT_TESTED INCOMING', { incomingEmailStatus: TestStatus.NOT_RUN, incomingEnabled: false }, ACTIVE],
    ['NOT_TESTED OUTGOING', { outgoingEmailStatus: TestStatus.NOT_RUN, outgoingEnabled: false }, ACTIVE],
    ['NOT_TESTED ACT', { actMethod: SyncMethod.SERVER_SIDE_SYNC }, ACTIVE],
    ['TEST_FAILED INCOMING', { incomingEmailStatus: TestStatus.FAILURE, incomingEnabled: false }, ACTIVE],
    ['TEST_FAILED OUTGOING', { outgoingEmailStatus: TestStatus.FAILURE, outgoingEnabled: false }, ACTIVE],
    ['NOT_ENABLED INCOMING', { incomingEnabled: false }, ACTIVE],
    ['NOT_ENABLED OUTGOING', { outgoingEnabled: false }, ACTIVE],
    ['PAUSED INCOMING', { pausedUntil: new Date(), outgoingMethod: SyncMethod.NONE }, ACTIVE],
  ])('%s', (expected, differences, profile) => {
    const mailbox = aMailbox(differences)
    expect(codes(mailbox, profile)).toEqual([expected])
    const [blocker] = blockersOf(mailbox, profile, BOTH_ON)
    expect(blocker?.message).toMatch(/\w/)
    expect(blocker?.action).toMatch(/\w/)
  })

  test('every unmet condition is named, the one to remove first standing first', () => {
    const mailbox = aMailbox({
      active: false,
      emailAddress: null,
      ...NO_METHODS,
      approval: ApprovalStatus.REJECTED,
    })
    expect(codes(mailbox, null)).toEqual([
      'MAILBOX_INACTIVE',
      'NO_ADDRESS',
      'NO_METHOD',
      'NO_PROFILE',
      'APPROVAL_REJECTED',
    ])
    const untested = aMailbox({
      approval: ApprovalStatus.PENDING,
      incomingEmailStatus: TestStatus.FAILURE,
      outgoingEmailStatus: TestStatus.NOT_RUN,
      actMethod: SyncMethod.SERVER_SIDE_SYNC,
      pausedUntil: new Date(),
    })
    expect(codes(untested, INACTIVE)).toEqual([
      'PROFILE_INACTIVE',
      'APPROVAL_PENDING',
      'TEST_FAILED INCOMING',
      'NOT_TESTED OUTGOING',
      'NOT_TESTED ACT',
    ])
  })

  test('a direction without method blocks nothing', () => {
    const mailbox = aMailbox({
      outgoingMethod: SyncMethod.NONE,
      outgoingEmailStatus: TestStatus.NOT_RUN,
      outgoingEnabled: false,
      pausedUntil: new Date(),
    })
    expect(codes(mailbox)).toEqual(['PAUSED INCOMING'])
  })

  test.each([ApprovalStatus.PENDING, ApprovalStatus.REJECTED])(
    'approval %s is no blocker where none is required',
    (approval) => {
      expect(codes(aMailbox({ approval }), ACTIVE, BOTH_OFF)).toEqual([])
    },
  )

  test('without an address nothing is processed, required approval or not', () => {
    expect(codes(aMailbox({ emailAddress: null }), ACTIVE, BOTH_OFF)).toEqual(['NO_ADDRESS'])
  })
})

describe('the two switches of approval (product rule 2.4)', () => {
  const onlyUsers = { processOnlyApprovedUsers: true, processOnlyApprovedQueues: false }
  const onlyQueues = { processOnlyApprovedUsers: false, processOnlyApprovedQueues: true }
  test.each([
    [MailboxKind.USER, onlyUsers, true],
    [MailboxKind.USER, onlyQueues, false],
    [MailboxKind.QUEUE, onlyUsers, false],
    [MailboxKind.QUEUE, onlyQueues, true],
    // counts as a queue
    [MailboxKind.FORWARD, onlyUsers, false],
    [MailboxKind.FORWARD, onlyQueues, true],
  ])('%s with %j needs approval: %s', (kind, switches, expected) => {
    expect(needsApproval(kind, switches)).toBe(expected)
    const pending = aMailbox({ kind, approval: ApprovalStatus.PENDING })
    expect(codes(pending, ACTIVE, switches)).toEqual(expected ? ['APPROVAL_PENDING'] : [])
  })
})

describe('why a mailbox cannot be tested (product rule 2.5)', () => {
  test.each<[BlockerCode, Partial<Mailbox>, typeof ACTIVE | null]>([
    ['MAILBOX_INACTIVE', { active: false, approval: ApprovalStatus.PENDING }, null],
    ['NO_ADDRESS', { emailAddress: null }, ACTIVE],
    ['NO_METHOD', NO_METHODS, null],
    ['NO_PROFILE', { profileId: null, approval: ApprovalStatus.PENDING }, null],
    ['PROFILE_INACTIVE', { approval: ApprovalStatus.PENDING }, INACTIVE],
    ['APPROVAL_PENDING', { approval: ApprovalStatus.PENDING }, ACTIVE],
    ['APPROVAL_REJECTED', { approval: ApprovalStatus.REJECTED }, ACTIVE],
  ])('%s, the first of its reasons', (expected, differences, profile) => {
    expect(testBlocker(aMailbox(differences), profile, BOTH_ON)?.code).toBe(expected)
  })

  test.each<[string, Partial<Mailbox>]>([
    ['not tested', { incomingEmailStatus: TestStatus.NOT_RUN, incomingEnabled: false }],
    ['failed', { incomingEmailStatus: TestStatus.FAILURE, incomingEnabled: false }],
    ['disabled', { incomingEnabled: false }],
    ['paused', { pausedUntil: new Date() }],
    ['working', {}],
    ['with one method', { incomingMethod: IncomingMethod.NONE }],
  ])('a mailbox that is %s can be tested', (_, differences) => {
    expect(testBlocker(aMailbox(differences), ACTIVE, BOTH_ON)).toBeUndefined()
  })
})

describe('health', () => {
  const failed = { incomingEmailStatus: TestStatus.FAILURE, incomingEnabled: false }
  const untested = { outgoingEmailStatus: TestStatus.NOT_RUN, outgoingEnabled: false }
  const pausedUntil = new Date()
  const pending = { approval: ApprovalStatus.PENDING }
  test.each<[MailboxHealth, string, Partial<Mailbox>, boolean]>([
    [MailboxHealth.HEALTHY, 'nothing blocks', {}, false],
    [MailboxHealth.INACTIVE, 'inactive, even while testing', { active: false, ...failed }, true],
    [MailboxHealth.TESTING, 'in a test, whatever blocks', { ...pending, ...failed, pausedUntil }, true],
    [MailboxHealth.BLOCKED, 'a blocker of the whole mailbox before a failure', { ...pending, ...failed }, false],
    [MailboxHealth.FAILING, 'a failure before a pause', { ...failed, pausedUntil }, false],
    [MailboxHealth.FAILING, 'a failure before what is untested', { ...failed, ...untested }, false],
    [MailboxHealth.FAILING, 'disabled by an error', { incomingEnabled: false }, false],
    [MailboxHealth.PAUSED, 'a pause before what is untested', { ...untested, pausedUntil }, false],
    [MailboxHealth.BLOCKED, 'one direction is untested', untested, false],
  ])('%s: %s', (expected, _, differences, isTesting) => {
    const mailbox = aMailbox(differences)
    expect(healthOf(mailbox, blockersOf(mailbox, ACTIVE, BOTH_ON), isTesting)).toBe(expected)
  })

  test('every blocker has a direction exactly when it is of one direction', () => {
    const all = aMailbox({ ...failed, ...untested, ...pending, active: false })
    expect(blockersOf(all, INACTIVE, BOTH_ON).map((blocker) => blocker.direction)).toEqual([
      null,
      null,
      null,
      Direction.INCOMING,
      Direction.OUTGOING,
    ])
  })
})
