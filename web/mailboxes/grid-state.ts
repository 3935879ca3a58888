import type { MailboxFilter, MailboxSort, MailboxView } from '../gql/graphql'
import { DEFAULT_VIEW, parseView } from './views'

/** What of the address decides which rows the grid shows, and in which order. */
export interface GridState {
  view: MailboxView
  text: string
  profileId: string | null
  errorCode: string | null
  sort: MailboxSort
}

const DEFAULT_SORT = 'name'

export function readGridState(params: URLSearchParams): GridState {
  const sort = params.get('sort') ?? DEFAULT_SORT
  const isDescending = sort.startsWith('-')
  return {
    view: parseView(params.get('view')),
    text: params.get('q') ?? '',
    profileId: params.get('profile'),
    errorCode: params.get('cause'),
    sort: { field: isDescending ? sort.slice(1) : sort, direction: isDescending ? 'DESC' : 'ASC' },
  }
}

/** Null when nothing is filtered, as the API wants it. */
export function filterOf({ text, profileId, errorCode }: GridState): MailboxFilter | null {
  const filter: MailboxFilter = {}
  if (text) filter.text = text
  if (profileId) filter.profileId = profileId
  if (errorCode) filter.errorCode = errorCode
  return Object.keys(filter).length ? filter : null
}

export const viewParam = (view: MailboxView) => (view === DEFAULT_VIEW ? null : view.toLowerCase())

/** The parameter for a click on a column: ascending first, then the other way. */
export function nextSort(current: MailboxSort, field: string): string | null {
  const turned = current.field === field && current.direction === 'ASC' ? `-${field}` : field
  return turned === DEFAULT_SORT ? null : turned
}
