import { type LiveStatus, live, useLiveStatus } from '../lib/live-status'
import { useNow } from '../lib/time'

function words({ state, retryAt }: LiveStatus, now: number): string {
  switch (state) {
    case 'connected':
      return 'Live'
    case 'connecting':
      return 'Connecting'
    case 'offline':
      return 'Offline'
    case 'reconnecting':
      return retryAt === null ? 'Reconnecting' : `Reconnecting in ${Math.max(1, Math.ceil((retryAt - now) / 1_000))} s`
  }
}

/** The websocket: green connected, amber reconnecting with a countdown, grey offline. A click tries at once. */
export function LiveDot() {
  const status = useLiveStatus()
  const now = useNow(status.state === 'reconnecting')
  const canRetry = status.state === 'reconnecting' && status.retryAt !== null
  const text = words(status, now)
  const content = (
    <>
      <span className="live-dot" aria-hidden="true" />
      <span className="live-word">{text}</span>
    </>
  )
  const className = `live live-${status.state}`
  if (!canRetry) {
    return (
      <span className={className} title={text}>
        {content}
      </span>
    )
  }
  return (
    <button type="button" className={className} title="Try now" onClick={() => live.retryNow()}>
      {content}
    </button>
  )
}
