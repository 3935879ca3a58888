import { Button } from '@fluentui/react-components'
import { count, counted } from '../lib/format'
import { Link } from '../ui/link'
import { SidePanel } from '../ui/side-panel'
import { type BulkOutcome, refusalReasons } from './commands'
import { type Preview, reasonsSentence } from './use-grid-commands'

const VERB = { APPROVE: 'Approve', REJECT: 'Reject' }
const ALREADY = { APPROVE: 'approved', REJECT: 'rejected' }

/** Between the commands and the grid, so that the rows stay in sight: what would happen, and what would be refused. */
export function CommandPreview({
  preview,
  onClose,
  onShow,
}: {
  preview: Preview
  onClose: () => void
  onShow: () => void
}) {
  const { outcome, command, run } = preview
  const wouldChange = outcome.changed
  const unchanged = outcome.matched - outcome.changed - outcome.refusedCount
  return (
    <section className="preview" aria-label="Before it happens">
      <p>
        <strong>
          {VERB[command]} {count(wouldChange)} of {counted(outcome.matched, 'mailbox', 'mailboxes')}.
        </strong>{' '}
        {unchanged > 0 && `${count(unchanged)} ${unchanged === 1 ? 'is' : 'are'} ${ALREADY[command]} already. `}
        {outcome.refusedCount > 0 && (
          <>
            {count(outcome.refusedCount)} would be refused: {reasonsSentence(outcome)}{' '}
            <button type="button" className="link-button" onClick={onShow}>
              Show them
            </button>
          </>
        )}
      </p>
      <div className="preview-buttons">
        <Button appearance="primary" size="small" onClick={run} disabledFocusable={wouldChange === 0}>
          {VERB[command]} {count(wouldChange)}
        </Button>
        <Button size="small" onClick={onClose}>
          Cancel
        </Button>
      </div>
    </section>
  )
}

interface RefusalsProps {
  outcome: BulkOutcome
  /** Nothing has been done yet. */
  isPreview: boolean
  onClose: () => void
}

/** Which rows a command was, or would be, refused for. */
export function RefusalsPanel({ outcome, isPreview, onClose }: RefusalsProps) {
  return (
    <SidePanel title={`${count(outcome.refusedCount)} ${isPreview ? 'would be refused' : 'refused'}`} onClose={onClose}>
      {refusalReasons(outcome.refused).map((reason) => (
        <section key={reason.message}>
          <h3>
            {reason.message} <span className="quiet">{count(reason.count)}</span>
          </h3>
          <ul className="plain-list">
            {outcome.refused
              .filter((refusal) => refusal.message === reason.message)
              .map(({ mailbox }) => (
                <li key={mailbox.id}>
                  <Link href={`/mailboxes/${mailbox.id}`}>{mailbox.name}</Link>{' '}
                  <span className="quiet">{mailbox.emailAddress}</span>
                </li>
              ))}
          </ul>
        </section>
      ))}
      {outcome.refused.length < outcome.refusedCount && (
        <p className="quiet">The first {count(outcome.refused.length)} are shown.</p>
      )}
    </SidePanel>
  )
}
