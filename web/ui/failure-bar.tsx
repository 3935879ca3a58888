import { Button, MessageBar, MessageBarActions, MessageBarBody } from '@fluentui/react-components'
import type { CombinedError } from 'urql'

/** In words what a failed question or command means; the server masks what is its own fault. */
export function errorSentence(error: CombinedError): string {
  if (error.networkError) return 'The server does not answer. Your connection or the server is down.'
  return error.graphQLErrors[0]?.message ?? 'The server refused this.'
}

export function FailureBar({ error, onRetry }: { error: CombinedError; onRetry?: () => void }) {
  return (
    <MessageBar intent="error" layout="multiline">
      <MessageBarBody>{errorSentence(error)}</MessageBarBody>
      {onRetry && (
        <MessageBarActions>
          <Button size="small" onClick={onRetry}>
            Try again
          </Button>
        </MessageBarActions>
      )}
    </MessageBar>
  )
}
