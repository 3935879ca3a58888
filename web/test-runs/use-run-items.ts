import { useCallback, useEffect, useMemo, useRef, useState } from 'react'
import { graphql } from '../gql/gql'
import type { RunItemFragment, RunStateFragment, TestItemState } from '../gql/graphql'
import { useReconnect } from '../lib/live-status'
import { usePagedList } from '../lib/paged-list'
import { newestFirst } from './result-order'
import { isOver } from './test-run-fragments'

const RunItemsDocument = graphql(`
  query RunItems($id: ID!, $state: TestItemState, $errorCode: String, $first: Int, $after: String) {
    testRun(id: $id) {
      id
      items(state: $state, errorCode: $errorCode, first: $first, after: $after) {
        nodes {
          ...RunItem
        }
        pageInfo {
          hasNextPage
          endCursor
        }
        totalCount
      }
    }
  }
`)

/** Items told by events beyond this many are left to the pages, so that a day-long run doesn't fill the browser. */
const MOST_LIVE = 1_000

interface Live {
  runId: string
  items: ReadonlyMap<string, RunItemFragment>
}

const NONE: Live['items'] = new Map()
const told = (live: Live, runId: string) => (live.runId === runId ? live.items : NONE)

/** How long the pages of a filter may be behind while events tell more than is kept. */
const PAGES_AGE_MS = 5_000

/**
 * A filtered list read while a run goes on grows only by what events tell; where those are too many to keep, and once the run
 * has ended, it is read again, so that nothing is missing from it.
 */
function usePagesOfNow(refetch: () => void, isEnded: boolean, isOverflowing: boolean) {
  const wasEnded = useRef(isEnded)
  const latest = useRef(refetch)
  latest.current = refetch
  useEffect(() => {
    if (isEnded && !wasEnded.current) latest.current()
    wasEnded.current = isEnded
    if (isEnded || !isOverflowing) return
    const timer = setInterval(() => latest.current(), PAGES_AGE_MS)
    return () => clearInterval(timer)
  }, [isEnded, isOverflowing])
}

/** The items of a run in one state (or all), and of one cause: pages from the server and what events told since. */
export function useRunItems(
  { id: runId, state: runState }: Pick<RunStateFragment, 'id' | 'state'>,
  state: TestItemState | null,
  cause: string | null,
) {
  const list = usePagedList(
    RunItemsDocument,
    { id: runId, state, errorCode: cause, first: 100 },
    (data) => data.testRun?.items,
  )
  const [live, setLive] = useState<Live>({ runId, items: NONE })
  useReconnect(list.refetch)
  usePagesOfNow(list.refetch, isOver(runState), told(live, runId).size === MOST_LIVE)

  const receive = useCallback(
    (items: readonly RunItemFragment[]) => {
      if (items.length === 0) return
      setLive((before) => {
        const next = new Map(told(before, runId))
        for (const item of items) {
          next.delete(item.id)
          next.set(item.id, item)
        }
        for (const id of next.keys()) {
          if (next.size <= MOST_LIVE) break
          next.delete(id)
        }
        return { runId, items: next }
      })
    },
    [runId],
  )

  const items = useMemo(() => {
    return newestFirst([...told(live, runId).values()], list.nodes).filter(
      (item) => (!state || item.state === state) && (!cause || item.errorCode === cause),
    )
  }, [list.nodes, live, runId, state, cause])

  return { ...list, items, receive }
}
