import { useEffect, useMemo, useRef, useState, useSyncExternalStore } from 'react'
import { type AnyVariables, type Client, type CombinedError, type TypedDocumentNode, useClient } from 'urql'

export interface Connection<N> {
  nodes: N[]
  pageInfo: { hasNextPage: boolean; endCursor?: string | null }
  totalCount: number
}

export interface ListState<N> {
  nodes: N[]
  /** Null until the first answer. */
  totalCount: number | null
  hasMore: boolean
  isLoading: boolean
  error: CombinedError | null
}

interface Page<N> {
  after: string | null
  connection: Connection<N> | null
  isLoading: boolean
  stop: () => void
}

/** A page whose end is its own beginning leads nowhere: asked again and again it would never end. */
const goesOn = (page: Page<unknown> | undefined) => {
  const info = page?.connection?.pageInfo
  return Boolean(info?.hasNextPage && info.endCursor && info.endCursor !== page?.after)
}

interface Answer<N> {
  connection: Connection<N> | null
  error: CombinedError | null
  /** A newer answer is on its way. */
  isStale: boolean
}

type Policy = 'cache-and-network' | 'network-only'
/** Asks for the page after a cursor, then tells each change of it until stopped. */
export type AskPage<N> = (after: string | null, policy: Policy, onAnswer: (answer: Answer<N>) => void) => () => void

/**
 * A keyset list read page by page, each page staying subscribed to the cache: a row that changes anywhere repaints here.
 * `refetch` walks the pages again from the first, following the new cursors, so that a row that was inserted or removed
 * meanwhile is neither doubled nor lost; what was shown stays until its successor is there.
 */
export class PagedList<N extends { id: string }> {
  #pages: Page<N>[] = []
  #error: CombinedError | null = null
  #state: ListState<N> = { nodes: [], totalCount: null, hasMore: false, isLoading: true, error: null }
  #listeners = new Set<() => void>()
  #isRefetching = false

  constructor(private readonly ask: AskPage<N>) {}

  readonly get = () => this.#state
  readonly subscribe = (listener: () => void) => {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  start() {
    if (this.#pages.length === 0) this.#open(0, null, 'cache-and-network')
  }

  stop() {
    for (const page of this.#pages) page.stop()
    this.#pages = []
  }

  loadMore = () => {
    const last = this.#pages.at(-1)
    if (!last || last.isLoading || this.#isRefetching || !goesOn(last)) return
    this.#open(this.#pages.length, last.connection?.pageInfo.endCursor ?? null, 'cache-and-network')
    this.#publish()
  }

  refetch = () => {
    if (this.#pages.length === 0) return
    this.#isRefetching = true
    this.#error = null
    this.#open(0, null, 'network-only')
    this.#publish()
  }

  #open(index: number, after: string | null, policy: Policy) {
    const old = this.#pages[index]
    const page: Page<N> = { after, connection: old?.connection ?? null, isLoading: true, stop: () => {} }
    this.#pages[index] = page
    page.stop = this.ask(after, policy, (answer) => {
      if (this.#pages[index] !== page) return
      this.#receive(index, page, answer)
    })
    old?.stop()
  }

  #receive(index: number, page: Page<N>, answer: Answer<N>) {
    const wasLoading = page.isLoading
    if (answer.connection) page.connection = answer.connection
    page.isLoading = answer.isStale
    if (answer.error) {
      this.#error = answer.error
      this.#isRefetching = false
    } else if (!answer.isStale) {
      if (index === 0) this.#error = null
      this.#follow(index, page, wasLoading)
    }
    this.#publish()
  }

  /** After a page has its answer: the next one goes on from its end, or there is none any more. */
  #follow(index: number, page: Page<N>, wasLoading: boolean) {
    const next = this.#pages[index + 1]
    const end = page.connection?.pageInfo.endCursor ?? null
    if (!next) this.#isRefetching = false
    else if (!page.connection?.pageInfo.hasNextPage) {
      for (const gone of this.#pages.splice(index + 1)) gone.stop()
      this.#isRefetching = false
    } else if (next.after !== end || (this.#isRefetching && wasLoading)) this.#open(index + 1, end, 'network-only')
  }

  #publish() {
    const seen = new Set<string>()
    const nodes: N[] = []
    for (const page of this.#pages) {
      for (const node of page.connection?.nodes ?? []) {
        if (!seen.has(node.id)) nodes.push(node)
        seen.add(node.id)
      }
    }
    this.#state = {
      nodes,
      totalCount: this.#pages[0]?.connection?.totalCount ?? null,
      hasMore: goesOn(this.#pages.at(-1)),
      isLoading: this.#pages.some((page) => page.isLoading),
      error: this.#error,
    }
    for (const listener of this.#listeners) listener()
  }
}

function askWith<D, V extends AnyVariables, N>(
  client: Client,
  document: TypedDocumentNode<D, V>,
  variables: V,
  pick: (data: D) => Connection<N> | null | undefined,
): AskPage<N> {
  return (after, requestPolicy, onAnswer) => {
    const source = client.query<D, V>(document, { ...variables, after } as V, { requestPolicy })
    const { unsubscribe } = source.subscribe((result) =>
      onAnswer({
        connection: (result.data && pick(result.data)) ?? null,
        error: result.error ?? null,
        isStale: result.stale,
      }),
    )
    return unsubscribe
  }
}

/** How long the rows of before may stand in for those that are being fetched: shorter than anybody reads them as the answer. */
const STAND_IN_MS = 300

/** What was shown before, while the next list has nothing yet: a changed order or filter doesn't flash through an empty page. */
function useStandIn<N>(state: ListState<N>, key: string): ListState<N> {
  const last = useRef<ListState<N> | null>(null)
  const [expiredKey, setExpiredKey] = useState<string | null>(null)
  const isMissing = state.totalCount === null && !state.error
  useEffect(() => {
    if (!isMissing) {
      last.current = state
      return
    }
    const timer = setTimeout(() => {
      last.current = null
      setExpiredKey(key)
    }, STAND_IN_MS)
    return () => clearTimeout(timer)
  }, [isMissing, state, key])
  if (!isMissing || !last.current || expiredKey === key) return state
  return { ...last.current, isLoading: true, hasMore: false }
}

export interface PagedListResult<N> extends ListState<N> {
  loadMore: () => void
  refetch: () => void
}

/** The pages of a connection; `variables` without `after`. A change of the variables starts again. */
export function usePagedList<D, V extends AnyVariables, N extends { id: string }>(
  document: TypedDocumentNode<D, V>,
  variables: V,
  pick: (data: D) => Connection<N> | null | undefined,
): PagedListResult<N> {
  const client = useClient()
  const key = JSON.stringify(variables)
  const latestPick = useRef(pick)
  latestPick.current = pick
  const list = useMemo(
    () => new PagedList<N>(askWith(client, document, JSON.parse(key) as V, (data: D) => latestPick.current(data))),
    [client, document, key],
  )
  useEffect(() => {
    list.start()
    return () => list.stop()
  }, [list])
  const state = useStandIn(useSyncExternalStore(list.subscribe, list.get), key)
  return useMemo(() => ({ ...state, loadMore: list.loadMore, refetch: list.refetch }), [state, list])
}
