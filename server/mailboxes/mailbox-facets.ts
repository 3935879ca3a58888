import { IncomingMethod, SyncMethod } from '../settings/email-settings.entity'
import { ApprovalStatus, MailboxKind, MailboxView, TestStatus } from './mailbox.enums'

/**
 * Two numbers that the database keeps of each mailbox (generated columns), so that every view, count and sort has an index:
 * `view_class` tells the views it is in, `facets` the values of its columns of few values.
 */

/** `active` is 4, the kind is in the lowest two bits; the rest is 0 while the mailbox is inactive. */
const ACTIVE = 4
const KINDS = [MailboxKind.USER, MailboxKind.QUEUE, MailboxKind.FORWARD] as const
const PENDING = 8
const NOT_TESTED = 16
const FAILED = 32
const ENABLED = 64
const PAUSED = 128

const anyOf = (value: TestStatus): string =>
  ['incoming_email', 'outgoing_email', 'act']
    .map((name) => `(${name}_status = '${value}' AND ${name.replace('_email', '')}_method <> 'NONE')`)
    .join(' OR ')

/** A deleted mailbox has no class: it is in no view, and counted nowhere. */
export const VIEW_CLASS_SQL =
  `CASE WHEN deleted_at IS NOT NULL THEN NULL ELSE ` +
  `(CASE kind WHEN '${KINDS[0]}' THEN 0 WHEN '${KINDS[1]}' THEN 1 ELSE 2 END) + ` +
  `(CASE WHEN active = 1 THEN ${ACTIVE}` +
  ` + (CASE WHEN approval = '${ApprovalStatus.PENDING}' THEN ${PENDING} ELSE 0 END)` +
  ` + (CASE WHEN ${anyOf(TestStatus.NOT_RUN)} THEN ${NOT_TESTED} ELSE 0 END)` +
  ` + (CASE WHEN ${anyOf(TestStatus.FAILURE)} THEN ${FAILED} ELSE 0 END)` +
  ` + (CASE WHEN incoming_enabled = 1 OR outgoing_enabled = 1 OR act_enabled = 1 THEN ${ENABLED} ELSE 0 END)` +
  ` + (CASE WHEN paused_until IS NOT NULL THEN ${PAUSED} ELSE 0 END)` +
  ` ELSE 0 END) END`

/** Columns of few values, each with its values in the order in which they are sorted. */
const FACETS = {
  approval: Object.values(ApprovalStatus).sort(),
  incoming_email_status: Object.values(TestStatus).sort(),
  outgoing_email_status: Object.values(TestStatus).sort(),
  act_status: Object.values(TestStatus).sort(),
  incoming_method: Object.values(IncomingMethod).sort(),
  outgoing_method: Object.values(SyncMethod).sort(),
  act_method: Object.values(SyncMethod).sort(),
} as const satisfies Record<string, readonly string[]>

export type Facet = keyof typeof FACETS

const FACET_NAMES = Object.keys(FACETS) as Facet[]

/** What one step of a facet's value adds to `facets`. */
const weightOf = (facet: Facet): number =>
  FACET_NAMES.slice(0, FACET_NAMES.indexOf(facet)).reduce((product, name) => product * FACETS[name].length, 1)

export const FACETS_SQL = FACET_NAMES.map((facet) => {
  const values: readonly string[] = FACETS[facet]
  const whens = values.slice(0, -1).map((value, index) => `WHEN '${value}' THEN ${index * weightOf(facet)}`)
  return `(CASE ${facet} ${whens.join(' ')} ELSE ${(values.length - 1) * weightOf(facet)} END)`
}).join(' + ')

/** What stands behind the @: addresses have one. */
export const ADDRESS_DOMAIN_SQL = `substr(address_key, instr(address_key, '@') + 1)`

/** The place of a facet's value in its order. */
export const facetRank = (facets: number, facet: Facet): number =>
  Math.floor(facets / weightOf(facet)) % FACETS[facet].length

export const facetValues = (facet: Facet): readonly string[] => FACETS[facet]

export const rankOf = (facet: Facet, value: string): number => (FACETS[facet] as readonly string[]).indexOf(value)

export const kindOf = (viewClass: number): MailboxKind => KINDS[viewClass & 3] ?? MailboxKind.FORWARD

export const isActive = (viewClass: number): boolean => (viewClass & ACTIVE) !== 0

const has = (bits: number) => (viewClass: number) => (viewClass & bits) === bits
const isKind = (kind: MailboxKind) => (viewClass: number) => isActive(viewClass) && kindOf(viewClass) === kind

/** The views of product rule 3. Inactive mailboxes are in ALL and INACTIVE only; MINE is decided by who looks. */
export const IN_VIEW: Record<MailboxView, (viewClass: number) => boolean> = {
  [MailboxView.ALL]: () => true,
  [MailboxView.ACTIVE]: isActive,
  [MailboxView.INACTIVE]: (viewClass) => !isActive(viewClass),
  [MailboxView.MINE]: () => true,
  [MailboxView.USER_MAILBOXES]: isKind(MailboxKind.USER),
  [MailboxView.QUEUE_MAILBOXES]: isKind(MailboxKind.QUEUE),
  [MailboxView.FORWARD_MAILBOXES]: isKind(MailboxKind.FORWARD),
  [MailboxView.PENDING_EMAIL_APPROVAL]: has(PENDING),
  [MailboxView.NOT_TESTED]: has(NOT_TESTED),
  [MailboxView.TEST_AND_ENABLE_FAILED]: has(FAILED),
  [MailboxView.ENABLED]: has(ENABLED),
  [MailboxView.PAUSED]: has(PAUSED),
}

/** Every class there can be. */
export const VIEW_CLASSES: readonly number[] = Array.from({ length: 256 }, (_, index) => index).filter(
  (viewClass) => (viewClass & 3) !== 3 && (isActive(viewClass) || viewClass < ACTIVE),
)

/** A failed direction has the bit of the failed view: error codes are nowhere else. */
export const mayHaveError = (viewClass: number): boolean => !isActive(viewClass) || has(FAILED)(viewClass)
