import { setImmediate as afterOtherWork } from 'node:timers/promises'
import type { Tx } from '../db/transaction'
import { FaultList } from '../errors'
import { MailboxView } from './mailbox.enums'
import type { MailboxSelection } from './mailbox.inputs'
import { readCounts, SCOPE } from './mailbox-counts'
import { IN_VIEW } from './mailbox-facets'
import { leadOf, openSearch, readFound } from './mailbox-found'
import { type Condition, type Looker, selectionCondition, viewCondition } from './mailbox-selection'

const ROWS_A_PART = 5_000

/**
 * The ids that a selection names for somebody, fixed from here to the end of the transaction: it has the rows' locks. Ids that
 * are not there, or out of reach, are faults. On SQLite they are in the order of the mailboxes' names: half of the indexes have
 * that order, so a command that goes through them so finds its pages next to each other, and takes half the time.
 */
export async function lockSelected(
  tx: Tx,
  faults: FaultList,
  looker: Looker,
  selection: MailboxSelection,
  pathOfIds: readonly string[] = ['selection', 'ids'],
): Promise<string[]> {
  const condition = selectionCondition(faults, looker, selection)
  if (faults.any) return []
  const view = wholeView(looker, selection)
  if (tx.kind === 'sqlite' && view) return idsOfView(tx, view)
  const byText = tx.kind === 'sqlite' ? await idsOfText(tx, looker, selection) : undefined
  if (byText) return byText
  const found = await idsWhere(tx, condition)
  if (selection.ids) checkFound(faults, selection.ids, found, pathOfIds)
  return found
}

/** The view that is selected whole, if one is. */
function wholeView({ reach }: Looker, { view, filter }: MailboxSelection): MailboxView | undefined {
  if (reach !== 'ALL' || !view || view === MailboxView.MINE) return undefined
  const isFiltered = Object.values(filter ?? {}).some((value) => value !== null && value !== undefined && value !== '')
  return isFiltered ? undefined : view
}

interface Place {
  id: string
  name_key: string
}

/** SQLite works on this very thread: a view of a million is read in parts, each from the index. */
async function idsOfView(tx: Tx, view: MailboxView): Promise<string[]> {
  const counts = (await readCounts(tx.em, [SCOPE.all])).filter(({ viewClass }) => IN_VIEW[view](viewClass))
  const ids: string[] = []
  for (const viewClass of new Set(counts.map((count) => count.viewClass))) {
    for (let last: Place | undefined; ; ) {
      const after = last ? 'AND name_key >= ? AND (name_key > ? OR id > ?)' : ''
      const part = (await tx.em.query(
        `SELECT id, name_key FROM mailboxes INDEXED BY mailboxes_by_name
         WHERE view_class = ? ${after} ORDER BY name_key, id LIMIT ?`,
        [viewClass, ...(last ? [last.name_key, last.name_key, last.id] : []), ROWS_A_PART],
      )) as Place[]
      for (const { id } of part) ids.push(id)
      await afterOtherWork()
      last = part.at(-1)
      if (part.length < ROWS_A_PART) break
    }
  }
  return ids
}

/** Those of a view that a text finds, in parts too; undefined without a text, or when it finds too many. */
async function idsOfText(tx: Tx, looker: Looker, { view, filter }: MailboxSelection): Promise<string[] | undefined> {
  if (!view || !filter?.text) return undefined
  const { text, ...rest } = filter
  const search = await openSearch(tx.em, text)
  const lead = await leadOf(tx.em, search)
  if (!lead) return undefined
  // the filter was checked before: its faults are known
  const where = viewCondition(new FaultList(), looker, view, rest)
  const ids: string[] = []
  for await (const part of readFound(tx.em, tx.kind, { lead, terms: search.terms, where }, [])) {
    for (const row of part) ids.push(String(row.id))
  }
  return ids.sort()
}

async function idsWhere(tx: Tx, { sql, parameters }: Condition): Promise<string[]> {
  const order = tx.kind === 'mariadb' ? 'id FOR UPDATE' : 'name_key, id'
  const [bound, values] = tx.em.connection.driver.escapeQueryWithParameters(
    `SELECT id FROM mailboxes WHERE ${sql} ORDER BY ${order}`,
    parameters,
  )
  const rows = (await tx.em.query(bound, values)) as { id: string }[]
  return rows.map((row) => row.id)
}

function checkFound(
  faults: FaultList,
  ids: readonly string[],
  found: readonly string[],
  path: readonly string[],
): void {
  const known = new Set(found)
  for (const [index, id] of ids.entries()) {
    if (!known.has(id)) {
      const at = path.length > 1 ? [...path, index] : path
      faults.add('NOT_FOUND', at, 'There is no such mailbox')
    }
  }
}
