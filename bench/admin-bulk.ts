import { setTimeout as pause } from 'node:timers/promises'
import type { Database } from '../server/db/database'
import { PAGE } from './admin-pages'
import type { Product } from './admin-product'
import { heading, median, remark, single } from './admin-report'

/** A bulk command over the target profile's mailboxes, beside the one UPDATE that sets the same columns of the same rows. */
interface Bulk {
  name: string
  document: string
  variables: object
  /** SQL that puts the rows into the state from which the command starts; not timed. */
  prepare?: string
  /** SET of the bare UPDATE. */
  sets: Record<string, string>
  /** Whether a row is one that the command changes. */
  where: string
}

export interface BulkOptions {
  rounds: number
  /** How many mailboxes have the target profile. */
  rows: number
  profileId: string
  otherProfileId: string
  /** Makes `mailbox_counts` right after SQL of our own. */
  recount(): Promise<void>
}

const NOW = `'${new Date().toISOString().replace('T', ' ').replace('Z', '')}'`
const PAGE_EVERY_MS = 20
/** What a new profile does to all three directions (product rule 2.3). */
const NOT_RUN: Record<string, string> = Object.fromEntries(
  ['incoming_email', 'outgoing_email', 'act'].flatMap((status) => {
    const direction = status.replace('_email', '')
    return [
      [`${status}_status`, "'NOT_RUN'"],
      [`${direction}_enabled`, '0'],
      [`${direction}_changed_since_test`, '0'],
      [`${direction}_error_code`, 'NULL'],
    ]
  }),
)

function bulks({ profileId, otherProfileId }: BulkOptions): Bulk[] {
  const ofTarget = `active = 1 AND profile_id = '${profileId}'`
  const filter = { profileId }
  return [
    {
      name: 'approve',
      document:
        'mutation ($filter: MailboxFilter) { bulk: approveEmails(selection: { view: PENDING_EMAIL_APPROVAL, filter: $filter }) { changed } }',
      variables: { filter },
      prepare: `UPDATE mailboxes SET approval = 'PENDING', approved_by = NULL, approved_at = NULL WHERE ${ofTarget}`,
      sets: {
        approval: "'APPROVED'",
        approved_by: "'bench'",
        approved_at: NOW,
        rejection_reason: 'NULL',
        updated_at: NOW,
      },
      where: `${ofTarget} AND approval = 'PENDING'`,
    },
    {
      name: 'edit (another profile)',
      document:
        'mutation ($filter: MailboxFilter, $changes: MailboxChanges!) { bulk: updateMailboxes(selection: { view: ACTIVE, filter: $filter }, changes: $changes) { changed } }',
      variables: { filter, changes: { profileId: otherProfileId } },
      sets: { profile_id: `'${otherProfileId}'`, ...NOT_RUN, updated_at: NOW },
      where: ofTarget,
    },
    {
      name: 'edit (outgoing method)',
      document:
        'mutation ($filter: MailboxFilter, $changes: MailboxChanges!) { bulk: updateMailboxes(selection: { view: ACTIVE, filter: $filter }, changes: $changes) { changed } }',
      variables: { filter, changes: { outgoingMethod: 'NONE' } },
      sets: {
        outgoing_method: "'NONE'",
        ...Object.fromEntries(Object.entries(NOT_RUN).filter(([column]) => column.startsWith('outgoing'))),
        updated_at: NOW,
      },
      where: `${ofTarget} AND outgoing_method <> 'NONE'`,
    },
    {
      name: 'apply defaults',
      document:
        'mutation ($filter: MailboxFilter) { bulk: applyDefaultEmailSettings(selection: { view: ACTIVE, filter: $filter }) { changed } }',
      variables: { filter },
      sets: { profile_id: `'${otherProfileId}'`, ...NOT_RUN, updated_at: NOW },
      where: ofTarget,
    },
  ]
}

export async function measureBulk(product: Product, db: Database, options: BulkOptions): Promise<void> {
  heading(`bulk commands over ${options.rows} mailboxes, medians of ${options.rounds} interleaved rounds`)
  const run = (sql: string) => db.inTransaction((tx) => tx.em.query(sql))
  for (const bulk of bulks(options)) {
    const figures: BulkFigures = { bare: [], command: [], stalls: [], standstills: [] }
    const columns = Object.keys(bulk.sets)
    if (bulk.prepare) await run(bulk.prepare)
    await options.recount()
    await run(`CREATE TABLE bench_before AS SELECT id, ${columns.join(', ')} FROM mailboxes WHERE ${bulk.where}`)
    await run('CREATE UNIQUE INDEX bench_before_id ON bench_before (id)')
    await run('CREATE TABLE bench_counts AS SELECT * FROM mailbox_counts')
    const back = async () => {
      await run(restoring(db.kind, columns))
      await run('DELETE FROM mailbox_counts')
      await run('INSERT INTO mailbox_counts SELECT * FROM bench_counts')
    }
    const sets = Object.entries(bulk.sets).map(([column, value]) => `${column} = ${value}`)
    for (let round = 0; round < options.rounds; round++) {
      figures.bare.push(await seconds(() => run(`UPDATE mailboxes SET ${sets.join(', ')} WHERE ${bulk.where}`)))
      await back()
      figures.command.push(await seconds(() => command(product, bulk, options.rows)))
      await back()
      await measureStalls(product, () => command(product, bulk, options.rows), figures)
      await back()
    }
    await run('DROP TABLE bench_before')
    await run('DROP TABLE bench_counts')
    report(bulk.name, figures)
  }
}

async function command(product: Product, { name, document, variables }: Bulk, rows: number): Promise<void> {
  const { changed } = (await product.ask(document, variables)).bulk
  if (changed !== rows) throw new Error(`${name} changed ${changed} of ${rows} rows`)
}

/** The command once more, with somebody who reads pages meanwhile. */
async function measureStalls(product: Product, work: () => Promise<void>, figures: BulkFigures): Promise<void> {
  await product.longestStandstill()
  const watch = watchPages(product)
  try {
    await work()
  } finally {
    figures.stalls.push(await watch.end())
  }
  figures.standstills.push(await product.longestStandstill())
}

function restoring(kind: Database['kind'], columns: readonly string[]): string {
  if (kind === 'sqlite') {
    const names = columns.join(', ')
    return `UPDATE mailboxes SET (${names}) = (SELECT ${names} FROM bench_before b WHERE b.id = mailboxes.id)
      WHERE id IN (SELECT id FROM bench_before)`
  }
  const sets = columns.map((column) => `m.${column} = b.${column}`)
  return `UPDATE bench_before b JOIN mailboxes m ON m.id = b.id SET ${sets.join(', ')}`
}

interface BulkFigures {
  bare: number[]
  command: number[]
  stalls: number[]
  standstills: number[]
}

function report(name: string, { bare, command, stalls, standstills }: BulkFigures): void {
  const [floor, whole] = [median(bare), median(command)]
  remark(`${name.padEnd(44)} ${whole.toFixed(2)} s, the bare UPDATE ${floor.toFixed(2)} s`)
  single(`${name}: command / bare UPDATE`, whole / floor, '', 2)
  single(`${name}: longest wait of a page meanwhile`, Math.max(...stalls), 'ms', 200)
  remark(`${''.padEnd(44)} the event loop stood still for ${Math.max(...standstills).toFixed(0)} ms at the longest`)
}

async function seconds(work: () => Promise<unknown>): Promise<number> {
  const begun = performance.now()
  await work()
  return (performance.now() - begun) / 1000
}

/**
 * Asks for a page every 20 ms, or as soon as the last one has come: requests that pile up would measure each other. `end`
 * answers the longest wait, in milliseconds.
 */
function watchPages(product: Product): { end(): Promise<number> } {
  let isOver = false
  const watch = async () => {
    let longest = 0
    while (!isOver) {
      const asked = performance.now()
      // a page that is never answered was waited for, too
      await product.ask(PAGE, { view: 'ACTIVE' }).catch(() => undefined)
      const waited = performance.now() - asked
      longest = Math.max(longest, waited)
      await pause(Math.max(0, PAGE_EVERY_MS - waited))
    }
    return longest
  }
  const watching = watch()
  return {
    end: () => {
      isOver = true
      return watching
    },
  }
}
