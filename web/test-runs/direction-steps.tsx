import type { ItemResultsFragment } from '../gql/graphql'
import { errorWords } from '../lib/error-words'
import { duration } from '../lib/format'
import { stepMark, stepName } from '../lib/state-words'
import { exactTime } from '../lib/time'
import { StateShape } from '../ui/state-mark'

type Result = ItemResultsFragment['results'][number]
type Step = Result['steps'][number]

/** The stages of one direction in their order with their times; the failed one stands open. */
export function DirectionSteps({ result }: { result: Result }) {
  return (
    <ol className="steps">
      {result.steps.map((step) => (
        <li key={step.name} className={`step step-${step.state.toLowerCase()}`}>
          <div className="step-line">
            <StateShape shape={stepMark(step.state).shape} />
            <span className="step-name">{stepName(step.name)}</span>
            <span className="visually-hidden">{stepMark(step.state).word}</span>
            <span className="step-time">{step.durationMs != null && duration(step.durationMs)}</span>
          </div>
          {step.error && <StepError error={step.error} />}
        </li>
      ))}
    </ol>
  )
}

/** What happened; who must act, and how; the server's own words. */
function StepError({ error }: { error: NonNullable<Step['error']> }) {
  return (
    <div className="step-error">
      <p className="step-error-title">{errorWords(error.code)}</p>
      <p>{error.message}</p>
      <p>{error.remedy}</p>
      {error.retryAt && <p className="quiet">The server asks to wait until {exactTime(error.retryAt)}.</p>}
      {error.serverResponse && (
        <figure className="server-words">
          <figcaption>The server's words</figcaption>
          <pre>{error.serverResponse}</pre>
        </figure>
      )}
      <p className="step-error-code">{error.code}</p>
    </div>
  )
}

export const DIRECTION_NAMES = {
  INCOMING: 'Incoming',
  OUTGOING: 'Outgoing',
  ACT: 'Appointments, contacts, tasks',
} as const
