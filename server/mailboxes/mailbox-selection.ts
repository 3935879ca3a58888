import type { Reach } from '../auth/auth.service'
import { isId } from '../db/id'
import { type FaultList, OperationError } from '../errors'
import type { Order } from '../graphql/connection'
import { oneLine } from '../graphql/text-input'
import { MailboxView, SortDirection } from './mailbox.enums'
import type { MailboxFilter, MailboxSelection, MailboxSort } from './mailbox.inputs'

/** A WHERE over the columns of `mailboxes`, without alias: the same text serves SELECT, UPDATE and COUNT. */
export interface Condition {
  sql: string
  parameters: Record<string, unknown>
}

export const MOST_IDS = 10_000

const synced = (status: string, method: string, value: string): string =>
  `(${status} = '${value}' AND ${method} <> 'NONE')`
const anyStatus = (value: string): string =>
  `(${[
    synced('incoming_email_status', 'incoming_method', value),
    synced('outgoing_email_status', 'outgoing_method', value),
    synced('act_status', 'act_method', value),
  ].join(' OR ')})`

/** The views of product rule 3. Inactive mailboxes are in ALL and INACTIVE only. */
export const VIEW_CONDITIONS: Record<MailboxView, string> = {
  [MailboxView.ALL]: '1 = 1',
  [MailboxView.ACTIVE]: 'active = 1',
  [MailboxView.INACTIVE]: 'active = 0',
  // nobody who signs in owns a mailbox until the role of mailbox owners exists
  [MailboxView.MINE]: '1 = 0',
  [MailboxView.USER_MAILBOXES]: "active = 1 AND kind = 'USER'",
  [MailboxView.QUEUE_MAILBOXES]: "active = 1 AND kind = 'QUEUE'",
  [MailboxView.FORWARD_MAILBOXES]: "active = 1 AND kind = 'FORWARD'",
  [MailboxView.PENDING_EMAIL_APPROVAL]: "active = 1 AND approval = 'PENDING'",
  [MailboxView.NOT_TESTED]: `active = 1 AND ${anyStatus('NOT_RUN')}`,
  [MailboxView.TEST_AND_ENABLE_FAILED]: `active = 1 AND ${anyStatus('FAILURE')}`,
  [MailboxView.ENABLED]: 'active = 1 AND (incoming_enabled = 1 OR outgoing_enabled = 1 OR act_enabled = 1)',
  [MailboxView.PAUSED]: 'active = 1 AND paused_until IS NOT NULL',
}

/** The mailboxes that a right of a viewer extends to. */
export function reachCondition(reach: Reach): Condition {
  if (reach === 'ALL') return { sql: '1 = 1', parameters: {} }
  const { domains, ownerIds } = reach
  const parts: string[] = []
  if (ownerIds.length > 0) parts.push('owner_id IN (:...reachOwners)')
  for (const index of domains.keys()) parts.push(`address_key LIKE :reachDomain${index} ESCAPE '!'`)
  const parameters = Object.fromEntries(
    domains.map((domain, index) => [`reachDomain${index}`, `%@${escapeLike(domain)}`]),
  )
  return {
    sql: parts.length > 0 ? `(${parts.join(' OR ')})` : '1 = 0',
    parameters: { ...parameters, reachOwners: ownerIds },
  }
}

const escapeLike = (text: string): string => text.replace(/[!%_]/g, (sign) => `!${sign}`)

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
    const text = oneLine(faults, [...path, 'text'], filter.text, { max: 200, required: false }).toLowerCase()
    const like = `%${escapeLike(text)}%`
    add("(name_key LIKE :filterText ESCAPE '!' OR address_key LIKE :filterText ESCAPE '!')", { filterText: like })
  }
  if (typeof filter?.profileId === 'string') add('profile_id = :filterProfile', { filterProfile: filter.profileId })
  if (typeof filter?.domain === 'string') {
    const domain = oneLine(faults, [...path, 'domain'], filter.domain, { max: 253 }).toLowerCase()
    add("address_key LIKE :filterDomain ESCAPE '!'", { filterDomain: `%@${escapeLike(domain)}` })
  }
  if (filter?.kind) add('kind = :filterKind', { filterKind: filter.kind })
  if (filter?.approval) add('approval = :filterApproval', { filterApproval: filter.approval })
  if (typeof filter?.errorCode === 'string') {
    const errorCode = oneLine(faults, [...path, 'errorCode'], filter.errorCode, { max: 40 })
    add('(incoming_error_code = :filterError OR outgoing_error_code = :filterError OR act_error_code = :filterError)', {
      filterError: errorCode,
    })
  }
  return { sql: parts.length > 0 ? parts.join(' AND ') : '1 = 1', parameters }
}

export function viewCondition(
  faults: FaultList,
  view: MailboxView,
  filter?: MailboxFilter | null,
  path: string[] = ['filter'],
): Condition {
  const filtered = filterCondition(faults, path, filter)
  return { sql: `(${VIEW_CONDITIONS[view]}) AND (${filtered.sql})`, parameters: filtered.parameters }
}

/** What a command works on. Adds a fault unless it is exactly one of ids and view; the ids' existence is checked by the service. */
export function selectionCondition(faults: FaultList, selection: MailboxSelection, path = 'selection'): Condition {
  const { ids, view, filter } = selection
  const none: Condition = { sql: '1 = 0', parameters: {} }
  if (!!ids === !!view) {
    faults.add('EXACTLY_ONE', [path], 'Give exactly one of ids and view')
    return none
  }
  if (view) return viewCondition(faults, view, filter, [path, 'filter'])
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
  return faults.any ? none : { sql: 'id IN (:...selectedIds)', parameters: { selectedIds: [...new Set(ids)] } }
}

const SORTS: Record<string, Omit<Order, 'direction'>> = {
  name: { column: 'name_key', property: 'nameKey' },
  emailAddress: { column: 'address_key', property: 'addressKey', nullable: true },
  kind: { column: 'kind', property: 'kind' },
  approval: { column: 'approval', property: 'approval' },
  incomingEmailStatus: { column: 'incoming_email_status', property: 'incomingEmailStatus' },
  outgoingEmailStatus: { column: 'outgoing_email_status', property: 'outgoingEmailStatus' },
  actStatus: { column: 'act_status', property: 'actStatus' },
  lastTestedAt: { column: 'last_tested_at', property: 'lastTestedAt', nullable: true },
  createdAt: { column: 'created_at', property: 'createdAt' },
  updatedAt: { column: 'updated_at', property: 'updatedAt' },
}

export function orderOf(sort: MailboxSort | null | undefined): Order {
  const field = sort?.field ?? 'name'
  const order = Object.hasOwn(SORTS, field) ? SORTS[field] : undefined
  if (!order) {
    const fields = Object.keys(SORTS).join(', ')
    throw new OperationError('BAD_USER_INPUT', `Sort by one of: ${fields}`, ['sort', 'field'])
  }
  return { ...order, direction: sort?.direction === SortDirection.DESC ? 'DESC' : 'ASC' }
}
