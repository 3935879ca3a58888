import { useMemo } from 'react'
import { useQuery } from 'urql'
import { AlertChangesDocument } from '../alerts/alert-fragments'
import { AlertList } from '../alerts/alert-list'
import { graphql } from '../gql/gql'
import type { MailboxView } from '../gql/graphql'
import { count, counted } from '../lib/format'
import { useLive, useThrottled } from '../lib/live'
import { href } from '../lib/router'
import type { Shape } from '../lib/state-words'
import { viewParam } from '../mailboxes/grid-state'
import { MailboxChangesDocument } from '../mailboxes/mailbox-row'
import { useViewCounts } from '../mailboxes/use-view-counts'
import { viewName } from '../mailboxes/views'
import { RunRow } from '../test-runs/run-row'
import { FailureBar } from '../ui/failure-bar'
import { Link } from '../ui/link'
import { PageTitle } from '../ui/page-title'
import { StateShape } from '../ui/state-mark'
import { Skeleton } from '../ui/waiting'

const OverviewDocument = graphql(`
  query Overview {
    testRuns(first: 4) {
      nodes {
        ...RunState
      }
      totalCount
    }
    errors: alerts(state: OPEN, severity: ERROR, first: 6) {
      nodes {
        ...AlertRow
      }
      totalCount
    }
    warnings: alerts(state: OPEN, severity: WARNING, first: 6) {
      nodes {
        ...AlertRow
      }
      totalCount
    }
  }
`)

const TILES: readonly { view: MailboxView; shape: Shape }[] = [
  { view: 'TEST_AND_ENABLE_FAILED', shape: 'failed' },
  { view: 'PENDING_EMAIL_APPROVAL', shape: 'waiting' },
  { view: 'NOT_TESTED', shape: 'empty' },
  { view: 'PAUSED', shape: 'paused' },
  { view: 'ENABLED', shape: 'works' },
]

/** As many as are asked for of each severity. */
const MOST_ALERTS = 6

/** Is anything wrong, and what first. */
export default function OverviewPage() {
  const counts = useViewCounts()
  const [{ data, error }, ask] = useQuery({ query: OverviewDocument, requestPolicy: 'cache-and-network' })
  const refetch = useThrottled(() => ask({ requestPolicy: 'network-only' }), 2_000)
  useLive(MailboxChangesDocument, {}, refetch)
  useLive(AlertChangesDocument, {}, refetch)
  const openAlerts = data ? data.errors.totalCount + data.warnings.totalCount : 0
  const sentence = useMemo(() => summary(counts), [counts])
  return (
    <div className="page">
      <PageTitle title="Overview" />
      {error && <FailureBar error={error} onRetry={() => ask({ requestPolicy: 'network-only' })} />}
      {sentence ? <p className="overview-sentence">{sentence}</p> : <Skeleton lines={1} />}
      <ul className="tiles">
        {TILES.map(({ view, shape }) => (
          <li key={view}>
            <Link className="tile" href={href('/mailboxes', { view: viewParam(view) })}>
              <span className="tile-number">{counts.has(view) ? count(counts.get(view) ?? 0) : '–'}</span>
              <span className="tile-name">
                <StateShape shape={shape} /> {viewName(view).name}
              </span>
            </Link>
          </li>
        ))}
      </ul>
      {data && (
        <div className="two-columns">
          <section>
            <h2>
              Open errors and warnings <span className="quiet">{count(openAlerts)}</span>
            </h2>
            {openAlerts === 0 && <p className="quiet">None.</p>}
            <AlertList alerts={[...data.errors.nodes, ...data.warnings.nodes].slice(0, MOST_ALERTS)} />
            <Link href="/alerts">All open alerts</Link>
          </section>
          <section>
            <h2>Test runs</h2>
            {data.testRuns.totalCount === 0 && (
              <p className="quiet">
                Nothing has been tested yet. <Link href="/mailboxes">Select mailboxes and test them</Link>
              </p>
            )}
            <ul className="run-rows">
              {data.testRuns.nodes.map((run) => (
                <RunRow key={run.id} run={run} />
              ))}
            </ul>
            {data.testRuns.totalCount > data.testRuns.nodes.length && <Link href="/test-runs">All test runs</Link>}
          </section>
        </div>
      )}
    </div>
  )
}

/** "97 of 12,431 mailboxes failed their last test; 214 wait for approval." Null until the counts are known. */
export function summary(counts: ReadonlyMap<MailboxView, number>): string | null {
  if (counts.size === 0) return null
  const active = counts.get('ACTIVE') ?? 0
  const failed = counts.get('TEST_AND_ENABLE_FAILED') ?? 0
  const pending = counts.get('PENDING_EMAIL_APPROVAL') ?? 0
  const untested = counts.get('NOT_TESTED') ?? 0
  const rest = [pending && `${count(pending)} wait for approval`, untested && `${count(untested)} have not been tested`]
  const first = failed
    ? `${count(failed)} of ${counted(active, 'active mailbox', 'active mailboxes')} failed the last test`
    : `None of ${counted(active, 'active mailbox', 'active mailboxes')} failed the last test`
  return `${[first, ...rest].filter(Boolean).join('; ')}.`
}
