import type { ReactNode } from 'react'
import { count as formatted } from '../lib/format'

/** A row of choices of which one, or none, is taken. */
export function ChipGroup({ name, children }: { name: string; children: ReactNode }) {
  return (
    <fieldset className="chips" aria-label={name}>
      {children}
    </fieldset>
  )
}

interface ChipProps {
  isChosen: boolean
  count?: number | null
  onChoose: () => void
  children: ReactNode
}

export function Chip({ isChosen, count, onChoose, children }: ChipProps) {
  return (
    <button type="button" className="chip" aria-pressed={isChosen} onClick={onChoose}>
      {children}
      {count != null && <span className="chip-count">{formatted(count)}</span>}
    </button>
  )
}
