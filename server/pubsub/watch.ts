import { type Changed, type Subscriber, sourceOf, type WatchOptions, type WatchSource } from './watch-source'

/**
 * The one way a GraphQL subscription watches something: first the current state, then what changed, at most ten times a second.
 * Listening begins before the first load, so nothing between subscribing and the first event is lost. A burst is told at once
 * and then once more at its end. A slow consumer is never sent a backlog: the state is loaded when it asks for it, with the
 * ids of all that changed meanwhile. return() lets go of the listener at once, even in the middle of a load.
 */
export function watch<T>(options: WatchOptions<T>): AsyncIterableIterator<T, undefined> {
  return new WatchIterator(options)
}

interface Waiter<T> {
  resolve(result: IteratorResult<T, undefined>): void
  reject(error: unknown): void
}

class WatchIterator<T> implements AsyncIterableIterator<T, undefined>, Subscriber<T> {
  private source?: WatchSource<T>
  private hasEnded = false
  private isLoading = false
  /** Calls of next() that are not answered yet, oldest first. */
  private waiters: Waiter<T>[] = []

  constructor(private readonly options: WatchOptions<T>) {}

  [Symbol.asyncIterator](): this {
    return this
  }

  next(): Promise<IteratorResult<T, undefined>> {
    if (this.hasEnded) return Promise.resolve({ done: true, value: undefined })
    return new Promise((resolve, reject) => {
      this.waiters.push({ resolve, reject })
      if (this.source) this.source.poll()
      else this.begin()
    })
  }

  async return(): Promise<IteratorResult<T, undefined>> {
    this.end()
    return { done: true, value: undefined }
  }

  async throw(error?: unknown): Promise<IteratorResult<T, undefined>> {
    this.end()
    throw error
  }

  get isReady(): boolean {
    return this.waiters.length > 0 && !this.isLoading
  }

  load(changed: Changed): Promise<T | undefined> {
    return this.options.load(changed)
  }

  /** Hands the outcome of a load, which may be another subscriber's, to the consumer that waits for it. */
  async take(loaded: Promise<T | undefined>): Promise<void> {
    this.isLoading = true
    try {
      const value = await loaded
      this.isLoading = false
      if (this.hasEnded) return
      if (value !== undefined) {
        this.deliver(value)
        if (this.options.isPartial?.(value)) this.source?.remind(this)
      }
      this.source?.poll()
    } catch (error) {
      this.isLoading = false
      this.fail(error)
    }
  }

  private begin(): void {
    this.source = sourceOf<T>(this.options)
    this.source.join(this)
  }

  private deliver(value: T): void {
    const waiter = this.waiters.shift()
    // isLast may throw: the consumer that waits must be told.
    let isLast: boolean
    try {
      isLast = this.options.isLast?.(value) ?? false
    } catch (error) {
      waiter?.reject(error)
      this.end()
      return
    }
    waiter?.resolve({ done: false, value })
    if (isLast) this.end()
  }

  private fail(error: unknown): void {
    if (this.hasEnded) return
    this.waiters.shift()?.reject(error)
    this.end()
  }

  private end(): void {
    if (this.hasEnded) return
    this.hasEnded = true
    this.source?.leave(this)
    this.source = undefined
    for (const waiter of this.waiters.splice(0)) waiter.resolve({ done: true, value: undefined })
  }
}
