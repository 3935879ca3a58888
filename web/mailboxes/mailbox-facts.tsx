import type { MailboxDetailFragment } from '../gql/graphql'
import { words } from '../lib/format'
import { RelativeTime } from '../ui/relative-time'

/** The settings of a mailbox, read only. */
export function MailboxFacts({ mailbox }: { mailbox: MailboxDetailFragment }) {
  return (
    <dl className="facts">
      <dt>Owner</dt>
      <dd>
        {mailbox.owner
          ? `${mailbox.owner.name} (${words(mailbox.owner.kind).toLowerCase()})`
          : 'Nobody: a forward mailbox'}
      </dd>
      <dt>Profile</dt>
      <dd>
        {mailbox.profile ? (
          <>
            {mailbox.profile.name}
            {!mailbox.profile.active && <span className="quiet"> (inactive)</span>}
          </>
        ) : (
          'None'
        )}
      </dd>
      <dt>Approval</dt>
      <dd>
        {mailbox.approvedBy ? (
          <>
            By {mailbox.approvedBy}, <RelativeTime at={mailbox.approvedAt} />
          </>
        ) : (
          <>
            {words(mailbox.approval)}
            {mailbox.rejectionReason && <span className="quiet">: {mailbox.rejectionReason}</span>}
          </>
        )}
      </dd>
      <dt>User name</dt>
      <dd>{mailbox.username ?? mailbox.emailAddress ?? '–'}</dd>
      <dt>Password</dt>
      <dd>{passwordWords(mailbox)}</dd>
      <dt>Last tested</dt>
      <dd>
        <RelativeTime at={mailbox.lastTestedAt} />
      </dd>
      <dt>Created</dt>
      <dd>
        <RelativeTime at={mailbox.createdAt} />
      </dd>
    </dl>
  )
}

function passwordWords({ hasPassword, profile }: MailboxDetailFragment) {
  if (profile && profile.credentialSource !== 'MAILBOX') return "The profile's"
  return hasPassword ? 'Stored' : 'Missing'
}
