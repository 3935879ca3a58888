import { useQuery } from 'urql'
import { AlertChangesDocument } from '../alerts/alert-fragments'
import { graphql } from '../gql/gql'
import { useLive, useThrottled } from '../lib/live'
import { useReconnect } from '../lib/live-status'
import { MailboxChangesDocument } from '../mailboxes/mailbox-row'
import { useViewCounts } from '../mailboxes/use-view-counts'

const OpenAlertsDocument = graphql(`
  query OpenAlertCount {
    errors: alerts(state: OPEN, severity: ERROR, first: 1) {
      totalCount
    }
    warnings: alerts(state: OPEN, severity: WARNING, first: 1) {
      totalCount
    }
  }
`)

const RecentRunsDocument = graphql(`
  query RecentRuns {
    testRuns(first: 20) {
      nodes {
        id
        state
      }
    }
  }
`)

const STEP_MS = 1_000

/** The numbers beside the pages: asked again, at most once a second, when an event says that they may be others. */
export function useBadges() {
  const counts = useViewCounts()
  const [alerts, askAlerts] = useQuery({ query: OpenAlertsDocument })
  const [runs, askRuns] = useQuery({ query: RecentRunsDocument })
  const refetchAlerts = useThrottled(() => askAlerts({ requestPolicy: 'network-only' }), STEP_MS)
  const refetchRuns = useThrottled(() => askRuns({ requestPolicy: 'network-only' }), STEP_MS)
  useLive(AlertChangesDocument, {}, refetchAlerts)
  useLive(MailboxChangesDocument, {}, refetchRuns)
  useReconnect(refetchRuns)
  const running = runs.data?.testRuns.nodes.filter(({ state }) => state === 'RUNNING' || state === 'QUEUED').length ?? 0
  return {
    running,
    // what is only good to know needs nobody
    openAlerts: (alerts.data?.errors.totalCount ?? 0) + (alerts.data?.warnings.totalCount ?? 0),
    failed: counts.get('TEST_AND_ENABLE_FAILED') ?? 0,
  }
}
