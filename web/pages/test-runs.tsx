import { Button } from '@fluentui/react-components'
import { graphql } from '../gql/gql'
import { count } from '../lib/format'
import { useLive, useThrottled } from '../lib/live'
import { usePagedList } from '../lib/paged-list'
import { navigate } from '../lib/router'
import { MailboxChangesDocument } from '../mailboxes/mailbox-row'
import { RunRow } from '../test-runs/run-row'
import { FailureBar } from '../ui/failure-bar'
import { PageTitle } from '../ui/page-title'
import { EmptyState, Skeleton } from '../ui/waiting'

export const TestRunsDocument = graphql(`
  query TestRuns($first: Int, $after: String) {
    testRuns(first: $first, after: $after) {
      nodes {
        ...RunState
      }
      pageInfo {
        hasNextPage
        endCursor
      }
      totalCount
    }
  }
`)

export default function TestRunsPage() {
  const list = usePagedList(TestRunsDocument, { first: 30 }, (data) => data.testRuns)
  // There is no event for a new run, but its mailboxes change when it starts.
  const refetch = useThrottled(list.refetch, 2_000)
  useLive(MailboxChangesDocument, {}, refetch)
  return (
    <div className="page">
      <PageTitle title="Test runs" aside={list.totalCount !== null && `${count(list.totalCount)} in all`} />
      {list.error && <FailureBar error={list.error} onRetry={list.refetch} />}
      {list.totalCount === null && !list.error && <Skeleton lines={8} label="Loading test runs" />}
      {list.totalCount === 0 && (
        <EmptyState title="Nothing has been tested yet. Select mailboxes and test them.">
          <Button appearance="primary" onClick={() => navigate('/mailboxes')}>
            Go to the mailboxes
          </Button>
        </EmptyState>
      )}
      <ul className="run-rows">
        {list.nodes.map((run) => (
          <RunRow key={run.id} run={run} />
        ))}
      </ul>
      {list.hasMore && (
        <Button appearance="subtle" onClick={list.loadMore}>
          Show older runs
        </Button>
      )}
    </div>
  )
}
