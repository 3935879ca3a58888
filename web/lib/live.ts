import { useEffect, useRef } from 'react'
import { type AnyVariables, type TypedDocumentNode, useClient } from 'urql'

/** Listens to a subscription while the part is shown (and `isActive`); the socket's own reconnects are invisible here. */
export function useLive<D, V extends AnyVariables>(
  document: TypedDocumentNode<D, V>,
  variables: V,
  onEvent: (data: D) => void,
  isActive = true,
) {
  const client = useClient()
  const latest = useRef(onEvent)
  latest.current = onEvent
  const key = JSON.stringify(variables)
  useEffect(() => {
    if (!isActive) return
    const source = client.subscription<D, V>(document, JSON.parse(key) as V)
    const { unsubscribe } = source.subscribe((result) => {
      if (result.data) latest.current(result.data)
    })
    return unsubscribe
  }, [client, document, key, isActive])
}

/** Calls `run` at most once in `waitMs`, the last time after the last call: many events, few questions. */
export function useThrottled(run: () => void, waitMs: number): () => void {
  const latest = useRef(run)
  latest.current = run
  const timer = useRef<ReturnType<typeof setTimeout> | null>(null)
  useEffect(
    () => () => {
      if (timer.current) clearTimeout(timer.current)
    },
    [],
  )
  const call = useRef(() => {
    timer.current ??= setTimeout(() => {
      timer.current = null
      latest.current()
    }, waitMs)
  })
  return call.current
}
