import { useSyncExternalStore } from 'react'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

const absolute = new Intl.DateTimeFormat('en-GB', {
  day: 'numeric',
  month: 'short',
  hour: '2-digit',
  minute: '2-digit',
})
const withYear = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'short' })
const exact = new Intl.DateTimeFormat('en-GB', { dateStyle: 'full', timeStyle: 'medium' })

/** Relative within a day ("4 min ago"), absolute beyond. A clock that is a little ahead reads as "just now". */
export function relativeTime(iso: string, now: number): string {
  const at = Date.parse(iso)
  const past = now - at
  const ahead = -past
  if (past >= DAY || ahead >= DAY) {
    return new Date(at).getFullYear() === new Date(now).getFullYear() ? absolute.format(at) : withYear.format(at)
  }
  if (ahead >= 10_000) return `in ${span(ahead)}`
  return past < 10_000 ? 'just now' : `${span(past)} ago`
}

function span(ms: number) {
  if (ms < MINUTE) return `${Math.round(ms / 1_000)} s`
  if (ms < HOUR) return `${Math.floor(ms / MINUTE)} min`
  return `${Math.floor(ms / HOUR)} h`
}

export const exactTime = (iso: string) => exact.format(Date.parse(iso))

/** One clock for the whole page, so that all relative times step together. */
function clock(stepMs: number) {
  const listeners = new Set<() => void>()
  let now = Date.now()
  let timer: ReturnType<typeof setInterval> | undefined
  return {
    subscribe(listener: () => void) {
      if (listeners.size === 0) {
        now = Date.now()
        timer = setInterval(() => {
          now = Date.now()
          for (const each of listeners) each()
        }, stepMs)
      }
      listeners.add(listener)
      return () => {
        listeners.delete(listener)
        if (listeners.size === 0) clearInterval(timer)
      }
    },
    get: () => now,
  }
}

const slow = clock(10_000)
const fast = clock(1_000)

export const useNow = (isFast = false) => {
  const source = isFast ? fast : slow
  return useSyncExternalStore(source.subscribe, source.get)
}
