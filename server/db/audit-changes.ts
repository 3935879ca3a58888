import type { Actor, AuditChange, AuditState } from './audit-record'
import { pausingChunks } from './chunks'

/** Who gave which command, for use cases that other features take part in. */
export interface Command {
  /** Null: the service itself. */
  actor: Actor | null
  /** The mutation's name; of the command line `cli NAME`. */
  action: string
}

/** One subject's change, before the equal ones are put together. */
export interface SubjectChange {
  id: string
  before: AuditState | null
  after: AuditState | null
}

/** What the audit log keeps of a value. */
const plain = (value: unknown): AuditState[string] =>
  value instanceof Date ? value.toISOString() : ((value ?? null) as AuditState[string])

/** A row as the audit log keeps it; what is empty from the start is left out. */
export function stateOf<Row extends object>(row: Row, columns: readonly (keyof Row & string)[]): AuditState {
  const kept = columns.filter((column) => row[column] !== null && row[column] !== undefined)
  return Object.fromEntries(kept.map((column) => [column, plain(row[column])]))
}

/** The columns that differ; undefined when none does. */
export function difference<Row extends object>(
  before: Row,
  after: Row,
  columns: readonly (keyof Row & string)[],
): { before: AuditState; after: AuditState } | undefined {
  const changed = columns.filter((column) => plain(before[column]) !== plain(after[column]))
  if (changed.length === 0) return undefined
  const pick = (row: Row) => Object.fromEntries(changed.map((column) => [column, plain(row[column])]))
  return { before: pick(before), after: pick(after) }
}

/** Equal changes become one of many subjects. Between two parts others get their turn. */
export async function changesOf(rows: readonly SubjectChange[]): Promise<AuditChange[]> {
  const groups = new Map<string, { subjectIds: string[]; before: AuditState | null; after: AuditState | null }>()
  for await (const chunk of pausingChunks(rows)) {
    for (const { id, before, after } of chunk) {
      const key = JSON.stringify([before, after])
      const group = groups.get(key)
      if (group) group.subjectIds.push(id)
      else groups.set(key, { subjectIds: [id], before, after })
    }
  }
  return [...groups.values()]
}
