import type { AuditChange, AuditRecord } from '../db/audit-record'
import { chunks, pausingChunks } from '../db/chunks'
import { newId } from '../db/id'
import type { Tx } from '../db/transaction'
import { AuditChangeRow, AuditEntry, type AuditSubjectType } from './audit.entity'
import { auditText } from './audit-text'
import { timeOf } from './entry-time'

/** Ids in one row: 1,000 fit the 64 KiB of a text. */
const SUBJECTS_A_ROW = 1_000
const ROWS_A_STATEMENT = 100

/** Who did what the service does by itself. */
const SERVICE = { id: null, name: 'Mailwarden', ip: null }

/** Pairs of subject and change from one JSON parameter: a thousand rows cost the statement no three thousand parameters. */
const INSERT_SUBJECTS = {
  sqlite: `INSERT INTO audit_subjects (subject_id, entry_id, change_id)
    SELECT json_extract(value, '$[0]'), ?, json_extract(value, '$[1]') FROM json_each(?)`,
  mariadb: `INSERT INTO audit_subjects (subject_id, entry_id, change_id)
    SELECT pair.subject, ?, pair.change_id FROM JSON_TABLE(?, '$[*]'
      COLUMNS (subject VARCHAR(36) PATH '$[0]', change_id VARCHAR(36) PATH '$[1]')) pair`,
} as const

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
  const parts = changes.flatMap(({ subjectIds, before, after }) =>
    [...chunks(subjectIds, SUBJECTS_A_ROW)].map((ids) => ({ id: newId(), ids, before, after })),
  )
  for await (const chunk of pausingChunks(parts, ROWS_A_STATEMENT)) {
    const rows = chunk.map(({ id, ids, before, after }) => ({
      ...{ id, entryId, subjectIds: JSON.stringify(ids) },
      before: before && auditText(before),
      after: after && auditText(after),
    }))
    await tx.em.createQueryBuilder().insert().into(AuditChangeRow).values(rows).updateEntity(false).execute()
  }
  const pairs = parts.flatMap(({ id, ids }) => ids.map((subject) => [subject, id]))
  for await (const chunk of pausingChunks(pairs)) {
    await tx.em.query(INSERT_SUBJECTS[tx.kind], [entryId, JSON.stringify(chunk)])
  }
}
