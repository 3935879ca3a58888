import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { auditSteps, contradictionOf, mailboxStates } from '../test/audit-replay'
import { type Caller, DATABASES, type DatabaseKind, Harness } from '../test/harness'
import { broken, type Command, checkCounts, command, createProfiles, Playground } from '../test/playground'

/** The same pairs in every run; another seed finds others. */
const SEED = 20_261_124
const PAIRS = 25
/** A busy machine does what it can in this time. */
const ENOUGH_MS = 20_000

/** What tests write is no command: the audit log does not have it. */
const given = fc.array(
  command.filter((each) => each.kind !== 'tested'),
  { minLength: 1, maxLength: 3 },
)

const selection = { of: 'ids' as const, picks: [0, 1, 2, 3] }
const everybody = { of: 'view' as const, view: 'ALL' as never }
/** To addresses that nobody has. */
const move: Command = {
  kind: 'provision',
  owners: [1, 0, 3, 2].map((n) => ({ number: n, address: n + 4, name: 'Ada', active: null })),
}
/** What people are likely to do at once: each pair several times. */
const LIKELY: [string, Command, Command][] = [
  ['approve and change address', { kind: 'approve', selection }, move],
  ['reject and change address', { kind: 'reject', selection: everybody }, move],
  [
    'two edits',
    { kind: 'update', selection, changes: { profile: 1 } },
    { kind: 'update', selection: everybody, changes: { outgoingMethod: 'NONE', username: 'ada' } },
  ],
  [
    'edit and deactivate',
    { kind: 'update', selection: everybody, changes: { profile: 1, password: 'secret' } },
    { kind: 'setActive', selection, active: false },
  ],
  ['approve and reject', { kind: 'approve', selection: everybody }, { kind: 'reject', selection }],
]
const TIMES = 3

describe.each(DATABASES)('two administrators at once, on %s', (database: DatabaseKind) => {
  const nodes: Harness[] = []
  let admins: Caller[]
  let profileIds: string[]
  let played = 0

  beforeAll(async () => {
    const first = await Harness.start({ database, work: false })
    // SQLite belongs to one process
    const second =
      database === 'sqlite'
        ? first
        : await Harness.start({ database, databaseUrl: first.app.config.databaseUrl, work: false })
    nodes.push(first, second)
    admins = [await first.admin(), await second.admin()]
    profileIds = await createProfiles(admins[0] as Caller)
  })
  afterAll(async () => {
    for (const node of new Set(nodes.reverse())) await node.stop()
  })

  /** Gives each its commands, both at once; neither may lose what the other one did. */
  async function play(one: readonly Command[], other: readonly Command[]): Promise<void> {
    const [[node, another], [admin, colleague]] = [nodes as [Harness, Harness], admins as [Caller, Caller]]
    played += 1
    const mine = await Playground.open(node, admin, profileIds, `p${played}.example`)
    const theirs = mine.seenBy(another, colleague)
    const { newest } = await auditSteps(node.app, '')
    const before = await mailboxStates(node.app)
    const giveAll = async (to: Playground, commands: readonly Command[]) => {
      for (const each of commands) await to.run(each)
    }
    await Promise.all([giveAll(mine, one), giveAll(theirs, other)])
    const { steps } = await auditSteps(node.app, newest)
    for (const [id, state] of await mailboxStates(node.app)) {
      const own = steps.filter((step) => step.mailboxId === id)
      expect(contradictionOf(own, before.get(id), state)).toEqual([])
    }
    expect(await broken(node)).toEqual([])
  }

  test.each(LIKELY)('%s: both have happened, one after the other', async (_, one, other) => {
    for (let time = 0; time < TIMES; time++) await play([one], [other])
    await checkCounts(nodes[0] as Harness, admins[0] as Caller)
  })

  test('whatever they do, it has happened in some order', async () => {
    const until = Date.now() + ENOUGH_MS
    const property = fc.asyncProperty(given, given, async (one, other) => {
      if (Date.now() < until) await play(one, other)
    })
    await fc.assert(property, { seed: SEED, numRuns: PAIRS })
    await checkCounts(nodes[0] as Harness, admins[0] as Caller)
  }, 120_000)
})
