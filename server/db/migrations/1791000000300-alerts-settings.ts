import { type MigrationInterface, type QueryRunner, Table, TableIndex } from 'typeorm'
import { byteForByte, flag, id, longText, table, text, time, whole } from '../columns'
import type { DatabaseKind } from '../database-kind'

const nullable = { isNullable: true }

/** Which alerts are opened and who is mailed; what is open is found without reading what is over. */
export class AlertsSettings1791000000300 implements MigrationInterface {
  readonly name = 'AlertsSettings1791000000300'

  async up(runner: QueryRunner): Promise<void> {
    const kind: DatabaseKind = runner.connection.options.type === 'better-sqlite3' ? 'sqlite' : 'mariadb'
    await runner.addColumns('email_settings', settings(kind))
    for (const index of INDEXES) await runner.createIndex('alerts', index)
    const one = notices(kind)
    await runner.createTable(kind === 'mariadb' ? byteForByte(one) : one)
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.dropTable('profile_notices')
    for (const index of INDEXES) await runner.dropIndex('alerts', index.name ?? '')
    await runner.dropColumns(
      'email_settings',
      settings('sqlite').map((column) => column.name),
    )
  }
}

const INDEXES = [new TableIndex({ name: 'alerts_state', columnNames: ['state', 'last_seen_at', 'id'] })]

const settings = (kind: DatabaseKind) => [
  ...['alert_errors', 'alert_warnings', 'alert_information', 'mail_profile_owner'].map((name) =>
    flag(name, kind, { default: '1' }),
  ),
  whole('failure_threshold_percent', kind, { default: '50' }),
  whole('failure_window_minutes', kind, { default: '60' }),
]

const notices = (kind: DatabaseKind): Table =>
  table(
    'profile_notices',
    [
      id('profile_id', { isPrimary: true }),
      text('state', 12),
      time('over_since'),
      id('notice_id', nullable),
      text('recipient', 254, nullable),
      longText('facts', nullable),
      whole('attempts', kind),
      time('next_attempt_at', nullable),
      id('claimed_by', nullable),
      time('claimed_until', nullable),
      time('sent_at', nullable),
      time('updated_at'),
    ],
    { profile_notices_due: { columns: ['state', 'next_attempt_at'] } },
  )
