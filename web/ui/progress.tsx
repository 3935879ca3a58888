import { count } from '../lib/format'

export interface ProgressCounts {
  total: number
  queued: number
  running: number
  succeeded: number
  failed: number
  skipped: number
  cancelled: number
}

export const doneOf = (run: ProgressCounts) => run.succeeded + run.failed + run.skipped + run.cancelled

/** One bar, a segment for each state, in their order; the numbers beside it say the same in words. */
export function SegmentedProgress({ run, isThin }: { run: ProgressCounts; isThin?: boolean }) {
  const done = doneOf(run)
  const share = (part: number) => ({ width: `${run.total ? (part / run.total) * 100 : 0}%` })
  return (
    <div
      className={isThin ? 'progress progress-thin' : 'progress'}
      role="progressbar"
      aria-label="Tested"
      aria-valuemin={0}
      aria-valuemax={run.total}
      aria-valuenow={done}
      aria-valuetext={`${count(done)} of ${count(run.total)}`}
    >
      <div className="progress-works" style={share(run.succeeded)} />
      <div className="progress-failed" style={share(run.failed)} />
      <div className="progress-skipped" style={share(run.skipped)} />
      <div className="progress-cancelled" style={share(run.cancelled)} />
      <div className="progress-running" style={share(run.running)} />
    </div>
  )
}
