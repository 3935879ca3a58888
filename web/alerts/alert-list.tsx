import type { AlertRowFragment } from '../gql/graphql'
import { errorWords } from '../lib/error-words'
import { counted } from '../lib/format'
import { alertStateWord, severityMark } from '../lib/state-words'
import { useMissingRight } from '../lib/viewer'
import { CommandButton } from '../ui/command-button'
import { Link } from '../ui/link'
import { RelativeTime } from '../ui/relative-time'
import { StateShape } from '../ui/state-mark'
import { useTint } from '../ui/tint'
import { useAlertCommands } from './use-alert-commands'

interface Props {
  alerts: readonly AlertRowFragment[]
  /** The mailbox whose page it is: it is not named again. */
  about?: string
}

/** A wall of alerts: what happened, who or what it is about, how often and since when, and what can be done with it. */
export function AlertList({ alerts, about }: Props) {
  const commands = useAlertCommands()
  return (
    <ul className="alerts">
      {alerts.map((alert) => (
        <AlertItem
          key={alert.id}
          alert={alert}
          isSubjectShown={!about || alert.mailbox?.id !== about}
          commands={commands}
        />
      ))}
    </ul>
  )
}

interface ItemProps {
  alert: AlertRowFragment
  isSubjectShown: boolean
  commands: ReturnType<typeof useAlertCommands>
}

function AlertItem({ alert, isSubjectShown, commands }: ItemProps) {
  const noRight = useMissingRight('alerts.edit')
  const isTinted = useTint(alert.id, `${alert.state} ${alert.count}`)
  const mark = severityMark(alert.severity)
  const isOpen = alert.state === 'OPEN'
  const isOver = alert.state === 'RESOLVED' || alert.state === 'DISMISSED'
  const isBusy = commands.busyIds.has(alert.id)
  const classes = ['alert', isTinted && 'is-tinted', isOver && 'is-over'].filter(Boolean).join(' ')
  return (
    <li className={classes}>
      <StateShape shape={isOver ? 'off' : mark.shape} />
      <div className="alert-text">
        <p className="alert-title">
          <span className="visually-hidden">{mark.word}: </span>
          {errorWords(alert.code)}
          {isSubjectShown && <Subject alert={alert} />}
          {!isOpen && <span className="alert-state">{alertStateWord(alert.state)}</span>}
        </p>
        <p>{alert.message}</p>
        {alert.remedy && <p className="quiet">{alert.remedy}</p>}
        {alert.serverResponse && (
          <details className="server-words">
            <summary>The server's words</summary>
            <pre>{alert.serverResponse}</pre>
          </details>
        )}
        <p className="alert-times">
          {counted(alert.count, 'time')} · first <RelativeTime at={alert.firstSeenAt} /> · last{' '}
          <RelativeTime at={alert.lastSeenAt} />
        </p>
      </div>
      {!isOver && (
        <div className="alert-buttons">
          {isOpen && (
            <CommandButton
              size="small"
              reason={noRight}
              isBusy={isBusy}
              onClick={() => commands.acknowledge([alert.id])}
            >
              Acknowledge
            </CommandButton>
          )}
          <CommandButton
            size="small"
            appearance="subtle"
            reason={noRight}
            isBusy={isBusy}
            onClick={() => commands.dismiss([alert.id])}
          >
            Dismiss
          </CommandButton>
        </div>
      )}
    </li>
  )
}

function Subject({ alert }: { alert: AlertRowFragment }) {
  if (alert.mailbox) {
    return (
      <Link href={`/mailboxes/${alert.mailbox.id}`} className="alert-subject">
        {alert.mailbox.name}
      </Link>
    )
  }
  if (alert.profile) {
    return (
      <Link href={`/mailboxes?profile=${alert.profile.id}`} className="alert-subject">
        Profile {alert.profile.name}
      </Link>
    )
  }
  return null
}
