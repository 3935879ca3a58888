import { formatDateTime, formatEnvelope, formatString, formatStructure } from './imap-format'
import { type Arguments, atomsOf, bad, type Token } from './imap-parser'
import type { StoredMessage } from './mail-store'
import { type MimePart, parseMime } from './mime-tree'

/** One thing that FETCH was asked for. */
export type FetchItem =
  | { kind: 'FLAGS' | 'UID' | 'INTERNALDATE' | 'RFC822.SIZE' | 'ENVELOPE' | 'BODY' | 'BODYSTRUCTURE' }
  | { kind: 'section'; label: string; section: Section; partial?: [number, number]; marksSeen: boolean }

interface Section {
  path: number[]
  /** What of that part: all of it, its header, its text, its MIME header, or some header fields. */
  what: '' | 'HEADER' | 'TEXT' | 'MIME' | 'HEADER.FIELDS' | 'HEADER.FIELDS.NOT'
  fields: string[]
}

const MACROS: Record<string, string[]> = {
  ALL: ['FLAGS', 'INTERNALDATE', 'RFC822.SIZE', 'ENVELOPE'],
  FAST: ['FLAGS', 'INTERNALDATE', 'RFC822.SIZE'],
  FULL: ['FLAGS', 'INTERNALDATE', 'RFC822.SIZE', 'ENVELOPE', 'BODY'],
}

const PLAIN = new Set(['FLAGS', 'UID', 'INTERNALDATE', 'RFC822.SIZE', 'ENVELOPE', 'BODY', 'BODYSTRUCTURE'])

const OLD_NAMES: Record<string, { what: Section['what']; marksSeen: boolean }> = {
  RFC822: { what: '', marksSeen: true },
  'RFC822.HEADER': { what: 'HEADER', marksSeen: false },
  'RFC822.TEXT': { what: 'TEXT', marksSeen: true },
}

const parsed = new WeakMap<StoredMessage, MimePart>()

/** The parts of a message, found once. */
export function mimeOf(message: StoredMessage): MimePart {
  const known = parsed.get(message) ?? parseMime(message.raw)
  parsed.set(message, known)
  return known
}

export function parseFetchItems(args: Arguments): FetchItem[] {
  const first = args.peek()
  const tokens: Token[] = first?.type === 'list' ? args.list('items') : [args.next('items')]
  args.end()
  const names = atomsOf(tokens, 'item').flatMap((name) => MACROS[name.toUpperCase()] ?? [name])
  if (names.length === 0 || names.length > 100) throw bad('Invalid number of items')
  return names.map(parseItem)
}

function parseItem(name: string): FetchItem {
  const upper = name.toUpperCase()
  if (PLAIN.has(upper)) return { kind: upper } as FetchItem
  const old = OLD_NAMES[upper]
  if (old) {
    return {
      kind: 'section',
      label: upper,
      section: { path: [], what: old.what, fields: [] },
      marksSeen: old.marksSeen,
    }
  }
  const match = /^BODY(\.PEEK)?\[([^\]]*)\](?:<(\d{1,10})\.(\d{1,10})>)?$/i.exec(name)
  if (!match) throw bad(`Unknown FETCH item`)
  const [, peek, sectionText = '', offset, count] = match
  const partial: [number, number] | undefined = offset ? [Number(offset), Number(count)] : undefined
  const label = `BODY[${sectionText.toUpperCase()}]${partial ? `<${partial[0]}>` : ''}`
  return { kind: 'section', label, section: parseSection(sectionText), partial, marksSeen: !peek }
}

function parseSection(text: string): Section {
  const match =
    /^((?:\d{1,4}\.)*\d{1,4}(?=\.|$))?\.?(HEADER\.FIELDS\.NOT|HEADER\.FIELDS|HEADER|TEXT|MIME)?(?: \((.*)\))?$/i.exec(
      text,
    )
  if (!match) throw bad('Invalid section')
  const path = match[1]?.split('.').map(Number) ?? []
  const what = (match[2] ?? '').toUpperCase() as Section['what']
  const fields = (match[3] ?? '')
    .split(/\s+/)
    .filter(Boolean)
    .map((field) => field.replace(/"/g, '').toLowerCase())
  if ((what === 'MIME' && path.length === 0) || what.startsWith('HEADER.FIELDS') !== fields.length > 0) {
    throw bad('Invalid section')
  }
  return { path, what, fields }
}

/** The part at a path such as 1.2; undefined when there is none (RFC 3501 6.4.5). */
function partAt(root: MimePart, path: number[]): MimePart | undefined {
  let part: MimePart | undefined = root
  for (const [depth, number] of path.entries()) {
    const container: MimePart | undefined = depth > 0 ? (part?.embedded ?? part) : part
    if (!container) return undefined
    if (container.children.length > 0) part = container.children[number - 1]
    // A message that is no multipart has one part, its body.
    else part = number === 1 && (depth === 0 || part?.embedded) ? container : undefined
  }
  return part
}

function sectionBytes(message: StoredMessage, { path, what, fields }: Section): Buffer | undefined {
  const root = mimeOf(message)
  const { raw } = message
  const part = partAt(root, path)
  if (!part) return undefined
  if (what === '') return path.length === 0 ? raw : raw.subarray(part.bodyStart, part.end)
  if (what === 'MIME') return raw.subarray(part.start, part.bodyStart)
  const owner = path.length === 0 ? root : part.embedded
  if (!owner) return undefined
  if (what === 'TEXT') return raw.subarray(owner.bodyStart, owner.end)
  if (what === 'HEADER') return raw.subarray(owner.start, owner.bodyStart)
  const isWanted = what === 'HEADER.FIELDS'
  const chosen = owner.headers.filter(({ name }) => fields.includes(name.toLowerCase()) === isWanted)
  return Buffer.from(`${chosen.map((header) => header.raw).join('')}\r\n`, 'latin1')
}

function formatItem(message: StoredMessage, item: FetchItem): string {
  switch (item.kind) {
    case 'FLAGS':
      return `FLAGS (${[...message.flags].join(' ')})`
    case 'UID':
      return `UID ${message.uid}`
    case 'INTERNALDATE':
      return `INTERNALDATE ${formatDateTime(message.internalDate)}`
    case 'RFC822.SIZE':
      return `RFC822.SIZE ${message.raw.length}`
    case 'ENVELOPE':
      return `ENVELOPE ${formatEnvelope(mimeOf(message))}`
    case 'BODY':
    case 'BODYSTRUCTURE':
      return `${item.kind} ${formatStructure(message.raw, mimeOf(message), item.kind === 'BODYSTRUCTURE')}`
    case 'section': {
      const bytes = sectionBytes(message, item.section)
      if (!bytes) return `${item.label} NIL`
      const [from, count] = item.partial ?? [0, bytes.length]
      const text = bytes.toString('latin1', Math.min(from, bytes.length), Math.min(from + count, bytes.length))
      return `${item.label} ${formatString(text)}`
    }
  }
}

/** The list of a FETCH answer, latin1. */
export const formatFetch = (message: StoredMessage, items: FetchItem[]) =>
  `(${items.map((item) => formatItem(message, item)).join(' ')})`
