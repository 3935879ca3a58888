import { expect, test } from '@jest/globals'
import { runState } from './run-counts'
import type { TestRun } from './test-run.entity'
import { TestRunState } from './test-run.entity'

const NOW = new Date('2026-02-02T12:00:00Z')
const BEFORE = new Date('2026-02-02T11:00:00Z')
const { QUEUED, RUNNING, COMPLETED, CANCELLED } = TestRunState

type Times = Pick<TestRun, 'startedAt' | 'finishedAt'>
type Counts = Parameters<typeof runState>[1]
const NEW: Times = { startedAt: null, finishedAt: null }
const BEGUN: Times = { startedAt: BEFORE, finishedAt: null }
const ENDED: Times = { startedAt: BEFORE, finishedAt: BEFORE }

test.each<[string, Times, Partial<Counts>, TestRunState, Times]>([
  ['nothing was begun', NEW, { queued: 3 }, QUEUED, NEW],
  ['the first mailbox is tested', NEW, { queued: 2, running: 1 }, RUNNING, { startedAt: NOW, finishedAt: null }],
  ['the first result is in', NEW, { queued: 2, failed: 1 }, RUNNING, { startedAt: NOW, finishedAt: null }],
  ['more results are in', BEGUN, { queued: 1, running: 1, succeeded: 5 }, RUNNING, BEGUN],
  ['put back in the queue after a crash', BEGUN, { queued: 3 }, RUNNING, BEGUN],
  ['the last one is under way', BEGUN, { running: 1, succeeded: 5 }, RUNNING, BEGUN],
  ['all ended', BEGUN, { succeeded: 5, failed: 2 }, COMPLETED, { startedAt: BEFORE, finishedAt: NOW }],
  ['ended in one change', NEW, { succeeded: 1 }, COMPLETED, { startedAt: NOW, finishedAt: NOW }],
  ['all were skipped', NEW, {}, COMPLETED, { startedAt: null, finishedAt: NOW }],
  ['cancelled, what is in flight finishes', BEGUN, { running: 1, cancelled: 4 }, RUNNING, BEGUN],
  [
    'cancelled, and what was in flight has finished',
    BEGUN,
    { succeeded: 1, cancelled: 4 },
    CANCELLED,
    { startedAt: BEFORE, finishedAt: NOW },
  ],
  ['cancelled before it began', NEW, { cancelled: 4 }, CANCELLED, { startedAt: null, finishedAt: NOW }],
  ['counted again after its end', ENDED, { succeeded: 5 }, COMPLETED, ENDED],
])('%s', (_, run, counts, state, times) => {
  const none: Counts = { queued: 0, running: 0, succeeded: 0, failed: 0, cancelled: 0 }
  expect(runState(run, { ...none, ...counts }, NOW)).toEqual({ state, ...times })
})
