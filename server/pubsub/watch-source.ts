import { MAX_SIGNAL_IDS, type PubSub, type Topic } from './signals'

/** What changed since a subscriber's last load: undefined before the first one. */
export type Changed = readonly string[] | 'all' | undefined

export interface WatchOptions<T> {
  pubsub: PubSub
  topics: readonly Topic[]
  /** Whether a signal concerns the thing watched; without it, every one does. Not asked for "too many to name". */
  matches?(topic: Topic, ids: readonly string[]): boolean
  /**
   * Subscribers of this process with the same key share listener and loads, and each gets what the load of any of them
   * returned: so the key must name all that a load depends on, and that includes the viewer and the rights. Without a key
   * nothing is shared.
   */
  key?: string
  /**
   * Reads the state to send, through the service, which checks the rights. `undefined` as argument asks for the current state
   * (the first event); then come the ids that changed since, or 'all' when there are too many to name. Answers undefined when
   * there is nothing to send. A throw ends the subscription with that error.
   */
  load(changed: Changed): Promise<T | undefined>
  /** True for a value that is not all there is to tell: load is asked again without waiting for a signal. */
  isPartial?(value: T): boolean
  /** True for the value after which nothing more can come: the subscription ends behind it. */
  isLast?(value: T): boolean
  /** At most one event per so many milliseconds and subscriber. */
  intervalMs?: number
}

export interface Subscriber<T> {
  /** A consumer waits and no load is on its way to it. */
  readonly isReady: boolean
  load(changed: Changed): Promise<T | undefined>
  take(loaded: Promise<T | undefined>): Promise<void>
}

/** Where one subscriber stands. */
interface Cursor {
  pending: Set<string> | 'all' | undefined
  /** When its last load began, in performance.now() milliseconds. */
  loadedAt: number
}

const DEFAULT_INTERVAL_MS = 100
/** Timers may fire that much early. */
const TIMER_SLACK_MS = 1

const sources = new WeakMap<PubSub, Map<string, WatchSource<never>>>()

/** The source of the subscribers with this key; a new one for the first of them, or where there is no key. */
export function sourceOf<T>(options: WatchOptions<T>): WatchSource<T> {
  const { pubsub, key } = options
  if (key === undefined) return new WatchSource(options, () => {})
  const ofPubSub = sources.get(pubsub) ?? new Map<string, WatchSource<never>>()
  sources.set(pubsub, ofPubSub)
  const known = ofPubSub.get(key)
  if (known) return known as unknown as WatchSource<T>
  const source = new WatchSource(options, () => ofPubSub.delete(key))
  ofPubSub.set(key, source as unknown as WatchSource<never>)
  return source
}

/**
 * What subscribers to one thing share: the listener, the clock and the loads. Each subscriber keeps its own cursor. On a tick
 * those that are ready load together; those with the same changes share one load.
 */
export class WatchSource<T> {
  private readonly cursors = new Map<Subscriber<T>, Cursor>()
  private readonly intervalMs: number
  private detachers: (() => void)[] = []
  /** The current state as it is being read right now, until a signal makes it old. */
  private current?: Promise<T | undefined>
  private tickedAt = Number.NEGATIVE_INFINITY
  private timer?: NodeJS.Timeout
  private timerAt = Number.POSITIVE_INFINITY
  private isTickQueued = false

  constructor(
    private readonly options: WatchOptions<T>,
    private readonly onUnused: () => void,
  ) {
    this.intervalMs = options.intervalMs ?? DEFAULT_INTERVAL_MS
  }

  /** Adds a subscriber and begins its first load. The listener is attached before. */
  join(subscriber: Subscriber<T>): void {
    if (this.cursors.size === 0) this.attach()
    this.cursors.set(subscriber, { pending: undefined, loadedAt: performance.now() })
    // Those who come while the state is being read may share it: nothing has changed since the reading began.
    void subscriber.take(this.current ?? this.loadCurrent(subscriber))
  }

  leave(subscriber: Subscriber<T>): void {
    if (!this.cursors.delete(subscriber) || this.cursors.size > 0) return
    for (const detach of this.detachers.splice(0)) detach()
    this.clearTimer()
    this.onUnused()
  }

  /** There is more to load for a subscriber than its last load told. */
  remind(subscriber: Subscriber<T>): void {
    const cursor = this.cursors.get(subscriber)
    if (cursor) cursor.pending = 'all'
  }

  /** Something may be due: a signal came, a consumer asks again, or a load has ended. */
  poll(): void {
    if (this.isTickQueued) return
    let dueAt = Number.POSITIVE_INFINITY
    for (const [, cursor] of this.waiting()) dueAt = Math.min(dueAt, this.dueAt(cursor))
    if (dueAt >= this.timerAt) return
    const delayMs = dueAt - performance.now()
    if (delayMs < TIMER_SLACK_MS) this.queueTick()
    else this.setTimer(dueAt, delayMs)
  }

  private attach(): void {
    const { pubsub, topics, matches } = this.options
    this.detachers = topics.map((topic) =>
      pubsub.subscribe(topic, (ids) => {
        if (ids.length === 0 || !matches || matches(topic, ids)) this.note(ids)
      }),
    )
  }

  private note(ids: readonly string[]): void {
    this.current = undefined
    for (const cursor of this.cursors.values()) cursor.pending = merged(cursor.pending, ids)
    this.poll()
  }

  private loadCurrent(subscriber: Subscriber<T>): Promise<T | undefined> {
    const reading = loadOf(subscriber, undefined)
    this.current = reading
    const forget = () => {
      if (this.current === reading) this.current = undefined
    }
    reading.then(forget, forget)
    return reading
  }

  private *waiting(): Iterable<[Subscriber<T>, Cursor]> {
    for (const entry of this.cursors) if (entry[1].pending !== undefined && entry[0].isReady) yield entry
  }

  private dueAt(cursor: Cursor): number {
    return Math.max(this.tickedAt, cursor.loadedAt) + this.intervalMs
  }

  /** In a microtask, so that signals published in one go are one event. */
  private queueTick(): void {
    if (this.isTickQueued) return
    this.isTickQueued = true
    queueMicrotask(() => {
      this.isTickQueued = false
      this.tick()
    })
  }

  private setTimer(dueAt: number, delayMs: number): void {
    this.clearTimer()
    this.timerAt = dueAt
    this.timer = setTimeout(() => this.tick(), delayMs)
  }

  private clearTimer(): void {
    clearTimeout(this.timer)
    this.timerAt = Number.POSITIVE_INFINITY
  }

  private tick(): void {
    this.clearTimer()
    const now = performance.now()
    const due = [...this.waiting()].filter(([, cursor]) => this.dueAt(cursor) - now < TIMER_SLACK_MS)
    if (due.length > 0) this.tickedAt = now
    const loads = new Map<string, Promise<T | undefined>>()
    for (const [subscriber, cursor] of due) {
      const changed: Changed = cursor.pending === 'all' ? 'all' : [...(cursor.pending ?? [])]
      cursor.pending = undefined
      cursor.loadedAt = now
      const group = changed === 'all' ? 'all' : JSON.stringify([...changed].sort())
      const loaded = loads.get(group) ?? loadOf(subscriber, changed)
      loads.set(group, loaded)
      void subscriber.take(loaded)
    }
    this.poll()
  }
}

/** A load that throws before it returns a promise is a load that failed. */
async function loadOf<T>(subscriber: Subscriber<T>, changed: Changed): Promise<T | undefined> {
  return subscriber.load(changed)
}

function merged(pending: Cursor['pending'], ids: readonly string[]): Cursor['pending'] {
  if (pending === 'all' || ids.length === 0) return 'all'
  const both = pending ?? new Set<string>()
  for (const id of ids) both.add(id)
  return both.size > MAX_SIGNAL_IDS ? 'all' : both
}
