import type { MailboxFilter, MailboxSelection, MailboxView } from '../gql/graphql'

/**
 * What is selected in the grid: rows by id, or everything that a view with its filter matches, which may be far more than is
 * loaded. The anchor is the row a range starts from.
 */
export type GridSelection =
  | { kind: 'rows'; ids: ReadonlySet<string>; anchor: string | null }
  | { kind: 'view'; view: MailboxView; filter: MailboxFilter | null }

export const NOTHING: GridSelection = { kind: 'rows', ids: new Set(), anchor: null }

export const isSelected = (selection: GridSelection, id: string) => selection.kind === 'view' || selection.ids.has(id)

export const isEmpty = (selection: GridSelection) => selection.kind === 'rows' && selection.ids.size === 0

/** `matching` is how many the view and filter match in all. */
export const selectedCount = (selection: GridSelection, matching: number) =>
  selection.kind === 'view' ? matching : selection.ids.size

/** Taking a row out of a whole view leaves the other loaded rows: an exception cannot be told to the server. */
export function toggle(selection: GridSelection, id: string, loaded: readonly string[]): GridSelection {
  const ids = new Set(selection.kind === 'view' ? loaded : selection.ids)
  if (!ids.delete(id)) ids.add(id)
  return { kind: 'rows', ids, anchor: id }
}

/** From the anchor to `id`, both included, added to what is selected; without an anchor in sight, `id` alone. */
export function extend(selection: GridSelection, id: string, loaded: readonly string[]): GridSelection {
  if (selection.kind === 'view') return selection
  const from = selection.anchor === null ? -1 : loaded.indexOf(selection.anchor)
  const to = loaded.indexOf(id)
  if (from < 0 || to < 0) return { kind: 'rows', ids: new Set([...selection.ids, id]), anchor: id }
  const range = loaded.slice(Math.min(from, to), Math.max(from, to) + 1)
  return { kind: 'rows', ids: new Set([...selection.ids, ...range]), anchor: selection.anchor }
}

/** The box in the header: all loaded rows, or none when they all are. */
export function toggleLoaded(selection: GridSelection, loaded: readonly string[]): GridSelection {
  return headerState(selection, loaded) === true ? NOTHING : { kind: 'rows', ids: new Set(loaded), anchor: null }
}

export function headerState(selection: GridSelection, loaded: readonly string[]): boolean | 'mixed' {
  if (loaded.length === 0) return false
  if (selection.kind === 'view' || loaded.every((id) => selection.ids.has(id))) return true
  return selection.ids.size > 0 ? 'mixed' : false
}

/** What the API takes: exactly one of ids, or view with filter. */
export function toInput(selection: GridSelection): MailboxSelection {
  if (selection.kind === 'rows') return { ids: [...selection.ids] }
  return selection.filter ? { view: selection.view, filter: selection.filter } : { view: selection.view }
}
