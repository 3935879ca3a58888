import type { AuditChange, AuditRecord } from '../db/audit-record'
import { chunks, pausingChunks } from '../db/chunks'
import { newId } from '../db/id'
import type { Tx } from '../db/transaction'
import { AuditEntry, type AuditSubjectType } from './audit.entity'
import { auditText } from './audit-text'
import { timeOf } from './entry-time'

/** Ids in one row: 1,000 fit the 64 KiB of a text. */
const SUBJECTS_A_ROW = 1_000
/** A part with more subjects is found by the range of their ids, not by a row for each. */
const FEW = 50
/** Short enough that no other request of the process waits long for a statement. */
const ROWS_A_STATEMENT = 100
const WIDE_ROWS_A_STATEMENT = 10

/** Who did what the service does by itself. */
const SERVICE = { id: null, name: 'Mailwarden', ip: null }

/** Appends to the audit log; the tables refuse UPDATE and DELETE. Called by the transaction, right before its commit. */
export async function writeAudit(tx: Tx, records: readonly AuditRecord[]): Promise<void> {
  for (const { actor, action, subject, changes, details } of records) {
    const { id: actorId, name, ip } = actor ?? SERVICE
    const entryId = newId()
    const distinct = changes.map((change) => ({ ...change, subjectIds: [...new Set(change.subjectIds)] }))
    await tx.em.insert(AuditEntry, {
      ...{ id: entryId, at: timeOf(entryId), action, actorId, actorName: name, actorAddress: ip },
      subjectType: subject as AuditSubjectType,
      subjectCount: countOf(distinct),
      details: details ? auditText(details) : null,
    })
    await writeChanges(tx, entryId, distinct)
  }
}

/** A subject may be in several changes of one command. */
function countOf(changes: readonly AuditChange[]): number {
  if (changes.length === 1) return changes[0]?.subjectIds.length ?? 0
  return new Set(changes.flatMap((change) => change.subjectIds)).size
}

async function writeChanges(tx: Tx, entryId: string, changes: readonly AuditChange[]): Promise<void> {
  const narrow: Cell[][] = []
  const wide: Cell[][] = []
  const subjects = new Set<string>()
  const ranges: Cell[][] = []
  for await (const { subjectIds, before, after } of inTurns(changes)) {
    const texts = [before && auditText(before), after && auditText(after)]
    // neighbours together, so that each part's range is narrow
    const inOrder = subjectIds.length > FEW ? [...subjectIds].sort() : subjectIds
    for (const ids of chunks(inOrder, SUBJECTS_A_ROW)) {
      const id = newId()
      const row = [id, entryId, JSON.stringify(ids), ...texts]
      if (ids.length > FEW) wide.push(row)
      else narrow.push(row)
      if (inOrder.length > FEW) ranges.push([ids[0] ?? '', ids.at(-1) ?? '', id])
      else for (const subject of ids) subjects.add(subject)
    }
  }
  const columns = ['id', 'entry_id', 'subject_ids', '`before`', '`after`']
  await insert(tx, 'audit_changes', columns, wide, WIDE_ROWS_A_STATEMENT)
  await insert(tx, 'audit_changes', columns, narrow)
  await insert(tx, 'audit_ranges', ['first_id', 'last_id', 'change_id'], ranges)
  const found = [...subjects].map((subject) => [subject, entryId])
  await insert(tx, 'audit_subjects', ['subject_id', 'entry_id'], found)
}

/** One after the other; after many of them others get their turn. */
async function* inTurns<T>(items: readonly T[]): AsyncGenerator<T> {
  for await (const chunk of pausingChunks(items)) yield* chunk
}

type Cell = string | null

/** Bare statements: TypeORM's builder takes several times as long for the rows of a bulk command. */
async function insert(
  tx: Tx,
  table: string,
  columns: readonly string[],
  rows: readonly Cell[][],
  size = ROWS_A_STATEMENT,
): Promise<void> {
  const row = `(${columns.map(() => '?').join(', ')})`
  for await (const chunk of pausingChunks(rows, size)) {
    const places = chunk.map(() => row).join(', ')
    await tx.em.query(`INSERT INTO ${table} (${columns.join(', ')}) VALUES ${places}`, chunk.flat())
  }
}
