/** The parts of a command line of RFC 3501 section 9. Text is latin1: one character for each byte. */
export type Token =
  | { type: 'atom'; value: string }
  | { type: 'string'; value: string }
  | { type: 'list'; items: Token[] }

/** A refusal that ends a command: "NO [CODE] text" or "BAD text". */
export class ImapRefusal extends Error {}

export const bad = (text: string) => new ImapRefusal(`BAD ${text}`)
export const no = (text: string) => new ImapRefusal(`NO ${text}`)

export interface ImapCommand {
  tag: string
  /** Upper case; "UID FETCH" for a command with the UID prefix. */
  name: string
  args: Arguments
}

const MAX_TOKENS = 5_000
const MAX_DEPTH = 20

/** Takes one line apart; `pieces` are its texts and, between them, its literals. */
class Lexer {
  private piece = 0
  private at = 0
  private tokens = 0

  constructor(private readonly pieces: (string | Buffer)[]) {}

  /** The tokens up to the end of the line, or up to the closing parenthesis when `depth` is over 0. */
  list(depth = 0): Token[] {
    if (depth > MAX_DEPTH) throw bad('Too many parentheses')
    const items: Token[] = []
    for (;;) {
      const next = this.peek()
      if (next === undefined) {
        if (depth > 0) throw bad('Missing )')
        return items
      }
      if (++this.tokens > MAX_TOKENS) throw bad('Too many arguments')
      if (typeof next !== 'string') {
        this.advancePiece()
        items.push({ type: 'string', value: next.toString('latin1') })
      } else if (next === ' ') this.at++
      else if (next === '(') {
        this.at++
        items.push({ type: 'list', items: this.list(depth + 1) })
      } else if (next === ')') {
        if (depth === 0) throw bad('Unexpected )')
        this.at++
        return items
      } else if (next === '"') items.push({ type: 'string', value: this.quoted() })
      else items.push({ type: 'atom', value: this.atom() })
    }
  }

  private peek(): string | Buffer | undefined {
    const piece = this.pieces[this.piece]
    if (piece === undefined || typeof piece !== 'string') return piece
    if (this.at < piece.length) return piece[this.at]
    this.advancePiece()
    return this.peek()
  }

  private advancePiece(): void {
    this.piece++
    this.at = 0
  }

  private text(): string {
    return this.pieces[this.piece] as string
  }

  private quoted(): string {
    const match = /"((?:[^"\\]|\\["\\])*)"/y
    match.lastIndex = this.at
    const found = match.exec(this.text())
    if (!found) throw bad('Missing closing quote')
    this.at = match.lastIndex
    return (found[1] ?? '').replace(/\\(.)/g, '$1')
  }

  private atom(): string {
    const start = this.at
    const text = this.text()
    while (this.at < text.length && !' ()"'.includes(text[this.at] ?? '')) {
      if (text[this.at] === '[' && /^body(\.peek)?$/i.test(text.slice(start, this.at))) this.section()
      else this.at++
    }
    return text.slice(start, this.at)
  }

  /** BODY[...]: a section holds spaces and parentheses of its own. */
  private section(): void {
    const end = this.text().indexOf(']', this.at)
    if (end < 0) throw bad('Missing ]')
    this.at = end + 1
  }
}

/** Reads arguments one after the other; each method throws BAD when what is there is not what is asked for. */
export class Arguments {
  private at = 0
  constructor(private readonly tokens: Token[]) {}

  get isAtEnd(): boolean {
    return this.at >= this.tokens.length
  }

  peek(): Token | undefined {
    return this.tokens[this.at]
  }

  next(what: string): Token {
    const token = this.tokens[this.at++]
    if (!token) throw bad(`Missing ${what}`)
    return token
  }

  /** An atom or a string: names, passwords, header fields. */
  astring(what: string): string {
    const token = this.next(what)
    if (token.type === 'list') throw bad(`Invalid ${what}`)
    return token.value
  }

  atom(what: string): string {
    const token = this.next(what)
    if (token.type !== 'atom') throw bad(`Invalid ${what}`)
    return token.value
  }

  number(what: string): number {
    const text = this.atom(what)
    if (!/^\d{1,10}$/.test(text)) throw bad(`Invalid ${what}`)
    return Number(text)
  }

  list(what: string): Token[] {
    const token = this.next(what)
    if (token.type !== 'list') throw bad(`Invalid ${what}`)
    return token.items
  }

  /** The arguments left, as one list; a list that stands alone is opened. */
  rest(): Token[] {
    const left = this.tokens.slice(this.at)
    this.at = this.tokens.length
    return left.length === 1 && left[0]?.type === 'list' ? left[0].items : left
  }

  end(): void {
    if (!this.isAtEnd) throw bad('Unexpected arguments')
  }
}

export function atomsOf(tokens: Token[], what: string): string[] {
  return tokens.map((token) => {
    if (token.type !== 'atom') throw bad(`Invalid ${what}`)
    return token.value
  })
}

/** The tag of a line, or "*" when it has none. */
export function tagOf(text: string): string {
  return /^([\x21-\x7e]{1,100})(?= |$)/.exec(text)?.[1]?.replace(/["(){}%*\\+]/g, '') || '*'
}

export function parseCommand(pieces: (string | Buffer)[]): ImapCommand {
  const [first = '', ...others] = pieces
  const match = /^(\S+) ([A-Za-z0-9]+)(?: |$)/.exec(String(first))
  if (!match || tagOf(String(first)) !== match[1]) throw bad('Missing command')
  let name = (match[2] ?? '').toUpperCase()
  let text = String(first).slice(match[0].length)
  if (name === 'UID') {
    const sub = /^([A-Za-z]+)(?: |$)/.exec(text)
    if (!sub) throw bad('Missing UID command')
    name = `UID ${sub[1]?.toUpperCase()}`
    text = text.slice(sub[0].length)
  }
  return { tag: match[1] ?? '*', name, args: new Arguments(new Lexer([text, ...others]).list()) }
}
