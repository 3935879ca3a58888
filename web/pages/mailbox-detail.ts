import { useMemo, useState } from 'react'
import { useQuery } from 'urql'
import { graphql } from '../gql/gql'
import type { ItemResultsFragment, MailboxPageQuery } from '../gql/graphql'
import { useLive } from '../lib/live'

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

/** A run in the words one of its mailboxes needs. */
const MailboxTestDocument = graphql(`
  subscription MailboxTest($id: ID!) {
    testRunProgress(id: $id) {
      items {
        ...ItemResults
        mailbox {
          id
        }
      }
    }
  }
`)

export type ShownMailbox = NonNullable<MailboxPageQuery['mailbox']>

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
  return {
    mailbox: data?.mailbox ?? null,
    isLoading: fetching,
    error: error ?? null,
    refetch: () => refetch({ requestPolicy: 'network-only' }),
  }
}

/** The test of a mailbox that is under way, step by step; null before its first step and when there is none. */
export function useTestUnderWay({ id, testRun }: ShownMailbox): ItemResultsFragment | null {
  const [told, setTold] = useState<{ runId: string; item: ItemResultsFragment } | null>(null)
  const runId = testRun?.id
  useLive(
    MailboxTestDocument,
    { id: runId ?? '' },
    ({ testRunProgress }) => {
      const item = testRunProgress.items.find(({ mailbox }) => mailbox.id === id)
      if (item && runId) setTold({ runId, item })
    },
    runId !== undefined,
  )
  return told && told.runId === runId && told.item.results.length > 0 ? told.item : null
}
