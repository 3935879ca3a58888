import { OperationError } from '../errors'
import type { Mailbox } from './mailbox.entity'

/** A system that provisions owners finds the mailbox by these, and sees whether its address waits for approval. */
const SHOWN: ReadonlySet<string> = new Set<keyof Mailbox>(['id', 'ownerId', 'name', 'emailAddress', 'approval'])

const REFUSED: PropertyDescriptor = {
  get: () => {
    throw new OperationError('FORBIDDEN', 'This needs the right mailboxes.read')
  },
}

/** The row with every other column refused: reading one throws FORBIDDEN. */
export function shownToProvisioner(mailbox: Mailbox): Mailbox {
  const refused = Object.keys(mailbox).filter((column) => !SHOWN.has(column))
  return Object.defineProperties(mailbox, Object.fromEntries(refused.map((column) => [column, REFUSED])))
}
