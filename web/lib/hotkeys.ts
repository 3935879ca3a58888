import { useEffect, useRef } from 'react'

/** Keys as they are typed: 'x', '?', 'Enter', or two after each other, 'g m'. */
export type Hotkeys = Record<string, (event: KeyboardEvent) => void>

const SEQUENCE_MS = 1_000

const isTextInput = (target: HTMLElement) =>
  target instanceof HTMLInputElement && !['checkbox', 'radio', 'button', 'submit'].includes(target.type)

const isTyping = (target: EventTarget | null) =>
  target instanceof HTMLElement &&
  (target.isContentEditable || /^(TEXTAREA|SELECT)$/.test(target.tagName) || isTextInput(target))

/** Enter and space on a button or link do what the button says, and nothing else. */
const isOwnKey = (event: KeyboardEvent) =>
  (event.key === 'Enter' || event.key === ' ') &&
  event.target instanceof HTMLElement &&
  event.target.closest('button, a, input, summary, [role="menuitem"]') !== null

// One listener for all parts of the page: only so can "g a" be kept from also being "a".
const active: { current: Hotkeys }[] = []
let first: { key: string; at: number } | null = null

function find(key: string) {
  for (const keys of [...active].reverse()) if (keys.current[key]) return keys.current[key]
  return null
}

function onKeyDown(event: KeyboardEvent) {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return
  if (isTyping(event.target) || isOwnKey(event)) return
  if (document.querySelector('[role="dialog"][aria-modal="true"], [role="menu"]')) return
  const now = Date.now()
  const started = first && now - first.at < SEQUENCE_MS ? first.key : null
  const opensSequence = active.some((keys) => Object.keys(keys.current).some((key) => key.startsWith(`${event.key} `)))
  first = !started && opensSequence ? { key: event.key, at: now } : null
  const run = started ? find(`${started} ${event.key}`) : first ? null : find(event.key)
  if (!run) return
  event.preventDefault()
  run(event)
}

/** Listens on the whole window; typing in a field, a dialog or an open menu is left alone. */
export function useHotkeys(keys: Hotkeys) {
  const latest = useRef(keys)
  latest.current = keys
  useEffect(() => {
    if (active.length === 0) window.addEventListener('keydown', onKeyDown)
    active.push(latest)
    return () => {
      active.splice(active.indexOf(latest), 1)
      if (active.length === 0) window.removeEventListener('keydown', onKeyDown)
    }
  }, [])
}
