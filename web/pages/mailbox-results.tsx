import type { Direction, ItemResultsFragment } from '../gql/graphql'
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
        const last = mailbox.lastTestItem?.results.find((each) => each.direction === direction)
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
            {!isOff && result && result.steps.length > 0 && (
              <DirectionSteps result={underWay ? withStepsToCome(result, last) : result} />
            )}
          </section>
        )
      })}
    </div>
  )
}

type Result = ItemResultsFragment['results'][number]

/** What the last test went through and this one has not reached yet keeps its place, so that the page does not move. */
function withStepsToCome(now: Result, last: Result | undefined): Result {
  const reached = new Set(now.steps.map(({ name }) => name))
  const toCome = last?.steps.filter(({ name }) => !reached.has(name)) ?? []
  const pending = toCome.map((step) => ({ ...step, state: 'PENDING' as const, durationMs: null, error: null }))
  return { ...now, steps: [...now.steps, ...pending] }
}
