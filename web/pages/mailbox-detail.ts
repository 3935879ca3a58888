import { useMemo } from 'react'
import { useQuery } from 'urql'
import { graphql } from '../gql/gql'
import type { MailboxPageQuery } from '../gql/graphql'
import { useLive } from '../lib/live'
import { RunProgressDocument } from '../test-runs/test-run-fragments'

const MailboxPageDocument = graphql(`
  query MailboxPage($id: ID!) {
    mailbox(id: $id) {
      ...MailboxDetail
      lastTestItem {
        ...ItemResults
      }
    }
  }
`)

const MailboxPageChangesDocument = graphql(`
  subscription MailboxPageChanges($ids: [ID!]) {
    mailboxChanges(ids: $ids) {
      kind
      mailboxes {
        ...MailboxDetail
        lastTestItem {
          ...ItemResults
        }
      }
    }
  }
`)

export type ShownMailbox = NonNullable<MailboxPageQuery['mailbox']>

/** Runs up to this size are watched step by step from the page of one of their mailboxes. */
const MOST_WATCHED = 50

/** One mailbox with its last test, live; every event carries its whole state, so a reconnect repaints it. */
export function useMailbox(id: string) {
  const [{ data, fetching, error }, refetch] = useQuery({
    query: MailboxPageDocument,
    variables: { id },
    requestPolicy: 'cache-and-network',
  })
  useLive(
    MailboxPageChangesDocument,
    useMemo(() => ({ ids: [id] }), [id]),
    ({ mailboxChanges }) => {
      if (mailboxChanges.kind === 'RESYNC' && mailboxChanges.mailboxes.length === 0)
        refetch({ requestPolicy: 'network-only' })
    },
  )
  const run = data?.mailbox?.testRun
  useLive(
    RunProgressDocument,
    useMemo(() => ({ id: run?.id ?? '' }), [run?.id]),
    () => {},
    run != null && run.total <= MOST_WATCHED,
  )
  return {
    mailbox: data?.mailbox ?? null,
    isLoading: fetching,
    error: error ?? null,
    refetch: () => refetch({ requestPolicy: 'network-only' }),
  }
}
