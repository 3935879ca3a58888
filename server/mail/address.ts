import { isIP } from 'node:net'
import { domainToASCII } from 'node:url'

/** RFC 5321 4.5.3.1. */
const LOCAL_PART_LIMIT = 64
const ADDRESS_LIMIT = 254
const DOMAIN_LIMIT = 253

/** C0 and C1 controls, DEL, and the Unicode line and paragraph separators: nothing that could end a line of a protocol. */
const CONTROL = /[\p{Cc}\p{Cf}\u2028\u2029]/u
/** Dot-atom (RFC 5322 3.2.3). Quoted local parts are legal and unused; they are refused because servers disagree on them. */
const LOCAL_PART = /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*$/
/** A host name's label (RFC 1123 2.1); an underscore occurs in internal names and harms nothing. */
const LABEL = /^[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?$/

/**
 * What is wrong with a mail address, as the end of the sentence "The address ...", or undefined when it can be used.
 * Takes the practical part of RFC 5321: dot-atom local part in ASCII, domain name (internationalised ones too).
 */
export function addressProblem(text: string): string | undefined {
  if (text === '') return 'is empty'
  if (CONTROL.test(text)) return 'contains control characters'
  if (/\s/u.test(text)) return 'contains a space'
  if (/[<>,;]/.test(text)) return 'contains one of < > , ;'
  const at = text.indexOf('@')
  if (at === -1) return 'has no @'
  if (text.includes('@', at + 1)) return 'has more than one @'
  const local = text.slice(0, at)
  if (local === '') return 'has nothing before the @'
  if (/[^\x20-\x7e]/.test(local)) return 'has letters before the @ that only few servers accept (SMTPUTF8)'
  if (local.length > LOCAL_PART_LIMIT) return `has more than ${LOCAL_PART_LIMIT} characters before the @`
  if (!LOCAL_PART.test(local)) return 'is not written as a mail address before the @'
  const domain = text.slice(at + 1)
  if (domain === '') return 'has nothing after the @'
  if (!isDomainName(domain)) return 'has no valid domain after the @'
  if (local.length + 1 + domainToASCII(domain).length > ADDRESS_LIMIT) {
    return `is longer than ${ADDRESS_LIMIT} characters`
  }
  return undefined
}

/**
 * What is wrong with a server's name, as the end of the sentence "The host ...", or undefined when it can be used:
 * a host name (RFC 1123, internationalised ones too) or an IP address without brackets, scheme or port.
 */
export function hostProblem(text: string): string | undefined {
  if (text === '') return 'is empty'
  if (CONTROL.test(text)) return 'contains control characters'
  if (/\s/u.test(text)) return 'contains a space'
  if (isIP(text) !== 0) return undefined
  if (/^[A-Za-z][A-Za-z0-9+.-]*:\/\//.test(text)) return 'is written as a web address: leave out the part before //'
  if (/[/?#\\]/.test(text)) return 'contains a path: leave out what follows the name'
  if (text.includes('@')) return 'is a mail address, not the name of a server'
  if (/^\[.*\]$/.test(text)) return 'is in brackets: leave them out'
  if (/:\d+$/.test(text)) return 'contains a port: it has a field of its own'
  if (/^[\d.]+$/.test(text)) return 'is no valid IP address'
  if (!isDomainName(text.replace(/\.$/, ''))) return 'is no valid host name'
  return undefined
}

/**
 * The form in which addresses are compared (product rule 2.1): without regard to case, an internationalised domain as A-labels
 * (RFC 5890), for both spellings of it reach the same mailbox.
 */
export function normalizeAddress(text: string): string {
  const address = text.trim().toLowerCase()
  if (/^[\x20-\x7e]*$/.test(address)) return address
  return domainToASCII(address.slice(address.lastIndexOf('@') + 1)) === '' ? address : asciiAddress(address)
}

/** The address as it goes over the wire without SMTPUTF8: an internationalised domain as A-labels (RFC 5890). */
export function asciiAddress(address: string): string {
  const at = address.lastIndexOf('@')
  return `${address.slice(0, at)}@${domainToASCII(address.slice(at + 1))}`
}

function isDomainName(text: string): boolean {
  const ascii = domainToASCII(text)
  if (ascii === '' || ascii.length > DOMAIN_LIMIT) return false
  // domainToASCII also decodes %41 and reads 0x7f.1 as an address; a name that was ASCII has to come out as it went in.
  if (/^[\x20-\x7e]*$/.test(text) && ascii !== text.toLowerCase()) return false
  return ascii.split('.').every((label) => LABEL.test(label))
}
