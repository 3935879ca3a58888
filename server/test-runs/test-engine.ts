import { setMaxListeners } from 'node:events'
import type { MailboxTestService, ProbeTargets } from '../mailboxes/mailbox-test.service'
import type { ClaimedItem, FinishedItem, ProgressedItem, TestItems } from './test-items'
import { type TestMeans, type TestOrder, testMailbox, unexpected } from './test-mailbox'
import { TestProgress } from './test-progress'

export interface EngineLog {
  error(fields: object, message: string): void
}

export interface EngineOptions {
  /** Mailboxes under test at one time in this process. */
  concurrency: number
  leaseMs: number
  means: TestMeans
  log: EngineLog
}

/** Results wait so long for company before they are stored together. */
const BATCH_MS = 25
/** The profiles with waiting items are looked up anew so often while there is work. */
const REFRESH_MS = 1_000
/** How often the steps of longer tests are looked at. */
const PROGRESS_MS = 250
/** Turns that may fail in a row before their results are looked at one by one. */
const PATIENCE = 3

const GONE = { code: 'MAILBOX_GONE', message: 'The mailbox was deleted while the run waited.' }

/**
 * Tests mailboxes in this process: takes items, runs up to `concurrency` of them at a time, and stores what comes out in
 * batches. Everything it must remember is in the items' rows; a process that dies loses nothing but the time of its tests.
 */
export class TestEngine {
  private readonly underWay = new Map<string, { item: ClaimedItem; progress: TestProgress }>()
  private readonly stopping = new AbortController()
  private finished: FinishedItem[] = []
  /** Tests that a stop ended before they could say anything. */
  private readonly abandoned: ClaimedItem[] = []
  private failures = 0
  private limits = new Map<string, number>()
  private refreshedAt = 0
  private loop?: Promise<void>
  private isNudged = false
  private isStopping = false
  private wake: () => void = () => undefined

  constructor(
    private readonly items: TestItems,
    private readonly tests: MailboxTestService,
    private readonly options: EngineOptions,
  ) {
    // every test under way listens for the stop
    setMaxListeners(0, this.stopping.signal)
  }

  /** Works until no waiting item is left for this process to take; joined by whoever calls meanwhile. */
  work(): Promise<void> {
    this.isNudged = true
    this.wake()
    this.loop ??= this.run()
    return this.loop
  }

  get isWorking(): boolean {
    return this.loop !== undefined
  }

  /** Takes nothing new; tests still under way after graceMs are ended and their items put back for others. */
  async stop(graceMs: number): Promise<void> {
    const grace = setTimeout(() => this.stopping.abort(), graceMs)
    this.isStopping = true
    this.wake()
    await this.loop?.catch(() => undefined)
    clearTimeout(grace)
    this.stopping.abort()
    await this.items.putBack([...this.inHand(), ...this.abandoned])
  }

  private async run(): Promise<void> {
    const renewal = setInterval(() => {
      this.items
        .renew(this.inHand())
        .catch((error) => this.options.log.error({ err: error }, 'Leases could not be renewed'))
    }, this.options.leaseMs / 3)
    try {
      do {
        while (await this.turn()) await this.pause()
      } while (this.isNudged && !this.isStopping)
    } finally {
      clearInterval(renewal)
      // at once, not in a later microtask: a nudge that came in between would join a loop that has ended
      this.loop = undefined
    }
  }

  /** One turn: store and take. Answers false when there is nothing left to wait for. */
  private async turn(): Promise<boolean> {
    const finished = this.finished
    this.finished = []
    const room = this.isStopping ? 0 : this.options.concurrency - this.underWay.size
    try {
      if (room > 0) await this.refresh()
      const progressed = this.progressed()
      if (finished.length + progressed.length > 0 || (room > 0 && this.limits.size > 0)) {
        const underWay = new Set(this.underWay.keys())
        const claimed = await this.items.turn({ finished, progressed }, { room, limits: this.limits, underWay })
        if (claimed.length === 0 && room > 0) this.refreshedAt = Math.min(this.refreshedAt, Date.now() - REFRESH_MS / 2)
        if (claimed.length > 0) await this.begin(claimed)
      }
    } catch (error) {
      this.options.log.error({ err: error }, 'Test results could not be stored, or items not taken')
      this.failures += 1
      // a database that is away for a moment loses nothing: the results are kept and stored at the next turn
      this.finished = [...(await this.unstorable(finished)), ...this.finished]
      await new Promise((resolve) => setTimeout(resolve, 500))
      return !this.isStopping
    }
    this.failures = 0
    if (this.isStopping) return this.underWay.size > 0 || this.finished.length > 0
    return this.underWay.size > 0 || this.finished.length > 0 || this.isNudged || this.limits.size > 0
  }

  /** After some failures in a row each result is stored by itself, so that one which cannot be stored holds up no other. */
  private async unstorable(finished: readonly FinishedItem[]): Promise<FinishedItem[]> {
    if (this.failures <= PATIENCE) return [...finished]
    const left: FinishedItem[] = []
    for (const one of finished) {
      const alone = { finished: [one], progressed: [] }
      await this.items.turn(alone, { room: 0, limits: this.limits, underWay: new Set() }).catch(() => left.push(one))
    }
    // all of them: the database is away. Some: these are at fault, and their leases will run out
    return left.length === finished.length ? left : []
  }

  private async refresh(): Promise<void> {
    if (!this.isNudged && Date.now() - this.refreshedAt < REFRESH_MS) return
    this.isNudged = false
    this.limits = await this.items.waitingProfiles()
    this.refreshedAt = Date.now()
  }

  /** Until something finished, somebody nudged, or waiting items may have become free elsewhere. */
  private async pause(): Promise<void> {
    if (this.isNudged || this.isStopping || this.finished.length > 0) return this.batch()
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, this.underWay.size > 0 ? PROGRESS_MS : REFRESH_MS)
      this.wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
    await this.batch()
  }

  private progressed(): ProgressedItem[] {
    return [...this.underWay.values()].flatMap(({ item, progress }) => {
      const results = progress.news()
      return results ? [{ item, results }] : []
    })
  }

  /** What this process has claimed and not yet stored. */
  private inHand(): ClaimedItem[] {
    return [...[...this.underWay.values()], ...this.finished].map(({ item }) => item)
  }

  private batch(): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, BATCH_MS))
  }

  private async begin(claimed: readonly ClaimedItem[]): Promise<void> {
    const targets = await this.targetsOf(claimed)
    for (const item of claimed) {
      const target = targets.get(item.mailboxId)
      const skip = target ? target.blocker : GONE
      if (target && !skip) void this.test({ ...item, profileId: target.basis.profileId }, target)
      else if (skip) this.finished.push({ item, outcome: { skip }, finishedAt: new Date() })
    }
  }

  private async targetsOf(claimed: readonly ClaimedItem[]): Promise<Map<string, ProbeTargets>> {
    try {
      const targets = await this.tests.targets(claimed.map((item) => item.mailboxId))
      return new Map(targets.map((target) => [target.mailboxId, target]))
    } catch (error) {
      await this.items.putBack(claimed)
      throw error
    }
  }

  private async test(item: ClaimedItem, target: ProbeTargets): Promise<void> {
    const { directions, roundTrip } = item.run
    const progress = new TestProgress()
    this.underWay.set(item.id, { item, progress })
    try {
      const onStep: TestOrder['onStep'] = (direction, step) => progress.note(direction, step)
      const order = { itemId: item.id, directions, roundTrip, signal: this.stopping.signal, onStep }
      const outcome = await testMailbox(target, order, this.options.means).catch((error) => {
        this.options.log.error({ err: error, itemId: item.id }, 'A test failed unexpectedly')
        return unexpected(target.basis, directions)
      })
      // a test that was ended by the stop says nothing about the mailbox
      if (this.stopping.signal.aborted) this.abandoned.push(item)
      else this.finished.push({ item, outcome, finishedAt: new Date() })
    } finally {
      this.underWay.delete(item.id)
      this.wake()
    }
  }
}
