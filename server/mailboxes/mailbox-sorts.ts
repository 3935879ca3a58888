import { OperationError } from '../errors'
import { type MailboxKind, SortDirection } from './mailbox.enums'
import type { MailboxSort } from './mailbox.inputs'
import { type Facet, isActive, kindOf } from './mailbox-facets'

/** A column with an index of its own behind the view class; equal values follow in the order of ids. */
export interface ColumnSort {
  column: 'name_key' | 'address_key' | 'last_tested_at' | 'updated_at' | 'id'
  property: 'nameKey' | 'addressKey' | 'lastTestedAt' | 'updatedAt' | 'id'
  index: string
  isNullable?: true
}

/** What mailboxes are sorted by: a column, or a grouping of few values within which they follow by name. */
export type Sort =
  | ColumnSort
  | { facet: Facet }
  | { rank: (viewClass: number) => number; column: string; values: readonly (string | number)[] }
  | { profile: true }

export const BY_NAME: ColumnSort = { column: 'name_key', property: 'nameKey', index: 'mailboxes_by_name' }

const KIND_ORDER = ['FORWARD', 'QUEUE', 'USER'] as const satisfies readonly `${MailboxKind}`[]

const SORTS: Record<string, Sort> = {
  name: BY_NAME,
  emailAddress: {
    column: 'address_key',
    property: 'addressKey',
    index: 'mailboxes_by_address',
    isNullable: true,
  },
  kind: { rank: (viewClass) => KIND_ORDER.indexOf(kindOf(viewClass)), column: 'kind', values: KIND_ORDER },
  active: { rank: (viewClass) => Number(isActive(viewClass)), column: 'active', values: [0, 1] },
  profile: { profile: true },
  approval: { facet: 'approval' },
  incomingMethod: { facet: 'incoming_method' },
  outgoingMethod: { facet: 'outgoing_method' },
  actMethod: { facet: 'act_method' },
  incomingEmailStatus: { facet: 'incoming_email_status' },
  outgoingEmailStatus: { facet: 'outgoing_email_status' },
  actStatus: { facet: 'act_status' },
  lastTestedAt: {
    column: 'last_tested_at',
    property: 'lastTestedAt',
    index: 'mailboxes_by_last_test',
    isNullable: true,
  },
  // ids are in the order of their creation
  createdAt: { column: 'id', property: 'id', index: 'mailboxes_by_creation' },
  updatedAt: { column: 'updated_at', property: 'updatedAt', index: 'mailboxes_by_update' },
}

export const SORT_FIELDS = Object.keys(SORTS)

export interface Sorting {
  field: string
  sort: Sort
  isDescending: boolean
}

export function sortingOf(sort: MailboxSort | null | undefined): Sorting {
  const field = sort?.field ?? 'name'
  const known = Object.hasOwn(SORTS, field) ? SORTS[field] : undefined
  if (!known) throw new OperationError('BAD_USER_INPUT', `Sort by one of: ${SORT_FIELDS.join(', ')}`, ['sort', 'field'])
  return { field, sort: known, isDescending: sort?.direction === SortDirection.DESC }
}
