import { Button } from '@fluentui/react-components'
import { ArrowClockwiseRegular } from '@fluentui/react-icons/svg/arrow-clockwise'
import { DismissRegular } from '@fluentui/react-icons/svg/dismiss'
import { useEffect, useMemo, useRef, useState } from 'react'
import { useQuery } from 'urql'
import { graphql } from '../gql/gql'
import type { RunStateFragment, TestItemState } from '../gql/graphql'
import { announcer } from '../lib/announce'
import { count, counted } from '../lib/format'
import { useLive } from '../lib/live'
import { changeParams, usePlace } from '../lib/router'
import { runMark } from '../lib/state-words'
import { useMissingRight } from '../lib/viewer'
import { Pace } from '../test-runs/pace'
import { RunCauses, RunHead } from '../test-runs/run-head'
import { RunItems } from '../test-runs/run-items'
import { isCancelling, isOver, RunProgressDocument } from '../test-runs/test-run-fragments'
import { useRunCommands } from '../test-runs/use-run-commands'
import { useRunItems } from '../test-runs/use-run-items'
import { Chip, ChipGroup } from '../ui/chips'
import { CommandButton } from '../ui/command-button'
import { FailureBar } from '../ui/failure-bar'
import { Link } from '../ui/link'
import { PageTitle } from '../ui/page-title'
import { doneOf } from '../ui/progress'
import { RelativeTime } from '../ui/relative-time'
import { StateMark } from '../ui/state-mark'
import { EmptyState, Skeleton } from '../ui/waiting'

const TestRunDocument = graphql(`
  query TestRunPage($id: ID!) {
    testRun(id: $id) {
      ...RunState
    }
  }
`)

const STATES: readonly { state: TestItemState | null; name: string }[] = [
  { state: null, name: 'All' },
  { state: 'FAILED', name: 'Failed' },
  { state: 'SUCCEEDED', name: 'Work' },
  { state: 'SKIPPED', name: 'Skipped' },
  { state: 'RUNNING', name: 'Running' },
  { state: 'CANCELLED', name: 'Cancelled' },
]

export default function TestRunPage({ id }: { id: string }) {
  const [{ data, fetching, error }, refetch] = useQuery({
    query: TestRunDocument,
    variables: { id },
    requestPolicy: 'cache-and-network',
  })
  const run = data?.testRun
  if (run) return <Shown key={run.id} run={run} />
  return (
    <div className="page">
      <PageTitle title="Test run" />
      {error && <FailureBar error={error} onRetry={() => refetch({ requestPolicy: 'network-only' })} />}
      {fetching && <Skeleton lines={8} />}
      {!fetching && !error && (
        <EmptyState title="There is no such test run.">
          <Link href="/test-runs">All test runs</Link>
        </EmptyState>
      )}
    </div>
  )
}

function Shown({ run }: { run: RunStateFragment }) {
  const { params } = usePlace()
  const state = STATES.find((each) => each.state === params.get('state')?.toUpperCase())?.state ?? null
  const cause = params.get('cause')
  const list = useRunItems(run, cause ? 'FAILED' : state, cause)
  const perSecond = usePace(run)
  useLive(
    RunProgressDocument,
    useMemo(() => ({ id: run.id }), [run.id]),
    ({ testRunProgress }) => list.receive(testRunProgress.items),
  )
  useSpokenProgress(run)
  const choose = (next: TestItemState | null) =>
    changeParams({ state: next?.toLowerCase() ?? null, cause: null }, { replace: true })
  return (
    <div className="page page-fixed">
      <PageTitle title="Test run" aside={<RunCommands run={run} />}>
        <p className="run-what">
          <StateMark mark={runMark(run)} />
          <span>
            {run.mode === 'TEST_ONLY' ? 'Test only' : 'Test & Enable'} of {counted(run.total, 'mailbox', 'mailboxes')}{' '}
            by {run.requestedBy}, <RelativeTime at={run.createdAt} />
          </span>
        </p>
      </PageTitle>
      <RunHead run={run} perSecond={perSecond} />
      <div className="run-filters">
        <ChipGroup name="Results">
          {STATES.filter((each) => each.state !== 'CANCELLED' || run.cancelled > 0 || state === 'CANCELLED').map(
            (each) => (
              <Chip
                key={each.name}
                isChosen={!cause && each.state === state}
                count={numberOf(run, each.state)}
                onChoose={() => choose(each.state)}
              >
                {each.name}
              </Chip>
            ),
          )}
        </ChipGroup>
        <RunCauses
          run={run}
          cause={cause}
          onChoose={(next) => changeParams({ cause: next, state: null }, { replace: true })}
        />
      </div>
      {list.error && <FailureBar error={list.error} onRetry={list.refetch} />}
      {list.totalCount === null && !list.error && <Skeleton lines={8} label="Loading results" />}
      {list.totalCount !== null && list.items.length === 0 && !list.hasMore && (
        <EmptyState title={isOver(run.state) ? 'No result of this kind.' : 'No result of this kind yet.'}>
          {(state || cause) && <Button onClick={() => choose(null)}>Show all results</Button>}
        </EmptyState>
      )}
      {(list.items.length > 0 || list.hasMore) && (
        <RunItems
          items={list.items}
          hasMore={list.hasMore && !list.isLoading}
          loaded={list.nodes.length}
          openId={params.get('item')}
          onOpen={(item) => changeParams({ item }, { replace: true })}
          onLoadMore={list.loadMore}
        />
      )}
    </div>
  )
}

function numberOf(run: RunStateFragment, state: TestItemState | null): number {
  switch (state) {
    case 'FAILED':
      return run.failed
    case 'SUCCEEDED':
      return run.succeeded
    case 'SKIPPED':
      return run.skipped
    case 'RUNNING':
      return run.running
    case 'CANCELLED':
      return run.cancelled
    default:
      return run.total
  }
}

function RunCommands({ run }: { run: RunStateFragment }) {
  const noTest = useMissingRight('mailboxes.test')
  const commands = useRunCommands()
  if (!isOver(run.state)) {
    return (
      <CommandButton
        icon={<DismissRegular />}
        reason={noTest ?? (isCancelling(run) ? 'What is under way finishes.' : null)}
        isBusy={commands.isBusy}
        onClick={() => commands.cancel(run.id)}
      >
        {isCancelling(run) ? 'Cancelling' : 'Cancel'}
      </CommandButton>
    )
  }
  return (
    <CommandButton
      appearance={run.failed ? 'primary' : 'secondary'}
      icon={<ArrowClockwiseRegular />}
      reason={noTest ?? (run.failed ? null : 'Nothing failed.')}
      isBusy={commands.isBusy}
      onClick={() => commands.retryFailed(run.id)}
    >
      Retry failed
    </CommandButton>
  )
}

function usePace(run: RunStateFragment): number | null {
  const pace = useRef(new Pace())
  const [perSecond, setPerSecond] = useState<number | null>(null)
  const done = run.succeeded + run.failed
  const { startedAt } = run
  useEffect(() => {
    if (!startedAt) return
    const now = Date.now()
    pace.current.add(0, Math.min(now, Date.parse(startedAt)))
    pace.current.add(done, now)
    setPerSecond(pace.current.perSecond(now))
  }, [done, startedAt])
  return perSecond
}

function useSpokenProgress(run: RunStateFragment) {
  const done = doneOf(run)
  useEffect(() => {
    if (done === 0) return
    const sentence = isOver(run.state) ? 'The run has ended' : 'Testing'
    announcer.say(`${sentence}: ${count(done)} of ${count(run.total)} done, ${count(run.failed)} failed`)
  }, [done, run.state, run.total, run.failed])
}
