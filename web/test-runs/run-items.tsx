import { Button } from '@fluentui/react-components'
import { ChevronDownRegular } from '@fluentui/react-icons/svg/chevron-down'
import { ChevronRightRegular } from '@fluentui/react-icons/svg/chevron-right'
import { useVirtualizer } from '@tanstack/react-virtual'
import { memo, useEffect, useRef, useState } from 'react'
import type { RunItemFragment } from '../gql/graphql'
import { counted, duration } from '../lib/format'
import { directionMark, itemMark } from '../lib/state-words'
import { Link } from '../ui/link'
import { RelativeTime } from '../ui/relative-time'
import { StateMark } from '../ui/state-mark'
import { useTint } from '../ui/tint'
import { DIRECTION_NAMES, DirectionSteps } from './direction-steps'
import { type Held, hold, holdStill } from './result-order'

const ROW_HEIGHT = 40

interface Props {
  items: readonly RunItemFragment[]
  hasMore: boolean
  /** How many were loaded, before any filter: a page without a match is no reason to stop. */
  loaded: number
  openId: string | null
  onOpen: (id: string | null) => void
  onLoadMore: () => void
}

/** Newest first; while the pointer or the focus is in the list it holds still, and says how much is new. */
export function RunItems({ items, hasMore, loaded, openId, onOpen, onLoadMore }: Props) {
  const [held, setHeld] = useState<Held | null>(null)
  const { shown, waiting } = held ? holdStill(held, items) : { shown: items, waiting: 0 }
  // Moved there by a hand: a list that comes up under a resting pointer is not being read.
  const holdUnderPointer = () => setHeld((before) => before ?? hold(items))
  const scroller = useRef<HTMLDivElement>(null)
  const virtualizer = useVirtualizer({
    count: shown.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_HEIGHT,
    getItemKey: (index) => shown[index]?.id ?? index,
    overscan: 8,
  })
  const rows = virtualizer.getVirtualItems()
  const lastShown = rows.at(-1)?.index ?? 0
  useEffect(() => {
    if (!hasMore || loaded === 0 || lastShown < shown.length - 20) return
    // What was asked for by scrolling belongs to the list even while it is held.
    setHeld(null)
    onLoadMore()
  }, [hasMore, loaded, lastShown, shown.length, onLoadMore])

  return (
    <div className="results" onPointerMove={holdUnderPointer} onPointerLeave={() => setHeld(null)}>
      {waiting > 0 && (
        <Button className="results-new" size="small" appearance="primary" onClick={() => setHeld(hold(items))}>
          {counted(waiting, 'new result')}
        </Button>
      )}
      <div ref={scroller} className="results-scroller">
        <ul className="results-list" style={{ height: virtualizer.getTotalSize() }}>
          {rows.map((row) => {
            const item = shown[row.index]
            if (!item) return null
            return (
              <li
                key={item.id}
                ref={virtualizer.measureElement}
                data-index={row.index}
                className="result"
                style={{ transform: `translateY(${row.start}px)` }}
              >
                <ResultRow item={item} isOpen={item.id === openId} onOpen={onOpen} />
              </li>
            )
          })}
        </ul>
      </div>
    </div>
  )
}

interface RowProps {
  item: RunItemFragment
  isOpen: boolean
  onOpen: (id: string | null) => void
}

const ResultRow = memo(function ResultRow({ item, isOpen, onOpen }: RowProps) {
  const mark = itemMark(item)
  const isTinted = useTint(item.id, item.state)
  const took = item.startedAt && item.finishedAt ? Date.parse(item.finishedAt) - Date.parse(item.startedAt) : null
  return (
    <div className={isTinted ? 'result-row is-tinted' : 'result-row'}>
      <button
        type="button"
        className="result-line"
        aria-expanded={isOpen}
        onClick={() => onOpen(isOpen ? null : item.id)}
      >
        <span className="result-chevron" aria-hidden="true">
          {isOpen ? <ChevronDownRegular /> : <ChevronRightRegular />}
        </span>
        <span className="result-name">
          {item.mailbox.name} <span className="quiet result-address">{item.mailbox.emailAddress}</span>
        </span>
        <StateMark mark={mark} />
        <span className="result-took">{took === null ? '' : duration(Math.max(0, took))}</span>
        <span className="result-time">
          <RelativeTime at={item.finishedAt ?? item.startedAt} />
        </span>
      </button>
      {isOpen && <ItemDetail item={item} />}
    </div>
  )
})

/** The staged results of one mailbox in this run. */
function ItemDetail({ item }: { item: RunItemFragment }) {
  const tested = item.results.filter((result) => result.steps.length > 0)
  return (
    <div className="result-detail">
      {item.skipReason && <p>{item.skipMessage ?? `Skipped: ${item.skipReason}`}</p>}
      {tested.length === 0 && !item.skipReason && <p className="quiet">Nothing has been tested yet.</p>}
      <div className="result-directions">
        {tested.map((result) => (
          <section key={result.direction}>
            <h3>
              {DIRECTION_NAMES[result.direction]} <StateMark mark={resultMark(result)} />
            </h3>
            <DirectionSteps result={result} />
          </section>
        ))}
      </div>
      <Link href={`/mailboxes/${item.mailbox.id}`}>Open the mailbox</Link>
    </div>
  )
}

export function resultMark(result: RunItemFragment['results'][number]) {
  const isTesting = result.steps.some((step) => step.state === 'RUNNING')
  const errorCode = result.steps.find((step) => step.error)?.error?.code ?? null
  return directionMark({ method: 'SYNC', status: result.status, isTesting, hasChangedSinceTest: false, errorCode })
}
