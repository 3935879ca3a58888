import { domainToASCII, domainToUnicode } from 'node:url'
import { type Condition, EVERYTHING, NOTHING } from './condition'
import { wordsIn } from './mailbox-words'

/** One of the things that a text asks for, all of which hold. */
export type Term =
  /** A word of the name or the address begins with it; with `isLocal` one of the name or of what stands before the @. */
  { word: string; isLocal: boolean } | { domainBegins: string }

/**
 * What a text asks for: every word of it begins a word of the name or the address. A text with an @ names an address: what
 * stands before it begins words of the name or of the part before the @, what stands behind it begins the domain. No terms:
 * nothing is asked that could be found.
 */
export function termsOf(text: string): Term[] {
  const at = text.lastIndexOf('@')
  const words = wordsIn(at === -1 ? text : text.slice(0, at))
  const terms: Term[] = words
    .filter((word) => !words.some((other) => other !== word && other.startsWith(word)))
    .map((word) => ({ word, isLocal: at !== -1 }))
  const domainBegins =
    at === -1
      ? ''
      : text
          .slice(at + 1)
          .trim()
          .toLowerCase()
  return domainBegins === '' ? terms : [...terms, { domainBegins }]
}

/** Whether an address with this domain has what the term asks for. */
export function isInDomain(term: Term, domain: string): boolean {
  // keys have A-labels: people write and read the letters themselves
  const forms = [...new Set([domain, domainToUnicode(domain)])]
  if ('domainBegins' in term) return forms.some((form) => form.startsWith(term.domainBegins))
  return !term.isLocal && forms.some((form) => wordsIn(form).some((word) => word.startsWith(term.word)))
}

/** Where the words that begin with this one end, in the order of bytes: no word has this character. */
export const endOf = (word: string): string => `${word}\u{10ffff}`

/** What is ASCII stays as it is: domainToASCII would read numbers as an IP address. */
const asciiForm = (text: string): string => (/^[\x20-\x7e]*$/.test(text) ? text : domainToASCII(text) || text)

const escapeLike = (text: string): string => text.replace(/[!%_]/g, (sign) => `!${sign}`)

/** What may stand before a word within a domain. */
const BEFORE_WORDS = ['', '%.', '%-', '%!_']

/** A term with the domains that it is found in; undefined when they are too many, or not looked up. */
export interface PlacedTerm {
  term: Term
  domains: readonly string[] | undefined
}

/** The text as a condition. */
export function textCondition(text: string): Condition {
  const terms = termsOf(text)
  return terms.length === 0 ? NOTHING : termsCondition(terms.map((term) => ({ term, domains: undefined })))
}

/** That all of these terms hold. Domains that are known are a list, for which there is an index; else each row's is looked at. */
export function termsCondition(terms: readonly PlacedTerm[]): Condition {
  if (terms.length === 0) return EVERYTHING
  const parameters: Record<string, unknown> = {}
  const parts = terms.map(({ term, domains }, n) => {
    const any: string[] = []
    if ('word' in term) {
      any.push(
        `EXISTS (SELECT 1 FROM mailbox_words WHERE mailbox_id = id AND word >= :textWord${n} AND word < :textEnd${n})`,
      )
      Object.assign(parameters, { [`textWord${n}`]: term.word, [`textEnd${n}`]: endOf(term.word) })
    }
    if (domains === undefined) {
      const word = 'word' in term ? term.word : term.domainBegins
      // part of an internationalised name has no A-label that begins the whole one's: then it is found by looked up domains alone
      const forms = [...new Set([word, asciiForm(word)])].map(escapeLike)
      const before = 'domainBegins' in term ? [''] : term.isLocal ? [] : BEFORE_WORDS
      const patterns = before.flatMap((sign) => forms.map((form) => `${sign}${form}%`))
      for (const [i, pattern] of patterns.entries()) {
        any.push(`address_domain LIKE :textLike${n}x${i} ESCAPE '!'`)
        parameters[`textLike${n}x${i}`] = pattern
      }
    } else if (domains.length > 0) {
      any.push(`address_domain IN (:...textDomains${n})`)
      parameters[`textDomains${n}`] = domains
    }
    return any.length === 0 ? NOTHING.sql : `(${any.join(' OR ')})`
  })
  return { sql: parts.join(' AND '), parameters }
}
