import { useCallback, useState } from 'react'
import { type CombinedError, useClient } from 'urql'
import { graphql } from '../gql/gql'
import { navigate } from '../lib/router'
import { errorSentence } from '../ui/failure-bar'
import { useNotify } from '../ui/notify'

const CancelDocument = graphql(`
  mutation CancelTestRun($id: ID!) {
    cancelTestRun(id: $id) {
      testRun {
        ...RunState
      }
      userErrors {
        code
        path
        message
      }
    }
  }
`)

const RetryDocument = graphql(`
  mutation RetryFailedTests($id: ID!) {
    retryFailedTests(runId: $id) {
      testRun {
        ...RunState
      }
      userErrors {
        code
        path
        message
      }
    }
  }
`)

const TestProfileDocument = graphql(`
  mutation TestProfileMailboxes($profileId: ID!) {
    testAndEnableMailboxes(profileId: $profileId) {
      testRun {
        ...RunState
      }
      userErrors {
        code
        path
        message
      }
    }
  }
`)

interface Answer {
  payload?: { testRun?: { id: string } | null; userErrors: readonly { message: string }[] }
  error?: CombinedError
}

/** Cancel, retry, and the test of a whole profile; the last two lead to the new run. */
export function useRunCommands() {
  const client = useClient()
  const notify = useNotify()
  const [isBusy, setBusy] = useState(false)

  const give = useCallback(
    async (ask: () => Promise<Answer>, isNewRun: boolean) => {
      setBusy(true)
      const { payload, error } = await ask()
      setBusy(false)
      const fault = error ? errorSentence(error) : payload?.userErrors[0]?.message
      if (fault) notify({ intent: 'error', title: 'Nothing was changed', body: fault })
      else if (isNewRun && payload?.testRun) navigate(`/test-runs/${payload.testRun.id}`)
    },
    [notify],
  )

  return {
    isBusy,
    cancel: (id: string) =>
      void give(async () => {
        const { data, error } = await client.mutation(CancelDocument, { id }).toPromise()
        return { payload: data?.cancelTestRun, error }
      }, false),
    retryFailed: (id: string) =>
      void give(async () => {
        const { data, error } = await client.mutation(RetryDocument, { id }).toPromise()
        return { payload: data?.retryFailedTests, error }
      }, true),
    testProfile: (profileId: string) =>
      void give(async () => {
        const { data, error } = await client.mutation(TestProfileDocument, { profileId }).toPromise()
        return { payload: data?.testAndEnableMailboxes, error }
      }, true),
  }
}
