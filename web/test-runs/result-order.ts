import type { RunItemFragment } from '../gql/graphql'

type Sorted = Pick<RunItemFragment, 'id' | 'state' | 'startedAt' | 'finishedAt'>

/** So many tests under way stand above the results; with all of them there, no result would be in sight. */
const MOST_ON_TOP = 4

const hasEnded = ({ state }: Pick<Sorted, 'state'>) => state !== 'RUNNING' && state !== 'QUEUED'
const startOf = (item: Sorted) => item.startedAt ?? ''
const endOf = (item: Sorted) => item.finishedAt ?? startOf(item)
const byStart = (a: Sorted, b: Sorted) => startOf(a).localeCompare(startOf(b)) || a.id.localeCompare(b.id)
const byNewestEnd = (a: Sorted, b: Sorted) => endOf(b).localeCompare(endOf(a)) || a.id.localeCompare(b.id)

/** The tests that take longest, then what ended, newest first, then what else is under way. */
function inOrder<T extends Sorted>(told: readonly T[]): T[] {
  const running = told.filter(({ state }) => state === 'RUNNING').sort(byStart)
  const ended = told.filter(hasEnded).sort(byNewestEnd)
  return [...running.slice(0, MOST_ON_TOP), ...ended, ...running.slice(MOST_ON_TOP)]
}

/**
 * What events told, newest first, then the rest of the pages in the order of the server: a page that is loaded while somebody
 * reads goes to the end, and moves nothing.
 */
export function newestFirst<T extends Sorted>(told: readonly T[], paged: readonly T[]): T[] {
  const live = inOrder(told)
  const ids = new Set(live.map((item) => item.id))
  return [...live, ...paged.filter((item) => !ids.has(item.id))]
}

/** The order that was shown when the pointer came, and which of them had ended by then. */
export type Held = ReadonlyMap<string, boolean>

export const hold = (items: readonly Pick<Sorted, 'id' | 'state'>[]): Held =>
  new Map(items.map((item) => [item.id, hasEnded(item)]))

/** The list while somebody points at it: the rows keep their places (what they say may change), and what ended since waits. */
export function holdStill<T extends Pick<Sorted, 'id' | 'state'>>(
  held: Held,
  items: readonly T[],
): { shown: T[]; waiting: number } {
  const byId = new Map(items.map((item) => [item.id, item]))
  const shown = [...held.keys()].flatMap((id) => byId.get(id) ?? [])
  return { shown, waiting: items.filter((item) => hasEnded(item) && held.get(item.id) !== true).length }
}
