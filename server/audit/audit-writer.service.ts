import type { AuditChange, AuditRecord } from '../db/audit-record'
import { chunks, pausingChunks } from '../db/chunks'
import { newId } from '../db/id'
import type { Tx } from '../db/transaction'
import { AuditChangeRow, AuditEntry, type AuditSubjectType } from './audit.entity'

/** Ids in one row: 1,000 fit the 64 KiB of a text. */
const SUBJECTS_A_ROW = 1_000
const ROWS_A_STATEMENT = 100

/** Who did what the service does by itself. */
const SERVICE = { id: null, name: 'Mailwarden', ip: null }

/** Appends to the audit log; the tables refuse UPDATE and DELETE. Called by the transaction, right before its commit. */
export async function writeAudit(tx: Tx, records: readonly AuditRecord[]): Promise<void> {
  const at = new Date()
  for (const { actor, action, subject, changes, details } of records) {
    const { id: actorId, name, ip } = actor ?? SERVICE
    const entryId = newId()
    await tx.em.insert(AuditEntry, {
      ...{ id: entryId, at, action, actorId, actorName: name, actorAddress: ip },
      subjectType: subject as AuditSubjectType,
      subjectCount: changes.reduce((sum, change) => sum + change.subjectIds.length, 0),
      details: details ? JSON.stringify(details) : null,
    })
    await writeChanges(tx, entryId, changes)
  }
}

async function writeChanges(tx: Tx, entryId: string, changes: readonly AuditChange[]): Promise<void> {
  const parts = changes.flatMap(({ subjectIds, before, after }) =>
    [...chunks(subjectIds, SUBJECTS_A_ROW)].map((ids) => ({ id: newId(), ids, before, after })),
  )
  for await (const chunk of pausingChunks(parts, ROWS_A_STATEMENT)) {
    const rows = chunk.map(({ id, ids, before, after }) => ({
      ...{ id, entryId, subjectIds: JSON.stringify(ids) },
      before: before && JSON.stringify(before),
      after: after && JSON.stringify(after),
    }))
    await tx.em.createQueryBuilder().insert().into(AuditChangeRow).values(rows).updateEntity(false).execute()
  }
  const subjects = parts.flatMap(({ id, ids }) => ids.map((subject) => [subject, id] as const))
  for await (const chunk of pausingChunks(subjects)) {
    const places = chunk.map(() => '(?, ?)').join(', ')
    await tx.em.query(`INSERT INTO audit_subjects (subject_id, change_id) VALUES ${places}`, chunk.flat())
  }
}
