import { Table, TableColumn, type TableColumnOptions } from 'typeorm'
import type { DatabaseKind } from './database-kind'

/**
 * The column kinds of the migrations, the same on SQLite and MariaDB. The entities name the same types, which the test of
 * schema drift holds together.
 */
export const id = (name = 'id', options: Partial<TableColumnOptions> = {}): TableColumn =>
  new TableColumn({ name, type: 'varchar', length: '36', isPrimary: name === 'id', ...options })

export const text = (name: string, length: number, options: Partial<TableColumnOptions> = {}): TableColumn =>
  new TableColumn({ name, type: 'varchar', length: String(length), ...options })

/** Up to 64 KiB on MariaDB. */
export const longText = (name: string, options: Partial<TableColumnOptions> = {}): TableColumn =>
  new TableColumn({ name, type: 'text', ...options })

/** What each database calls the type: TypeORM takes another word for a change of the schema. */
const TYPES = {
  // SQLite knows one whole number; tinyint is what MariaDB makes of a boolean
  sqlite: { whole: 'integer', flag: 'boolean' },
  mariadb: { whole: 'int', flag: 'tinyint' },
} as const satisfies Record<DatabaseKind, object>

export const whole = (name: string, kind: DatabaseKind, options: Partial<TableColumnOptions> = {}): TableColumn =>
  new TableColumn({ name, type: TYPES[kind].whole, ...options })

export const flag = (name: string, kind: DatabaseKind, options: Partial<TableColumnOptions> = {}): TableColumn =>
  new TableColumn({ name, type: TYPES[kind].flag, ...options })

export const time = (name: string, options: Partial<TableColumnOptions> = {}): TableColumn =>
  new TableColumn({ name, type: 'datetime', precision: 3, ...options })

export const table = (
  name: string,
  columns: TableColumn[],
  indices: Record<string, { columns: string[]; unique?: true }> = {},
) =>
  new Table({
    name,
    columns,
    indices: Object.entries(indices).map(([indexName, index]) => ({
      name: indexName,
      columnNames: index.columns,
      isUnique: index.unique ?? false,
    })),
  })

/**
 * MariaDB's own collations take "ada" for "ADA" and "Jose" for "José", and a database may be of another character set. What is
 * to be found whatever its case has a column in lower case (…_key), so texts are equal when their bytes are, as on SQLite.
 */
export function byteForByte(one: Table): Table {
  for (const column of one.columns) {
    if (column.type !== 'varchar' && column.type !== 'text') continue
    column.charset = 'utf8mb4'
    column.collation = 'utf8mb4_bin'
  }
  return one
}
