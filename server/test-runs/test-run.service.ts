import { In } from 'typeorm'
import { permit, type Reach, reachOf, type Viewer } from '../auth/auth.service'
import { chunks, pausingChunks } from '../db/chunks'
import type { Database } from '../db/database'
import { isId, newId } from '../db/id'
import type { Tx } from '../db/transaction'
import { FaultList, OperationError, UserFaults } from '../errors'
import { keysetPage, type Page, type PageArguments } from '../graphql/connection'
import { Mailbox } from '../mailboxes/mailbox.entity'
import { Direction } from '../mailboxes/mailbox.enums'
import type { MailboxSelection } from '../mailboxes/mailbox.inputs'
import { lookerOf, type MailboxService } from '../mailboxes/mailbox.service'
import { type Condition, reachCondition, selectionCondition } from '../mailboxes/mailbox-selection'
import type { MailboxTestService, TestCandidate } from '../mailboxes/mailbox-test.service'
import type { ProfileService } from '../profiles/profile.service'
import { beginChange, endChange } from './run-counts'
import { countInReach, itemsInReach, itemsOfRun, runsAsSeen, runsInReach } from './run-reach'
import { TestItemState, TestMode, TestRun, TestRunItem, TestRunState } from './test-run.entity'
import type { TestOptions, TestRunCause } from './test-run.inputs'

/** The job that sets a worker to work on a run; its input is `{ runId }`. */
export const TEST_RUN_JOB = 'test-run'
const ALL_DIRECTIONS = [Direction.INCOMING, Direction.OUTGOING, Direction.ACT]
const ALREADY = { code: 'ALREADY_IN_A_TEST', message: 'The mailbox is in another test run now.' }

/** How far a watcher has been told of a run's items. */
export type ItemCursor = Pick<TestRunItem, 'changeNumber' | 'id'>

export interface StartTest {
  selection?: MailboxSelection | null
  profileId?: string | null
  options?: TestOptions | null
}

/** Starts, cancels and shows test runs; each viewer its part of them (run-reach.ts). */
export class TestRunService {
  constructor(
    private readonly db: Database,
    private readonly mailboxes: MailboxService,
    private readonly tests: MailboxTestService,
    private readonly profiles: ProfileService,
  ) {}

  async get(viewer: Viewer | undefined, id: string): Promise<TestRun | null> {
    const [run] = await this.getMany(viewer, [id])
    return run ?? null
  }

  async getMany(viewer: Viewer | undefined, ids: readonly string[]): Promise<TestRun[]> {
    permit(viewer, 'mailboxes.read')
    const reach = reachOf(viewer, 'mailboxes.read')
    const { sql, parameters } = runsInReach(reach)
    const query = this.db.read.createQueryBuilder(TestRun, 'r').where({ id: In(ids.filter(isId)) })
    return runsAsSeen(this.db.read, await query.andWhere(sql, parameters).getMany(), reach)
  }

  async list(viewer: Viewer | undefined, page: PageArguments): Promise<Page<TestRun>> {
    permit(viewer, 'mailboxes.read')
    const reach = reachOf(viewer, 'mailboxes.read')
    const { sql, parameters } = runsInReach(reach)
    const query = this.db.read.createQueryBuilder(TestRun, 'r').where(sql, parameters)
    const found = await keysetPage(query, page, { column: 'id', property: 'id', direction: 'DESC' })
    return { ...found, nodes: await runsAsSeen(this.db.read, found.nodes, reach) }
  }

  /** In the order in which they are tested; filtered by state and by the code of what failed. */
  async items(
    viewer: Viewer | undefined,
    runId: string,
    filter: { state?: TestItemState | null; errorCode?: string | null },
    page: PageArguments,
  ): Promise<Page<TestRunItem>> {
    permit(viewer, 'mailboxes.read')
    const seen = itemsOfRun(runId, reachOf(viewer, 'mailboxes.read'))
    const query = this.db.read.createQueryBuilder(TestRunItem, 'i').where(seen.sql, seen.parameters)
    if (filter.state) query.andWhere('i.state = :state', { state: filter.state })
    if (filter.errorCode) query.andWhere('i.errorCode = :errorCode', { errorCode: filter.errorCode })
    return keysetPage(query, page, { column: 'id', property: 'id', direction: 'ASC' })
  }

  /** How far a run is, without counting anybody's part of it. */
  async standing(viewer: Viewer | undefined, id: string): Promise<Pick<TestRun, 'finishedAt' | 'changeNumber'> | null> {
    permit(viewer, 'mailboxes.read')
    return this.db.read.findOneBy(TestRun, { id })
  }

  /** The items that changes past `after` touched, in the order of the changes. */
  async changedItems(
    viewer: Viewer | undefined,
    runId: string,
    after: ItemCursor,
    most: number,
  ): Promise<TestRunItem[]> {
    permit(viewer, 'mailboxes.read')
    const seen = itemsOfRun(runId, reachOf(viewer, 'mailboxes.read'))
    return this.db.read
      .createQueryBuilder(TestRunItem, 'i')
      .where(seen.sql, seen.parameters)
      .andWhere('i.changeNumber >= :changeNumber', after)
      .andWhere('(i.changeNumber > :changeNumber OR i.id > :id)', after)
      .orderBy('i.changeNumber')
      .addOrderBy('i.id')
      .limit(most)
      .getMany()
  }

  /** Why mailboxes failed in each of these runs, the most frequent cause first. */
  async causes(
    viewer: Viewer | undefined,
    runIds: readonly string[],
  ): Promise<{ runId: string; causes: TestRunCause[] }[]> {
    permit(viewer, 'mailboxes.read')
    const seen = itemsInReach(reachOf(viewer, 'mailboxes.read'))
    const rows = await this.db.read
      .createQueryBuilder(TestRunItem, 'i')
      .select('i.runId', 'runId')
      .addSelect('i.errorCode', 'code')
      .addSelect('COUNT(*)', 'count')
      .where({ runId: In([...runIds]), state: TestItemState.FAILED })
      .andWhere(seen.sql, seen.parameters)
      .groupBy('i.runId')
      .addGroupBy('i.errorCode')
      .orderBy('COUNT(*)', 'DESC')
      .getRawMany<{ runId: string; code: string; count: number | string }>()
    return runIds.map((runId) => ({
      runId,
      causes: rows.filter((row) => row.runId === runId).map(({ code, count }) => ({ code, count: Number(count) })),
    }))
  }

  /** Each mailbox's last finished test. */
  async lastItems(viewer: Viewer | undefined, mailboxIds: readonly string[]): Promise<TestRunItem[]> {
    permit(viewer, 'mailboxes.read')
    const ended = [TestItemState.SUCCEEDED, TestItemState.FAILED]
    const seen = itemsInReach(reachOf(viewer, 'mailboxes.read'))
    const last = await this.db.read
      .createQueryBuilder(TestRunItem, 'i')
      .select('MAX(i.id)', 'id')
      .where({ mailboxId: In([...mailboxIds]), state: In(ended) })
      .andWhere(seen.sql, seen.parameters)
      .groupBy('i.mailboxId')
      .getRawMany<{ id: string }>()
    return this.db.read.findBy(TestRunItem, { id: In(last.map((row) => row.id)) })
  }

  /** Answers at once with the queued run. Mailboxes that cannot be tested are in it as SKIPPED, with the reason. */
  async start(viewer: Viewer | undefined, { selection, profileId, options }: StartTest): Promise<TestRun> {
    permit(viewer, 'mailboxes.test')
    const faults = new FaultList()
    if (!!selection === !!profileId) {
      faults.add('EXACTLY_ONE', ['selection'], 'Give exactly one of selection and profileId')
      faults.check()
    }
    if (options?.directions?.length === 0) {
      faults.add('EMPTY', ['options', 'directions'], 'Name at least one direction, or leave it out')
    }
    const looker = lookerOf(viewer, 'mailboxes.test')
    const condition = selection
      ? selectionCondition(faults, looker, selection)
      : await this.ofProfile(faults, looker.reach, profileId ?? '')
    faults.check()
    return this.db.inTransaction(async (tx) => {
      if (selection?.ids) await this.mailboxes.selectedIds(tx, faults, viewer, 'mailboxes.test', selection)
      faults.check()
      const candidates = await this.tests.candidates(tx, condition)
      if (candidates.length === 0) {
        faults.add('EMPTY', [selection ? 'selection' : 'profileId'], 'There is no mailbox to test')
        faults.check()
      }
      const kind = {
        mode: options?.mode ?? TestMode.TEST_AND_ENABLE,
        directions: [...new Set(options?.directions ?? ALL_DIRECTIONS)],
        roundTrip: options?.roundTrip ?? true,
      }
      const { view, filter } = selection ?? {}
      const told = { ...(profileId && { profileId }), ...(view && { view }), ...(filter && { filter: { ...filter } }) }
      return this.insert(tx, viewer, candidates, kind, { action: 'testAndEnableMailboxes', details: told })
    })
  }

  /** A new run of the same kind over the mailboxes that failed in an ended or running one. */
  async retryFailed(viewer: Viewer | undefined, runId: string): Promise<TestRun> {
    permit(viewer, 'mailboxes.test')
    const faults = new FaultList()
    return this.db.inTransaction(async (tx) => {
      const run = isId(runId) ? await tx.em.findOneBy(TestRun, { id: runId }) : null
      if (!run) faults.add('NOT_FOUND', ['runId'], 'There is no such test run')
      const failed = run
        ? await tx.em.find(TestRunItem, {
            select: { id: true, mailboxId: true },
            where: { runId, state: TestItemState.FAILED },
          })
        : []
      if (run && failed.length === 0) faults.add('NOTHING_FAILED', ['runId'], 'No mailbox failed in this run')
      faults.check()
      if (!run) throw new Error('unreachable: a fault was added')
      await this.checkReach(tx, viewer, run, 'runId')
      const candidates: TestCandidate[] = []
      for (const chunk of chunks(failed.map((item) => item.mailboxId))) {
        candidates.push(
          ...(await this.tests.candidates(tx, { sql: 'id IN (:...failedIds)', parameters: { failedIds: chunk } })),
        )
      }
      return this.insert(tx, viewer, candidates, run, { action: 'retryFailedTests', details: { runId } })
    })
  }

  /** What waits becomes CANCELLED; what is under way finishes, and then the run ends. */
  async cancel(viewer: Viewer | undefined, id: string): Promise<TestRun> {
    permit(viewer, 'mailboxes.test')
    const faults = new FaultList()
    return this.db.inTransaction(async (tx) => {
      const run = isId(id) ? await tx.em.findOneBy(TestRun, { id }) : null
      if (!run) faults.add('NOT_FOUND', ['id'], 'There is no such test run')
      faults.check()
      if (run) await this.checkReach(tx, viewer, run, 'id')
      const now = new Date()
      const changeNumber = await beginChange(tx, id)
      const waiting = await tx.em.find(TestRunItem, {
        select: { id: true, mailboxId: true },
        where: { runId: id, state: TestItemState.QUEUED },
      })
      const cancelled = { state: TestItemState.CANCELLED, finishedAt: now, changeNumber }
      await tx.em.update(TestRunItem, { runId: id, state: TestItemState.QUEUED }, cancelled)
      await this.tests.release(
        tx,
        id,
        waiting.map((item) => item.mailboxId),
      )
      const subjectIds = waiting.length > 0 ? [id] : []
      const change = { subjectIds, before: { queued: waiting.length }, after: { queued: 0 } }
      tx.record(viewer, { action: 'cancelTestRun', subject: 'TEST_RUN', changes: [change] })
      return endChange(tx, id, now)
    })
  }

  /** Of a run that has others' mailboxes too nobody decides who may not test all of them; one with none of his is not there. */
  private async checkReach(tx: Tx, viewer: Viewer, run: TestRun, argument: string): Promise<void> {
    const reach = reachOf(viewer, 'mailboxes.test')
    if (reach === 'ALL') return
    const counts = await countInReach(tx.em, run.id, reach)
    const inReach = [...counts.values()].reduce((sum, count) => sum + count, 0)
    if (inReach === 0) {
      throw new UserFaults([{ code: 'NOT_FOUND', path: [argument], message: 'There is no such test run' }])
    }
    if (inReach < run.total) throw new OperationError('FORBIDDEN', 'The run has mailboxes that you may not test')
  }

  /** A profile without a mailbox in reach is not there. */
  private async ofProfile(faults: FaultList, reach: Reach, profileId: string): Promise<Condition> {
    const seen = reachCondition(reach)
    const ofProfile = { sql: `profile_id = :profileId AND ${seen.sql}`, parameters: { profileId, ...seen.parameters } }
    const [profile] = isId(profileId) ? await this.profiles.byIds([profileId]) : []
    const isThere = profile && (reach === 'ALL' || (await this.hasMailbox(ofProfile)))
    if (!isThere) faults.add('NOT_FOUND', ['profileId'], 'There is no such profile')
    return { ...ofProfile, sql: `${ofProfile.sql} AND active = 1` }
  }

  private hasMailbox({ sql, parameters }: Condition): Promise<boolean> {
    return this.db.read.createQueryBuilder(Mailbox, 'm').where(sql, parameters).getExists()
  }

  private async insert(
    tx: Tx,
    viewer: Viewer,
    candidates: readonly TestCandidate[],
    kind: Pick<TestRun, 'mode' | 'directions' | 'roundTrip'>,
    command: { action: string; details: Record<string, unknown> },
  ): Promise<TestRun> {
    const id = newId()
    const now = new Date()
    const testable = candidates.filter((candidate) => !candidate.blocker).map((candidate) => candidate.mailboxId)
    const claimed = await this.tests.claim(tx, id, testable)
    const { mode, directions, roundTrip } = kind
    const run = {
      ...{ id, mode, directions, roundTrip, createdAt: now, total: candidates.length, changeNumber: 1 },
      requestedBy: viewer.name,
      ...{ queued: 0, running: 0, succeeded: 0, failed: 0, skipped: 0, cancelled: 0 },
      ...{ state: TestRunState.QUEUED, startedAt: null, finishedAt: null },
    }
    await tx.em.insert(TestRun, run)
    const after = { mode, directions, roundTrip, total: candidates.length }
    tx.record(viewer, { ...command, subject: 'TEST_RUN', changes: [{ subjectIds: [id], before: null, after }] })
    const items = candidates.map((candidate) => itemOf(id, candidate, claimed, now))
    for await (const chunk of pausingChunks(items, 300)) {
      await tx.em.createQueryBuilder().insert().into(TestRunItem).values(chunk).updateEntity(false).execute()
    }
    if (claimed.size > 0) tx.enqueue(TEST_RUN_JOB, { runId: id })
    tx.signal('mailboxes', [...claimed])
    return endChange(tx, id, now)
  }
}

function itemOf(runId: string, candidate: TestCandidate, claimed: ReadonlySet<string>, now: Date): TestRunItem {
  const { mailboxId, profileId } = candidate
  const skip = candidate.blocker ?? (claimed.has(mailboxId) ? undefined : ALREADY)
  return Object.assign(new TestRunItem(), {
    ...{ id: newId(), runId, mailboxId, profileId, results: [], errorCode: null, startedAt: null, changeNumber: 1 },
    ...{ leaseOwner: null, leaseUntil: null },
    state: skip ? TestItemState.SKIPPED : TestItemState.QUEUED,
    skipReason: skip?.code ?? null,
    skipMessage: skip?.message ?? null,
    finishedAt: skip ? now : null,
  })
}
