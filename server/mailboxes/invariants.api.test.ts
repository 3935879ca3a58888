import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { AuditReplay } from '../test/audit-replay'
import { type Caller, DATABASES, type DatabaseKind, Harness } from '../test/harness'
import { broken, checkCounts, command, createProfile, Playground } from '../test/playground'

/** The same sequences in every run; another seed finds others. */
const SEED = 20_261_123
const SEQUENCES = 20
const MOST_COMMANDS = 20
/** A busy machine does what it can in this time. */
const ENOUGH_MS = 20_000

describe.each(DATABASES)('whatever commands are given, on %s', (database: DatabaseKind) => {
  let harness: Harness
  let admin: Caller
  let profileIds: string[]

  beforeAll(async () => {
    harness = await Harness.start({ database, work: false })
    admin = await harness.admin()
    profileIds = [await createProfile(admin, 'One'), await createProfile(admin, 'Two')]
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
    await fc.assert(property, { seed: SEED, numRuns: SEQUENCES })
  }, 180_000)
})
