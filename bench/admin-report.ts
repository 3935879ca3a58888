/** The lines of bench:admin: each figure beside its target. */
export interface Times {
  /** Milliseconds, ascending. */
  sorted: number[]
}

export const timesOf = (values: readonly number[]): Times => ({ sorted: [...values].sort((a, b) => a - b) })

const at = ({ sorted }: Times, share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN

export const p50 = (times: Times): number => at(times, 0.5)
export const p99 = (times: Times): number => at(times, 0.99)

export function median(values: readonly number[]): number {
  return p50(timesOf(values))
}

const misses: string[] = []
let subject = ''

/** What was missed so far; the last line of the report. */
export const missed = (): readonly string[] => misses

const write = (text: string): void => void process.stdout.write(`${text}\n`)

export const heading = (text: string): void => write(`\n${text}`)

/** Begins the figures of one database. */
export function under(text: string): void {
  subject = text
  heading(text)
}

const verdict = (name: string, value: number, most: number): string => {
  if (value <= most) return 'ok'
  misses.push(`${subject}: ${name}`)
  return 'MISSED'
}

const ms = (value: number): string => value.toFixed(value < 100 ? 1 : 0).padStart(7)

/** A figure whose 99th percentile must be below `most` milliseconds. */
export function line(name: string, times: Times, most: number): void {
  const target = `target p99 < ${most}  ${verdict(name, p99(times), most)}`
  write(`${name.padEnd(44)} p50 ${ms(p50(times))}  p99 ${ms(p99(times))} ms  ${target}`)
}

/** The last page beside the first: the medians of the same run. */
export function lastToFirst(name: string, first: Times, last: Times): void {
  const ratio = p50(last) / p50(first)
  write(`${name.padEnd(44)} last / first ${ratio.toFixed(2)}  target <= 2  ${verdict(name, ratio, 2)}`)
}

export function single(name: string, value: number, unit: string, most: number): void {
  write(`${name.padEnd(44)} ${value.toFixed(2)} ${unit}  target <= ${most}  ${verdict(name, value, most)}`)
}

/** For what has no target. */
export const remark = (text: string): void => write(text)
