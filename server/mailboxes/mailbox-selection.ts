import type { Reach } from '../auth/auth.service'
import { isId } from '../db/id'
import type { FaultList } from '../errors'
import { oneLine } from '../graphql/text-input'
import { normalizeAddress } from '../mail/address'
import { and, type Condition } from './condition'
import { MailboxView } from './mailbox.enums'
import type { MailboxFilter, MailboxSelection } from './mailbox.inputs'
import { type Facet, IN_VIEW, VIEW_CLASSES } from './mailbox-facets'
import { textCondition } from './mailbox-search'

export type { Condition } from './condition'

export const MOST_IDS = 10_000

/** The classes of a view, as a list for IN. */
const classesOf = (view: MailboxView): string => VIEW_CLASSES.filter(IN_VIEW[view]).join(', ')

/** The mailboxes that a right of a viewer extends to. */
export function reachCondition(reach: Reach): Condition {
  if (reach === 'ALL') return { sql: '1 = 1', parameters: {} }
  const parts: string[] = []
  if (reach.ownerIds.length > 0) parts.push('owner_id IN (:...reachOwners)')
  if (reach.domains.length > 0) parts.push('address_domain IN (:...reachDomains)')
  return {
    sql: parts.length > 0 ? `(${parts.join(' OR ')})` : '1 = 0',
    parameters: { reachOwners: reach.ownerIds, reachDomains: reach.domains },
  }
}

/** A domain as the keys of addresses have it. */
export const domainOf = (text: string): string => normalizeAddress(`x@${text.trim()}`).slice(2)

/**
 * The conditions of a filter, all of which hold. An empty text searches for nothing, as an empty search box does; any other
 * empty field is a fault or matches nothing: a bulk command must not reach every mailbox because a variable was empty.
 */
export function filterCondition(
  faults: FaultList,
  path: string[],
  filter: MailboxFilter | null | undefined,
): Condition {
  const parts: string[] = []
  const parameters: Record<string, unknown> = {}
  const add = (sql: string, values: Record<string, unknown>) => {
    parts.push(sql)
    Object.assign(parameters, values)
  }
  if (filter?.text) {
    const text = oneLine(faults, [...path, 'text'], filter.text, { max: 200, required: false })
    const { sql, parameters: values } = textCondition(text)
    add(sql, values)
  }
  if (typeof filter?.profileId === 'string') add('profile_id = :filterProfile', { filterProfile: filter.profileId })
  if (typeof filter?.domain === 'string') {
    const domain = oneLine(faults, [...path, 'domain'], filter.domain, { max: 253 })
    add('address_domain = :filterDomain', { filterDomain: domainOf(domain) })
  }
  if (filter?.kind) add('kind = :filterKind', { filterKind: filter.kind })
  for (const [facet, value] of facetsOf(filter)) add(`${facet} = :${facet}`, { [facet]: value })
  if (typeof filter?.errorCode === 'string') {
    const errorCode = oneLine(faults, [...path, 'errorCode'], filter.errorCode, { max: 40 })
    add('(incoming_error_code = :filterError OR outgoing_error_code = :filterError OR act_error_code = :filterError)', {
      filterError: errorCode,
    })
  }
  return { sql: parts.length > 0 ? parts.join(' AND ') : '1 = 1', parameters }
}

/** Who looks or acts, as far as it decides which mailboxes there are for it. */
export interface Looker {
  reach: Reach
  /** The owner whose mailbox is "my mailbox". */
  ownerId: string | null
}

/** What is in a view for somebody: never a deleted mailbox, never one out of reach. */
export function viewCondition(
  faults: FaultList,
  { reach, ownerId }: Looker,
  view: MailboxView,
  filter?: MailboxFilter | null,
  path: string[] = ['filter'],
): Condition {
  const inView: Condition = { sql: `view_class IN (${classesOf(view)})`, parameters: {} }
  const mine: Condition = { sql: 'owner_id = :me', parameters: { me: ownerId } }
  const seen = and(view === MailboxView.MINE ? and(inView, mine) : inView, reachCondition(reach))
  return and(seen, filterCondition(faults, path, filter))
}

/**
 * What a command works on, for somebody. Adds a fault unless it is exactly one of ids and view; whether each id is there and in
 * reach is checked by who runs it: those that are not are not found.
 */
export function selectionCondition(
  faults: FaultList,
  looker: Looker,
  selection: MailboxSelection,
  path = 'selection',
): Condition {
  const { ids, view, filter } = selection
  const none: Condition = { sql: '1 = 0', parameters: {} }
  if (!!ids === !!view) {
    faults.add('EXACTLY_ONE', [path], 'Give exactly one of ids and view')
    return none
  }
  if (view) return viewCondition(faults, looker, view, filter, [path, 'filter'])
  if (filter) faults.add('NOT_ALLOWED', [path, 'filter'], 'A filter goes with a view, not with ids')
  if (!ids || ids.length === 0) {
    faults.add('EMPTY', [path, 'ids'], 'Name at least one mailbox')
    return none
  }
  if (ids.length > MOST_IDS) {
    faults.add('TOO_MANY', [path, 'ids'], `At most ${MOST_IDS} ids are taken: select by view instead`)
    return none
  }
  for (const [index, id] of ids.entries()) {
    if (!isId(id)) faults.add('NOT_FOUND', [path, 'ids', index], 'There is no such mailbox')
  }
  if (faults.any) return none
  const named: Condition = { sql: 'id IN (:...selectedIds)', parameters: { selectedIds: [...new Set(ids)] } }
  return and(named, { sql: 'deleted_at IS NULL', parameters: {} }, reachCondition(looker.reach))
}

const FIELD_OF = {
  approval: 'approval',
  incoming_email_status: 'incomingEmailStatus',
  outgoing_email_status: 'outgoingEmailStatus',
  act_status: 'actStatus',
  incoming_method: 'incomingMethod',
  outgoing_method: 'outgoingMethod',
  act_method: 'actMethod',
} as const satisfies Record<Facet, keyof MailboxFilter>

/** The fields of a filter that name a column of few values. */
export const FACET_FIELDS = Object.values(FIELD_OF)

/** The columns of few values that a filter names, each with the value it wants. */
export function facetsOf(filter: MailboxFilter | null | undefined): [Facet, string][] {
  return (Object.entries(FIELD_OF) as [Facet, (typeof FACET_FIELDS)[number]][]).flatMap(([facet, field]) => {
    const value = filter?.[field]
    return value ? [[facet, value] as [Facet, string]] : []
  })
}
