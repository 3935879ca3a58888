import type { EntityManager } from 'typeorm'
import { OWN_CODES } from '../mailboxes/mailbox-test.service'
import { PROFILE_CODES, ProfileCode } from './profile-statement'

const quoted = (codes: readonly string[]) => codes.map((code) => `'${code}'`).join(', ')

/** Open alerts looked at in one statement: a few milliseconds. */
const ALERTS_A_PART = 2_000

const DIRECTION_CODES = {
  INCOMING: 'm.incoming_error_code',
  OUTGOING: 'm.outgoing_error_code',
  ACT: 'm.act_error_code',
} as const

/** A direction of the alert that its mailbox no longer fails in; a forwarded mailbox's incoming failure may be another's. */
const worksNow = [
  ...Object.entries(DIRECTION_CODES).map(
    ([direction, column]) => `(a.directions LIKE '%"${direction}"%' AND (${column} IS NULL OR ${column} <> a.code))`,
  ),
  `(m.forward_mailbox_id IS NOT NULL AND a.directions LIKE '%"INCOMING"%' AND a.code NOT IN (${quoted(OWN_CODES)}))`,
].join(' OR ')

const TOLD_BY_OTHERS = quoted(PROFILE_CODES.filter((code) => code !== ProfileCode.MAILBOXES_FAILING))

/** The open key that ends the part behind `after`; undefined when it is the last part. */
export async function lastOfPart(em: EntityManager, after: string): Promise<string | undefined> {
  const [row]: { openKey: string }[] = await em.query(
    `SELECT open_key AS openKey FROM alerts WHERE open_key > ? ORDER BY open_key LIMIT 1 OFFSET ${ALERTS_A_PART - 1}`,
    [after],
  )
  return row?.openKey
}

/**
 * Ids of open alerts of a part, up to `last` and including it, that may be over: of mailboxes that do not fail so any more, and
 * of profiles, which are few, all but what only the mails to their owners decide.
 */
export async function staleAlerts(em: EntityManager, after: string, last: string | undefined): Promise<string[]> {
  const upTo = last === undefined ? '' : 'AND a.open_key <= ?'
  const rows: { id: string }[] = await em.query(
    `SELECT a.id AS id FROM alerts a LEFT JOIN mailboxes m ON m.id = a.mailbox_id
     WHERE a.open_key > ? ${upTo} AND (
       (a.profile_id IS NOT NULL AND a.code NOT IN (${TOLD_BY_OTHERS}))
       OR (a.mailbox_id IS NOT NULL AND (m.id IS NULL OR m.active = 0 OR ${worksNow}))
     ) ORDER BY a.id`,
    last === undefined ? [after] : [after, last],
  )
  return rows.map((row) => row.id)
}
