import { MailCheckmarkRegular } from '@fluentui/react-icons/svg/mail-checkmark'
import { useState } from 'react'
import { AlertChangesDocument } from '../alerts/alert-fragments'
import { AlertList } from '../alerts/alert-list'
import { graphql } from '../gql/gql'
import { useHotkeys } from '../lib/hotkeys'
import { useLive, useThrottled } from '../lib/live'
import { usePagedList } from '../lib/paged-list'
import { useMissingRight } from '../lib/viewer'
import { BlockerList } from '../mailboxes/blocker-list'
import { CredentialsForm } from '../mailboxes/credentials-form'
import { MailboxFacts } from '../mailboxes/mailbox-facts'
import { mailboxMark, nextStep } from '../mailboxes/next-step'
import { NextStepButton } from '../mailboxes/next-step-button'
import { type GridCommand, useGridCommands } from '../mailboxes/use-grid-commands'
import { CommandButton } from '../ui/command-button'
import { FailureBar } from '../ui/failure-bar'
import { Link } from '../ui/link'
import { PageTitle } from '../ui/page-title'
import { RelativeTime } from '../ui/relative-time'
import { StateMark } from '../ui/state-mark'
import { EmptyState, Skeleton } from '../ui/waiting'
import { type ShownMailbox, useMailbox } from './mailbox-detail'
import { MailboxResults } from './mailbox-results'

const MailboxAlertsDocument = graphql(`
  query MailboxAlerts($mailboxId: ID!, $first: Int, $after: String) {
    mailbox(id: $mailboxId) {
      id
      alerts(first: $first, after: $after) {
        nodes {
          ...AlertRow
        }
        pageInfo {
          hasNextPage
          endCursor
        }
        totalCount
      }
    }
  }
`)

export default function MailboxPage({ id }: { id: string }) {
  const { mailbox, isLoading, error, refetch } = useMailbox(id)
  if (!mailbox) {
    return (
      <div className="page">
        <PageTitle title="Mailbox" />
        {error && <FailureBar error={error} onRetry={refetch} />}
        {isLoading && <Skeleton lines={8} />}
        {!isLoading && !error && (
          <EmptyState title="There is no such mailbox.">
            <Link href="/mailboxes">All mailboxes</Link>
          </EmptyState>
        )}
      </div>
    )
  }
  return <Shown mailbox={mailbox} />
}

function Shown({ mailbox }: { mailbox: ShownMailbox }) {
  const commands = useGridCommands()
  const [isEntering, setEntering] = useState(false)
  const noTest = useMissingRight('mailboxes.test')
  const noApproval = useMissingRight('mailboxes.approve')
  const noCredentials = useMissingRight('mailboxes.credentials')
  const step = nextStep(mailbox)
  const isTesting = mailbox.health === 'TESTING'
  const give = (command: GridCommand) =>
    commands.give(command, { kind: 'rows', ids: new Set([mailbox.id]), anchor: null })
  useHotkeys({
    t: () => noTest || give('TEST_AND_ENABLE'),
    a: () => noApproval || (step === 'APPROVE' && give('APPROVE')),
  })
  return (
    <div className="page">
      <PageTitle title={mailbox.name}>
        <p className="mailbox-address">{mailbox.emailAddress ?? 'No address'}</p>
        <div className="mailbox-state">
          <StateMark mark={mailboxMark(mailbox)} />
          {!isEntering && (
            <NextStepButton mailbox={mailbox} commands={commands} onEnterPassword={() => setEntering(true)} />
          )}
          {step !== 'TEST' && mailbox.active && (
            <CommandButton
              icon={<MailCheckmarkRegular />}
              reason={noTest ?? (isTesting ? 'It is being tested now.' : null)}
              isBusy={commands.busy !== null}
              onClick={() => give('TEST_AND_ENABLE')}
            >
              Test & Enable
            </CommandButton>
          )}
          {step !== 'ENTER_PASSWORD' && mailbox.profile?.credentialSource === 'MAILBOX' && !isEntering && (
            <CommandButton appearance="subtle" reason={noCredentials} onClick={() => setEntering(true)}>
              {mailbox.hasPassword ? 'Change password' : 'Enter password'}
            </CommandButton>
          )}
          {mailbox.testRun && <Link href={`/test-runs/${mailbox.testRun.id}`}>Watch the run</Link>}
        </div>
      </PageTitle>
      {isEntering && (
        <CredentialsForm
          mailboxId={mailbox.id}
          username={mailbox.username ?? ''}
          emailAddress={mailbox.emailAddress ?? null}
          hasPassword={mailbox.hasPassword}
          onCancel={() => setEntering(false)}
          onSaved={(isTestWanted) => {
            setEntering(false)
            if (isTestWanted) give('TEST_AND_ENABLE')
          }}
        />
      )}
      <MailboxResults mailbox={mailbox} />
      {mailbox.lastTestItem?.finishedAt && (
        <p className="quiet">
          Last tested <RelativeTime at={mailbox.lastTestItem.finishedAt} />.
        </p>
      )}
      <div className="two-columns">
        <section>
          <h2>What keeps it from being processed</h2>
          <BlockerList blockers={mailbox.blockers} />
          <h2>Settings</h2>
          <MailboxFacts mailbox={mailbox} />
        </section>
        <MailboxAlerts mailboxId={mailbox.id} profileId={mailbox.profile?.id} />
      </div>
    </div>
  )
}

/** Its own alerts and its profile's. */
function MailboxAlerts({ mailboxId, profileId }: { mailboxId: string; profileId: string | undefined }) {
  const list = usePagedList(MailboxAlertsDocument, { mailboxId, first: 20 }, (data) => data.mailbox?.alerts)
  const refetch = useThrottled(list.refetch, 500)
  const isOwn = (alert: (typeof list.nodes)[number]) => alert.mailbox?.id === mailboxId
  const ownFirst = [...list.nodes.filter(isOwn), ...list.nodes.filter((alert) => !isOwn(alert))]
  useLive(AlertChangesDocument, {}, ({ alertChanges: { kind, alert } }) => {
    const isOurs = alert && (alert.mailbox?.id === mailboxId || (profileId && alert.profile?.id === profileId))
    const isKnown = list.nodes.some(({ id }) => id === alert?.id)
    if (kind === 'RESYNC' || (isOurs && !isKnown)) refetch()
  })
  return (
    <section>
      <h2>Alerts</h2>
      {list.error && <FailureBar error={list.error} onRetry={list.refetch} />}
      {list.totalCount === null && !list.error && <Skeleton lines={3} />}
      {list.totalCount === 0 && <p className="quiet">No alerts.</p>}
      <AlertList alerts={ownFirst} about={mailboxId} />
      {list.hasMore && (
        <button type="button" className="link-button" onClick={list.loadMore}>
          Show older ones
        </button>
      )}
    </section>
  )
}
