import { useMemo } from 'react'
import { useQuery } from 'urql'
import { graphql } from '../gql/gql'
import type { MailboxView } from '../gql/graphql'
import { useLive } from '../lib/live'

const ViewCountsDocument = graphql(`
  query ViewCounts {
    mailboxViewCounts {
      view
      count
    }
  }
`)

const LiveViewCountsDocument = graphql(`
  subscription LiveViewCounts {
    mailboxViewCounts {
      view
      count
    }
  }
`)

/** How many mailboxes each view has, live: each event writes the counts by their view. */
export function useViewCounts(): ReadonlyMap<MailboxView, number> {
  const [{ data }] = useQuery({ query: ViewCountsDocument })
  useLive(LiveViewCountsDocument, {}, () => {})
  return useMemo(() => new Map(data?.mailboxViewCounts.map(({ view, count }) => [view, count])), [data])
}
