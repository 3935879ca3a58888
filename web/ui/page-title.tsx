import { type ReactNode, useEffect, useRef } from 'react'

/** The one title of a page; named in the tab, and focused when the page opens so that a screen reader starts there. */
export function PageTitle({ title, aside, children }: { title: string; aside?: ReactNode; children?: ReactNode }) {
  const heading = useRef<HTMLHeadingElement>(null)
  useEffect(() => {
    document.title = `${title} – Mailwarden`
  }, [title])
  useEffect(() => {
    heading.current?.focus({ preventScroll: true })
  }, [])
  return (
    <header className="page-title">
      <div className="page-title-line">
        <h1 ref={heading} tabIndex={-1}>
          {title}
        </h1>
        {aside && <div className="page-title-aside">{aside}</div>}
      </div>
      {children}
    </header>
  )
}
