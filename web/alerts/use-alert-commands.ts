import { useCallback, useState } from 'react'
import { type CombinedError, useClient } from 'urql'
import { graphql } from '../gql/gql'
import { errorSentence } from '../ui/failure-bar'
import { useNotify } from '../ui/notify'

const AcknowledgeDocument = graphql(`
  mutation AcknowledgeAlerts($ids: [ID!]!) {
    acknowledgeAlerts(ids: $ids) {
      changed
      alerts {
        ...AlertRow
      }
      userErrors {
        code
        path
        message
      }
    }
  }
`)

const DismissDocument = graphql(`
  mutation DismissAlerts($ids: [ID!]!) {
    dismissAlerts(ids: $ids) {
      changed
      alerts {
        ...AlertRow
      }
      userErrors {
        code
        path
        message
      }
    }
  }
`)

const DismissByDocument = graphql(`
  mutation DismissAlertsBy($filter: AlertFilter!) {
    dismissAlertsBy(filter: $filter) {
      changed
      alerts {
        ...AlertRow
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
  payload?: { userErrors: readonly { message: string }[] }
  error?: CombinedError
}

/** Acknowledge: somebody knows. Dismiss: put away; the next failure opens a new one. */
export function useAlertCommands() {
  const client = useClient()
  const notify = useNotify()
  const [busyIds, setBusyIds] = useState<ReadonlySet<string>>(new Set())

  const give = useCallback(
    async (ids: readonly string[], ask: () => Promise<Answer>) => {
      setBusyIds(new Set(ids))
      const { payload, error } = await ask()
      setBusyIds(new Set())
      const fault = error ? errorSentence(error) : payload?.userErrors[0]?.message
      if (fault) notify({ intent: 'error', title: 'Nothing was changed', body: fault })
    },
    [notify],
  )

  return {
    busyIds,
    acknowledge: (ids: string[]) =>
      void give(ids, async () => {
        const { data, error } = await client.mutation(AcknowledgeDocument, { ids }).toPromise()
        return { payload: data?.acknowledgeAlerts, error }
      }),
    /** However many there are, beyond those that are shown. */
    dismissAllOpen: async (shownIds: string[]) =>
      give(shownIds, async () => {
        const { data, error } = await client.mutation(DismissByDocument, { filter: { state: 'OPEN' } }).toPromise()
        return { payload: data?.dismissAlertsBy, error }
      }),
    dismiss: (ids: string[]) =>
      void give(ids, async () => {
        const { data, error } = await client.mutation(DismissDocument, { ids }).toPromise()
        return { payload: data?.dismissAlerts, error }
      }),
  }
}
