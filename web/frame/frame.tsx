import { Button } from '@fluentui/react-components'
import { QuestionCircleRegular } from '@fluentui/react-icons/svg/question-circle'
import { type ReactNode, useState } from 'react'
import { useAnnouncement } from '../lib/announce'
import { useHotkeys } from '../lib/hotkeys'
import { navigate } from '../lib/router'
import { Link } from '../ui/link'
import { Notices } from '../ui/notify'
import { AccountMenu } from './account-menu'
import { KeyHelp } from './key-help'
import { LiveDot } from './live-dot'
import { Navigation } from './navigation'
import { Search } from './search'

/** What stands around every page: name, search, the live dot, the navigation, and the one place that speaks. */
export function Frame({ onSignedOut, children }: { onSignedOut: () => void; children: ReactNode }) {
  const [isHelpOpen, setHelpOpen] = useState(false)
  useHotkeys({
    'g m': () => navigate('/mailboxes'),
    'g r': () => navigate('/test-runs'),
    'g a': () => navigate('/alerts'),
    'g p': () => navigate('/profiles'),
    'g o': () => navigate('/'),
    '?': () => setHelpOpen(true),
  })
  return (
    <div className="frame">
      <a className="skip" href="#content">
        Skip to the page
      </a>
      <header className="top">
        <Link href="/" className="brand" aria-label="Mailwarden, overview">
          <span className="brand-mark" aria-hidden="true" />
          <span className="brand-name">Mailwarden</span>
        </Link>
        <Search />
        <div className="top-end">
          <LiveDot />
          <Button
            className="help"
            appearance="subtle"
            icon={<QuestionCircleRegular />}
            aria-label="Keys"
            title="Keys ( ? )"
            onClick={() => setHelpOpen(true)}
          />
          <AccountMenu onSignedOut={onSignedOut} />
        </div>
      </header>
      <Navigation />
      <main id="content" className="content" tabIndex={-1}>
        {children}
      </main>
      <Announcement />
      <Notices />
      <KeyHelp isOpen={isHelpOpen} onClose={() => setHelpOpen(false)} />
    </div>
  )
}

function Announcement() {
  return (
    <div className="visually-hidden" role="status" aria-live="polite">
      {useAnnouncement()}
    </div>
  )
}
