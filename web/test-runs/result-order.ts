import type { RunItemFragment } from '../gql/graphql'

type Sorted = Pick<RunItemFragment, 'id' | 'state' | 'startedAt' | 'finishedAt'>

const rank = ({ state }: Sorted) => (state === 'RUNNING' ? 0 : state === 'QUEUED' ? 2 : 1)

/** What is under way first, then what ended, newest first, then what waits. */
function byNewest(a: Sorted, b: Sorted): number {
  const byRank = rank(a) - rank(b)
  if (byRank) return byRank
  const at = (item: Sorted) => item.finishedAt ?? item.startedAt ?? ''
  return at(b).localeCompare(at(a)) || a.id.localeCompare(b.id)
}

/**
 * What events told, newest first, then the rest of the pages in the order of the server: a page that is loaded while somebody
 * reads goes to the end, and moves nothing.
 */
export function newestFirst<T extends Sorted>(told: readonly T[], paged: readonly T[]): T[] {
  const live = told.filter((item) => item.state !== 'QUEUED').sort(byNewest)
  const ids = new Set(live.map((item) => item.id))
  return [...live, ...paged.filter((item) => !ids.has(item.id))]
}

/**
 * The list while somebody points at it: the rows keep their places (what they say may change), and what came since waits.
 * `held` is the order that was shown when the pointer came.
 */
export function holdStill<T extends { id: string }>(
  held: readonly string[],
  items: readonly T[],
): { shown: T[]; waiting: number } {
  const byId = new Map(items.map((item) => [item.id, item]))
  const shown = held.flatMap((id) => byId.get(id) ?? [])
  return { shown, waiting: items.length - shown.length }
}
