import { useMemo } from 'react'
import type { RunStateFragment } from '../gql/graphql'
import { count } from '../lib/format'
import { useLive } from '../lib/live'
import { runMark } from '../lib/state-words'
import { Link } from '../ui/link'
import { doneOf, SegmentedProgress } from '../ui/progress'
import { RelativeTime } from '../ui/relative-time'
import { StateMark } from '../ui/state-mark'
import { isOver, RunNumbersDocument } from './test-run-fragments'

/** One run in a list; while it goes on its numbers are live. */
export function RunRow({ run }: { run: RunStateFragment }) {
  const variables = useMemo(() => ({ id: run.id }), [run.id])
  useLive(RunNumbersDocument, variables, () => {}, !isOver(run.state))
  return (
    <li className="run-row">
      <Link href={`/test-runs/${run.id}`} className="run-row-link">
        <span className="run-row-state">
          <StateMark mark={runMark(run)} />
        </span>
        <span className="run-row-what">
          {run.mode === 'TEST_ONLY' ? 'Test only' : 'Test & Enable'}
          <span className="quiet">
            {' '}
            by {run.requestedBy}, <RelativeTime at={run.createdAt} />
            {run.cancelled > 0 && `, ${count(run.cancelled)} cancelled`}
          </span>
        </span>
        <span className="run-row-numbers">
          <span>
            {count(doneOf(run))} of {count(run.total)}
          </span>
          <span className={run.succeeded ? 'works-text' : 'quiet'}>{count(run.succeeded)} work</span>
          <span className={run.failed ? 'failed-text' : 'quiet'}>{count(run.failed)} failed</span>
          <span className="quiet">{count(run.skipped)} skipped</span>
        </span>
        <SegmentedProgress run={run} isThin />
      </Link>
    </li>
  )
}
