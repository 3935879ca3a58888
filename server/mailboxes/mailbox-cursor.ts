import { OperationError } from '../errors'

/** A place in a sorted list of mailboxes: the segment, the value sorted by within it, and the id. */
export interface Cursor {
  place: string | number
  value: string | null
  id: string
}

export const encodeCursor = (field: string, isDescending: boolean, { place, value, id }: Cursor): string =>
  Buffer.from(JSON.stringify(['mailboxes', field, isDescending, place, value, id])).toString('base64url')

/** A cursor may be forged: what is no place in this order must not reach the database. */
export function decodeCursor(after: string, field: string, isDescending: boolean): Cursor {
  try {
    const [list, of, descending, place, value, id] = JSON.parse(Buffer.from(after, 'base64url').toString('utf8'))
    const isOurs = list === 'mailboxes' && of === field && descending === isDescending && typeof id === 'string'
    const isPlace = typeof place === 'string' || typeof place === 'number'
    const isValue = value === null || (typeof value === 'string' && !(field.endsWith('At') && isNoTime(field, value)))
    if (isOurs && isPlace && isValue) return { place, value, id }
  } catch {
    // falls through: an unreadable cursor and one of another list get the same answer
  }
  throw new OperationError('BAD_USER_INPUT', 'after is not a cursor of this list', ['after'])
}

/** createdAt goes by the id. */
const isNoTime = (field: string, value: string): boolean => field !== 'createdAt' && Number.isNaN(Date.parse(value))
