import type { PubSub } from '../pubsub/signals'
import type { EngineLog, TestEngine } from './test-engine'
import type { TestItems } from './test-items'

const SWEEP_MS = 5_000
/** Signals of a run come many times a second; an idle worker looks for work at most so often. */
const LOOK_MS = 1_000

/**
 * Sees to it that no run waits for a nudge that was lost: each worker finds by itself, without queue and signals, the items of
 * workers that died and the runs that have not ended.
 */
export class TestSweep {
  private timer?: NodeJS.Timeout
  private detach: () => void = () => undefined
  private lookedAt = 0

  constructor(
    private readonly items: TestItems,
    private readonly engine: TestEngine,
    private readonly pubsub: PubSub,
    private readonly log: EngineLog,
  ) {}

  start(): void {
    this.timer = setInterval(() => {
      this.sweep().catch((error) => this.log.error({ err: error }, 'The sweep of test runs failed'))
    }, SWEEP_MS)
    this.detach = this.pubsub.subscribe('test-runs', () => this.look())
  }

  stop(): void {
    clearInterval(this.timer)
    this.detach()
  }

  async sweep(): Promise<void> {
    await this.items.putBack('expired')
    if ((await this.items.openRuns()).length > 0) void this.engine.work()
  }

  /** A run was started or went on somewhere: there may be items for this worker too. */
  private look(): void {
    if (Date.now() - this.lookedAt < LOOK_MS || this.engine.isWorking) return
    this.lookedAt = Date.now()
    void this.engine.work()
  }
}
