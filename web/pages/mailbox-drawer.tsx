import { useState } from 'react'
import { BlockerList } from '../mailboxes/blocker-list'
import { CredentialsForm } from '../mailboxes/credentials-form'
import { MailboxFacts } from '../mailboxes/mailbox-facts'
import { mailboxMark } from '../mailboxes/next-step'
import { NextStepButton } from '../mailboxes/next-step-button'
import { useGridCommands } from '../mailboxes/use-grid-commands'
import { FailureBar } from '../ui/failure-bar'
import { Link } from '../ui/link'
import { SidePanel } from '../ui/side-panel'
import { StateMark } from '../ui/state-mark'
import { EmptyState, Skeleton } from '../ui/waiting'
import { useMailbox } from './mailbox-detail'
import { MailboxResults } from './mailbox-results'

/** A mailbox beside the grid: its state, what keeps it from working, and its last test. */
export function MailboxDrawer({ id, onClose }: { id: string; onClose: () => void }) {
  const { mailbox, isLoading, error, refetch } = useMailbox(id)
  const commands = useGridCommands()
  const [isEntering, setEntering] = useState(false)
  return (
    <SidePanel title={mailbox?.name ?? 'Mailbox'} onClose={onClose}>
      {error && <FailureBar error={error} onRetry={refetch} />}
      {!mailbox && isLoading && <Skeleton lines={8} />}
      {!mailbox && !isLoading && !error && <EmptyState title="There is no such mailbox." />}
      {mailbox && (
        <>
          <div className="drawer-head">
            <span className="quiet">{mailbox.emailAddress ?? 'No address'}</span>
            <StateMark mark={mailboxMark(mailbox)} />
            <div className="form-buttons">
              {!isEntering && (
                <NextStepButton mailbox={mailbox} commands={commands} onEnterPassword={() => setEntering(true)} />
              )}
              <Link href={`/mailboxes/${mailbox.id}`}>Open the page</Link>
            </div>
          </div>
          {isEntering && (
            <CredentialsForm
              mailboxId={mailbox.id}
              username={mailbox.username ?? ''}
              emailAddress={mailbox.emailAddress ?? null}
              hasPassword={mailbox.hasPassword}
              onCancel={() => setEntering(false)}
              onSaved={(isTestWanted) => {
                setEntering(false)
                if (isTestWanted)
                  commands.give('TEST_AND_ENABLE', { kind: 'rows', ids: new Set([mailbox.id]), anchor: null })
              }}
            />
          )}
          {mailbox.blockers.length > 0 && (
            <>
              <h3>What keeps it from being processed</h3>
              <BlockerList blockers={mailbox.blockers} />
            </>
          )}
          <h3>Last test</h3>
          <MailboxResults mailbox={mailbox} />
          <h3>Settings</h3>
          <MailboxFacts mailbox={mailbox} />
        </>
      )}
    </SidePanel>
  )
}
