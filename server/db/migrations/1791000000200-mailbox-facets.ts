import { type MigrationInterface, type QueryRunner, TableColumn } from 'typeorm'
import { byteForByte, id, table, text, time, whole } from '../columns'
import type { DatabaseKind } from '../database-kind'

const nullable = { isNullable: true }

/** Deletes forward mailboxes, and makes the numbers behind views, sorts and counts (mailboxes/mailbox-facets.ts). */
export class MailboxFacets1791000000200 implements MigrationInterface {
  readonly name = 'MailboxFacets1791000000200'

  async up(runner: QueryRunner): Promise<void> {
    const kind: DatabaseKind = runner.connection.options.type === 'better-sqlite3' ? 'sqlite' : 'mariadb'
    for (const name of OLD_INDEXES) await runner.dropIndex('mailboxes', name)
    await runner.addColumns('mailboxes', [
      ...[id('forward_mailbox_id', nullable), time('deleted_at', nullable)].map((column) => inBytes(column, kind)),
      generated('view_class', kind, VIEW_CLASS),
      generated('facets', kind, FACETS),
      inBytes(text('address_domain', 254, { ...nullable, asExpression: DOMAIN, generatedType: 'VIRTUAL' }), kind),
    ])
    for (const [name, columns] of Object.entries(INDEXES)) {
      await runner.query(`CREATE INDEX ${name} ON mailboxes (${columns.join(', ')})`)
    }
    const counts = table('mailbox_counts', [
      text('scope', 300, { isPrimary: true }),
      whole('view_class', kind, { isPrimary: true }),
      whole('facets', kind, { isPrimary: true }),
      whole('n', kind),
    ])
    await runner.createTable(kind === 'mariadb' ? byteForByte(counts) : counts)
    for (const scope of SCOPES) {
      await runner.query(
        `INSERT INTO mailbox_counts (scope, view_class, facets, n)
         SELECT ${scope}, view_class, facets, COUNT(*) FROM mailboxes GROUP BY 1, 2, 3`,
      )
    }
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.dropTable('mailbox_counts')
    for (const name of Object.keys(INDEXES)) await runner.dropIndex('mailboxes', name)
    const added = ['address_domain', 'facets', 'view_class', 'deleted_at', 'forward_mailbox_id']
    await runner.dropColumns('mailboxes', added)
    await runner.query('CREATE INDEX mailboxes_name ON mailboxes (name_key, id)')
    await runner.query('CREATE INDEX mailboxes_address ON mailboxes (address_key, id)')
    await runner.query('CREATE INDEX mailboxes_profile ON mailboxes (profile_id, id)')
  }
}

const OLD_INDEXES = ['mailboxes_name', 'mailboxes_address', 'mailboxes_profile']

const INDEXES = {
  mailboxes_by_name: ['view_class', 'name_key', 'id'],
  mailboxes_by_address: ['view_class', 'address_key', 'id'],
  mailboxes_by_last_test: ['view_class', 'last_tested_at', 'id'],
  mailboxes_by_update: ['view_class', 'updated_at', 'id'],
  mailboxes_by_creation: ['view_class', 'id'],
  mailboxes_by_facets: ['facets', 'view_class', 'name_key', 'id'],
  mailboxes_by_profile: ['profile_id', 'view_class', 'name_key', 'id'],
  mailboxes_by_domain: ['address_domain', 'view_class', 'name_key', 'id'],
  mailboxes_forward: ['forward_mailbox_id'],
}

/** All mailboxes, those of a profile, those of an address domain. */
const SCOPES = ["''", "CONCAT('p:', COALESCE(profile_id, ''))", "CONCAT('d:', COALESCE(address_domain, ''))"]

function inBytes(column: TableColumn, kind: DatabaseKind): TableColumn {
  if (kind === 'mariadb' && column.type === 'varchar')
    Object.assign(column, { charset: 'utf8mb4', collation: 'utf8mb4_bin' })
  return column
}

const generated = (name: string, kind: DatabaseKind, asExpression: string) =>
  whole(name, kind, { ...nullable, asExpression, generatedType: 'VIRTUAL' })

const VIEW_CLASS =
  `CASE WHEN deleted_at IS NOT NULL THEN NULL ELSE (CASE kind WHEN 'USER' THEN 0 WHEN 'QUEUE' THEN 1 ELSE 2 END) + ` +
  `(CASE WHEN active = 1 THEN 4 + ` +
  `(CASE WHEN approval = 'PENDING' THEN 8 ELSE 0 END) + ` +
  `(CASE WHEN (incoming_email_status = 'NOT_RUN' AND incoming_method <> 'NONE') OR (outgoing_email_status = 'NOT_RUN' AND outgoing_method <> 'NONE') OR (act_status = 'NOT_RUN' AND act_method <> 'NONE') THEN 16 ELSE 0 END) + ` +
  `(CASE WHEN (incoming_email_status = 'FAILURE' AND incoming_method <> 'NONE') OR (outgoing_email_status = 'FAILURE' AND outgoing_method <> 'NONE') OR (act_status = 'FAILURE' AND act_method <> 'NONE') THEN 32 ELSE 0 END) + ` +
  `(CASE WHEN incoming_enabled = 1 OR outgoing_enabled = 1 OR act_enabled = 1 THEN 64 ELSE 0 END) + ` +
  `(CASE WHEN paused_until IS NOT NULL THEN 128 ELSE 0 END) ELSE 0 END) END`

const FACETS =
  `(CASE approval WHEN 'APPROVED' THEN 0 WHEN 'EMPTY' THEN 1 WHEN 'PENDING' THEN 2 ELSE 3 END) + ` +
  `(CASE incoming_email_status WHEN 'FAILURE' THEN 0 WHEN 'NOT_RUN' THEN 4 ELSE 8 END) + ` +
  `(CASE outgoing_email_status WHEN 'FAILURE' THEN 0 WHEN 'NOT_RUN' THEN 12 ELSE 24 END) + ` +
  `(CASE act_status WHEN 'FAILURE' THEN 0 WHEN 'NOT_RUN' THEN 36 ELSE 72 END) + ` +
  `(CASE incoming_method WHEN 'FORWARD_MAILBOX' THEN 0 WHEN 'NONE' THEN 108 ELSE 216 END) + ` +
  `(CASE outgoing_method WHEN 'NONE' THEN 0 ELSE 324 END) + ` +
  `(CASE act_method WHEN 'NONE' THEN 0 ELSE 648 END)`

const DOMAIN = `substr(address_key, instr(address_key, '@') + 1)`
