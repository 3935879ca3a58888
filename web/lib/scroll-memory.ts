import { type RefObject, useEffect, useLayoutEffect, useRef } from 'react'

interface Place {
  top: number
  rows: number
}

/** Where a list was left, by its address: Back leads to the same rows. Forgotten with the tab. */
const places = new Map<string, Place>()

interface Options {
  key: string
  rows: number
  hasMore: boolean
  isLoading: boolean
  loadMore: () => void
}

/** Puts a scroller back where it was when this address was left, loading again what was loaded; a new address starts at its top. */
export function useScrollMemory(
  scroller: RefObject<HTMLElement | null>,
  { key, rows, hasMore, isLoading, loadMore }: Options,
) {
  const wanted = useRef<Place | null>(null)
  const latestRows = useRef(rows)
  latestRows.current = rows

  useLayoutEffect(() => {
    const element = scroller.current
    wanted.current = places.get(key) ?? null
    if (element && !wanted.current) element.scrollTop = 0
    return () => {
      if (element) places.set(key, { top: element.scrollTop, rows: latestRows.current })
    }
  }, [key, scroller])

  useEffect(() => {
    const place = wanted.current
    if (!place || !scroller.current || isLoading) return
    if (rows < place.rows && hasMore) return loadMore()
    scroller.current.scrollTop = place.top
    wanted.current = null
  }, [rows, hasMore, isLoading, loadMore, scroller])
}
