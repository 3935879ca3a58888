import { Button } from '@fluentui/react-components'
import { graphql } from '../gql/gql'
import { usePagedList } from '../lib/paged-list'
import { ProfileTable } from '../profiles/profile-table'
import { useRunCommands } from '../test-runs/use-run-commands'
import { FailureBar } from '../ui/failure-bar'
import { PageTitle } from '../ui/page-title'
import { EmptyState, Skeleton } from '../ui/waiting'

const ProfilesDocument = graphql(`
  query Profiles($first: Int, $after: String) {
    emailServerProfiles(first: $first, after: $after) {
      nodes {
        ...ProfileRow
      }
      pageInfo {
        hasNextPage
        endCursor
      }
      totalCount
    }
  }
`)

export default function ProfilesPage() {
  const list = usePagedList(ProfilesDocument, { first: 50 }, (data) => data.emailServerProfiles)
  const runs = useRunCommands()
  return (
    <div className="page">
      <PageTitle title="Profiles" />
      {list.error && <FailureBar error={list.error} onRetry={list.refetch} />}
      {list.totalCount === null && !list.error && <Skeleton lines={6} label="Loading profiles" />}
      {list.totalCount === 0 && (
        <EmptyState title="There are no email server profiles. Create one with the mutation createEmailServerProfile.">
          <Button onClick={list.refetch}>Look again</Button>
        </EmptyState>
      )}
      {list.nodes.length > 0 && <ProfileTable profiles={list.nodes} isBusy={runs.isBusy} onTest={runs.testProfile} />}
      {list.hasMore && (
        <Button appearance="subtle" onClick={list.loadMore}>
          Show more
        </Button>
      )}
    </div>
  )
}
