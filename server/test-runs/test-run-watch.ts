import { permit, reachOf, type Viewer } from '../auth/auth.service'
import { OperationError } from '../errors'
import type { PubSub } from '../pubsub/signals'
import { watch } from '../pubsub/watch'
import type { TestRunProgress } from './test-run.inputs'
import type { ItemCursor, TestRunService } from './test-run.service'

/** The items of one event; more follow in the next. */
const MOST_ITEMS = 500

/** The live side of test runs. */
export class TestRunWatch {
  constructor(
    private readonly runs: TestRunService,
    private readonly pubsub: PubSub,
  ) {}

  /**
   * A run until it has ended. Each event tells the items that changed since the one before it, by the run's own change
   * numbers, so that none is lost between two events, whatever happened to the signals in between. Who sees a part of the run
   * is told when that part has changed, and that the run has ended.
   */
  async progress(viewer: Viewer | undefined, id: string): Promise<AsyncIterable<TestRunProgress>> {
    permit(viewer, 'mailboxes.read')
    if (!(await this.runs.get(viewer, id))) throw new OperationError('NOT_FOUND', 'There is no such test run', ['id'])
    let told: ItemCursor = { changeNumber: -1, id: '' }
    let isBehind = false
    const isPart = reachOf(viewer, 'mailboxes.read') !== 'ALL'
    return watch<TestRunProgress>({
      pubsub: this.pubsub,
      topics: ['test-runs'],
      matches: (_topic, changed) => changed.includes(id),
      // no key: each subscriber has been told its own items so far
      load: async (changed) => {
        const run = await this.runs.get(viewer, id)
        if (!run) return undefined
        const items = await this.runs.changedItems(viewer, id, told, MOST_ITEMS)
        told = items.at(-1) ?? told
        isBehind = items.length === MOST_ITEMS
        if (isPart && changed && items.length === 0 && !run.finishedAt) return undefined
        return { run, items }
      },
      isPartial: () => isBehind,
      isLast: ({ run }) => run.finishedAt !== null && !isBehind,
    })
  }
}
