import type { MigrationInterface, QueryRunner, Table } from 'typeorm'
import { byteForByte, id, longText, table, text, time, whole } from '../columns'
import type { DatabaseKind } from '../database-kind'

const nullable = { isNullable: true }
const key = { isPrimary: true }
const why = 'The audit log is append-only'

const NAMES = ['audit_ranges', 'audit_subjects', 'audit_changes', 'audit_entries']

/** The audit log: append-only, which the database itself sees to. */
export class Audit1791000000000 implements MigrationInterface {
  readonly name = 'Audit1791000000000'

  async up(runner: QueryRunner): Promise<void> {
    const kind: DatabaseKind = runner.connection.options.type === 'better-sqlite3' ? 'sqlite' : 'mariadb'
    try {
      for (const one of tables(kind)) {
        await runner.createTable(kind === 'mariadb' ? byteForByte(one) : one)
        const { name } = one
        for (const event of ['UPDATE', 'DELETE']) await runner.query(refusal(kind, name, event))
        if (kind === 'sqlite' && hasContent(one)) await runner.query(replacementRefusal(one))
      }
    } catch (error) {
      // MariaDB keeps what was made before a trigger was refused; the next start, with the right to make it, begins anew
      if (kind === 'mariadb') for (const name of NAMES) await runner.dropTable(name, true)
      throw error
    }
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const name of NAMES) await runner.dropTable(name)
  }
}

function refusal(kind: DatabaseKind, name: string, event: string): string {
  const head = `CREATE TRIGGER ${name}_no_${event.toLowerCase()} BEFORE ${event} ON ${name}`
  return kind === 'sqlite'
    ? `${head} BEGIN SELECT RAISE(ABORT, '${why}'); END`
    : `${head} FOR EACH ROW SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = '${why}'`
}

/** Where all columns are the key, a row replaced by another of that key is the same. */
const hasContent = ({ columns }: Table): boolean => columns.some((column) => !column.isPrimary)

/** SQLite tells no DELETE trigger of a row that REPLACE puts another in the place of. */
function replacementRefusal({ name, columns }: Table): string {
  const keys = columns.filter((column) => column.isPrimary).map((column) => column.name)
  const same = keys.map((key) => `${key} = NEW.${key}`).join(' AND ')
  return `CREATE TRIGGER ${name}_no_replace BEFORE INSERT ON ${name}
    WHEN EXISTS (SELECT 1 FROM ${name} WHERE ${same}) BEGIN SELECT RAISE(ABORT, '${why}'); END`
}

const tables = (kind: DatabaseKind) => [
  table(
    'audit_entries',
    [
      id(),
      time('at'),
      text('action', 60),
      id('actor_id', nullable),
      text('actor_name', 200),
      text('actor_address', 45, nullable),
      text('subject_type', 20),
      whole('subject_count', kind),
      longText('details', nullable),
    ],
    {
      audit_entries_actor: { columns: ['actor_id', 'id'] },
      audit_entries_actor_name: { columns: ['actor_name', 'id'] },
      audit_entries_action: { columns: ['action', 'id'] },
      audit_entries_subject: { columns: ['subject_type', 'id'] },
    },
  ),
  table(
    'audit_changes',
    [id(), id('entry_id'), longText('subject_ids'), longText('before', nullable), longText('after', nullable)],
    { audit_changes_entry: { columns: ['entry_id', 'id'] } },
  ),
  table('audit_subjects', [id('subject_id', key), id('entry_id', key)]),
  table('audit_ranges', [id('first_id', key), id('last_id', key), id('change_id', key)]),
]
