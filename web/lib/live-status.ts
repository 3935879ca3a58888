import { useEffect, useSyncExternalStore } from 'react'

/** What the dot "live" shows: the websocket. */
export interface LiveStatus {
  state: 'connecting' | 'connected' | 'reconnecting' | 'offline'
  /** When the next try starts, in ms since 1970; null while one is under way. */
  retryAt: number | null
  /** How often the socket was opened: a change means that something may have been missed. */
  connections: number
}

const FIRST_WAIT_MS = 1_000
const LONGEST_WAIT_MS = 30_000

/** Doubling waits with a fifth of jitter, so that a restarted server isn't met by all its clients at once. */
export function backOffMs(retries: number, random = Math.random()): number {
  const wait = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.min(retries, 10))
  return Math.round(wait * (0.9 + random * 0.2))
}

export class LiveStore {
  #status: LiveStatus = { state: 'connecting', retryAt: null, connections: 0 }
  #listeners = new Set<() => void>()
  #wakers = new Set<() => void>()

  constructor(private readonly waitMs: (retries: number) => number = backOffMs) {}

  readonly subscribe = (listener: () => void) => {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }
  readonly get = () => this.#status

  connected() {
    this.#set({ state: 'connected', retryAt: null, connections: this.#status.connections + 1 })
  }

  lost() {
    this.#set({ ...this.#status, state: navigator.onLine ? 'reconnecting' : 'offline', retryAt: null })
  }

  /** Resolves when the next try may start: after the wait, when the network is back, or when somebody asks. */
  async wait(retries: number) {
    const ms = this.waitMs(retries)
    const offline = !navigator.onLine
    this.#set({
      ...this.#status,
      state: offline ? 'offline' : 'reconnecting',
      retryAt: offline ? null : Date.now() + ms,
    })
    await new Promise<void>((resolve) => {
      const timer = setTimeout(done, ms)
      const wake = done
      function done() {
        clearTimeout(timer)
        window.removeEventListener('online', wake)
        resolve()
      }
      window.addEventListener('online', wake)
      this.#wakers.add(wake)
    })
    this.#wakers.clear()
    this.#set({ ...this.#status, retryAt: null })
  }

  retryNow() {
    for (const wake of [...this.#wakers]) wake()
  }

  #set(status: LiveStatus) {
    this.#status = status
    for (const listener of this.#listeners) listener()
  }
}

export const live = new LiveStore()

export const useLiveStatus = (store = live) => useSyncExternalStore(store.subscribe, store.get)

/** Runs after each reconnect, not after the first connection. */
export function useReconnect(onReconnect: () => void, store = live) {
  useEffect(() => {
    let seen = store.get().connections
    return store.subscribe(() => {
      const { connections } = store.get()
      if (connections === seen) return
      const isFirst = seen === 0
      seen = connections
      if (!isFirst) onReconnect()
    })
  }, [onReconnect, store])
}
