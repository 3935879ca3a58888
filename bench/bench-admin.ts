import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createConnection } from 'mysql2/promise'
import { ENTITIES, MIGRATIONS } from '../server/app'
import { Database } from '../server/db/database'
import { recount } from '../server/mailboxes/mailbox-counts'
import { type MariadbServer, startMariadb } from '../server/test/mariadb'
import { measureBulk } from './admin-bulk'
import { measureFilters, measurePages } from './admin-pages'
import { Product } from './admin-product'
import { heading, missed, single, under } from './admin-report'
import { seed, TARGET_PROFILE } from './admin-seed'

/*
 * npm run bench:admin -- [--mailboxes 1000000] [--samples 100] [--rounds 3] [--database sqlite|mariadb]
 *   [--parts pages,filters,bulk]
 *
 * The administrator's work on a large organisation, through GraphQL over HTTP: pages, sorts, filters, counts, one mailbox, and
 * bulk commands over a tenth of the mailboxes beside the one bare UPDATE of the same rows. The product is a process of its own.
 */
function option(name: string): string | undefined {
  const at = process.argv.indexOf(`--${name}`)
  return at < 0 ? undefined : process.argv[at + 1]
}
const MAILBOXES = Number(option('mailboxes') ?? 1_000_000)
const SAMPLES = Number(option('samples') ?? 100)
const ROUNDS = Number(option('rounds') ?? 3)
const PARTS = (option('parts') ?? 'pages,filters,bulk').split(',')
const PROFILES = 20
const PAGE_TARGET_MS = { sqlite: 20, mariadb: 40 }
const MEMORY_TARGET_MIB = 512

type Kind = keyof typeof PAGE_TARGET_MS

const DATABASES: Record<Kind, (folder: string) => Promise<{ url: string; stop(): Promise<void> }>> = {
  sqlite: async (folder) => ({ url: `sqlite:${join(folder, 'bench.sqlite')}`, stop: async () => undefined }),
  mariadb: async () => {
    const server = await startMariadb()
    await prepareMariadb(server)
    return { url: `${server.url}/bench`, stop: () => server.stop() }
  },
}

/** Set up as for a large organisation, and as durable as by default: the tests' server is neither. */
async function prepareMariadb(server: MariadbServer): Promise<void> {
  const connection = await createConnection(server.url)
  await connection.query('SET GLOBAL innodb_buffer_pool_size = 1073741824')
  await connection.query('SET GLOBAL innodb_log_file_size = 536870912')
  await connection.query('SET GLOBAL innodb_flush_log_at_trx_commit = 1')
  await connection.query('CREATE DATABASE bench CHARACTER SET utf8mb4')
  await connection.end()
}

async function measure(kind: Kind): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'mailwarden-bench-'))
  const { url, stop } = await DATABASES[kind](folder)
  const ends: (() => Promise<unknown>)[] = [stop]
  try {
    const product = await Product.start(url, folder)
    ends.unshift(() => product.stop())
    const outlets = {
      publish: () => undefined,
      enqueue: async () => undefined,
      audit: async () => undefined,
      onLostNudge: () => undefined,
    }
    const db = await Database.open({ url, entities: ENTITIES, migrations: MIGRATIONS, outlets })
    ends.unshift(() => db.close())
    const profileIds = await setUp(product)
    await fill(db, profileIds)
    under(`${kind}, ${MAILBOXES} mailboxes`)
    const profileId = profileIds[TARGET_PROFILE] ?? ''
    const reads = { samples: SAMPLES, pageTarget: PAGE_TARGET_MS[kind], profileId }
    const bulk = {
      rounds: ROUNDS,
      rows: Math.floor(MAILBOXES / 10),
      profileId,
      otherProfileId: profileIds[0] ?? '',
      recount: () => recountAll(db),
    }
    if (PARTS.includes('pages')) await measurePages(product, reads)
    if (PARTS.includes('filters')) await measureFilters(product, reads)
    single('memory after the reads', product.peakMemory, 'MiB', MEMORY_TARGET_MIB)
    if (PARTS.includes('bulk')) await measureBulk(product, db, bulk)
    single('memory at its most', product.peakMemory, 'MiB', MEMORY_TARGET_MIB)
  } finally {
    for (const end of ends) await end()
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Profiles and the organisation's defaults, through the API. Answers the profiles' ids. */
async function setUp(product: Product): Promise<string[]> {
  const create =
    'mutation ($input: EmailServerProfileInput!) { createEmailServerProfile(input: $input) { profile { id } userErrors { code path } } }'
  const ids: string[] = []
  for (let index = 0; index < PROFILES; index++) {
    const endpoint = (port: number) => ({ host: `mail${index}.example.com`, port, security: 'TLS' })
    const input = {
      name: `Site ${index}`,
      type: 'IMAP_SMTP',
      incoming: endpoint(993),
      outgoing: endpoint(465),
      isDefault: index === 0,
    }
    const { createEmailServerProfile } = await product.ask(create, { input })
    if (!createEmailServerProfile.profile) throw new Error(JSON.stringify(createEmailServerProfile.userErrors))
    ids.push(createEmailServerProfile.profile.id)
  }
  const settings =
    'mutation ($input: EmailSettingsInput!) { updateEmailSettings(input: $input) { userErrors { code path } } }'
  const { updateEmailSettings } = await product.ask(settings, {
    input: {
      defaultIncomingMethod: 'SERVER_SIDE_SYNC',
      defaultOutgoingMethod: 'SERVER_SIDE_SYNC',
      defaultActMethod: 'NONE',
    },
  })
  if (updateEmailSettings.userErrors.length > 0) throw new Error(JSON.stringify(updateEmailSettings.userErrors))
  return ids
}

async function fill(db: Database, profileIds: readonly string[]): Promise<void> {
  const begun = performance.now()
  await seed(db, { mailboxes: MAILBOXES, profileIds }, (rows) => {
    if (rows % 200_000 === 0) process.stderr.write(`${rows} mailboxes written\n`)
  })
  await recountAll(db)
  const tables = ['mailboxes', 'owners']
  for (const table of tables) await db.read.query(db.kind === 'sqlite' ? `ANALYZE ${table}` : `ANALYZE TABLE ${table}`)
  process.stderr.write(`${MAILBOXES} mailboxes in ${((performance.now() - begun) / 1000).toFixed(0)} s\n`)
}

/** The counts follow the services; after SQL of our own they are counted anew. */
const recountAll = (db: Database): Promise<void> => db.inTransaction(recount)

async function main(): Promise<void> {
  const only = option('database')
  const kinds = (Object.keys(DATABASES) as Kind[]).filter((kind) => only === undefined || kind === only)
  if (kinds.length === 0) throw new Error('--database is sqlite or mariadb')
  for (const kind of kinds) await measure(kind)
  const misses = missed()
  heading(misses.length === 0 ? 'every target was met' : `MISSED: ${misses.join('; ')}`)
}

main().catch((error) => {
  process.stderr.write(`${error.stack}\n${error.cause ?? ''}\n`)
  process.exitCode = 1
})
