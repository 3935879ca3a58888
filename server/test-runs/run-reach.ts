import { setImmediate as afterOtherWork } from 'node:timers/promises'
import type { EntityManager } from 'typeorm'
import type { Reach } from '../auth/auth.service'
import { type Condition, reachCondition } from '../mailboxes/mailbox-selection'
import { TestItemState, TestRun, TestRunItem } from './test-run.entity'

/*
 * Who reaches some mailboxes only sees the runs that have one of them, and of each run its own part: items, counters and
 * causes. The rest of a run is as if it were not there.
 */

/** Items of one run, under the alias `i`, whose mailbox is in reach. */
export function itemsOfRun(runId: string, reach: Reach): Condition {
  const { sql, parameters } = itemsInReach(reach)
  // the sign keeps SQLite from reading a whole run for the few items of one's own
  const sign = reach !== 'ALL' && isOwn(reach) ? '+' : ''
  return { sql: `${sign}i.run_id = :runId AND ${sql}`, parameters: { ...parameters, runId } }
}

/** Items, under the alias `i`, whose mailbox is in reach. */
export function itemsInReach(reach: Reach): Condition {
  if (reach === 'ALL') return { sql: '1 = 1', parameters: {} }
  const { sql, parameters } = reachCondition(reach)
  if (isOwn(reach)) return { sql: `i.mailbox_id IN (SELECT id FROM mailboxes WHERE ${sql})`, parameters }
  return { sql: `EXISTS (SELECT 1 FROM mailboxes WHERE mailboxes.id = i.mailbox_id AND ${sql})`, parameters }
}

/** Runs, under the alias `r`, that have an item in reach. */
export function runsInReach(reach: Reach): Condition {
  if (reach === 'ALL') return { sql: '1 = 1', parameters: {} }
  const { sql, parameters } = itemsInReach(reach)
  // one's own items are few: they are read once; those of a domain are found soon in each run
  if (isOwn(reach)) return { sql: `r.id IN (SELECT i.run_id FROM test_run_items i WHERE ${sql})`, parameters }
  return { sql: `EXISTS (SELECT 1 FROM test_run_items i WHERE i.run_id = r.id AND ${sql})`, parameters }
}

/** How many items of a run are in reach, by state. */
export async function countInReach(
  em: EntityManager,
  runId: string,
  reach: Exclude<Reach, 'ALL'>,
): Promise<Map<TestItemState, number>> {
  const { sql, parameters } = itemsOfRun(runId, reach)
  const rows = await em
    .createQueryBuilder(TestRunItem, 'i')
    .select('i.state', 'state')
    .addSelect('COUNT(*)', 'n')
    .where(sql, parameters)
    .groupBy('i.state')
    .getRawMany<{ state: TestItemState; n: number | string }>()
  return new Map(rows.map((row) => [row.state, Number(row.n)]))
}

/** Runs as somebody sees them: their counters count what is in reach. */
export async function runsAsSeen(em: EntityManager, runs: readonly TestRun[], reach: Reach): Promise<TestRun[]> {
  if (reach === 'ALL') return [...runs]
  const seen: TestRun[] = []
  for (const run of runs) {
    const counts = await countInReach(em, run.id, reach)
    const of = (state: TestItemState) => counts.get(state) ?? 0
    const total = [...counts.values()].reduce((sum, count) => sum + count, 0)
    seen.push(
      Object.assign(new TestRun(), run, {
        ...{ total, queued: of(TestItemState.QUEUED), running: of(TestItemState.RUNNING) },
        ...{ succeeded: of(TestItemState.SUCCEEDED), failed: of(TestItemState.FAILED) },
        ...{ skipped: of(TestItemState.SKIPPED), cancelled: of(TestItemState.CANCELLED) },
      }),
    )
    // SQLite counts in this thread
    await afterOtherWork()
  }
  return seen
}

const isOwn = (reach: Exclude<Reach, 'ALL'>): boolean => reach.domains.length === 0
