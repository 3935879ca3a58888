import { type MigrationInterface, type QueryRunner, type TableColumn } from 'typeorm'
import { id, longText, text, time } from '../columns'

/** What users are given beside their roles, that they may be shut out, and who made an API token. */
export class Access1791000000100 implements MigrationInterface {
  readonly name = 'Access1791000000100'

  async up(runner: QueryRunner): Promise<void> {
    const isMariadb = runner.connection.options.type !== 'better-sqlite3'
    for (const [table, columns] of Object.entries(COLUMNS)) {
      await runner.addColumns(
        table,
        columns().map((column) => (isMariadb ? byBytes(column) : column)),
      )
    }
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const [table, columns] of Object.entries(COLUMNS)) {
      await runner.dropColumns(
        table,
        columns().map((column) => column.name),
      )
    }
  }
}

const nullable = { isNullable: true }

const COLUMNS = {
  users: () => [longText('domains', nullable), id('owner_id', nullable), time('deactivated_at', nullable)],
  api_tokens: () => [text('created_by', 200, nullable)],
}

function byBytes(column: TableColumn): TableColumn {
  if (column.type === 'datetime') return column
  return Object.assign(column, { charset: 'utf8mb4', collation: 'utf8mb4_bin' })
}
