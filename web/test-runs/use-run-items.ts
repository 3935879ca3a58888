import { useCallback, useMemo, useState } from 'react'
import { graphql } from '../gql/gql'
import type { RunItemFragment, TestItemState } from '../gql/graphql'
import { useReconnect } from '../lib/live-status'
import { usePagedList } from '../lib/paged-list'
import { newestFirst } from './result-order'

const RunItemsDocument = graphql(`
  query RunItems($id: ID!, $state: TestItemState, $first: Int, $after: String) {
    testRun(id: $id) {
      id
      items(state: $state, first: $first, after: $after) {
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

/** The items of a run in one state (or all), and of one cause: pages from the server and what events told since. */
export function useRunItems(runId: string, state: TestItemState | null, cause: string | null) {
  const list = usePagedList(RunItemsDocument, { id: runId, state, first: 100 }, (data) => data.testRun?.items)
  const [live, setLive] = useState<{ runId: string; items: ReadonlyMap<string, RunItemFragment> }>({
    runId,
    items: new Map(),
  })
  useReconnect(list.refetch)

  const receive = useCallback(
    (items: readonly RunItemFragment[]) => {
      if (items.length === 0) return
      setLive((before) => {
        const next = new Map(before.runId === runId ? before.items : [])
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
    const told = live.runId === runId ? live.items : new Map<string, RunItemFragment>()
    return newestFirst([...told.values()], list.nodes).filter(
      (item) => (!state || item.state === state) && (!cause || item.errorCode === cause),
    )
  }, [list.nodes, live, runId, state, cause])

  return { ...list, items, receive }
}
