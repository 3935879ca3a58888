import { type FindOptionsWhere, In, LessThan } from 'typeorm'
import type { AlertService } from '../alerts/alert.service'
import { pausingChunks } from '../db/chunks'
import type { Database } from '../db/database'
import { newId } from '../db/id'
import type { Tx } from '../db/transaction'
import { TestStatus } from '../mailboxes/mailbox.enums'
import type { MailboxOutcome, MailboxTestService } from '../mailboxes/mailbox-test.service'
import { EmailServerProfile } from '../profiles/profile.entity'
import { beginChange, endChange } from './run-counts'
import type { TestOutcome } from './test-mailbox'
import { type DirectionResult, TestItemState, TestMode, TestRun, TestRunItem, TestRunState } from './test-run.entity'
import { itemVerdict } from './verdict'

export interface ClaimedItem {
  id: string
  runId: string
  mailboxId: string
  profileId: string
  /** Of the turn that claimed it: whoever holds another lease for the item has claimed it later. */
  lease: string
  run: Pick<TestRun, 'mode' | 'directions' | 'roundTrip'>
}

/** An item before it is claimed. */
type Candidate = Omit<ClaimedItem, 'run' | 'lease'>

export interface SkippedOutcome {
  skip: { code: string; message: string }
}

export interface FinishedItem {
  item: ClaimedItem
  /** A mailbox that can no longer be tested, since it waited, is skipped as it would have been at the start. */
  outcome: TestOutcome | SkippedOutcome
  finishedAt: Date
}

/** How far a test under way has come. */
export interface ProgressedItem {
  item: ClaimedItem
  results: DirectionResult[]
}

/** What a worker has to write. */
export interface Harvest {
  finished: readonly FinishedItem[]
  progressed: readonly ProgressedItem[]
}

/**
 * How workers share the items of test runs. An item belongs to the worker that claimed it for as long as its lease is renewed;
 * whoever finds a lease run out puts the item back, so that a killed worker loses nothing.
 */
export class TestItems {
  constructor(
    private readonly db: Database,
    private readonly tests: MailboxTestService,
    private readonly alerts: AlertService,
    private readonly leaseMs: number,
  ) {}

  /** The profiles that have items waiting, with their limits. */
  async waitingProfiles(): Promise<Map<string, number>> {
    const rows = await this.db.read
      .createQueryBuilder(TestRunItem, 'i')
      .innerJoin(TestRun, 'r', 'r.id = i.runId')
      .innerJoin(EmailServerProfile, 'p', 'p.id = i.profileId')
      .select('i.profileId', 'id')
      .addSelect('MAX(p.maxConcurrentConnections)', 'most')
      .where({ state: TestItemState.QUEUED })
      .andWhere('r.state IN (:...open)', { open: [TestRunState.QUEUED, TestRunState.RUNNING] })
      .groupBy('i.profileId')
      .getRawMany<{ id: string; most: number | string }>()
    return new Map(rows.map((row) => [row.id, Number(row.most)]))
  }

  /**
   * Writes what is finished and takes up to `room` new items, in one transaction: the freed places of a profile are given out
   * again at once. No profile gets more items under way, over all nodes, than its limit allows.
   */
  async turn(
    { finished, progressed }: Harvest,
    wanted: { room: number; limits: ReadonlyMap<string, number>; underWay: ReadonlySet<string> },
  ): Promise<ClaimedItem[]> {
    const { room, limits, underWay } = wanted
    return this.db.inTransaction(async (tx) => {
      const now = new Date()
      const waiting = room > 0 ? await this.candidates(tx, room, limits) : []
      // an item of ours that somebody put back is not begun again beside itself
      const candidates = waiting.filter((candidate) => !underWay.has(candidate.id))
      const touched = [...[...finished, ...progressed].map(({ item }) => item), ...candidates]
      const runIds = [...new Set(touched.map(({ runId }) => runId))].sort()
      const numbers = new Map<string, number>()
      for (const runId of runIds) numbers.set(runId, await beginChange(tx, runId))
      for (const { item, results } of progressed) {
        const mine = { id: item.id, state: TestItemState.RUNNING, leaseOwner: item.lease }
        await tx.em.update(TestRunItem, mine, { results, changeNumber: numbers.get(item.runId) })
      }
      await this.store(tx, finished, numbers, now)
      const lease = newId()
      const claimed = await this.claim(tx, lease, candidates, { limits, numbers, now, room })
      const runs = new Map<string, TestRun>()
      for (const runId of runIds) runs.set(runId, await endChange(tx, runId, now))
      return claimed.map((item) => ({ ...item, lease, run: runs.get(item.runId) as TestRun }))
    })
  }

  /** A sign of life for what this worker has in hand; what it claimed and lost sight of runs out. */
  async renew(items: readonly ClaimedItem[]): Promise<void> {
    if (items.length === 0) return
    const leaseUntil = this.leaseEnd(new Date())
    await this.db.inTransaction((tx) => tx.em.update(TestRunItem, heldBy(items), { leaseUntil }))
  }

  /** Puts back what lies with workers that gave no sign of life, or with anybody, or these items. Answers how many. */
  async putBack(whose: 'expired' | 'any' | readonly ClaimedItem[]): Promise<number> {
    if (whose.length === 0) return 0
    return this.db.inTransaction(async (tx) => {
      const now = new Date()
      const which = whichOf(whose, now)
      const lost = await tx.em.find(TestRunItem, { select: { id: true, runId: true }, where: which })
      for (const runId of [...new Set(lost.map((item) => item.runId))].sort()) {
        const changeNumber = await beginChange(tx, runId)
        // asked again now that the run is ours: a result may have been stored, or a lease renewed, meanwhile
        await tx.em.update(
          TestRunItem,
          { ...which, runId },
          {
            state: TestItemState.QUEUED,
            leaseOwner: null,
            leaseUntil: null,
            startedAt: null,
            results: [],
            changeNumber,
          },
        )
        await endChange(tx, runId, now)
      }
      return lost.length
    })
  }

  /** Runs that have not ended, for the sweep. */
  async openRuns(): Promise<string[]> {
    const runs = await this.db.read.find(TestRun, {
      select: { id: true },
      where: { state: In([TestRunState.QUEUED, TestRunState.RUNNING]) },
    })
    return runs.map((run) => run.id)
  }

  private leaseEnd(now: Date): Date {
    return new Date(now.getTime() + this.leaseMs)
  }

  /** Of a profile that is gone nobody would take an item: they go on with the one that their mailbox has now. */
  async profileDeleted(tx: Tx, profileId: string): Promise<void> {
    const open = await tx.em.find(TestRunItem, {
      select: { id: true },
      where: { profileId, state: In([TestItemState.QUEUED, TestItemState.RUNNING]) },
    })
    for await (const chunk of pausingChunks(open.map(({ id }) => id))) {
      const places = chunk.map(() => '?').join(', ')
      const theirs = '(SELECT m.profile_id FROM mailboxes m WHERE m.id = test_run_items.mailbox_id)'
      await tx.em.query(`UPDATE test_run_items SET profile_id = ${theirs} WHERE id IN (${places})`, chunk)
    }
  }

  /** Waiting items, the same number from each profile as far as they go; nothing is locked yet. */
  private async candidates(tx: Tx, room: number, limits: ReadonlyMap<string, number>): Promise<Candidate[]> {
    const share = Math.max(1, Math.ceil(room / Math.max(1, limits.size)))
    const queues: Candidate[][] = []
    for (const profileId of limits.keys()) {
      const rows = await tx.em
        .createQueryBuilder(TestRunItem, 'i')
        .select(['i.id AS id', 'i.run_id AS runId', 'i.mailbox_id AS mailboxId', 'i.profile_id AS profileId'])
        .where({ profileId, state: TestItemState.QUEUED })
        .orderBy('i.id')
        .limit(limits.size === 1 ? room : Math.max(share, 10))
        .getRawMany<Candidate>()
      if (rows.length > 0) queues.push(rows)
    }
    return roundRobin(queues)
  }

  private async claim(
    tx: Tx,
    lease: string,
    candidates: readonly Candidate[],
    at: { limits: ReadonlyMap<string, number>; numbers: ReadonlyMap<string, number>; now: Date; room: number },
  ): Promise<Candidate[]> {
    if (candidates.length === 0) return []
    const free = await this.freePlaces(tx, [...new Set(candidates.map((row) => row.profileId))].sort(), at.limits)
    const still = await this.stillQueued(tx, candidates)
    const taken: Candidate[] = []
    for (const row of candidates) {
      const places = free.get(row.profileId) ?? 0
      if (taken.length >= at.room) break
      if (places <= 0 || !still.has(row.id)) continue
      free.set(row.profileId, places - 1)
      taken.push(row)
    }
    for (const [runId, changeNumber] of at.numbers) {
      const ids = taken.filter((row) => row.runId === runId).map((row) => row.id)
      if (ids.length === 0) continue
      const held = { leaseOwner: lease, leaseUntil: this.leaseEnd(at.now) }
      const changes = { state: TestItemState.RUNNING, startedAt: at.now, changeNumber, ...held }
      await tx.em.update(TestRunItem, { id: In(ids), state: TestItemState.QUEUED }, changes)
    }
    return taken
  }

  private async freePlaces(
    tx: Tx,
    profileIds: string[],
    limits: ReadonlyMap<string, number>,
  ): Promise<Map<string, number>> {
    if (tx.kind === 'mariadb') {
      // other workers that want places of these profiles wait here, so that together they keep to the limit
      await tx.em
        .createQueryBuilder(EmailServerProfile, 'p')
        .select('p.id', 'id')
        .where({ id: In(profileIds) })
        .orderBy('p.id')
        .setLock('pessimistic_write')
        .getRawMany()
    }
    const rows = await tx.em
      .createQueryBuilder(TestRunItem, 'i')
      .select('i.profileId', 'id')
      .addSelect('COUNT(*)', 'n')
      .where({ profileId: In(profileIds), state: TestItemState.RUNNING })
      .groupBy('i.profileId')
      .getRawMany<{ id: string; n: number | string }>()
    const used = new Map(rows.map((row) => [row.id, Number(row.n)]))
    return new Map(profileIds.map((id) => [id, (limits.get(id) ?? 0) - (used.get(id) ?? 0)]))
  }

  private async stillQueued(tx: Tx, candidates: readonly { id: string }[]): Promise<Set<string>> {
    const query = tx.em
      .createQueryBuilder(TestRunItem, 'i')
      .select('i.id', 'id')
      .where({ id: In(candidates.map((row) => row.id)), state: TestItemState.QUEUED })
    const rows = await tx.locked(query).getRawMany<{ id: string }>()
    return new Set(rows.map((row) => row.id))
  }

  /** Only the lease's holder may write a result: one that was put back meanwhile is tested again elsewhere. */
  private async store(
    tx: Tx,
    finished: readonly FinishedItem[],
    numbers: ReadonlyMap<string, number>,
    now: Date,
  ): Promise<void> {
    if (finished.length === 0) return
    const query = tx.em
      .createQueryBuilder(TestRunItem, 'i')
      .select('i.id', 'id')
      .where(heldBy(finished.map(({ item }) => item)))
    const held = await query.getRawMany<{ id: string }>()
    const heldIds = new Set(held.map((row) => row.id))
    const outcomes: MailboxOutcome[] = []
    for (const { item, outcome, finishedAt } of finished) {
      if (!heldIds.has(item.id)) continue
      const changeNumber = numbers.get(item.runId)
      const ended = { ...endOf(outcome), finishedAt, leaseOwner: null, leaseUntil: null, changeNumber }
      await tx.em.update(TestRunItem, { id: item.id }, ended)
      outcomes.push(mailboxOutcome(item, outcome))
    }
    const believed = await this.tests.applyTestResults(tx, outcomes, now)
    await this.alerts.observe(tx, believed, now)
  }
}

/** Items that are still under the lease they were claimed with. */
function heldBy(items: readonly ClaimedItem[]): FindOptionsWhere<TestRunItem> {
  const leases = [...new Set(items.map((item) => item.lease))]
  return { id: In(items.map((item) => item.id)), leaseOwner: In(leases), state: TestItemState.RUNNING }
}

function whichOf(whose: 'expired' | 'any' | readonly ClaimedItem[], now: Date): FindOptionsWhere<TestRunItem> {
  if (whose === 'expired') return { state: TestItemState.RUNNING, leaseUntil: LessThan(now) }
  return whose === 'any' ? { state: TestItemState.RUNNING } : heldBy(whose as readonly ClaimedItem[])
}

/** What a test says about its mailbox; one that found nothing to test says nothing. */
function mailboxOutcome(item: ClaimedItem, outcome: TestOutcome | SkippedOutcome): MailboxOutcome {
  const { mailboxId, profileId, run } = item
  if ('skip' in outcome) return { mailboxId, profileId, enabling: false, directions: [] }
  const { directions, basis } = outcome
  const wasTested = directions.some(({ status }) => status !== TestStatus.NOT_RUN)
  return { mailboxId, profileId, enabling: wasTested && run.mode === TestMode.TEST_AND_ENABLE, directions, basis }
}

function endOf(outcome: TestOutcome | SkippedOutcome) {
  if (!('skip' in outcome)) return resultColumns(outcome)
  return { state: TestItemState.SKIPPED, skipReason: outcome.skip.code, skipMessage: outcome.skip.message, results: [] }
}

const NOTHING_TO_TEST = {
  state: TestItemState.SKIPPED,
  skipReason: 'NOTHING_TO_TEST',
  skipMessage: 'None of the directions to test has a method.',
}

function resultColumns({ directions, results }: TestOutcome) {
  if (directions.every(({ status }) => status === TestStatus.NOT_RUN)) return NOTHING_TO_TEST
  return {
    state: itemVerdict(directions.map((direction) => direction.status)),
    results,
    errorCode: directions.find((direction) => direction.error)?.error?.code ?? null,
  }
}

/** One of each in turn. */
function roundRobin<T>(queues: readonly T[][]): T[] {
  const longest = Math.max(0, ...queues.map((queue) => queue.length))
  const merged: T[] = []
  for (let position = 0; position < longest; position++) {
    for (const queue of queues) {
      const next = queue[position]
      if (next !== undefined) merged.push(next)
    }
  }
  return merged
}
