import { Button } from '@fluentui/react-components'
import { AlertChangesDocument } from '../alerts/alert-fragments'
import { AlertList } from '../alerts/alert-list'
import { useAlertCommands } from '../alerts/use-alert-commands'
import { graphql } from '../gql/gql'
import type { AlertState } from '../gql/graphql'
import { count } from '../lib/format'
import { useLive, useThrottled } from '../lib/live'
import { usePagedList } from '../lib/paged-list'
import { changeParams, usePlace } from '../lib/router'
import { useMissingRight } from '../lib/viewer'
import { Chip, ChipGroup } from '../ui/chips'
import { CommandButton } from '../ui/command-button'
import { FailureBar } from '../ui/failure-bar'
import { PageTitle } from '../ui/page-title'
import { EmptyState, Skeleton } from '../ui/waiting'

const AlertsDocument = graphql(`
  query Alerts($state: AlertState, $first: Int, $after: String) {
    alerts(state: $state, first: $first, after: $after) {
      nodes {
        ...AlertRow
      }
      pageInfo {
        hasNextPage
        endCursor
      }
      totalCount
    }
  }
`)

const STATES: readonly { state: AlertState | null; param: string | null; name: string }[] = [
  { state: 'OPEN', param: null, name: 'Open' },
  { state: 'ACKNOWLEDGED', param: 'acknowledged', name: 'Acknowledged' },
  { state: 'RESOLVED', param: 'resolved', name: 'Resolved' },
  { state: 'DISMISSED', param: 'dismissed', name: 'Dismissed' },
  { state: null, param: 'all', name: 'All' },
]

export default function AlertsPage() {
  const { params } = usePlace()
  const chosen = STATES.find((each) => each.param === params.get('state')) ?? STATES[0]
  const state = chosen?.state ?? null
  const list = usePagedList(AlertsDocument, { state, first: 50 }, (data) => data.alerts)
  const refetch = useThrottled(list.refetch, 500)
  useLive(AlertChangesDocument, {}, ({ alertChanges: { kind, alert } }) => {
    // What is shown repaints by itself, in its place; what is new has to be fetched into the list.
    const isKnown = list.nodes.some(({ id }) => id === alert?.id)
    if (kind === 'RESYNC' || !isKnown) refetch()
  })
  const isAny = list.nodes.length > 0
  // Those that changed their state here stay in their place, and count no more.
  const gone = list.nodes.filter((alert) => state && alert.state !== state).length
  const total = list.totalCount === null ? null : list.totalCount - gone
  return (
    <div className="page">
      <PageTitle
        title="Alerts"
        aside={
          state === 'OPEN' &&
          isAny && (
            <DismissAll
              ids={list.nodes.filter((a) => a.state === 'OPEN').map((a) => a.id)}
              total={total ?? 0}
              onDone={list.refetch}
            />
          )
        }
      >
        <ChipGroup name="States">
          {STATES.map((each) => (
            <Chip
              key={each.name}
              isChosen={each === chosen}
              count={each === chosen ? total : null}
              onChoose={() => changeParams({ state: each.param })}
            >
              {each.name}
            </Chip>
          ))}
        </ChipGroup>
      </PageTitle>
      {list.error && <FailureBar error={list.error} onRetry={list.refetch} />}
      {list.totalCount === null && !list.error && <Skeleton lines={8} label="Loading alerts" />}
      {list.totalCount === 0 && <NoAlerts state={state} />}
      <AlertList alerts={list.nodes} />
      {list.hasMore && (
        <Button appearance="subtle" onClick={list.loadMore}>
          Show older alerts
        </Button>
      )}
    </div>
  )
}

function NoAlerts({ state }: { state: AlertState | null }) {
  if (state === 'OPEN') {
    return (
      <EmptyState title="No open alerts: nothing needs anybody.">
        <Button onClick={() => changeParams({ state: 'resolved' })}>Show what was resolved</Button>
      </EmptyState>
    )
  }
  return (
    <EmptyState title="No alerts in this state.">
      {state !== null && <Button onClick={() => changeParams({ state: null })}>Show the open ones</Button>}
    </EmptyState>
  )
}

interface DismissAllProps {
  /** Those that are shown. */
  ids: string[]
  /** Of all that are open. */
  total: number
  onDone: () => void
}

function DismissAll({ ids, total, onDone }: DismissAllProps) {
  const noRight = useMissingRight('alerts.edit')
  const commands = useAlertCommands()
  return (
    <CommandButton
      reason={noRight ?? (ids.length ? null : 'Nothing here is open.')}
      isBusy={commands.busyIds.size > 0}
      onClick={() => void commands.dismissAllOpen(ids).then(onDone)}
    >
      Dismiss all {count(total)} open
    </CommandButton>
  )
}
