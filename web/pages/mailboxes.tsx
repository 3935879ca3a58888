import { Button } from '@fluentui/react-components'
import { DismissRegular } from '@fluentui/react-icons/svg/dismiss'
import { useCallback, useEffect, useMemo, useRef, useState } from 'react'
import { useQuery } from 'urql'
import { graphql } from '../gql/gql'
import type { MailboxView } from '../gql/graphql'
import { announcer } from '../lib/announce'
import { errorWords } from '../lib/error-words'
import { count } from '../lib/format'
import { useHotkeys } from '../lib/hotkeys'
import { useLive } from '../lib/live'
import { useIsNarrow } from '../lib/media'
import { usePagedList } from '../lib/paged-list'
import { changeParams, navigate, usePlace } from '../lib/router'
import { useMissingRight } from '../lib/viewer'
import { CommandBar } from '../mailboxes/command-bar'
import { CommandPreview, RefusalsPanel } from '../mailboxes/command-preview'
import { filterOf, type GridState, nextSort, readGridState, viewParam } from '../mailboxes/grid-state'
import { MailboxGrid } from '../mailboxes/mailbox-grid'
import { MailboxChangesDocument } from '../mailboxes/mailbox-row'
import { type GridSelection, isEmpty, NOTHING, selectedCount, toggle } from '../mailboxes/selection'
import { useGridCommands } from '../mailboxes/use-grid-commands'
import { useViewCounts } from '../mailboxes/use-view-counts'
import { ViewChips } from '../mailboxes/view-chips'
import { viewName } from '../mailboxes/views'
import { FailureBar } from '../ui/failure-bar'
import { PageTitle } from '../ui/page-title'
import { EmptyState, Skeleton } from '../ui/waiting'
import { MailboxDrawer } from './mailbox-drawer'

const MailboxesDocument = graphql(`
  query Mailboxes($view: MailboxView, $filter: MailboxFilter, $sort: MailboxSort, $first: Int, $after: String) {
    mailboxes(view: $view, filter: $filter, sort: $sort, first: $first, after: $after) {
      nodes {
        ...MailboxRow
      }
      pageInfo {
        hasNextPage
        endCursor
      }
      totalCount
    }
  }
`)

const ProfileNameDocument = graphql(`
  query ProfileName($id: ID!) {
    emailServerProfile(id: $id) {
      id
      name
    }
  }
`)

const openPage = (id: string) => navigate(`/mailboxes/${id}`)

export default function MailboxesPage() {
  const { params } = usePlace()
  const state = useMemo(() => readGridState(params), [params])
  const filter = useMemo(() => filterOf(state), [state])
  const openId = params.get('mailbox')
  const list = useRows(state, filter)
  const counts = useViewCounts()
  const commands = useGridCommands()
  const isNarrow = useIsNarrow()
  const { selection, setSelection } = useSelection(state.view, filter)
  const [activeId, setActiveId] = useState<string | null>(null)

  const chooseView = (view: MailboxView) => changeParams({ view: viewParam(view), mailbox: null })
  const openDrawer = useCallback((id: string | null) => changeParams({ mailbox: id }, { replace: true }), [])
  const ids = () => list.nodes.map((row) => row.id)
  const move = (step: number) => {
    const at = list.nodes.findIndex((row) => row.id === activeId)
    const next = list.nodes[Math.min(list.nodes.length - 1, Math.max(0, at + step))]
    if (next) setActiveId(next.id)
  }
  /** What a key's command works on: the selection, or else the row the keyboard is on. */
  const target = (): GridSelection => (isEmpty(selection) && activeId ? toggle(NOTHING, activeId, ids()) : selection)
  const select = () => activeId && setSelection(toggle(selection, activeId, ids()))

  const noTest = useMissingRight('mailboxes.test')
  const noApproval = useMissingRight('mailboxes.approve')
  useHotkeys({
    // biome-ignore-start lint/correctness/noComponentHookFactories: names of keys, not of components
    j: () => move(1),
    k: () => move(-1),
    x: select,
    ' ': select,
    t: () => noTest || commands.give('TEST_AND_ENABLE', target()),
    a: () => noApproval || commands.give('APPROVE', target()),
    Enter: () => activeId && openPage(activeId),
    Escape: () => {
      if (commands.preview) commands.closePreview()
      else if (commands.refusals) commands.showRefusals(null)
      else if (openId) openDrawer(null)
      else setSelection(NOTHING)
    },
    // biome-ignore-end lint/correctness/noComponentHookFactories: names of keys, not of components
  })

  const total = list.totalCount ?? 0
  /** By the live counts; with a filter nobody counts. */
  const expected = filter ? undefined : counts.get(state.view)
  const isStale = expected !== undefined && list.totalCount !== null && !list.isLoading && expected !== total
  useFilledByItself(isStale && total === 0 ? expected : null, list.refetch)
  const selected = selectedCount(selection, total)
  return (
    <div className="page page-fixed">
      <PageTitle
        title="Mailboxes"
        aside={
          list.totalCount !== null && (filter ? `${count(total)} found` : `${count(expected ?? total)} in this view`)
        }
      >
        <ViewChips view={state.view} counts={counts} onChoose={chooseView} />
        <FilterChips state={state} />
      </PageTitle>
      <CommandBar
        isNothingSelected={isEmpty(selection)}
        busy={commands.busy}
        onCommand={(command) => commands.give(command, selection)}
      >
        <StaleHint isStale={isStale} onRefresh={list.refetch} />
        {selected > 0 && (
          <SelectedNote
            selection={selection}
            selected={selected}
            loaded={list.nodes.length}
            total={total}
            onSelectAll={() => setSelection({ kind: 'view', view: state.view, filter })}
            onClear={() => setSelection(NOTHING)}
          />
        )}
      </CommandBar>
      {commands.preview && (
        <CommandPreview
          preview={commands.preview}
          onClose={commands.closePreview}
          onShow={() => commands.showRefusals(commands.preview?.outcome ?? null)}
        />
      )}
      {list.error && <FailureBar error={list.error} onRetry={list.refetch} />}
      <div className="grid-and-panel">
        {list.totalCount === null && !list.error && <Skeleton lines={12} label="Loading mailboxes" />}
        {list.totalCount === 0 && <NoRows state={state} isFiltered={filter !== null} />}
        {total > 0 && (
          <MailboxGrid
            rows={list.nodes}
            totalCount={total}
            hasMore={list.hasMore}
            isLoading={list.isLoading}
            sort={state.sort}
            selection={selection}
            activeId={activeId}
            openId={openId}
            isNarrow={isNarrow}
            listKey={JSON.stringify([state.view, filter, state.sort])}
            onSort={(field) => changeParams({ sort: nextSort(state.sort, field) })}
            onSelect={setSelection}
            onActivate={setActiveId}
            onOpenDrawer={isNarrow ? openPage : openDrawer}
            onOpenPage={openPage}
            onLoadMore={list.loadMore}
          />
        )}
        {commands.refusals ? (
          <RefusalsPanel
            outcome={commands.refusals}
            isPreview={commands.preview !== null}
            onClose={() => commands.showRefusals(null)}
          />
        ) : (
          openId && <MailboxDrawer key={openId} id={openId} onClose={() => openDrawer(null)} />
        )}
      </div>
    </div>
  )
}

/** The rows of the address, kept right by events: one that changed repaints in its place, a resync reads all again. */
function useRows(state: GridState, filter: ReturnType<typeof filterOf>) {
  const list = usePagedList(
    MailboxesDocument,
    { view: state.view, filter, sort: state.sort, first: 100 },
    (data) => data.mailboxes,
  )
  const [removed, setRemoved] = useState<ReadonlySet<string>>(new Set())
  useLive(MailboxChangesDocument, {}, ({ mailboxChanges: { kind, mailboxes } }) => {
    if (kind === 'RESYNC') {
      setRemoved(new Set())
      list.refetch()
    } else if (kind === 'REMOVED') setRemoved((before) => new Set([...before, ...mailboxes.map(({ id }) => id)]))
  })
  return useMemo(
    () => (removed.size ? { ...list, nodes: list.nodes.filter(({ id }) => !removed.has(id)) } : list),
    [list, removed],
  )
}

/** Where nobody reads rows none can move away: an empty list is read again for each count that says it is empty no more. */
function useFilledByItself(expected: number | null, refetch: () => void) {
  const asked = useRef<number | null>(null)
  useEffect(() => {
    if (expected === null || expected === asked.current) return
    asked.current = expected
    refetch()
  }, [expected, refetch])
}

/** A selection belongs to what it was made in: another view or filter starts with none. */
function useSelection(view: MailboxView, filter: ReturnType<typeof filterOf>) {
  const key = JSON.stringify([view, filter])
  const [state, setState] = useState<{ key: string; selection: GridSelection }>({ key, selection: NOTHING })
  const selection = state.key === key ? state.selection : NOTHING
  return { selection, setSelection: (next: GridSelection) => setState({ key, selection: next }) }
}

interface SelectedNoteProps {
  selection: GridSelection
  selected: number
  loaded: number
  total: number
  onSelectAll: () => void
  onClear: () => void
}

function SelectedNote({ selection, selected, loaded, total, onSelectAll, onClear }: SelectedNoteProps) {
  const isOffered = selection.kind === 'rows' && selected === loaded && total > loaded
  useEffect(() => announcer.say(`${count(selected)} selected`), [selected])
  return (
    <>
      {isOffered && (
        <button type="button" className="link-button" onClick={onSelectAll}>
          Select all {count(total)} in this view
        </button>
      )}
      <span className="selected-count">
        {selection.kind === 'view' ? `All ${count(selected)}` : count(selected)} selected
      </span>
      <Button
        size="small"
        appearance="subtle"
        icon={<DismissRegular />}
        aria-label="Clear the selection"
        onClick={onClear}
      />
    </>
  )
}

/** Rows keep their order while somebody reads; that the list is another by now is said, not done. */
function StaleHint({ isStale, onRefresh }: { isStale: boolean; onRefresh: () => void }) {
  if (!isStale) return null
  return (
    <span className="stale-hint">
      List changed:{' '}
      <button type="button" className="link-button" onClick={onRefresh}>
        refresh
      </button>
    </span>
  )
}

/** The filters that came with a link; the text stands in the search box already. */
function FilterChips({ state }: { state: GridState }) {
  const { profileId, errorCode } = state
  const [{ data }] = useQuery({ query: ProfileNameDocument, variables: { id: profileId ?? '' }, pause: !profileId })
  if (!profileId && !errorCode) return null
  return (
    <fieldset className="chips" aria-label="Filters">
      {errorCode && (
        <FilterChip name={`Cause: ${errorWords(errorCode)}`} onRemove={() => changeParams({ cause: null })} />
      )}
      {profileId && (
        <FilterChip
          name={`Profile: ${data?.emailServerProfile?.name ?? '…'}`}
          onRemove={() => changeParams({ profile: null })}
        />
      )}
    </fieldset>
  )
}

function FilterChip({ name, onRemove }: { name: string; onRemove: () => void }) {
  return (
    <span className="filter">
      {name}
      <button type="button" className="filter-remove" aria-label={`Remove the filter ${name}`} onClick={onRemove}>
        <DismissRegular />
      </button>
    </span>
  )
}

function NoRows({ state, isFiltered }: { state: GridState; isFiltered: boolean }) {
  const { name, empty } = viewName(state.view)
  if (isFiltered) {
    return (
      <EmptyState title={`Nothing in ${name} matches the filter.`}>
        <Button onClick={() => changeParams({ q: null, profile: null, cause: null })}>Remove the filter</Button>
      </EmptyState>
    )
  }
  return (
    <EmptyState title={empty}>
      {state.view !== 'ALL' && <Button onClick={() => changeParams({ view: 'all' })}>Show all mailboxes</Button>}
    </EmptyState>
  )
}
