import { permit, reachOf, type Viewer } from '../auth/auth.service'
import { OperationError } from '../errors'
import type { PubSub } from '../pubsub/signals'
import { watch } from '../pubsub/watch'
import type { TestRunProgress } from './test-run.inputs'
import type { ItemCursor, TestRunService } from './test-run.service'

/** The items of one event; more follow in the next. */
const MOST_ITEMS = 500

/** Who sees a part of a run is told at most so often. */
const PART_EVERY_MS = 1_000

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
    // the items of a part are counted one by one, and most signals are of others' items
    const isQuiet = async () => {
      const standing = await this.runs.standing(viewer, id)
      if (!standing || standing.finishedAt) return false
      if ((await this.runs.changedItems(viewer, id, told, 1)).length > 0) return false
      told = { changeNumber: standing.changeNumber + 1, id: '' }
      return true
    }
    return watch<TestRunProgress>({
      pubsub: this.pubsub,
      topics: ['test-runs'],
      matches: (_topic, changed) => changed.includes(id),
      // no key: each subscriber has been told its own items so far
      load: async (changed) => {
        if (isPart && changed && (await isQuiet())) return undefined
        const run = await this.runs.get(viewer, id)
        if (!run) return undefined
        const items = await this.runs.changedItems(viewer, id, told, MOST_ITEMS)
        told = items.at(-1) ?? told
        isBehind = items.length === MOST_ITEMS
        return { run, items }
      },
      isPartial: () => isBehind,
      ...(isPart && { intervalMs: PART_EVERY_MS }),
      isLast: ({ run }) => run.finishedAt !== null && !isBehind,
    })
  }
}
