import type { EntityManager } from 'typeorm'

/** A WHERE over the columns of `mailboxes`, without alias: the same text serves SELECT, UPDATE and COUNT. */
export interface Condition {
  sql: string
  parameters: Record<string, unknown>
}

export const EVERYTHING: Condition = { sql: '1 = 1', parameters: {} }
export const NOTHING: Condition = { sql: '1 = 0', parameters: {} }

export const and = (...conditions: Condition[]): Condition => ({
  sql: conditions.map((condition) => condition.sql).join(' AND '),
  parameters: Object.assign({}, ...conditions.map((condition) => condition.parameters)),
})

/** A statement with the values of its named parameters in the order in which the driver takes them. */
export const bind = (em: EntityManager, sql: string, { parameters }: Condition): [sql: string, values: unknown[]] =>
  em.connection.driver.escapeQueryWithParameters(sql, parameters) as [string, unknown[]]
