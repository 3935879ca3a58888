import { type ReactNode, useEffect, useState } from 'react'

const PATIENCE_MS = 200

/** Nothing for 200 ms, then grey lines in the place of what comes. */
export function Skeleton({ lines = 6, label = 'Loading' }: { lines?: number; label?: string }) {
  const [isShown, setShown] = useState(false)
  useEffect(() => {
    const timer = setTimeout(() => setShown(true), PATIENCE_MS)
    return () => clearTimeout(timer)
  }, [])
  if (!isShown) return null
  return (
    <div className="skeleton" role="status" aria-label={label}>
      {Array.from({ length: lines }, (_, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: lines have no identity
        <div key={index} className="skeleton-line" />
      ))}
    </div>
  )
}

/** Says what to do next, and has its button. */
export function EmptyState({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className="empty-state">
      <p className="empty-state-title">{title}</p>
      {children}
    </div>
  )
}
