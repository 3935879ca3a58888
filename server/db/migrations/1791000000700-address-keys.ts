import { domainToASCII } from 'node:url'
import type { MigrationInterface, QueryRunner } from 'typeorm'

const ROWS_A_PART = 500

/**
 * Addresses are compared by the A-labels of their domains (mail/address.ts). Where that makes two active mailboxes one address,
 * the second keeps the key it has: nobody's mail stops, and whoever changes its address has to choose another.
 */
export class AddressKeys1791000000700 implements MigrationInterface {
  readonly name = 'AddressKeys1791000000700'

  async up(runner: QueryRunner): Promise<void> {
    const isOther =
      runner.connection.options.type === 'better-sqlite3'
        ? 'LENGTH(CAST(address_key AS BLOB)) <> LENGTH(address_key)'
        : 'LENGTH(address_key) <> CHAR_LENGTH(address_key)'
    let changed = false
    await each(runner, `mailboxes WHERE ${isOther}`, async (row) => {
      if (row.active !== null && (await isTaken(runner, row.key))) return
      await runner.query('UPDATE mailboxes SET address_key = ?, active_address = ? WHERE id = ?', [
        row.key,
        row.active === null ? null : row.key,
        row.id,
      ])
      changed = true
    })
    await each(runner, `owners WHERE ${isOther}`, async ({ id, key }) => {
      const kept = `SELECT id FROM mailboxes WHERE owner_id = ? AND ${isOther}`
      const [mailbox] = (await runner.query(kept, [id])) as unknown[]
      if (!mailbox) await runner.query('UPDATE owners SET address_key = ? WHERE id = ?', [key, id])
    })
    if (changed) await countDomains(runner)
  }

  /** The keys that were are those of the addresses as they were typed; they are valid keys either way. */
  async down(): Promise<void> {}
}

interface Row {
  id: string
  /** As it will be. */
  key: string
  /** Null for an inactive mailbox, and for owners. */
  active: string | null
}

async function each(runner: QueryRunner, of: string, work: (row: Row) => Promise<void>): Promise<void> {
  const active = of.startsWith('mailboxes') ? 'active_address' : 'NULL'
  for (let after = ''; ; ) {
    const rows = (await runner.query(
      `SELECT id, address_key AS addressKey, ${active} AS active FROM ${of} AND id > ? ORDER BY id LIMIT ${ROWS_A_PART}`,
      [after],
    )) as { id: string; addressKey: string; active: string | null }[]
    const last = rows.at(-1)
    if (!last) return
    after = last.id
    for (const row of rows) {
      const at = row.addressKey.lastIndexOf('@')
      const domain = domainToASCII(row.addressKey.slice(at + 1))
      if (domain !== '') await work({ ...row, key: `${row.addressKey.slice(0, at)}@${domain}` })
    }
  }
}

async function isTaken(runner: QueryRunner, key: string): Promise<boolean> {
  const rows = (await runner.query('SELECT id FROM mailboxes WHERE active_address = ?', [key])) as unknown[]
  return rows.length > 0
}

/** The counts of the domains, which are made of the keys. */
async function countDomains(runner: QueryRunner): Promise<void> {
  await runner.query("DELETE FROM mailbox_counts WHERE scope >= 'd:' AND scope < 'd;'")
  await runner.query(
    `INSERT INTO mailbox_counts (scope, view_class, facets, n)
     SELECT CONCAT('d:', COALESCE(address_domain, '')), view_class, facets, COUNT(*) FROM mailboxes
     WHERE view_class IS NOT NULL GROUP BY 1, 2, 3`,
  )
}
