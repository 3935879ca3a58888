import { v7 } from 'uuid'
import type { Database } from '../server/db/database'
import type { Tx } from '../server/db/transaction'
import { insertWords } from '../server/mailboxes/mailbox-words'

/*
 * The organisation of bench:admin, written by multi-row INSERTs. Alike in every run and on both databases: 90 % users, 9 %
 * queues, a few forward mailboxes; 40 domains and the profiles with a skew; of the tested directions 70 % succeeded, 20 % were
 * not run, 8 % failed, 2 % are paused; 3 % inactive; 5 % pending, 1 % rejected, 1 % without address.
 */
export const DOMAINS = Array.from({ length: 40 }, (_, index) => `dept${String(index + 1).padStart(2, '0')}.example.com`)
/** Every tenth mailbox has this profile of the list: active users and queues, with address, tested in both directions. */
export const TARGET_PROFILE = 1

const FIRST =
  `Anna Ben Carla David Elena Farid Grete Hanna Igor Julia Karim Lena Marco Nadia Oskar Paula Quentin Rosa Samir Tina
  Umar Vera Walter Xenia Yusuf Zoe Aylin Bruno Clara Dario Emil Fiona Goran Helga Ines Jonas Katja Luca Mira Noah`.split(
    /\s+/,
  )
const LAST =
  `Adler Bauer Costa Dietrich Engel Fischer Garcia Hoffmann Ivanov Jansen Keller Lehmann Moreau Novak Olsen Peters
  Quandt Richter Schmidt Thomas Urban Vogel Weber Xander Yilmaz Ziegler Arnold Becker Christ Dvorak Ernst Frank Gruber Huber
  Irmer Jung Koch Lorenz Maier Neumann Otto Pohl Rossi Sauer Tanaka Uhl Vidal Wolf Young Zimmer`.split(/\s+/)
const QUEUES = ['Support', 'Billing', 'Orders', 'Returns', 'Press', 'Hiring', 'Claims', 'Contracts']
const ERRORS = [
  'AUTHENTICATION_FAILED',
  'CONNECT_TIMEOUT',
  'TLS_CERTIFICATE_EXPIRED',
  'QUOTA_EXCEEDED',
  'SENDER_REFUSED',
]
const FIRST_DAY = Date.UTC(2024, 10, 1)
const TWO_YEARS_MS = 2 * 365 * 86_400_000
const ROWS_A_STATEMENT = 400
const ROWS_A_TRANSACTION = 20_000

type Value = string | number | null
export type Row = Record<string, Value>

/** mulberry32: the same organisation in every run. */
function makeDice(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

export interface Organisation {
  mailboxes: number
  profileIds: readonly string[]
}

const at = <T>(list: readonly T[], share: number): T => list[Math.floor(share * list.length)] as T

/** How many mailboxes of an organisation are forward mailboxes. */
export const forwardsOf = (mailboxes: number): number => Math.max(1, Math.floor(mailboxes / 5_000))

const isTarget = (index: number): boolean => index % 10 === 3

/** The whole of mailbox number `index` and its owner; `time` writes a moment as the database takes it. */
function rowsOf(
  index: number,
  { mailboxes, profileIds }: Organisation,
  dice: () => number,
  time: (ms: number) => string,
): { owner: Row | null; mailbox: Row } {
  const target = isTarget(index)
  const kind = index % (mailboxes / forwardsOf(mailboxes)) < 1 ? 'FORWARD' : index % 100 < 9 ? 'QUEUE' : 'USER'
  const word =
    kind === 'USER'
      ? `${at(FIRST, dice())} ${at(LAST, dice())}`
      : `${at(QUEUES, dice())} ${kind === 'QUEUE' ? 'queue' : 'forward'}`
  const name = kind === 'USER' ? word : `${word} ${index}`
  const domain = at(DOMAINS, dice() ** 2.5)
  const hasAddress = target || kind === 'FORWARD' || dice() > 0.01
  const emailAddress = hasAddress ? `${word.replace(' ', '.')}.${index}@${domain}` : null
  const addressKey = emailAddress?.toLowerCase() ?? null
  const active = target || dice() > 0.03
  const luck = dice()
  const status = target || luck < 0.72 ? 'SUCCESS' : luck < 0.92 ? 'NOT_RUN' : 'FAILURE'
  const paused = !target && luck < 0.02
  const approvalLuck = dice()
  const approval = !hasAddress
    ? 'EMPTY'
    : approvalLuck < 0.05
      ? 'PENDING'
      : approvalLuck < 0.06
        ? 'REJECTED'
        : 'APPROVED'
  const created = FIRST_DAY + Math.floor((index / mailboxes) * TWO_YEARS_MS)
  const tested = created + Math.floor(dice() * 86_400_000 * 30)
  const outgoing = kind !== 'FORWARD'
  const errorCode = status === 'FAILURE' ? at(ERRORS, dice()) : null
  const ownerId = kind === 'FORWARD' ? null : v7({ msecs: created })
  const profileId = target
    ? profileIds[TARGET_PROFILE]
    : at(
        profileIds.filter((_, n) => n !== TARGET_PROFILE),
        dice() ** 2,
      )
  const both = {
    name,
    name_key: name.toLowerCase(),
    email_address: emailAddress,
    address_key: addressKey,
    active: Number(active),
  }
  const times = { created_at: time(created), updated_at: time(tested) }
  const mailbox: Row = {
    id: v7({ msecs: created }),
    kind,
    ...both,
    active_address: active ? addressKey : null,
    owner_id: ownerId,
    profile_id: profileId ?? null,
    incoming_method: 'SERVER_SIDE_SYNC',
    outgoing_method: outgoing ? 'SERVER_SIDE_SYNC' : 'NONE',
    act_method: 'NONE',
    approval,
    approved_by: approval === 'APPROVED' ? 'admin' : null,
    approved_at: approval === 'APPROVED' ? time(created) : null,
    rejection_reason: approval === 'REJECTED' ? 'Not one of ours' : null,
    incoming_email_status: status,
    outgoing_email_status: outgoing ? status : 'NOT_RUN',
    act_status: 'NOT_RUN',
    incoming_enabled: Number(status === 'SUCCESS'),
    outgoing_enabled: Number(outgoing && status === 'SUCCESS'),
    act_enabled: 0,
    incoming_changed_since_test: 0,
    outgoing_changed_since_test: 0,
    act_changed_since_test: 0,
    incoming_error_code: errorCode,
    outgoing_error_code: outgoing ? errorCode : null,
    act_error_code: null,
    paused_until: paused ? time(tested + 3_600_000) : null,
    username: null,
    password_sealed: null,
    has_password: 0,
    delete_after_processing: 0,
    last_tested_at: status === 'NOT_RUN' ? null : time(tested),
    testing_run_id: null,
    ...times,
  }
  const owner = ownerId === null ? null : { id: ownerId, kind, external_id: `crm-${index}`, ...both, ...times }
  return { owner, mailbox }
}

/** Fills the empty tables `owners`, `mailboxes` and `mailbox_words`. Counts are not kept: recount afterwards. */
export async function seed(
  db: Database,
  organisation: Organisation,
  onProgress: (rows: number) => void,
): Promise<void> {
  const dice = makeDice(4711)
  // both databases are given what TypeORM would write
  const time = (ms: number) => new Date(ms).toISOString().replace('T', ' ').replace('Z', '')
  const putIndexesBack: (() => Promise<void>)[] = []
  for (const table of ['mailboxes', 'owners', 'mailbox_words']) putIndexesBack.push(await takeIndexes(db, table))
  for (let begin = 0; begin < organisation.mailboxes; begin += ROWS_A_TRANSACTION) {
    const end = Math.min(begin + ROWS_A_TRANSACTION, organisation.mailboxes)
    await db.inTransaction(async (tx) => {
      const owners: Row[] = []
      const mailboxes: Row[] = []
      for (let index = begin; index < end; index++) {
        const { owner, mailbox } = rowsOf(index, organisation, dice, time)
        if (owner) owners.push(owner)
        mailboxes.push(mailbox)
      }
      await insert(tx, 'owners', owners)
      await insert(tx, 'mailboxes', mailboxes)
      await insertWords(
        tx,
        mailboxes.map((row) => ({
          id: String(row.id),
          nameKey: String(row.name_key),
          addressKey: row.address_key as string | null,
        })),
      )
    })
    onProgress(end)
  }
  for (const putBack of putIndexesBack) await putBack()
}

/** An index is made several times faster from all rows than row by row. Answers what makes the table's indexes again. */
async function takeIndexes(db: Database, table: string): Promise<() => Promise<void>> {
  const run = async (statements: readonly string[]) => {
    for (const sql of statements) await db.inTransaction((tx) => tx.em.query(sql))
  }
  if (db.kind === 'sqlite') {
    const indexes: { name: string; sql: string }[] = await db.read.query(
      `SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = '${table}' AND sql IS NOT NULL`,
    )
    await run(indexes.map(({ name }) => `DROP INDEX ${name}`))
    return () => run(indexes.map(({ sql }) => sql))
  }
  const indexes: { name: string; isShared: number; columns: string }[] = await db.read.query(
    `SELECT index_name AS name, MAX(non_unique) AS isShared, GROUP_CONCAT(column_name ORDER BY seq_in_index) AS columns
     FROM information_schema.statistics WHERE table_schema = DATABASE() AND table_name = '${table}'
     AND index_name <> 'PRIMARY' GROUP BY index_name`,
  )
  const parts = (of: (index: (typeof indexes)[number]) => string) => [
    `ALTER TABLE ${table} ${indexes.map(of).join(', ')}`,
  ]
  await run(parts(({ name }) => `DROP INDEX ${name}`))
  return () =>
    run(parts(({ name, isShared, columns }) => `ADD ${Number(isShared) ? '' : 'UNIQUE '}INDEX ${name} (${columns})`))
}

async function insert(tx: Tx, table: string, rows: readonly Row[]): Promise<void> {
  const columns = Object.keys(rows[0] ?? {})
  const marks = `(${columns.map(() => '?').join(', ')})`
  for (let begin = 0; begin < rows.length; begin += ROWS_A_STATEMENT) {
    const part = rows.slice(begin, begin + ROWS_A_STATEMENT)
    const values = part.flatMap((row) => columns.map((column) => row[column] ?? null))
    await tx.em.query(`INSERT INTO ${table} (${columns.join(', ')}) VALUES ${part.map(() => marks).join(', ')}`, values)
  }
}
