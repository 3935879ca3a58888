import DataLoader from 'dataloader'

/** What a resolver is given: who asks, and loaders that live as long as the operation. */
export interface RequestContext<Viewer> {
  viewer: Viewer | undefined
  requestId: string
  /** The client's address, for rate limits. */
  ip: string
  /** Sets or clears the session cookie; does nothing on a websocket, whose headers are long gone. */
  setSessionCookie(secret: string | null): void
  loaders: Loaders
  /** The one instance of a resolver class: type-graphql hands a subscription's `subscribe` no `this`. */
  resolver<T>(resolverClass: abstract new (...args: never[]) => T): T
}

/**
 * DataLoaders by name, made on first use: children of a list cost one query, not one a row. They batch and do not remember:
 * a subscription is one operation that lives for hours, and must read again for each event.
 */
export class Loaders {
  private readonly known = new Map<string, DataLoader<string, unknown>>()

  /** `batch` answers the rows it found, in any order; `keyOf` tells whose each is. */
  one<T>(name: string, batch: (keys: readonly string[]) => Promise<T[]>, keyOf: (row: T) => string) {
    return this.get(name, async (keys) => {
      const found = new Map((await batch([...new Set(keys)])).map((row) => [keyOf(row), row]))
      return keys.map((key) => found.get(key) ?? null)
    })
  }

  private get<T>(
    name: string,
    batch: (keys: readonly string[]) => Promise<(T | null)[]>,
  ): DataLoader<string, T | null> {
    const known = this.known.get(name) ?? new DataLoader<string, unknown>(batch, { maxBatchSize: 500, cache: false })
    this.known.set(name, known)
    return known as DataLoader<string, T | null>
  }
}
