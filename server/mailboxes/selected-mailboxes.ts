import type { Tx } from '../db/transaction'
import type { FaultList } from '../errors'
import { bind, type Condition } from './condition'
import type { MailboxSelection } from './mailbox.inputs'
import { idsListed } from './mailbox-list'
import { type Looker, selectionCondition } from './mailbox-selection'
import { sortingOf } from './mailbox-sorts'

/**
 * The ids that a selection names for somebody, fixed from here to the end of the transaction: it has the rows' locks. Ids that
 * are not there, or out of reach, are faults. On SQLite a view is read in parts, for it works on this very thread, and in the
 * order of the mailboxes' names: half of the indexes have that order, so a command finds their pages next to each other, and
 * takes half the time.
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
  const { view, filter } = selection
  if (tx.kind === 'sqlite' && view) {
    const ids: string[] = []
    const request = { looker, view, filter, where: condition, sorting: sortingOf(null) }
    for await (const part of idsListed(tx.em, tx.kind, request)) for (const id of part) ids.push(id)
    return ids
  }
  const found = await idsWhere(tx, condition)
  if (selection.ids) checkFound(faults, selection.ids, found, pathOfIds)
  return found
}

async function idsWhere(tx: Tx, condition: Condition): Promise<string[]> {
  const lock = tx.kind === 'mariadb' ? ' FOR UPDATE' : ''
  const [sql, values] = bind(tx.em, `SELECT id FROM mailboxes WHERE ${condition.sql} ORDER BY id${lock}`, condition)
  const rows = (await tx.em.query(sql, values)) as { id: string }[]
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
