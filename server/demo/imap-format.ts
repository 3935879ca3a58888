import addressparser from 'nodemailer/lib/addressparser'
import { headerValue, type MimePart, parseParameters } from './mime-tree'

/** Text for the wire, as latin1: a quoted string where that can carry it, else a literal (RFC 3501 section 4.3). */
export function formatString(text: string): string {
  if (text.length < 1_000 && /^[\x20-\x7e]*$/.test(text)) return `"${text.replace(/["\\]/g, '\\$&')}"`
  return `{${text.length}}\r\n${text}`
}

export const formatNullable = (text: string | undefined) => (text === undefined ? 'NIL' : formatString(text))

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** "17-Jul-1996 02:44:25 +0000" with the day in two columns (date-time of RFC 3501 section 9). */
export function formatDateTime(date: Date): string {
  const two = (value: number) => String(value).padStart(2, '0')
  const day = String(date.getUTCDate()).padStart(2, ' ')
  const clock = [date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds()].map(two).join(':')
  return `"${day}-${MONTHS[date.getUTCMonth()]}-${date.getUTCFullYear()} ${clock} +0000"`
}

/** The start of that day in UTC, in ms; undefined when it is no date ("1-Feb-1994", RFC 3501 section 9). */
export function parseDate(text: string): number | undefined {
  const match = /^ ?(\d{1,2})-([A-Za-z]{3})-(\d{4})$/.exec(text)
  const month = MONTHS.findIndex((name) => name.toLowerCase() === match?.[2]?.toLowerCase())
  return match && month >= 0 ? Date.UTC(Number(match[3]), month, Number(match[1])) : undefined
}

/** undefined when it is no date-time. */
export function parseDateTime(text: string): Date | undefined {
  const match = /^([ \d]\d-[A-Za-z]{3}-\d{4}) (\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)$/.exec(text)
  const day = parseDate(match?.[1] ?? '')
  if (!match || day === undefined) return undefined
  const [hours = 0, minutes = 0, seconds = 0] = match.slice(2, 5).map(Number)
  const offset = (match[5] === '-' ? -1 : 1) * (Number(match[6]) * 60 + Number(match[7]))
  return new Date(day + ((hours * 60 + minutes - offset) * 60 + seconds) * 1000)
}

function formatAddresses(value: string | undefined): string {
  if (!value) return 'NIL'
  const addresses = addressparser(value, { flatten: true }).map(({ name, address }) => {
    const at = (address ?? '').lastIndexOf('@')
    const [local, domain] = at < 0 ? [address ?? '', ''] : [address?.slice(0, at), address?.slice(at + 1)]
    return `(${formatNullable(name || undefined)} NIL ${formatString(local ?? '')} ${formatString(domain ?? '')})`
  })
  return addresses.length > 0 ? `(${addresses.join('')})` : 'NIL'
}

/** RFC 3501 7.4.2, ENVELOPE. Sender and Reply-To default to From. */
export function formatEnvelope(message: MimePart): string {
  const value = (name: string) => headerValue(message, name)
  const from = value('from')
  return `(${[
    formatNullable(value('date')),
    formatNullable(value('subject')),
    formatAddresses(from),
    formatAddresses(value('sender') ?? from),
    formatAddresses(value('reply-to') ?? from),
    formatAddresses(value('to')),
    formatAddresses(value('cc')),
    formatAddresses(value('bcc')),
    formatNullable(value('in-reply-to')),
    formatNullable(value('message-id')),
  ].join(' ')})`
}

function formatParameters(parameters: [string, string][]): string {
  if (parameters.length === 0) return 'NIL'
  return `(${parameters.map(([name, value]) => `${formatString(name)} ${formatString(value)}`).join(' ')})`
}

function formatDisposition(value: string | undefined): string {
  if (!value) return 'NIL'
  const { word, parameters } = parseParameters(value)
  return `(${formatString(word)} ${formatParameters(parameters)})`
}

function countLines(raw: Buffer, part: MimePart): number {
  let lines = 0
  for (let at = raw.indexOf(10, part.bodyStart); at >= 0 && at < part.end; at = raw.indexOf(10, at + 1)) lines++
  return lines
}

/** RFC 3501 7.4.2: BODYSTRUCTURE, or BODY when it is not extended. */
export function formatStructure(raw: Buffer, part: MimePart, isExtended: boolean): string {
  const value = (name: string) => headerValue(part, name)
  const ending = isExtended ? ` ${formatDisposition(value('content-disposition'))} NIL NIL` : ''
  if (part.children.length > 0) {
    const children = part.children.map((child) => formatStructure(raw, child, isExtended)).join('')
    const extension = isExtended ? ` ${formatParameters(part.parameters)}${ending}` : ''
    return `(${children} ${formatString(part.subtype)}${extension})`
  }
  const parameters: [string, string][] =
    part.type === 'text' && part.parameters.length === 0 ? [['charset', 'us-ascii']] : part.parameters
  const fields = [
    formatString(part.type),
    formatString(part.subtype),
    formatParameters(parameters),
    formatNullable(value('content-id')),
    formatNullable(value('content-description')),
    formatString((value('content-transfer-encoding') ?? '7bit').toLowerCase()),
    String(part.end - part.bodyStart),
  ]
  if (part.embedded) {
    fields.push(formatEnvelope(part.embedded), formatStructure(raw, part.embedded, isExtended))
  }
  if (part.embedded || part.type === 'text') fields.push(String(countLines(raw, part)))
  return `(${fields.join(' ')}${isExtended ? ` NIL${ending}` : ''})`
}

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat']

/** "Fri, 21 Nov 1997 09:55:06 +0000" (date-time of RFC 5322 3.3). */
export function formatRfc5322Date(date: Date): string {
  const clock = date.toISOString().slice(11, 19)
  return `${DAYS[date.getUTCDay()]}, ${date.getUTCDate()} ${MONTHS[date.getUTCMonth()]} ${date.getUTCFullYear()} ${clock} +0000`
}
