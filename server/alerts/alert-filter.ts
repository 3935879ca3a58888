import type { AlertSeverity, AlertState } from './alert.entity'
import type { AlertCondition } from './alert-sight'

/** What alerts are filtered by; what is left out, or null, does not matter. */
export interface AlertFilterFields {
  mailboxId?: string | null
  profileId?: string | null
  state?: AlertState | null
  severity?: AlertSeverity | null
  code?: string | null
}

const COLUMNS = {
  mailboxId: 'mailbox_id',
  profileId: 'profile_id',
  state: 'state',
  severity: 'severity',
  code: 'code',
} as const satisfies Record<keyof AlertFilterFields, string>

/** A WHERE over the alias `a` of `alerts`: of all alerts those whose columns have the wished values. */
export function filterSql(filter: AlertFilterFields): AlertCondition {
  const wished = Object.entries(COLUMNS).flatMap(([field, column]) => {
    const value = filter[field as keyof AlertFilterFields]
    return value === null || value === undefined ? [] : [{ field, column, value }]
  })
  return {
    sql: ['1 = 1', ...wished.map(({ field, column }) => `a.${column} = :filter_${field}`)].join(' AND '),
    parameters: Object.fromEntries(wished.map(({ field, value }) => [`filter_${field}`, value])),
  }
}
