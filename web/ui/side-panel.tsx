import { Button } from '@fluentui/react-components'
import { DismissRegular } from '@fluentui/react-icons/svg/dismiss'
import { type ReactNode, useEffect, useRef } from 'react'

/** At the right of the table, which stays usable; on a phone over the whole page. Closing gives the focus back. */
export function SidePanel({
  title,
  onClose,
  children,
}: {
  title: ReactNode
  onClose: () => void
  children: ReactNode
}) {
  const panel = useRef<HTMLElement>(null)
  useEffect(() => {
    const opener = document.activeElement
    return () => {
      const isInside = document.activeElement === document.body || panel.current?.contains(document.activeElement)
      if (isInside && opener instanceof HTMLElement) opener.focus({ preventScroll: true })
    }
  }, [])
  return (
    <aside
      ref={panel}
      className="side-panel"
      aria-label={typeof title === 'string' ? title : 'Details'}
      onKeyDown={(event) => {
        if (event.key !== 'Escape') return
        event.stopPropagation()
        onClose()
      }}
    >
      <header className="side-panel-header">
        <h2>{title}</h2>
        <Button appearance="subtle" icon={<DismissRegular />} aria-label="Close" onClick={onClose} />
      </header>
      <div className="side-panel-body">{children}</div>
    </aside>
  )
}
