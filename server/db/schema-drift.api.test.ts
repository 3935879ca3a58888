import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { ENTITIES, MIGRATIONS } from '../app'
import { DATABASES, makeDatabase } from '../test/harness'
import { Database } from './database'

describe.each(DATABASES)('the schema on %s', (kind) => {
  const ends: (() => unknown)[] = []
  let db: Database

  beforeAll(async () => {
    const folder = mkdtempSync(join(tmpdir(), 'mailwarden-test-'))
    const url = await makeDatabase(kind, folder, ends)
    const nothing = () => undefined
    const outlets = {
      enqueue: async () => undefined,
      audit: async () => undefined,
      publish: nothing,
      onLostNudge: nothing,
    }
    db = await Database.open({ url, entities: ENTITIES, migrations: MIGRATIONS, outlets })
    ends.unshift(() => db.close())
    ends.push(() => rmSync(folder, { recursive: true, force: true }))
  })

  afterAll(async () => {
    for (const end of ends) await end()
  })

  /** The statements that would make the database what the entities say. */
  const drift = async () => {
    const { upQueries } = await db.source.driver.createSchemaBuilder().log()
    return upQueries.map((query) => query.query)
  }

  const tables = async (): Promise<string[]> => {
    const sql = {
      sqlite: "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name",
      mariadb: 'SELECT table_name AS name FROM information_schema.tables WHERE table_schema = DATABASE() ORDER BY name',
    }
    const rows = (await db.source.query(sql[kind])) as { name: string }[]
    return rows.map((row) => row.name)
  }

  test('the migrations make what the entities say', async () => {
    expect(await tables()).toEqual(expect.arrayContaining(db.source.entityMetadatas.map((entity) => entity.tableName)))
    expect(await drift()).toEqual([])
  })

  test('texts are equal when their bytes are, whatever the database was made with', async () => {
    if (kind === 'sqlite') {
      expect(await db.source.query("SELECT 'ada' = 'ADA' OR 'Jose' = 'José' AS same")).toEqual([{ same: 0 }])
      return
    }
    const collations = await db.source.query(
      `SELECT DISTINCT collation_name AS name FROM information_schema.columns
       WHERE table_schema = DATABASE() AND table_name NOT IN ('migrations', 'typeorm_metadata') AND collation_name IS NOT NULL`,
    )
    expect(collations).toEqual([{ name: 'utf8mb4_bin' }])
  })

  test('the migrations go down to nothing, and up again to the same', async () => {
    const whole = await tables()
    for (const _ of MIGRATIONS) await db.source.undoLastMigration()
    expect(await tables()).toEqual(['migrations', 'typeorm_metadata'])
    const again = await db.source.runMigrations()
    expect(again.map((migration) => migration.name)).toEqual(MIGRATIONS.map((migration) => migration.name))
    expect(await tables()).toEqual(whole)
    expect(await drift()).toEqual([])
  })
})
