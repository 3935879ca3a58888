import type { MigrationInterface, QueryRunner } from 'typeorm'
import { text, time } from '../columns'
import type { DatabaseKind } from '../database-kind'

const ROWS = 500

/** Owners are listed by name, and remembered when they are deleted. */
export class Owners1791000000500 implements MigrationInterface {
  readonly name = 'Owners1791000000500'

  async up(runner: QueryRunner): Promise<void> {
    const kind: DatabaseKind = runner.connection.options.type === 'better-sqlite3' ? 'sqlite' : 'mariadb'
    const inBytes = kind === 'mariadb' ? { charset: 'utf8mb4', collation: 'utf8mb4_bin' } : {}
    const nameKey = text('name_key', 200, { ...inBytes, isNullable: true })
    await runner.addColumns('owners', [nameKey, time('deleted_at', { isNullable: true })])
    await fillNameKeys(runner)
    await runner.changeColumn('owners', nameKey, text('name_key', 200, inBytes))
    await runner.query('CREATE INDEX owners_name ON owners (name_key, id)')
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.dropIndex('owners', 'owners_name')
    await runner.dropColumns('owners', ['deleted_at', 'name_key'])
  }
}

/** Not by LOWER(): SQLite knows no letters but those of ASCII. */
async function fillNameKeys(runner: QueryRunner): Promise<void> {
  let after = ''
  for (;;) {
    const rows = (await runner.query(`SELECT id, name FROM owners WHERE id > ? ORDER BY id LIMIT ${ROWS}`, [
      after,
    ])) as {
      id: string
      name: string
    }[]
    const last = rows.at(-1)
    if (!last) return
    after = last.id
    const whens = rows.map(() => 'WHEN ? THEN ?').join(' ')
    const values = rows.flatMap(({ id, name }) => [id, name.toLowerCase()])
    const places = rows.map(() => '?').join(', ')
    const ids = rows.map((row) => row.id)
    await runner.query(`UPDATE owners SET name_key = CASE id ${whens} END WHERE id IN (${places})`, [...values, ...ids])
  }
}
