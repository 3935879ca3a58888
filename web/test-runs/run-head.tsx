import { useState } from 'react'
import type { RunStateFragment } from '../gql/graphql'
import { errorWords } from '../lib/error-words'
import { count, counted, duration, roughDuration } from '../lib/format'
import { useNow } from '../lib/time'
import { Chip, ChipGroup } from '../ui/chips'
import { doneOf, SegmentedProgress } from '../ui/progress'
import { isCancelling, isOver } from './test-run-fragments'

/** Big numbers over the bar, then how fast it goes and how long it takes. */
export function RunHead({ run, perSecond }: { run: RunStateFragment; perSecond: number | null }) {
  return (
    <section className="run-head" aria-label="Progress">
      <dl className="run-numbers">
        <Figure name={`of ${count(run.total)} done`} value={doneOf(run)} />
        <Figure name="work" value={run.succeeded} className="works" />
        <Figure name="failed" value={run.failed} className="failed" />
        <Figure name="skipped" value={run.skipped} className="skipped" />
        {run.cancelled > 0 && <Figure name="cancelled" value={run.cancelled} />}
      </dl>
      <SegmentedProgress run={run} />
      <RunPace run={run} perSecond={perSecond} />
    </section>
  )
}

function Figure({ name, value, className = '' }: { name: string; value: number; className?: string }) {
  return (
    <div className={`figure figure-${className} ${value ? '' : 'figure-zero'}`}>
      <dd>{count(value)}</dd>
      <dt>{name}</dt>
    </div>
  )
}

function RunPace({ run, perSecond }: { run: RunStateFragment; perSecond: number | null }) {
  const now = useNow(!isOver(run.state))
  const started = run.startedAt ? Date.parse(run.startedAt) : null
  const ended = run.finishedAt ? Date.parse(run.finishedAt) : null
  if (run.state === 'QUEUED' || started === null) {
    return <p className="run-pace">{isOver(run.state) ? 'Nothing was tested.' : 'Waiting to start.'}</p>
  }
  if (ended !== null) {
    const took = duration(Math.max(0, ended - started))
    return <p className="run-pace">{run.state === 'CANCELLED' ? `Cancelled after ${took}.` : `Took ${took}.`}</p>
  }
  const left = run.queued + run.running
  const parts = [
    isCancelling(run) ? `${counted(left, 'test')} to finish` : `${count(run.running)} at once`,
    `running for ${duration(Math.max(0, now - started))}`,
  ]
  if (perSecond)
    parts.push(
      `${perSecond.toFixed(perSecond < 10 ? 1 : 0)} a second`,
      `${roughDuration((left / perSecond) * 1_000)} left`,
    )
  return <p className="run-pace">{parts.join(' · ')}</p>
}

/** More than these are shown when asked for: the results below are what the page is for. */
const MOST_SHOWN = 8

interface CausesProps {
  run: RunStateFragment
  cause: string | null
  onChoose: (cause: string | null) => void
}

/** The causes of failure, the commonest first; each filters the results. */
export function RunCauses({ run, cause, onChoose }: CausesProps) {
  const [isWhole, setWhole] = useState(false)
  if (run.causes.length === 0 && !cause) return null
  const causes = [...run.causes].sort((a, b) => b.count - a.count)
  const shown =
    isWhole || causes.length <= MOST_SHOWN + 1
      ? causes
      : causes.filter(({ code }, index) => index < MOST_SHOWN || code === cause)
  return (
    <ChipGroup name="Causes">
      {shown.map(({ code, count: times }) => (
        <Chip
          key={code}
          isChosen={code === cause}
          count={times}
          onChoose={() => onChoose(code === cause ? null : code)}
        >
          {errorWords(code)}
        </Chip>
      ))}
      {shown.length < causes.length && (
        <button type="button" className="link-button" onClick={() => setWhole(true)}>
          {counted(causes.length - shown.length, 'more cause')}
        </button>
      )}
    </ChipGroup>
  )
}
