const numbers = new Intl.NumberFormat('en-GB')

export const count = (value: number) => numbers.format(value)

/** "1 mailbox", "1,204 mailboxes". */
export const counted = (value: number, one: string, many = `${one}s`) => `${count(value)} ${value === 1 ? one : many}`

/** HAS_A_NAME -> "Has a name"; abbreviations stay as they are. */
export function words(code: string) {
  const abbreviations = new Set(['TLS', 'DNS', 'DAV', 'IMAP', 'SMTP', 'POP3', 'ACT', 'IP'])
  const parts = code.split('_').map((part) => (abbreviations.has(part) ? part : part.toLowerCase()))
  const text = parts.join(' ')
  return text.charAt(0).toUpperCase() + text.slice(1)
}

/** 840 ms, 2.4 s, 1 min 12 s, 2 h 5 min. */
export function duration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`
  if (ms < 10_000) return `${(ms / 1_000).toFixed(1)} s`
  const seconds = Math.round(ms / 1_000)
  if (seconds < 60) return `${seconds} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return seconds % 60 ? `${minutes} min ${seconds % 60} s` : `${minutes} min`
  return minutes % 60 ? `${Math.floor(minutes / 60)} h ${minutes % 60} min` : `${minutes / 60} h`
}

/** "about 2 min", for estimates: no false precision. */
export function roughDuration(ms: number): string {
  const seconds = ms / 1_000
  if (seconds < 10) return 'a few seconds'
  if (seconds < 55) return `about ${Math.round(seconds / 5) * 5} s`
  const minutes = Math.round(seconds / 60)
  if (minutes < 90) return `about ${Math.max(1, minutes)} min`
  return `about ${Math.round(minutes / 60)} h`
}
