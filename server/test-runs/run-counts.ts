import type { Tx } from '../db/transaction'
import { TestItemState, TestRun, TestRunItem, TestRunState } from './test-run.entity'

/**
 * Opens a change of a run's items: takes the run's row, so that changes of one run follow each other, and answers the number
 * that the changed items carry. Call it before the items are touched, for several runs in the order of their ids.
 */
export async function beginChange(tx: Tx, runId: string): Promise<number> {
  await tx.em.increment(TestRun, { id: runId }, 'changeNumber', 1)
  const run = await tx.em.findOneOrFail(TestRun, { select: { id: true, changeNumber: true }, where: { id: runId } })
  return run.changeNumber
}

/**
 * Closes a change: counts the items anew and ends the run when none is waiting or under way. Counted from the rows each time,
 * so a crash, a retry or a second worker can never make the numbers drift.
 */
export async function endChange(tx: Tx, runId: string, now: Date): Promise<TestRun> {
  const rows = await tx.em
    .createQueryBuilder(TestRunItem, 'i')
    .select('i.state', 'state')
    .addSelect('COUNT(*)', 'n')
    .where({ runId })
    .groupBy('i.state')
    .getRawMany<{ state: TestItemState; n: number | string }>()
  const count = (state: TestItemState) => Number(rows.find((row) => row.state === state)?.n ?? 0)
  const run = await tx.em.findOneByOrFail(TestRun, { id: runId })
  const counts = {
    queued: count(TestItemState.QUEUED),
    running: count(TestItemState.RUNNING),
    succeeded: count(TestItemState.SUCCEEDED),
    failed: count(TestItemState.FAILED),
    skipped: count(TestItemState.SKIPPED),
    cancelled: count(TestItemState.CANCELLED),
  }
  const changes: Partial<TestRun> = { ...counts, ...runState(run, counts, now) }
  await tx.em.update(TestRun, { id: runId }, changes)
  tx.signal('test-runs', [runId])
  return Object.assign(run, changes)
}

/** A run has ended when nothing waits and nothing is under way; it was cancelled if that kept any mailbox from its test. */
export function runState(
  run: Pick<TestRun, 'startedAt' | 'finishedAt'>,
  counts: Pick<TestRun, 'queued' | 'running' | 'succeeded' | 'failed' | 'cancelled'>,
  now: Date,
): Pick<TestRun, 'state' | 'startedAt' | 'finishedAt'> {
  const begun = counts.running + counts.succeeded + counts.failed > 0
  const startedAt = run.startedAt ?? (begun ? now : null)
  if (counts.queued + counts.running > 0) {
    return { state: startedAt ? TestRunState.RUNNING : TestRunState.QUEUED, startedAt, finishedAt: null }
  }
  const state = counts.cancelled > 0 ? TestRunState.CANCELLED : TestRunState.COMPLETED
  return { state, startedAt, finishedAt: run.finishedAt ?? now }
}
