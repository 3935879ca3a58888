import { mimeOf } from './imap-fetch'
import { parseDate } from './imap-format'
import { Arguments, bad, no, type Token } from './imap-parser'
import { inSequenceSet, isSequenceSet, parseSequenceSet } from './imap-sequence'
import type { StoredMessage } from './mail-store'
import { headerValue } from './mime-tree'

/** What a search key is asked about one message. */
export interface Candidate {
  message: StoredMessage
  sequence: number
  /** What "*" is in a set of sequence numbers and of UIDs. */
  largestSequence: number
  largestUid: number
}

export type SearchTest = (candidate: Candidate) => boolean

const DAY_MS = 86_400_000
const MAX_KEYS = 500

const FLAG_KEYS: Record<string, [flag: string, isSet: boolean]> = {
  ANSWERED: ['\\Answered', true],
  DELETED: ['\\Deleted', true],
  DRAFT: ['\\Draft', true],
  FLAGGED: ['\\Flagged', true],
  SEEN: ['\\Seen', true],
  UNANSWERED: ['\\Answered', false],
  UNDELETED: ['\\Deleted', false],
  UNDRAFT: ['\\Draft', false],
  UNFLAGGED: ['\\Flagged', false],
  UNSEEN: ['\\Seen', false],
}

/** Encoded words of RFC 2047 made readable, so that a search for a word finds it. */
function decodeWords(value: string): string {
  return value.replace(
    /=\?([\w-]+)(?:\*[\w-]+)?\?([bq])\?([^?]*)\?=(?:\s+(?==\?))?/gi,
    (whole, charset, kind, text) => {
      try {
        const quoted = text
          .replace(/_/g, ' ')
          .replace(/=([\dA-F]{2})/gi, (_: string, hex: string) => String.fromCharCode(parseInt(hex, 16)))
        const bytes = kind.toLowerCase() === 'b' ? Buffer.from(text, 'base64') : Buffer.from(quoted, 'latin1')
        return new TextDecoder(charset).decode(bytes)
      } catch {
        return whole
      }
    },
  )
}

/** A header's value is latin1 here; raw UTF-8 in it is read as such. */
const readable = (value: string) => decodeWords(Buffer.from(value, 'latin1').toString('utf8')).toLowerCase()

const wantedText = (text: string) => Buffer.from(text, 'latin1').toString('utf8').toLowerCase()

function headerTest(name: string, text: string): SearchTest {
  const wanted = wantedText(text)
  return ({ message }) =>
    mimeOf(message).headers.some(
      (header) => header.name.toLowerCase() === name && readable(header.value).includes(wanted),
    )
}

function dateTest(
  text: string,
  dateOf: (message: StoredMessage) => number,
  accepts: (days: number) => boolean,
): SearchTest {
  const day = parseDate(text)
  if (day === undefined) throw bad('Invalid date')
  return ({ message }) => accepts(Math.floor(dateOf(message) / DAY_MS) - day / DAY_MS)
}

const arrived = (message: StoredMessage) => message.internalDate.getTime()
const sent = (message: StoredMessage) => Date.parse(headerValue(mimeOf(message), 'date') ?? '')

class SearchParser {
  private keys = 0
  constructor(private readonly args: Arguments) {}

  all(): SearchTest {
    const tests: SearchTest[] = []
    while (!this.args.isAtEnd) tests.push(this.key())
    if (tests.length === 0) throw bad('Missing search key')
    return (candidate) => tests.every((test) => test(candidate))
  }

  private key(): SearchTest {
    if (++this.keys > MAX_KEYS) throw bad('Too many search keys')
    const token: Token = this.args.next('search key')
    if (token.type === 'list') return new SearchParser(new Arguments(token.items)).all()
    if (token.type === 'string') throw bad('Invalid search key')
    const name = token.value.toUpperCase()
    if (isSequenceSet(name)) {
      const set = parseSequenceSet(name)
      return ({ sequence, largestSequence }) => inSequenceSet(set, sequence, largestSequence)
    }
    const flag = FLAG_KEYS[name]
    if (flag) return ({ message }) => message.flags.has(flag[0]) === flag[1]
    return this.combined(name) ?? this.text(name) ?? this.date(name) ?? this.other(name)
  }

  private combined(name: string): SearchTest | undefined {
    if (name === 'NOT') {
      const test = this.key()
      return (candidate) => !test(candidate)
    }
    if (name !== 'OR') return undefined
    const [first, second] = [this.key(), this.key()]
    return (candidate) => first(candidate) || second(candidate)
  }

  private text(name: string): SearchTest | undefined {
    if (['FROM', 'TO', 'CC', 'BCC', 'SUBJECT'].includes(name)) {
      return headerTest(name.toLowerCase(), this.args.astring('text'))
    }
    if (name === 'HEADER') return headerTest(this.args.astring('field').toLowerCase(), this.args.astring('text'))
    if (name !== 'TEXT' && name !== 'BODY') return undefined
    const wanted = wantedText(this.args.astring('text'))
    return ({ message }) => {
      const from = name === 'BODY' ? mimeOf(message).bodyStart : 0
      return message.raw.toString('utf8', from).toLowerCase().includes(wanted)
    }
  }

  private date(name: string): SearchTest | undefined {
    const [, isSent, relation] = /^(SENT)?(BEFORE|ON|SINCE)$/.exec(name) ?? []
    if (!relation) return undefined
    const accepts = { BEFORE: (d: number) => d < 0, ON: (d: number) => d === 0, SINCE: (d: number) => d >= 0 }
    return dateTest(this.args.astring('date'), isSent ? sent : arrived, accepts[relation as keyof typeof accepts])
  }

  private other(name: string): SearchTest {
    switch (name) {
      case 'ALL':
      case 'OLD':
        return () => true
      // No session is told of \Recent messages: RFC 3501 lets a server do without.
      case 'NEW':
      case 'RECENT':
        return () => false
      case 'UID': {
        const set = parseSequenceSet(this.args.atom('message set'))
        return ({ message, largestUid }) => inSequenceSet(set, message.uid, largestUid)
      }
      case 'LARGER':
      case 'SMALLER': {
        const size = this.args.number('size')
        return ({ message }) => (name === 'LARGER' ? message.raw.length > size : message.raw.length < size)
      }
      case 'KEYWORD':
      case 'UNKEYWORD': {
        const keyword = this.args.atom('keyword').toLowerCase()
        return ({ message }) =>
          [...message.flags].some((flag) => flag.toLowerCase() === keyword) === (name === 'KEYWORD')
      }
      default:
        throw bad('Unknown search key')
    }
  }
}

/** The test that SEARCH's arguments describe (RFC 3501 6.4.4). Throws BAD, and NO [BADCHARSET]. */
export function parseSearch(args: Arguments): SearchTest {
  const first = args.peek()
  if (first?.type === 'atom' && first.value.toUpperCase() === 'CHARSET') {
    args.next('CHARSET')
    const charset = args.astring('charset').toUpperCase()
    if (charset !== 'UTF-8' && charset !== 'US-ASCII') throw no('[BADCHARSET (US-ASCII UTF-8)] Unknown charset')
  }
  return new SearchParser(args).all()
}
