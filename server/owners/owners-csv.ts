import { isUtf8 } from 'node:buffer'
import { setImmediate as afterOtherWork } from 'node:timers/promises'
import { CsvError, parse } from 'csv-parse'
import { OwnerKind } from './owner.entity'
import type { OwnerInput } from './owner.inputs'

/** One row that says something sensible; `line` is where it begins. */
export interface CsvOwner {
  line: number
  input: OwnerInput
}

/** What is wrong with a row, or with the file from that line on. */
export interface CsvFault {
  line: number
  code: string
  message: string
}

export interface OwnersCsv {
  owners: CsvOwner[]
  faults: CsvFault[]
}

const COLUMNS = ['kind', 'externalId', 'name', 'emailAddress', 'active'] as const
type Column = (typeof COLUMNS)[number]
/** Without these a row says too little; what another column would say stays as it is. */
const NEEDED: readonly Column[] = ['kind', 'name']

const ACTIVE = new Map<string, boolean | null>([
  ...(['true', 'yes', '1'] as const).map((text) => [text, true] as const),
  ...(['false', 'no', '0'] as const).map((text) => [text, false] as const),
  ['', null],
])

const PIECE = 64 * 1024
const [LINE_FEED, RETURN] = [10, 13]

/**
 * Reads owners from a CSV file (RFC 4180: quotes, and line breaks within them; UTF-8 with or without byte order mark). The
 * header names the columns in any order and case; `,` or `;` separates, whichever the header has. Adds no more than `mostRows`.
 */
export async function readOwnersCsv(bytes: Buffer, mostRows: number): Promise<OwnersCsv> {
  const csv: OwnersCsv = { owners: [], faults: [] }
  const refuse = (line: number, code: string, message: string) => void csv.faults.push({ line, code, message })
  if (bytes.length >= 2 && ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff))) {
    refuse(1, 'NOT_UTF8', 'The file is written in UTF-16: save it as UTF-8')
    return csv
  }
  const isMarked = bytes.subarray(0, 3).equals(Buffer.from([0xef, 0xbb, 0xbf]))
  const text = isMarked ? bytes.subarray(3) : bytes
  const broken = linesNotUtf8(text)
  const lines = new LineCounter(text)
  let columns: Columns | undefined
  let begin = 0
  let nextBroken = 0
  const take = (record: string[], end: number): 'go on' | 'stop' => {
    const [line, last] = lines.linesOf(begin, end)
    begin = end
    while ((broken[nextBroken] ?? line) < line) nextBroken++
    const wrong = broken[nextBroken]
    if (wrong !== undefined && wrong <= last) refuse(line, 'NOT_UTF8', `Line ${wrong} is not written in UTF-8`)
    else if (!columns) columns = readHeader(record, (code, message) => refuse(line, code, message))
    else if (record.some((field) => field.trim() !== '')) {
      if (csv.owners.length + csv.faults.length >= mostRows) {
        refuse(line, 'TOO_MANY', `At most ${mostRows} owners are taken at a time`)
        return 'stop'
      }
      readRow(csv, columns, line, record)
    }
    return columns ? 'go on' : 'stop'
  }
  const error = await parseRecords(text, take)
  if (error) refuse(lines.linesOf(begin, text.length)[0], 'INVALID_CSV', sentenceOf(error))
  if (!columns && csv.faults.length === 0) refuse(1, 'EMPTY', 'The file has no header')
  return csv
}

/**
 * Hands over one record after the other with the place where it ends, until there is no more or `take` says so. Answers what
 * ended it too early. Between two pieces others get their turn.
 */
async function parseRecords(
  text: Buffer,
  take: (record: string[], end: number) => 'go on' | 'stop',
): Promise<CsvError | undefined> {
  const state: { isOver: boolean; error?: unknown } = { isOver: false }
  const parser = parse({
    delimiter: delimiterOf(text),
    relax_column_count: true,
    skip_empty_lines: true,
    max_record_size: PIECE,
    // records are taken here and not read from the stream, which an error would empty
    on_record: (record: string[], { bytes }: { bytes: number }) => {
      if (!state.isOver) state.isOver = take(record, bytes) === 'stop'
      return null
    },
  })
  const ended = new Promise<void>((resolve) => parser.once('close', resolve))
  parser.on('error', (error) => Object.assign(state, { isOver: true, error })).resume()
  for (let at = 0; at < text.length && !state.isOver; at += PIECE) {
    parser.write(text.subarray(at, at + PIECE))
    await afterOtherWork()
  }
  if (state.isOver) parser.destroy()
  else parser.end()
  await ended
  if (state.error === undefined || state.error instanceof CsvError) return state.error
  throw state.error
}

/** The one that the header has; a header of one column needs none. */
function delimiterOf(text: Buffer): ',' | ';' {
  const end = text.findIndex((byte) => byte === LINE_FEED || byte === RETURN)
  const header = text.subarray(0, end === -1 ? Math.min(text.length, PIECE) : end).toString('utf8')
  return header.split(';').length > header.split(',').length ? ';' : ','
}

type Columns = readonly Column[]

function readHeader(record: readonly string[], refuse: (code: string, message: string) => void): Columns | undefined {
  const names = record.map((name) => name.trim())
  const known = names.map((name) => COLUMNS.find((column) => column.toLowerCase() === name.toLowerCase()))
  const unknown = names.filter((_, index) => known[index] === undefined)
  const missing = NEEDED.filter((column) => !known.includes(column))
  const twice = COLUMNS.filter((column) => known.indexOf(column) !== known.lastIndexOf(column))
  const named = (list: readonly string[]) => list.map((name) => JSON.stringify(name)).join(', ')
  if (unknown.length > 0) {
    refuse('UNKNOWN_COLUMN', `Unknown columns: ${named(unknown)}. Known are ${COLUMNS.join(', ')}`)
  }
  if (missing.length > 0) refuse('MISSING_COLUMN', `Missing columns: ${named(missing)}`)
  if (twice.length > 0) refuse('DUPLICATE_COLUMN', `Columns that stand there twice: ${named(twice)}`)
  const columns = known.flatMap((column) => column ?? [])
  return unknown.length + missing.length + twice.length > 0 ? undefined : columns
}

function readRow(csv: OwnersCsv, columns: Columns, line: number, record: readonly string[]): void {
  const refuse = (code: string, message: string) => void csv.faults.push({ line, code, message })
  if (record.length !== columns.length) {
    refuse('INVALID_CSV', `The row has ${record.length} fields, the header ${columns.length}`)
    return
  }
  const field = (column: Column) => record[columns.indexOf(column)] ?? ''
  const kind = Object.values(OwnerKind).find((one) => one === field('kind').trim().toUpperCase())
  const active = ACTIVE.get(field('active').trim().toLowerCase())
  if (!kind) refuse('INVALID_KIND', `The kind is user or queue, not ${shown(field('kind'))}`)
  else if (active === undefined)
    refuse('INVALID_ACTIVE', `active is 1, true, yes, 0, false, no or empty, not ${shown(field('active'))}`)
  else {
    const input = { kind, name: field('name'), externalId: field('externalId'), active }
    const address = columns.includes('emailAddress') ? { emailAddress: field('emailAddress') } : {}
    csv.owners.push({ line, input: { ...input, ...address } })
  }
}

const shown = (value: string): string => JSON.stringify(value.length > 50 ? `${value.slice(0, 50)}...` : value)

function sentenceOf(error: CsvError): string {
  if (error.code === 'CSV_QUOTE_NOT_CLOSED') return 'A quote that opens in this row is never closed'
  if (error.code === 'CSV_MAX_RECORD_SIZE') return 'The row is longer than any owner: is a quote not closed?'
  return 'A quote stands where none may: quotes enclose a whole field, and a quote within is written twice'
}

function linesNotUtf8(text: Buffer): number[] {
  if (isUtf8(text)) return []
  const found: number[] = []
  let line = 1
  for (let begin = 0; begin < text.length; line++) {
    const feed = text.indexOf(LINE_FEED, begin)
    const end = feed === -1 ? text.length : feed
    if (!isUtf8(text.subarray(begin, end))) found.push(line)
    begin = end + 1
  }
  return found
}

/** Counts lines as an editor does, while the places asked for move on. */
class LineCounter {
  private at = 0
  private line = 1

  constructor(private readonly text: Buffer) {}

  /** First and last line of what begins at or after `begin` and ends before `end`; empty lines are passed over. */
  linesOf(begin: number, end: number): [number, number] {
    this.moveTo(begin)
    while (this.at < end && this.isBreak(this.at)) this.moveTo(this.at + 1)
    const first = this.line
    let last = end
    while (last > this.at && this.isBreak(last - 1)) last--
    this.moveTo(last)
    return [first, this.line]
  }

  private moveTo(place: number): void {
    for (; this.at < place; this.at++) {
      const byte = this.text[this.at]
      if (byte === LINE_FEED || (byte === RETURN && this.text[this.at + 1] !== LINE_FEED)) this.line++
    }
  }

  private isBreak(place: number): boolean {
    return this.text[place] === LINE_FEED || this.text[place] === RETURN
  }
}
