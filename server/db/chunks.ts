import { setImmediate as afterOtherWork } from 'node:timers/promises'
import type { Tx } from './transaction'

/** Parts that fit every database's limit of parameters in one statement. */
export function* chunks<T>(items: readonly T[], size = 5_000): Generator<T[]> {
  for (let start = 0; start < items.length; start += size) yield items.slice(start, start + size)
}

/**
 * The same for bulk work: SQLite works on this very thread, so between two parts the process's other requests get their turn.
 * Transactions may pause so: who writes waits for its end anyway, and who reads has a connection of its own.
 */
export async function* pausingChunks<T>(items: readonly T[], size = 1_000): AsyncGenerator<T[]> {
  for (const chunk of chunks(items, size)) {
    yield chunk
    await afterOtherWork()
  }
}

type Value = string | number | null

/** The CASEs are searched row by row: a longer statement would cost more than it saves. */
const ROWS_A_STATEMENT = 100

/** Gives each row values of its own, many rows a statement. Names are the database's; `rows` goes from the key to the values by column. */
export async function updateEach(
  tx: Tx,
  table: string,
  key: string,
  rows: ReadonlyMap<string, Readonly<Record<string, Value>>>,
): Promise<void> {
  for await (const chunk of pausingChunks([...rows], ROWS_A_STATEMENT)) {
    const columns = Object.keys(chunk[0]?.[1] ?? {})
    const whens = chunk.map(() => 'WHEN ? THEN ?').join(' ')
    const sets = columns.map((column) => `${column} = CASE ${key} ${whens} END`)
    const values = columns.flatMap((column) => chunk.flatMap(([of, row]) => [of, row[column] ?? null]))
    const keys = chunk.map(([of]) => of)
    const where = `${key} IN (${keys.map(() => '?').join(', ')})`
    await tx.em.query(`UPDATE ${table} SET ${sets.join(', ')} WHERE ${where}`, [...values, ...keys])
  }
}
