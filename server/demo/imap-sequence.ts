import { bad } from './imap-parser'

/** A sequence-set of RFC 3501 section 9 as ranges; "*" is Infinity until the largest number is known. */
export type SequenceSet = [number, number][]

const MAX_RANGES = 5_000

export const isSequenceSet = (text: string) => /^(\d+|\*)(:(\d+|\*))?(,(\d+|\*)(:(\d+|\*))?)*$/.test(text)

export function parseSequenceSet(text: string): SequenceSet {
  if (!isSequenceSet(text)) throw bad('Invalid message set')
  const ranges = text.split(',')
  if (ranges.length > MAX_RANGES) throw bad('Too many ranges in the message set')
  return ranges.map((range) => {
    const [first = Number.NaN, last = first] = range.split(':').map((end) => (end === '*' ? Infinity : Number(end)))
    if (first === 0 || last === 0 || [first, last].some((end) => end !== Infinity && end > 0xffffffff)) {
      throw bad('Invalid message set')
    }
    return [Math.min(first, last), Math.max(first, last)]
  })
}

/** Is `number` in the set, when `largest` is what "*" stands for? */
export function inSequenceSet(set: SequenceSet, number: number, largest: number): boolean {
  return set.some(([first, last]) => {
    const from = first === Infinity ? largest : first
    const to = last === Infinity ? largest : last
    // 559:* is the last message even when its number is below 559 (RFC 3501 section 9).
    return number >= Math.min(from, to) && number <= Math.max(from, to)
  })
}

/** 1,2,3,7 as "1:3,7". */
export function formatSequenceSet(numbers: number[]): string {
  const ranges: [number, number][] = []
  for (const number of numbers) {
    const last = ranges.at(-1)
    if (last && last[1] + 1 === number) last[1] = number
    else ranges.push([number, number])
  }
  return ranges.map(([first, last]) => (first === last ? `${first}` : `${first}:${last}`)).join(',')
}
