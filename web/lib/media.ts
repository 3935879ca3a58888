import { useSyncExternalStore } from 'react'

/** Below it the grid is cards and the navigation a bar at the bottom; the same width stands in the style sheets. */
const NARROW = '(max-width: 639.9px)'

function subscribe(listener: () => void) {
  const query = window.matchMedia(NARROW)
  query.addEventListener('change', listener)
  return () => query.removeEventListener('change', listener)
}

export const useIsNarrow = () => useSyncExternalStore(subscribe, () => window.matchMedia(NARROW).matches)
