import { exactTime, relativeTime, useNow } from '../lib/time'

/** "4 min ago", exact on hover; a dash when there is no time. */
export function RelativeTime({ at }: { at: string | null | undefined }) {
  const now = useNow()
  if (!at) return <span className="quiet">–</span>
  return (
    <time dateTime={at} title={exactTime(at)}>
      {relativeTime(at, now)}
    </time>
  )
}
