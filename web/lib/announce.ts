import { useSyncExternalStore } from 'react'

/**
 * One polite live region for the page: at most one sentence every five seconds. What is said meanwhile replaces what waits,
 * because only the newest state is worth hearing.
 */
const QUIET_MS = 5_000

export class Announcer {
  #text = ''
  #waiting: string | null = null
  #timer: ReturnType<typeof setTimeout> | null = null
  #listeners = new Set<() => void>()

  readonly subscribe = (listener: () => void) => {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }
  readonly get = () => this.#text

  say(sentence: string) {
    if (this.#timer) {
      this.#waiting = sentence
      return
    }
    this.#text = sentence
    this.#timer = setTimeout(() => this.#next(), QUIET_MS)
    for (const listener of this.#listeners) listener()
  }

  #next() {
    this.#timer = null
    const sentence = this.#waiting
    this.#waiting = null
    if (sentence !== null && sentence !== this.#text) this.say(sentence)
  }
}

export const announcer = new Announcer()
export const useAnnouncement = () => useSyncExternalStore(announcer.subscribe, announcer.get)
