/** A message or one of its parts (RFC 2045, 2046), as offsets into the message's bytes. */
export interface MimePart {
  /** Where its header starts; the blank line belongs to the header. */
  start: number
  bodyStart: number
  end: number
  headers: MimeHeader[]
  type: string
  subtype: string
  parameters: [string, string][]
  /** Of a multipart. */
  children: MimePart[]
  /** Of a message/rfc822. */
  embedded?: MimePart
}

export interface MimeHeader {
  name: string
  /** Unfolded, latin1. */
  value: string
  /** With its line ends, latin1. */
  raw: string
}

const MAX_DEPTH = 15
const MAX_PARTS = 200
const MAX_HEADERS = 2_000

export const headerValue = (part: MimePart, name: string): string | undefined =>
  part.headers.find((header) => header.name.toLowerCase() === name)?.value

/** "attachment; filename=a.txt" as its first word and its parameters. */
export function parseParameters(value: string): { word: string; parameters: [string, string][] } {
  const [word = ''] = value.split(';', 1)
  const parameters: [string, string][] = []
  const pattern = /;\s*([^\s=;"]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;\s]*))/g
  for (const match of value.slice(word.length).matchAll(pattern)) {
    parameters.push([match[1] ?? '', match[2]?.replace(/\\(.)/g, '$1') ?? match[3] ?? ''])
  }
  return { word: word.trim(), parameters }
}

function parseHeaders(text: string): MimeHeader[] {
  const headers: MimeHeader[] = []
  for (const raw of text.match(/[^\n]*\n(?:[ \t][^\n]*\n)*/g) ?? []) {
    const colon = raw.indexOf(':')
    if (colon <= 0 || headers.length >= MAX_HEADERS) continue
    const value = raw.slice(colon + 1).replace(/\r?\n(?=[ \t])/g, '')
    headers.push({ name: raw.slice(0, colon).trim(), value: value.trim(), raw })
  }
  return headers
}

/** Where the body starts: after the first blank line, else at the end. */
function findBody(bytes: Buffer, start: number, end: number): number {
  if (bytes[start] === 10) return start + 1
  if (bytes[start] === 13 && bytes[start + 1] === 10) return start + 2
  for (let at = bytes.indexOf(10, start); at >= 0 && at < end; at = bytes.indexOf(10, at + 1)) {
    if (bytes[at + 1] === 10) return at + 2
    if (bytes[at + 1] === 13 && bytes[at + 2] === 10) return at + 3
  }
  return end
}

class MimeParser {
  private parts = 0
  constructor(private readonly bytes: Buffer) {}

  parse(start: number, end: number, depth = 0, defaultType = 'text/plain'): MimePart {
    this.parts++
    const bodyStart = Math.min(findBody(this.bytes, start, end), end)
    const headers = parseHeaders(this.bytes.toString('latin1', start, bodyStart))
    const part: MimePart = { start, bodyStart, end, headers, type: '', subtype: '', parameters: [], children: [] }
    const { word, parameters } = parseParameters(headerValue(part, 'content-type') ?? defaultType)
    const [type, subtype] = /^[\w.+-]+\/[\w.+-]+$/.test(word) ? word.split('/') : ['text', 'plain']
    Object.assign(part, { type: type?.toLowerCase(), subtype: subtype?.toLowerCase(), parameters })
    if (depth < MAX_DEPTH) this.descend(part, depth)
    // A multipart without a part is shown as what it then is: text.
    if (part.type === 'multipart' && part.children.length === 0) Object.assign(part, { type: 'text', subtype: 'plain' })
    return part
  }

  private descend(part: MimePart, depth: number): void {
    if (part.type === 'message' && part.subtype === 'rfc822') {
      part.embedded = this.parse(part.bodyStart, part.end, depth + 1)
    }
    if (part.type !== 'multipart') return
    const boundary = part.parameters.find(([name]) => name.toLowerCase() === 'boundary')?.[1]
    if (!boundary) return
    const childType = part.subtype === 'digest' ? 'message/rfc822' : 'text/plain'
    for (const [start, end] of this.split(part, boundary)) {
      if (this.parts < MAX_PARTS) part.children.push(this.parse(start, end, depth + 1, childType))
    }
  }

  /** The pieces between the boundary lines; the line end before a boundary belongs to the boundary (RFC 2046 5.1.1). */
  private split(part: MimePart, boundary: string): [number, number][] {
    const pieces: [number, number][] = []
    const marker = Buffer.from(`--${boundary}`, 'latin1')
    let from = -1
    for (let at = this.find(marker, part.bodyStart, part.end); at >= 0; ) {
      const lineEnd = this.bytes.indexOf(10, at)
      if (from >= 0) {
        const hasReturn = this.bytes[at - 2] === 13
        pieces.push([from, Math.max(from, at - (hasReturn ? 2 : 1))])
      }
      const isLast = this.bytes.toString('latin1', at + marker.length, at + marker.length + 2) === '--'
      if (isLast || lineEnd < 0 || lineEnd >= part.end) return pieces
      from = lineEnd + 1
      at = this.find(marker, from, part.end)
    }
    if (from >= 0) pieces.push([from, part.end])
    return pieces
  }

  private find(marker: Buffer, from: number, end: number): number {
    for (let at = this.bytes.indexOf(marker, from); at >= 0 && at < end; at = this.bytes.indexOf(marker, at + 1)) {
      // "--a" is no boundary line of "--ab": what follows is its end, white space or the closing dashes.
      const isWhole = /^(?:--|[ \t\r\n]|$)/.test(
        this.bytes.toString('latin1', at + marker.length, at + marker.length + 2),
      )
      if (isWhole && (at === 0 || this.bytes[at - 1] === 10)) return at
    }
    return -1
  }
}

export const parseMime = (bytes: Buffer): MimePart => new MimeParser(bytes).parse(0, bytes.length)
