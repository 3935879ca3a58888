import { graphql } from '../gql/gql'
import type { RunStateFragment } from '../gql/graphql'

export const ItemResults = graphql(`
  fragment ItemResults on TestRunItem {
    id
    state
    errorCode
    skipReason
    skipMessage
    startedAt
    finishedAt
    results {
      direction
      status
      durationMs
      steps {
        name
        state
        durationMs
        error {
          code
          nature
          scope
          actor
          message
          remedy
          field
          serverResponse
          retryAt
        }
      }
    }
  }
`)

export const RunItem = graphql(`
  fragment RunItem on TestRunItem {
    ...ItemResults
    mailbox {
      id
      name
      emailAddress
    }
  }
`)

export const RunState = graphql(`
  fragment RunState on TestRun {
    id
    state
    mode
    total
    queued
    running
    succeeded
    failed
    skipped
    cancelled
    causes {
      code
      count
    }
    requestedBy
    createdAt
    startedAt
    finishedAt
  }
`)

/** For lists: the numbers alone. */
export const RunNumbersDocument = graphql(`
  subscription RunNumbers($id: ID!) {
    testRunProgress(id: $id) {
      run {
        ...RunState
      }
    }
  }
`)

export const RunProgressDocument = graphql(`
  subscription RunProgress($id: ID!) {
    testRunProgress(id: $id) {
      run {
        ...RunState
      }
      items {
        ...RunItem
      }
    }
  }
`)

/** What waited is cancelled; what is under way still finishes. */
export const isCancelling = ({ state, cancelled }: Pick<RunStateFragment, 'state' | 'cancelled'>) =>
  cancelled > 0 && !isOver(state)

export const isOver = (state: string) => state === 'COMPLETED' || state === 'CANCELLED'
