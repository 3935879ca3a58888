import { useMemo, useSyncExternalStore } from 'react'

/** Everything that is shown is in the address, so that Back works and a link shows a colleague the same thing. */
export interface Place {
  path: string
  params: URLSearchParams
}

const listeners = new Set<() => void>()

function announce() {
  for (const listener of listeners) listener()
}

function subscribe(listener: () => void) {
  if (listeners.size === 0) window.addEventListener('popstate', announce)
  listeners.add(listener)
  return () => {
    listeners.delete(listener)
    if (listeners.size === 0) window.removeEventListener('popstate', announce)
  }
}

const address = () => window.location.pathname + window.location.search

export function usePlace(): Place {
  const current = useSyncExternalStore(subscribe, address)
  return useMemo(() => {
    const [path = '/', search = ''] = current.split('?', 2)
    return { path, params: new URLSearchParams(search) }
  }, [current])
}

export function navigate(to: string, options: { replace?: boolean } = {}) {
  if (to === address()) return
  if (options.replace) window.history.replaceState(null, '', to)
  else window.history.pushState(null, '', to)
  announce()
}

/** The address of `path` with these parameters; empty ones are left out. */
export function href(path: string, params: Record<string, string | null | undefined> = {}) {
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries(params)) if (value) search.set(name, value)
  const text = search.toString()
  return text ? `${path}?${text}` : path
}

/** Changes some parameters of the current address and keeps the others. */
export function changeParams(changes: Record<string, string | null>, options?: { replace?: boolean }) {
  const all = Object.fromEntries(new URLSearchParams(window.location.search))
  navigate(href(window.location.pathname, { ...all, ...changes }), options)
}

/** The parts of `path` that `pattern` names (`/mailboxes/:id`), or null when it is another path. */
export function match(pattern: string, path: string): Record<string, string> | null {
  const wanted = pattern.split('/')
  const given = path.replace(/(.)\/$/, '$1').split('/')
  if (wanted.length !== given.length) return null
  const found: Record<string, string> = {}
  for (const [index, part] of wanted.entries()) {
    const value = given[index] ?? ''
    if (!part.startsWith(':')) {
      if (part !== value) return null
    } else {
      try {
        found[part.slice(1)] = decodeURIComponent(value)
      } catch {
        return null
      }
    }
  }
  return found
}
