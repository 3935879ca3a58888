import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { IncomingMethod, SyncMethod } from '../settings/email-settings.entity'
import { aMailbox } from '../test/builders'
import type { Mailbox } from './mailbox.entity'
import { MailboxKind, TestStatus } from './mailbox.enums'
import { columnsOfChanges, decideChanges, type WantedChanges } from './mailbox-changes'

const { NONE, SERVER_SIDE_SYNC, FORWARD_MAILBOX } = IncomingMethod
const [WITH_DAV, WITHOUT_DAV] = ['profile with DAV', 'profile without DAV']
const [FORWARD, OTHER_FORWARD] = ['forward mailbox', 'other forward mailbox']
const WITH_ACT = new Set([WITH_DAV])

/** A user's mailbox that works in all three directions. */
const USER = aMailbox({
  ...{ profileId: WITH_DAV, username: 'anna', hasPassword: true, forwardMailboxId: null },
  ...{ actMethod: SyncMethod.SERVER_SIDE_SYNC, actStatus: TestStatus.SUCCESS, actEnabled: true },
})
const QUEUE = aMailbox({ ...USER, kind: MailboxKind.QUEUE })
const FORWARDED = aMailbox({ ...USER, incomingMethod: FORWARD_MAILBOX, forwardMailboxId: FORWARD })
const COLLECTOR = aMailbox({
  ...{ ...USER, kind: MailboxKind.FORWARD, outgoingMethod: SyncMethod.NONE, actMethod: SyncMethod.NONE },
  ...{ outgoingEmailStatus: TestStatus.NOT_RUN, outgoingEnabled: false },
  ...{ actStatus: TestStatus.NOT_RUN, actEnabled: false },
})

const notRun = (...names: ('incoming' | 'outgoing' | 'act')[]) =>
  Object.assign(
    {},
    ...names.map((name) => ({
      [name === 'act' ? 'actStatus' : `${name}EmailStatus`]: TestStatus.NOT_RUN,
      ...{ [`${name}Enabled`]: false, [`${name}ChangedSinceTest`]: false, [`${name}ErrorCode`]: null },
    })),
  ) as Partial<Mailbox>
const ALL = ['incoming', 'outgoing', 'act'] as const
const CHANGED = { incomingChangedSinceTest: true, outgoingChangedSinceTest: true, actChangedSinceTest: true }

describe('what an edit resets', () => {
  const RULES: [string, Mailbox, WantedChanges, Partial<Mailbox>][] = [
    ['another name', USER, { name: 'Ada B' }, { name: 'Ada B', nameKey: 'ada b' }],
    ['another profile: all directions', USER, { profileId: 'x' }, { profileId: 'x', ...notRun(...ALL) }],
    ['the profile it has', USER, { profileId: WITH_DAV }, {}],
    [
      'the incoming method: incoming alone',
      USER,
      { incomingMethod: NONE },
      { incomingMethod: NONE, ...notRun('incoming') },
    ],
    [
      'the outgoing method: outgoing alone',
      USER,
      { outgoingMethod: SyncMethod.NONE },
      { outgoingMethod: SyncMethod.NONE, ...notRun('outgoing') },
    ],
    [
      'the method of appointments: these alone',
      USER,
      { actMethod: SyncMethod.NONE },
      { actMethod: SyncMethod.NONE, ...notRun('act') },
    ],
    [
      'the methods it has',
      USER,
      { incomingMethod: SERVER_SIDE_SYNC, outgoingMethod: SyncMethod.SERVER_SIDE_SYNC, actMethod: USER.actMethod },
      {},
    ],
    [
      'two methods: both',
      USER,
      { incomingMethod: NONE, outgoingMethod: SyncMethod.NONE },
      { incomingMethod: NONE, outgoingMethod: SyncMethod.NONE, ...notRun('incoming', 'outgoing') },
    ],
    [
      'forwarded from now on',
      USER,
      { incomingMethod: FORWARD_MAILBOX, forwardMailboxId: FORWARD },
      { incomingMethod: FORWARD_MAILBOX, forwardMailboxId: FORWARD, ...notRun('incoming') },
    ],
    [
      'through another forward mailbox',
      FORWARDED,
      { forwardMailboxId: OTHER_FORWARD },
      { forwardMailboxId: OTHER_FORWARD, ...notRun('incoming') },
    ],
    ['through the forward mailbox it has', FORWARDED, { forwardMailboxId: FORWARD }, {}],
    [
      'no longer forwarded: it lets go of the forward mailbox',
      FORWARDED,
      { incomingMethod: SERVER_SIDE_SYNC },
      { incomingMethod: SERVER_SIDE_SYNC, forwardMailboxId: null, ...notRun('incoming') },
    ],
    ['another user name: statuses stay', USER, { username: 'ada' }, { username: 'ada', ...CHANGED }],
    ['no user name: statuses stay', USER, { username: null }, { username: null, ...CHANGED }],
    ['the user name it has', USER, { username: 'anna' }, {}],
    ['a password: statuses stay', USER, { hasPassword: true }, { hasPassword: true, ...CHANGED }],
    ['no password: statuses stay', USER, { hasPassword: false }, { hasPassword: false, ...CHANGED }],
    ['no password where there is none', aMailbox({ ...USER, hasPassword: false }), { hasPassword: false }, {}],
    [
      'credentials and a method: what was reset has not changed since its test',
      USER,
      { username: 'ada', incomingMethod: NONE },
      { username: 'ada', ...CHANGED, incomingMethod: NONE, ...notRun('incoming') },
    ],
    [
      'credentials and the profile: all is reset',
      USER,
      { hasPassword: true, profileId: 'x', actMethod: SyncMethod.NONE },
      { hasPassword: true, profileId: 'x', actMethod: SyncMethod.NONE, ...notRun(...ALL) },
    ],
    ['deletion after processing', QUEUE, { deleteAfterProcessing: true }, { deleteAfterProcessing: true }],
  ]

  test.each(RULES)('%s', (_what, row, wanted, expected) => {
    // the profile "x" has DAV, unless the row says otherwise
    expect(decideChanges(row, wanted, new Set([...WITH_ACT, 'x']))).toEqual({ patch: expected })
  })
})

describe('what a mailbox refuses', () => {
  const act = SyncMethod.SERVER_SIDE_SYNC
  const without = aMailbox({ ...USER, profileId: WITHOUT_DAV, actMethod: SyncMethod.NONE })
  const RULES: [string, Mailbox, WantedChanges, string | undefined][] = [
    ['a forward mailbox sends nothing', COLLECTOR, { outgoingMethod: act }, 'FORWARD_MAILBOX_METHOD'],
    ['a forward mailbox has no appointments', COLLECTOR, { actMethod: act }, 'FORWARD_MAILBOX_METHOD'],
    [
      'a forward mailbox does not forward',
      COLLECTOR,
      { incomingMethod: FORWARD_MAILBOX, forwardMailboxId: FORWARD },
      'FORWARD_MAILBOX_METHOD',
    ],
    ['a forward mailbox names none', COLLECTOR, { forwardMailboxId: FORWARD }, 'NOT_FORWARDED'],
    ['a forward mailbox may rest', COLLECTOR, { incomingMethod: NONE, outgoingMethod: SyncMethod.NONE }, undefined],
    ['a forward mailbox may delete', COLLECTOR, { deleteAfterProcessing: true }, undefined],
    ['a queue may delete', QUEUE, { deleteAfterProcessing: true }, undefined],
    ['a user may not delete', USER, { deleteAfterProcessing: true }, 'DELETE_NOT_ALLOWED'],
    ['a user may not-delete', USER, { deleteAfterProcessing: false }, undefined],
    [
      'forwarding needs a forward mailbox',
      USER,
      { incomingMethod: FORWARD_MAILBOX, name: 'x' },
      'FORWARD_MAILBOX_REQUIRED',
    ],
    ['forwarding goes on with the one it has', FORWARDED, { incomingMethod: FORWARD_MAILBOX }, undefined],
    ['a forward mailbox goes with its method', USER, { forwardMailboxId: FORWARD }, 'NOT_FORWARDED'],
    [
      'a forward mailbox does not go with another method',
      FORWARDED,
      { incomingMethod: SERVER_SIDE_SYNC, forwardMailboxId: FORWARD },
      'NOT_FORWARDED',
    ],
    ['appointments need DAV', without, { actMethod: act }, 'ACT_NEEDS_DAV'],
    ['appointments need a profile', aMailbox({ ...without, profileId: null }), { actMethod: act }, 'ACT_NEEDS_DAV'],
    ['appointments with a profile that has DAV', without, { actMethod: act, profileId: WITH_DAV }, undefined],
    ['a profile without DAV takes no appointments', USER, { profileId: WITHOUT_DAV }, 'ACT_NEEDS_DAV'],
    [
      'a profile without DAV for who gives up appointments',
      USER,
      { profileId: WITHOUT_DAV, actMethod: SyncMethod.NONE },
      undefined,
    ],
    ['a name, whatever the profile', aMailbox({ ...USER, profileId: WITHOUT_DAV }), { name: 'x' }, undefined],
  ]

  test.each(RULES)('%s', (_what, row, wanted, code) => {
    const decision = decideChanges(row, wanted, WITH_ACT)
    expect('refusal' in decision ? decision.refusal.code : undefined).toBe(code)
  })
})

describe('the columns of an edit', () => {
  const some = <T>(...values: T[]) => fc.constantFrom(...values)
  const sync = some(...Object.values(SyncMethod))
  const wanted: fc.Arbitrary<WantedChanges> = fc.record(
    {
      ...{ name: some('Anna Bell', 'Other'), username: some('anna', 'other', null), hasPassword: fc.boolean() },
      ...{ profileId: some(WITH_DAV, WITHOUT_DAV), forwardMailboxId: some(FORWARD, OTHER_FORWARD) },
      ...{ incomingMethod: some(...Object.values(IncomingMethod)), outgoingMethod: sync, actMethod: sync },
      deleteAfterProcessing: fc.boolean(),
    },
    { requiredKeys: [] },
  )
  const status = some(...Object.values(TestStatus))
  const row = fc
    .record({
      ...{ kind: some(...Object.values(MailboxKind)), profileId: some(WITH_DAV, WITHOUT_DAV, null) },
      ...{ incomingMethod: some(...Object.values(IncomingMethod)), outgoingMethod: sync, actMethod: sync },
      ...{ incomingEmailStatus: status, outgoingEmailStatus: status, actStatus: status },
      ...{ username: some('anna', null), hasPassword: fc.boolean(), deleteAfterProcessing: fc.boolean() },
    })
    .map((columns) =>
      aMailbox({
        ...columns,
        forwardMailboxId: columns.incomingMethod === FORWARD_MAILBOX ? FORWARD : null,
      }),
    )

  test('are all that it sets, so that the audit log can tell what was there before', () => {
    fc.assert(
      fc.property(row, wanted, (mailbox, changes) => {
        const decision = decideChanges(mailbox, changes, WITH_ACT)
        const columns: readonly string[] = columnsOfChanges(changes)
        if ('patch' in decision) expect(columns).toEqual(expect.arrayContaining(Object.keys(decision.patch)))
      }),
      { numRuns: 3_000 },
    )
  })

  test('are all that it reads', () => {
    fc.assert(
      fc.property(row, wanted, (mailbox, changes) => {
        const read = Object.fromEntries(columnsOfChanges(changes).map((column) => [column, mailbox[column]]))
        expect(decideChanges(read, changes, WITH_ACT)).toEqual(decideChanges(mailbox, changes, WITH_ACT))
      }),
      { numRuns: 3_000 },
    )
  })
})
