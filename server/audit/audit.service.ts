import { In, type SelectQueryBuilder } from 'typeorm'
import { permitAll, type Viewer } from '../auth/auth.service'
import { chunks } from '../db/chunks'
import type { Database } from '../db/database'
import { FaultList } from '../errors'
import { keysetPage, type Order, type Page, type PageArguments } from '../graphql/connection'
import { oneLine } from '../graphql/text-input'
import { AuditChangeRow, AuditEntry } from './audit.entity'
import type { AuditChange, AuditFilter } from './audit.inputs'
import { namedValues } from './audit-text'
import { leastId } from './entry-time'

/** Ids are ordered by time. */
const NEWEST_FIRST: Order = { column: 'id', property: 'id', direction: 'DESC' }
const IN_ORDER: Order = { column: 'id', property: 'id', direction: 'ASC' }

/** An entry may have thousands of changes, a change may name a thousand subjects. */
const ENTRIES_AT_ONCE = 20
const CHANGES_AT_ONCE = 50

/** Every name that has an entry, each found by one step in the index: the log may be long, its actors are few. */
const ACTOR_NAMES = {
  sqlite: `WITH RECURSIVE names (name) AS (
    SELECT MIN(actor_name) FROM audit_entries
    UNION ALL
    SELECT (SELECT MIN(e.actor_name) FROM audit_entries e WHERE e.actor_name > names.name) FROM names
    WHERE names.name IS NOT NULL
  ) SELECT name FROM names WHERE name IS NOT NULL`,
  mariadb: 'SELECT actor_name AS name FROM audit_entries GROUP BY actor_name',
} as const

/**
 * A derived table, which both databases read first: no subject has nearly as many entries as the log. Of a bulk command it
 * reads the one part whose range the subject lies in.
 */
const ENTRIES_OF_SUBJECT = `(SELECT x.entry_id FROM audit_subjects x WHERE x.subject_id = :subjectId
  UNION SELECT c.entry_id FROM audit_ranges r INNER JOIN audit_changes c ON c.id = r.change_id
  WHERE r.first_id <= :subjectId AND r.last_id >= :subjectId AND INSTR(c.subject_ids, :quoted) > 0)`

/** Reads the audit log; it is written by the transactions (audit-writer.service.ts). */
export class AuditService {
  constructor(private readonly db: Database) {}

  /** Newest first. */
  async list(
    viewer: Viewer | undefined,
    filter: AuditFilter | null | undefined,
    page: PageArguments,
  ): Promise<Page<AuditEntry>> {
    permitAll(viewer, 'audit.read')
    const query = this.db.read.createQueryBuilder(AuditEntry, 'e')
    await applyFilter(this.db, query, filter ?? {})
    return keysetPage(query, page, NEWEST_FIRST)
  }

  /** The changes of one entry, or those of one subject in it. */
  async changes(
    viewer: Viewer | undefined,
    entryId: string,
    subjectId: string | null | undefined,
    page: PageArguments,
  ): Promise<Page<AuditChange>> {
    permitAll(viewer, 'audit.read')
    const query = this.db.read.createQueryBuilder(AuditChangeRow, 'c').where({ entryId })
    if (typeof subjectId === 'string')
      query.andWhere('INSTR(c.subject_ids, :quoted) > 0', { quoted: quoted(subjectId) })
    const { nodes, ...rest } = await keysetPage(query, page, IN_ORDER)
    return { ...rest, nodes: nodes.map(asChange) }
  }

  /** All changes of these entries, entry by entry, for a file: before and after as JSON. Reads a few at a time. */
  async *changesOf(
    viewer: Viewer | undefined,
    entries: readonly AuditEntry[],
  ): AsyncGenerator<{ entry: AuditEntry; subjectIds: string[]; before: string | null; after: string | null }> {
    permitAll(viewer, 'audit.read')
    for (const group of chunks(entries, ENTRIES_AT_ONCE)) {
      const found = await this.db.read.find(AuditChangeRow, {
        select: { id: true, entryId: true },
        where: { entryId: In(group.map(({ id }) => id)) },
        order: { id: 'ASC' },
      })
      const order = group.flatMap((entry) =>
        found.filter((row) => row.entryId === entry.id).map(({ id }) => ({ id, entry })),
      )
      for (const part of chunks(order, CHANGES_AT_ONCE)) {
        const rows = await this.db.read.findBy(AuditChangeRow, { id: In(part.map(({ id }) => id)) })
        const byId = new Map(rows.map((row) => [row.id, row]))
        for (const { id, entry } of part) {
          const row = byId.get(id)
          if (row) yield { ...row, entry, subjectIds: JSON.parse(row.subjectIds) as string[] }
        }
      }
    }
  }
}

async function applyFilter(db: Database, query: SelectQueryBuilder<AuditEntry>, filter: AuditFilter): Promise<void> {
  const { actorId, action, subjectType, subjectId, from, to } = filter
  if (typeof actorId === 'string') query.andWhere('e.actorId = :actorId', { actorId })
  if (typeof action === 'string') query.andWhere('e.action = :action', { action })
  if (subjectType) query.andWhere('e.subjectType = :subjectType', { subjectType })
  if (from) query.andWhere('e.id >= :from', { from: leastId(from) })
  if (to) query.andWhere('e.id < :to', { to: leastId(to) })
  if (filter.actor) {
    const names = await actorsNamed(db, filter.actor)
    query.andWhere(names.length > 0 ? { actorName: In(names) } : '1 = 0')
  }
  if (typeof subjectId === 'string') {
    query.innerJoin(ENTRIES_OF_SUBJECT, 's', 's.entry_id = e.id', { subjectId, quoted: quoted(subjectId) })
  }
}

/** As it stands in a JSON list. */
const quoted = (id: string): string => JSON.stringify(id)

async function actorsNamed(db: Database, text: string): Promise<string[]> {
  const faults = new FaultList()
  const part = oneLine(faults, ['filter', 'actor'], text, { max: 200, required: false }).toLowerCase()
  faults.checkQuery()
  const rows = (await db.read.query(ACTOR_NAMES[db.kind])) as { name: string }[]
  return rows.map((row) => row.name).filter((name) => name.toLowerCase().includes(part))
}

function asChange({ id, subjectIds, before, after }: AuditChangeRow): AuditChange {
  const allSubjectIds = JSON.parse(subjectIds) as string[]
  return {
    ...{ id, allSubjectIds, subjectCount: allSubjectIds.length },
    before: before === null ? null : namedValues(before),
    after: after === null ? null : namedValues(after),
  }
}
