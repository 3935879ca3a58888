// A virtual grid can't be a table element, and its keyboard is the grid's own (aria-activedescendant), not that of its cells.
// biome-ignore-all lint/a11y/useSemanticElements: as above
// biome-ignore-all lint/a11y/useFocusableInteractive: as above
// biome-ignore-all lint/a11y/useKeyWithClickEvents: as above
import { useVirtualizer } from '@tanstack/react-virtual'
import { type KeyboardEvent, type MouseEvent, memo, useEffect, useRef } from 'react'
import type { MailboxRowFragment, MailboxSort } from '../gql/graphql'
import { count } from '../lib/format'
import { useScrollMemory } from '../lib/scroll-memory'
import { approvalMark } from '../lib/state-words'
import { RelativeTime } from '../ui/relative-time'
import { StateMark } from '../ui/state-mark'
import { useTint } from '../ui/tint'
import { directionMarks } from './mailbox-row'
import { extend, type GridSelection, headerState, isSelected, toggle, toggleLoaded } from './selection'

const ROW_HEIGHT = 36
const CARD_HEIGHT = 116
/** Rows before the end at which the next page is asked for. */
const AHEAD = 30

interface Column {
  /** Null when the API does not sort by it. */
  field: string | null
  name: string
  className: string
}

/** What a narrow grid leaves out is decided in mailboxes.css. */
const COLUMNS: readonly Column[] = [
  { field: 'name', name: 'Name', className: 'col-name' },
  { field: 'emailAddress', name: 'Address', className: 'col-address' },
  { field: null, name: 'Profile', className: 'col-profile' },
  { field: 'approval', name: 'Approval', className: 'col-approval' },
  { field: 'incomingEmailStatus', name: 'Incoming', className: 'col-incoming' },
  { field: 'outgoingEmailStatus', name: 'Outgoing', className: 'col-outgoing' },
  { field: 'actStatus', name: 'ACT', className: 'col-act' },
  { field: 'lastTestedAt', name: 'Tested', className: 'col-tested' },
]

export interface MailboxGridProps {
  rows: readonly MailboxRowFragment[]
  /** How many the view and filter match; rows may be fewer. */
  totalCount: number
  hasMore: boolean
  isLoading: boolean
  sort: MailboxSort
  selection: GridSelection
  /** The row the keyboard is on. */
  activeId: string | null
  openId: string | null
  isNarrow: boolean
  /** What the rows depend on: another one starts at the top, the same one where it was left. */
  listKey: string
  onSort: (field: string) => void
  onSelect: (selection: GridSelection) => void
  onActivate: (id: string) => void
  onOpenDrawer: (id: string) => void
  onOpenPage: (id: string) => void
  onLoadMore: () => void
}

export function MailboxGrid(props: MailboxGridProps) {
  const { rows, totalCount, hasMore, isLoading, selection, activeId, isNarrow, listKey, onLoadMore } = props
  const scroller = useRef<HTMLDivElement>(null)
  const virtualizer = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => (isNarrow ? CARD_HEIGHT : ROW_HEIGHT),
    getItemKey: (index) => rows[index]?.id ?? index,
    overscan: 12,
  })
  // biome-ignore lint/correctness/useExhaustiveDependencies: the sizes change with the layout
  useEffect(() => virtualizer.measure(), [isNarrow, virtualizer])

  const items = virtualizer.getVirtualItems()
  const lastShown = items.at(-1)?.index ?? 0
  useEffect(() => {
    if (hasMore && !isLoading && lastShown >= rows.length - AHEAD) onLoadMore()
  }, [hasMore, isLoading, lastShown, rows.length, onLoadMore])

  useScrollMemory(scroller, { key: listKey, rows: rows.length, hasMore, isLoading, loadMore: onLoadMore })

  const activeIndex = rows.findIndex((row) => row.id === activeId)
  useEffect(() => {
    if (activeIndex < 0) return
    virtualizer.scrollToIndex(activeIndex, { align: 'auto' })
    // Keys that move work from anywhere; the focus follows, unless somebody types or is in the panel.
    if (document.activeElement?.matches('body, h1')) scroller.current?.focus({ preventScroll: true })
  }, [activeIndex, virtualizer])

  const ids = () => rows.map((row) => row.id)
  const onKeyDown = (event: KeyboardEvent) => {
    const step = STEPS[event.key]
    if (step === undefined || event.ctrlKey || event.metaKey || event.altKey) return
    event.preventDefault()
    event.stopPropagation()
    const page = Math.max(1, Math.floor((scroller.current?.clientHeight ?? 0) / ROW_HEIGHT) - 1)
    const target = rows[Math.min(rows.length - 1, Math.max(0, activeIndex + step * (Math.abs(step) === 1 ? 1 : page)))]
    if (!target) return
    if (event.shiftKey) {
      const from =
        selection.kind === 'rows' && selection.anchor === null && activeId
          ? { ...selection, anchor: activeId }
          : selection
      props.onSelect(extend(from, target.id, ids()))
    }
    props.onActivate(target.id)
  }

  // The rows keep this one object, so that a change of one row does not repaint the others.
  const latest = useRef(props)
  latest.current = props
  const actions = useRef<RowActions>({
    click(id, event) {
      const { selection, rows, onActivate, onSelect, onOpenDrawer } = latest.current
      const ids = rows.map((row) => row.id)
      onActivate(id)
      if (event.shiftKey) onSelect(extend(selection, id, ids))
      else if (event.ctrlKey || event.metaKey) onSelect(toggle(selection, id, ids))
      else onOpenDrawer(id)
    },
    check(id, event) {
      const { selection, rows, onActivate, onSelect } = latest.current
      const ids = rows.map((row) => row.id)
      onActivate(id)
      onSelect(event.shiftKey ? extend(selection, id, ids) : toggle(selection, id, ids))
    },
    open: (id) => latest.current.onOpenPage(id),
  }).current

  const header = headerState(selection, ids())
  return (
    <div
      ref={scroller}
      className={isNarrow ? 'grid grid-narrow' : 'grid'}
      role="grid"
      aria-label="Mailboxes"
      aria-rowcount={totalCount + 1}
      aria-multiselectable="true"
      aria-activedescendant={activeIndex >= 0 ? rowId(activeId as string) : undefined}
      tabIndex={0}
      onKeyDown={onKeyDown}
      // Shift and a click select rows here, not the text between two clicks.
      onMouseDown={(event) => event.shiftKey && event.preventDefault()}
    >
      <GridHeader {...props} state={header} onToggle={() => props.onSelect(toggleLoaded(selection, ids()))} />
      <div className="grid-body" role="rowgroup" style={{ height: virtualizer.getTotalSize() }}>
        {items.map((item) => {
          const row = rows[item.index]
          if (!row) return null
          return (
            <Row
              key={row.id}
              row={row}
              index={item.index}
              offset={item.start}
              isSelected={isSelected(selection, row.id)}
              isActive={row.id === activeId}
              isOpen={row.id === props.openId}
              actions={actions}
            />
          )
        })}
      </div>
      {hasMore && (
        <p className="grid-more" role="status">
          {count(rows.length)} of {count(totalCount)} loaded
        </p>
      )}
    </div>
  )
}

const STEPS: Record<string, number> = {
  ArrowDown: 1,
  ArrowUp: -1,
  PageDown: 2,
  PageUp: -2,
  End: Number.POSITIVE_INFINITY,
  Home: Number.NEGATIVE_INFINITY,
}

const rowId = (id: string) => `mailbox-${id}`

function GridHeader({
  sort,
  rows,
  state,
  onSort,
  onToggle,
}: MailboxGridProps & { state: boolean | 'mixed'; onToggle: () => void }) {
  return (
    <div className="grid-header" role="row" aria-rowindex={1}>
      <div role="columnheader" className="grid-check">
        <input
          type="checkbox"
          aria-label={`Select the ${count(rows.length)} loaded mailboxes`}
          checked={state === true}
          ref={(box) => {
            if (box) box.indeterminate = state === 'mixed'
          }}
          onChange={onToggle}
          tabIndex={0}
        />
      </div>
      {COLUMNS.map(({ field, name, className }) => {
        if (!field) {
          return (
            <div key={name} role="columnheader" className={className}>
              <span className="grid-unsorted">{name}</span>
            </div>
          )
        }
        const isSorted = sort.field === field
        return (
          <div
            key={name}
            role="columnheader"
            className={className}
            aria-sort={isSorted ? (sort.direction === 'ASC' ? 'ascending' : 'descending') : 'none'}
          >
            <button type="button" className="grid-sort" onClick={() => onSort(field)}>
              {name}
              {isSorted && <span aria-hidden="true">{sort.direction === 'ASC' ? ' ↑' : ' ↓'}</span>}
            </button>
          </div>
        )
      })}
    </div>
  )
}

interface RowActions {
  click: (id: string, event: MouseEvent) => void
  check: (id: string, event: MouseEvent) => void
  open: (id: string) => void
}

interface RowProps {
  row: MailboxRowFragment
  index: number
  offset: number
  isSelected: boolean
  isActive: boolean
  isOpen: boolean
  actions: RowActions
}

const Row = memo(function Row({ row, index, offset, isSelected, isActive, isOpen, actions }: RowProps) {
  const marks = directionMarks(row)
  const approval = approvalMark(row.approval)
  const shown = [approval, marks.INCOMING, marks.OUTGOING, marks.ACT].map((mark) => mark.word).join()
  const isTinted = useTint(row.id, shown)
  const classes = [
    'grid-row',
    isActive && 'is-active',
    isOpen && 'is-open',
    isTinted && 'is-tinted',
    !row.active && 'is-inactive',
  ]
  return (
    <div
      id={rowId(row.id)}
      role="row"
      aria-rowindex={index + 2}
      aria-selected={isSelected}
      className={classes.filter(Boolean).join(' ')}
      style={{ transform: `translateY(${offset}px)` }}
      onClick={(event) => actions.click(row.id, event)}
      onDoubleClick={() => actions.open(row.id)}
    >
      <div
        role="gridcell"
        className="grid-check"
        onClick={(event) => {
          event.stopPropagation()
          actions.check(row.id, event)
        }}
        onDoubleClick={(event) => event.stopPropagation()}
      >
        <input type="checkbox" aria-label={`Select ${row.name}`} checked={isSelected} readOnly tabIndex={-1} />
      </div>
      <div role="gridcell" className="col-name" title={row.name}>
        {row.name}
      </div>
      <div role="gridcell" className="col-address" title={row.emailAddress ?? undefined}>
        {row.emailAddress ?? <span className="quiet">No address</span>}
      </div>
      <div role="gridcell" className="col-profile" title={row.profile?.name}>
        {row.profile?.name ?? <span className="quiet">No profile</span>}
      </div>
      <div role="gridcell" className="col-approval">
        <StateMark mark={approval} />
      </div>
      <div role="gridcell" className="col-incoming" data-label="In">
        <StateMark mark={marks.INCOMING} />
      </div>
      <div role="gridcell" className="col-outgoing" data-label="Out">
        <StateMark mark={marks.OUTGOING} />
      </div>
      <div role="gridcell" className="col-act" data-label="ACT">
        <StateMark mark={marks.ACT} />
      </div>
      <div role="gridcell" className="col-tested">
        <RelativeTime at={row.lastTestedAt} />
      </div>
    </div>
  )
})
