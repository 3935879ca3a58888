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
