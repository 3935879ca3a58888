import type { Direction } from '../gql/graphql'
import { testingMark } from '../lib/state-words'
import { directionMarks } from '../mailboxes/mailbox-row'
import { DIRECTION_NAMES, DirectionSteps } from '../test-runs/direction-steps'
import { StateMark } from '../ui/state-mark'
import { type ShownMailbox, useTestUnderWay } from './mailbox-detail'

const DIRECTIONS: readonly Direction[] = ['INCOMING', 'OUTGOING', 'ACT']

const METHOD_WORDS: Record<string, string> = {
  SERVER_SIDE_SYNC: 'Server-side synchronization',
  FORWARD_MAILBOX: 'Through a forward mailbox',
}

/** A column for each direction: how it stands, and the steps of the test under way, or of the last with the failed one open. */
export function MailboxResults({ mailbox }: { mailbox: ShownMailbox }) {
  const marks = directionMarks(mailbox)
  const underWay = useTestUnderWay(mailbox)
  const shown = underWay ?? mailbox.lastTestItem
  const methods = { INCOMING: mailbox.incomingMethod, OUTGOING: mailbox.outgoingMethod, ACT: mailbox.actMethod }
  const enabled = { INCOMING: mailbox.incomingEnabled, OUTGOING: mailbox.outgoingEnabled, ACT: mailbox.actEnabled }
  return (
    <div className="directions">
      {DIRECTIONS.map((direction) => {
        const result = shown?.results.find((each) => each.direction === direction)
        const code = result?.steps.find((step) => step.error)?.error?.code
        const isOff = methods[direction] === 'NONE'
        return (
          <section key={direction} className="direction" aria-label={DIRECTION_NAMES[direction]}>
            <h2>{DIRECTION_NAMES[direction]}</h2>
            <StateMark mark={(underWay && result && testingMark(result.steps)) ?? marks[direction]} title={code} />
            {!isOff && (
              <p className="quiet">
                {METHOD_WORDS[methods[direction]]}, {enabled[direction] ? 'enabled' : 'not enabled'}
              </p>
            )}
            {!isOff && result && result.steps.length > 0 && <DirectionSteps result={result} />}
          </section>
        )
      })}
    </div>
  )
}
