import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { DataSource, type DataSourceOptions, type EntityManager } from 'typeorm'
import type { DatabaseKind } from './database-kind'
import { SnakeNaming } from './snake-naming'
import { type Outlets, Tx } from './transaction'
import { WalKeeper } from './wal-keeper'

export interface DatabaseOptions {
  /** sqlite:FILE or mysql://user:password@host:port/database */
  url: string
  entities: DataSourceOptions['entities']
  migrations: DataSourceOptions['migrations']
  outlets: Outlets
  /** SQLite's log could not be written back into the file: it grows on, and nothing is lost. */
  onLongLog?: (error: unknown) => void
  /** MariaDB connections of this process. */
  poolSize?: number
}

/**
 * Answers of the databases that are worth another try of the whole transaction: of MariaDB deadlock, lock wait time-out, and a
 * unique key taken by somebody else since it was looked up (the next try sees that row and says so).
 */
const RETRIED = new Set([
  ...['ER_LOCK_DEADLOCK', 'ER_LOCK_WAIT_TIMEOUT', 'ER_DUP_ENTRY'],
  // SQLite: another process, such as the command line, wrote between this transaction's first read and its first write
  'SQLITE_BUSY_SNAPSHOT',
])
const TRIES = 4

/** Ends the transaction of a dry run. */
const ROLL_BACK = new Error('dry run')

/** SQLite's own wait for another process stops this whole one: it is short, and the rest is waited for beside other work. */
const BUSY_STEP_MS = 50
const BUSY_WITHIN_MS = 30_000

/** SQLite's log keeps no more room than this on the disk once it is written back. */
const MOST_LOG_BYTES = 64 * 1024 * 1024

/**
 * One database, two ways in: `read` for queries, `inTransaction` for every write.
 * On SQLite `read` is a second connection (WAL), so a query never sees the uncommitted rows of a transaction that is under
 * way on the one writing connection, and transactions wait for each other in a queue: only database work is awaited inside.
 */
export class Database {
  private last: Promise<unknown> = Promise.resolve()

  private constructor(
    readonly kind: DatabaseKind,
    private readonly writer: DataSource,
    private readonly reader: DataSource,
    private readonly outlets: Outlets,
    private readonly wal?: WalKeeper,
  ) {}

  static async open(options: DatabaseOptions): Promise<Database> {
    const shared = {
      entities: options.entities,
      migrations: options.migrations,
      namingStrategy: new SnakeNaming(),
      synchronize: false,
      migrationsTransactionMode: 'each' as const,
    }
    if (options.url.startsWith('sqlite:')) {
      const file = options.url.slice('sqlite:'.length)
      mkdirSync(dirname(file), { recursive: true })
      const tune = (db: { pragma(text: string): unknown }) => {
        db.pragma('synchronous = NORMAL')
        db.pragma('busy_timeout = 5000')
        db.pragma('cache_size = -65536')
      }
      const sqlite = {
        ...shared,
        type: 'better-sqlite3' as const,
        database: file,
        enableWAL: true,
        prepareDatabase: tune,
      }
      const writer = await new DataSource(sqlite).initialize()
      await writer.runMigrations()
      // from here on another thread keeps the log short
      await writer.query('PRAGMA wal_autocheckpoint = 0')
      await writer.query(`PRAGMA busy_timeout = ${BUSY_STEP_MS}`)
      await writer.query(`PRAGMA journal_size_limit = ${MOST_LOG_BYTES}`)
      const wal = new WalKeeper(file, require.resolve('better-sqlite3'), options.onLongLog ?? (() => undefined))
      const reader = await new DataSource({ ...sqlite, migrations: [] }).initialize()
      return new Database('sqlite', writer, reader, options.outlets, wal)
    }
    const mariadb = await new DataSource({
      ...shared,
      type: 'mariadb',
      url: options.url.replace(/^mysql:/, 'mariadb:'),
      timezone: 'Z',
      charset: 'utf8mb4',
      supportBigNumbers: true,
      poolSize: options.poolSize ?? 10,
    }).initialize()
    await migrateAlone(mariadb)
    return new Database('mariadb', mariadb, mariadb, options.outlets)
  }

  /** For queries outside a transaction: sees what is committed. */
  get read(): EntityManager {
    return this.reader.manager
  }

  /** The data source that migrations are checked against. */
  get source(): DataSource {
    return this.writer
  }

  /**
   * Runs `work` in one transaction. What it enqueues and signals leaves after the commit, and is dropped on a rollback.
   * A deadlock is tried again, so `work` must have no effect outside of `tx`. A dry run answers what `work` answers, is rolled
   * back, and nothing leaves: it gives the answer of the real call because it is the real call.
   */
  async inTransaction<T>(work: (tx: Tx) => Promise<T>, { dryRun = false } = {}): Promise<T> {
    const begun = performance.now()
    for (let attempt = 1; ; attempt++) {
      const tx = new Tx(this.kind)
      try {
        if (dryRun) return await this.alone(() => this.tryOut(tx, work))
        const result = await this.alone(() => this.commit(tx, work))
        await tx.release(this.outlets)
        void this.wal?.look()
        return result
      } catch (error) {
        const { code = '' } = error as { code?: string }
        const isBusy = code === 'SQLITE_BUSY' && performance.now() - begun < BUSY_WITHIN_MS
        if (isBusy) await pause(BUSY_STEP_MS)
        else if (attempt >= TRIES || !RETRIED.has(code)) throw error
      }
    }
  }

  async close(): Promise<void> {
    await this.last.catch(() => undefined)
    await this.wal?.close()
    if (this.reader !== this.writer && this.reader.isInitialized) await this.reader.destroy()
    if (this.writer.isInitialized) await this.writer.destroy()
  }

  private commit<T>(tx: Tx, work: (tx: Tx) => Promise<T>): Promise<T> {
    return this.transaction(async (em) => {
      const result = await work(tx.on(em))
      await tx.finish(this.outlets)
      return result
    })
  }

  private async tryOut<T>(tx: Tx, work: (tx: Tx) => Promise<T>): Promise<T> {
    const answer: T[] = []
    try {
      await this.transaction(async (em) => {
        answer.push(await work(tx.on(em)))
        throw ROLL_BACK
      })
    } catch (error) {
      if (error !== ROLL_BACK) throw error
    }
    return answer[0] as T
  }

  private transaction<T>(run: (em: EntityManager) => Promise<T>): Promise<T> {
    // READ COMMITTED: no gap locks, so that workers claiming neighbouring rows do not block each other
    return this.kind === 'sqlite' ? this.writer.transaction(run) : this.writer.transaction('READ COMMITTED', run)
  }

  private alone<T>(work: () => Promise<T>): Promise<T> {
    if (this.kind !== 'sqlite') return work()
    const turn = this.last.then(work, work)
    this.last = turn.catch(() => undefined)
    return turn
  }
}

/** Several nodes start at once: one migrates, the others wait for it. */
async function migrateAlone(source: DataSource): Promise<void> {
  const runner = source.createQueryRunner()
  try {
    const [row] = await runner.query(`SELECT GET_LOCK(CONCAT('mailwarden-migrate-', DATABASE()), 120) AS got`)
    if (Number(row?.got) !== 1) throw new Error('Another node has been migrating the database for two minutes')
    await source.runMigrations()
  } finally {
    await runner.query(`SELECT RELEASE_LOCK(CONCAT('mailwarden-migrate-', DATABASE()))`)
    await runner.release()
  }
}
