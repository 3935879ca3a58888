import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { AuditReplay } from '../test/audit-replay'
import { type Caller, DATABASES, type DatabaseKind, Harness } from '../test/harness'
import { broken, type Command, checkCounts, command, createProfiles, Playground } from '../test/playground'
import { MailboxView } from './mailbox.enums'

/** The same sequences in every run; another seed finds others. */
const SEED = 20_261_123
const SEQUENCES = 20
const MOST_COMMANDS = 20
/** A busy machine does what it can in this time. */
const ENOUGH_MS = 20_000

const selection = { of: 'view' as const, view: MailboxView.ALL }
const outcomes = [0, 1, 2, 3].map((pick) => ({ pick, statuses: [true, pick < 3] as [boolean, boolean] }))
const owners = (address: number | null, active: boolean | null) => [
  { number: 0, address, name: 'Ada' as const, active },
  { number: 1, address: 7, name: 'Bob' as const, active },
]
/** One of everything comes before what chance gives. */
const LIFE: Command[] = [
  {
    kind: 'update',
    selection,
    changes: { profile: 0, incomingMethod: 'SERVER_SIDE_SYNC', outgoingMethod: 'SERVER_SIDE_SYNC' },
  },
  { kind: 'approve', selection },
  { kind: 'tested', outcomes },
  { kind: 'reject', selection },
  { kind: 'approve', selection },
  { kind: 'provision', owners: owners(6, null) },
  { kind: 'createForward', address: 5 },
  { kind: 'update', selection, changes: { incomingMethod: 'FORWARD_MAILBOX', forward: 0 } },
  { kind: 'approve', selection },
  { kind: 'tested', outcomes },
  { kind: 'update', selection, changes: { profile: 1, username: 'ada', password: 'secret' } },
  { kind: 'provision', owners: owners(null, null) },
  { kind: 'approve', selection: { of: 'ids', picks: [0, 1, 2] } },
  { kind: 'setActive', selection, active: false },
  { kind: 'provision', owners: owners(0, true) },
  { kind: 'setActive', selection, active: true },
  { kind: 'settings', profile: 0, incoming: 'SERVER_SIDE_SYNC', outgoing: 'NONE' },
  { kind: 'defaults', selection },
  { kind: 'changeProfile', profile: 0, side: 'incoming', port: 5 },
  { kind: 'deleteProfile', selection, to: 1 },
  { kind: 'deleteForward', pick: 0, to: null },
  { kind: 'deleteOwners', numbers: [2] },
]

describe.each(DATABASES)('whatever commands are given, on %s', (database: DatabaseKind) => {
  let harness: Harness
  let admin: Caller
  let profileIds: string[]

  beforeAll(async () => {
    harness = await Harness.start({ database, work: false })
    admin = await harness.admin()
    profileIds = await createProfiles(admin)
  })
  afterAll(() => harness?.stop())

  test('the invariants hold, the counts are right, and the audit log tells all', async () => {
    let sequences = 0
    const until = Date.now() + ENOUGH_MS
    const property = fc.asyncProperty(
      fc.array(command, { minLength: 1, maxLength: MOST_COMMANDS }),
      async (commands) => {
        if (Date.now() > until) return
        sequences += 1
        const playground = await Playground.open(harness, admin, profileIds, `s${sequences}.example`)
        const replay = await AuditReplay.begin(harness.app)
        for (const each of commands) {
          await playground.run(each, { foretell: true })
          if (each.kind === 'tested') await replay.adopt()
          expect(await replay.follow()).toEqual([])
          expect(await broken(harness)).toEqual([])
        }
        await checkCounts(harness, admin)
      },
    )
    await fc.assert(property, { seed: SEED, numRuns: SEQUENCES, examples: [[LIFE]] })
  }, 180_000)
})
