import { SearchBox } from '@fluentui/react-components'
import { useEffect, useRef, useState } from 'react'
import { useHotkeys } from '../lib/hotkeys'
import { changeParams, href, navigate, usePlace } from '../lib/router'

const PAUSE_MS = 250

/** On the mailboxes page it filters as one types; from anywhere else Enter leads there. */
export function Search() {
  const { path, params } = usePlace()
  const isOnGrid = path === '/mailboxes'
  const shown = isOnGrid ? (params.get('q') ?? '') : ''
  const [text, setText] = useState(shown)
  const box = useRef<HTMLInputElement>(null)
  const written = useRef(shown)

  // Back, a removed filter or a link change the address; what is being typed does not come back as a surprise.
  useEffect(() => {
    if (shown === written.current) return
    written.current = shown
    setText(shown)
  }, [shown])

  useEffect(() => {
    const wanted = text.trim()
    if (!isOnGrid || wanted === written.current) return
    const timer = setTimeout(() => {
      written.current = wanted
      changeParams({ q: wanted || null, mailbox: null }, { replace: true })
    }, PAUSE_MS)
    return () => clearTimeout(timer)
  }, [text, isOnGrid])

  useHotkeys({
    '/': () => {
      box.current?.focus()
      box.current?.select()
    },
  })

  return (
    <SearchBox
      ref={box}
      className="search"
      placeholder="Search mailboxes ( / )"
      aria-label="Search mailboxes by name or address"
      value={text}
      maxLength={200}
      onChange={(_, data) => setText(data.value)}
      onKeyDown={(event) => {
        if (event.key === 'Escape') box.current?.blur()
        if (event.key !== 'Enter') return
        if (isOnGrid) box.current?.blur()
        else if (text.trim()) navigate(href('/mailboxes', { view: 'all', q: text.trim() }))
      }}
    />
  )
}
