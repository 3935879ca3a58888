import type { MigrationInterface, QueryRunner } from 'typeorm'
import { byteForByte, flag, id, longText, table, text, time, whole } from '../columns'
import type { DatabaseKind } from '../database-kind'

export class Foundation1790000000000 implements MigrationInterface {
  readonly name = 'Foundation1790000000000'

  async up(runner: QueryRunner): Promise<void> {
    const kind: DatabaseKind = runner.connection.options.type === 'better-sqlite3' ? 'sqlite' : 'mariadb'
    for (const one of tables(kind)) await runner.createTable(kind === 'mariadb' ? byteForByte(one) : one)
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const one of tables('sqlite').reverse()) await runner.dropTable(one)
  }
}

const nullable = { isNullable: true }

function tables(kind: DatabaseKind) {
  const yes = (name: string) => flag(name, kind)
  return [
    table(
      'users',
      [
        id(),
        text('name', 200),
        text('name_key', 200),
        text('password_hash', 200),
        longText('roles'),
        time('created_at'),
      ],
      {
        users_name: { columns: ['name_key'], unique: true },
      },
    ),
    table('sessions', [id(), text('secret_hash', 64), id('user_id'), time('created_at'), time('expires_at')], {
      sessions_secret: { columns: ['secret_hash'], unique: true },
      sessions_user: { columns: ['user_id'] },
    }),
    table('sign_in_failures', [text('id', 64, { isPrimary: true }), whole('failures', kind), time('since')]),
    table(
      'api_tokens',
      [
        id(),
        text('name', 200),
        longText('scopes'),
        text('secret_hash', 64),
        time('created_at'),
        time('expires_at', nullable),
        time('last_used_at', nullable),
        time('revoked_at', nullable),
      ],
      { api_tokens_secret: { columns: ['secret_hash'], unique: true } },
    ),
    table(
      'email_server_profiles',
      [
        id(),
        text('name', 200),
        text('name_key', 200),
        text('type', 30),
        yes('active'),
        text('incoming_host', 255, nullable),
        whole('incoming_port', kind, nullable),
        text('incoming_security', 10, nullable),
        text('outgoing_host', 255, nullable),
        whole('outgoing_port', kind, nullable),
        text('outgoing_security', 10, nullable),
        text('dav_url', 1000, nullable),
        text('credential_source', 30),
        longText('trusted_certificates', nullable),
        yes('verify_certificates'),
        text('username', 320, nullable),
        longText('password_sealed', nullable),
        whole('max_concurrent_connections', kind),
        time('created_at'),
        time('updated_at'),
      ],
      { email_server_profiles_name: { columns: ['name_key'], unique: true } },
    ),
    table('email_settings', [
      id(),
      id('default_profile_id', nullable),
      text('default_incoming_method', 20),
      text('default_outgoing_method', 20),
      text('default_act_method', 20),
      yes('process_only_approved_users'),
      yes('process_only_approved_queues'),
      yes('notify_mailbox_owner'),
    ]),
    table('mailboxes', mailboxColumns(kind), {
      mailboxes_name: { columns: ['name_key', 'id'] },
      mailboxes_address: { columns: ['address_key', 'id'] },
      mailboxes_profile: { columns: ['profile_id', 'id'] },
      mailboxes_active_address: { columns: ['active_address'], unique: true },
      mailboxes_owner: { columns: ['owner_id'], unique: true },
      mailboxes_testing_run: { columns: ['testing_run_id'] },
    }),
    table(
      'owners',
      [
        id(),
        text('kind', 10),
        text('external_id', 200, nullable),
        text('name', 200),
        text('email_address', 254, nullable),
        text('address_key', 254, nullable),
        yes('active'),
        time('created_at'),
        time('updated_at'),
      ],
      {
        owners_external: { columns: ['kind', 'external_id'], unique: true },
        owners_address: { columns: ['address_key'] },
      },
    ),
    table(
      'alerts',
      [
        id(),
        text('severity', 12),
        text('state', 12),
        text('code', 40),
        text('message', 1000),
        text('remedy', 1000, nullable),
        text('server_response', 500, nullable),
        id('mailbox_id', nullable),
        id('profile_id', nullable),
        longText('directions'),
        text('open_key', 80, nullable),
        whole('count', kind),
        time('first_seen_at'),
        time('last_seen_at'),
      ],
      {
        alerts_open: { columns: ['open_key'], unique: true },
        alerts_last_seen: { columns: ['last_seen_at', 'id'] },
        alerts_mailbox: { columns: ['mailbox_id', 'last_seen_at'] },
        alerts_profile: { columns: ['profile_id', 'last_seen_at'] },
      },
    ),
    table('test_runs', runColumns(kind), { test_runs_state: { columns: ['state', 'id'] } }),
    table('test_run_items', itemColumns(kind), {
      test_run_items_state: { columns: ['run_id', 'state', 'id'] },
      test_run_items_changes: { columns: ['run_id', 'change_number', 'id'] },
      test_run_items_mailbox: { columns: ['mailbox_id', 'id'] },
      test_run_items_profile: { columns: ['profile_id', 'state', 'id'] },
      test_run_items_lease: { columns: ['state', 'lease_until'] },
    }),
  ]
}

function mailboxColumns(kind: DatabaseKind) {
  const yes = (name: string) => flag(name, kind)
  return [
    id(),
    text('kind', 10),
    text('name', 200),
    text('name_key', 200),
    text('email_address', 254, nullable),
    text('address_key', 254, nullable),
    text('active_address', 254, nullable),
    id('owner_id', nullable),
    yes('active'),
    id('profile_id', nullable),
    text('incoming_method', 20),
    text('outgoing_method', 20),
    text('act_method', 20),
    text('approval', 10),
    text('approved_by', 200, nullable),
    time('approved_at', nullable),
    text('rejection_reason', 500, nullable),
    text('incoming_email_status', 10),
    text('outgoing_email_status', 10),
    text('act_status', 10),
    yes('incoming_enabled'),
    yes('outgoing_enabled'),
    yes('act_enabled'),
    yes('incoming_changed_since_test'),
    yes('outgoing_changed_since_test'),
    yes('act_changed_since_test'),
    text('incoming_error_code', 40, nullable),
    text('outgoing_error_code', 40, nullable),
    text('act_error_code', 40, nullable),
    time('paused_until', nullable),
    text('username', 320, nullable),
    longText('password_sealed', nullable),
    yes('has_password'),
    yes('delete_after_processing'),
    time('last_tested_at', nullable),
    id('testing_run_id', nullable),
    time('created_at'),
    time('updated_at'),
  ]
}

function runColumns(kind: DatabaseKind) {
  const counts = ['total', 'queued', 'running', 'succeeded', 'failed', 'skipped', 'cancelled']
  return [
    id(),
    text('state', 10),
    text('mode', 20),
    longText('directions'),
    flag('round_trip', kind),
    ...counts.map((name) => whole(name, kind)),
    text('requested_by', 200),
    time('created_at'),
    time('started_at', nullable),
    time('finished_at', nullable),
    whole('change_number', kind),
  ]
}

function itemColumns(kind: DatabaseKind) {
  return [
    id(),
    id('run_id'),
    id('mailbox_id'),
    id('profile_id', nullable),
    text('state', 10),
    longText('results'),
    text('skip_reason', 40, nullable),
    text('skip_message', 300, nullable),
    text('error_code', 40, nullable),
    time('started_at', nullable),
    time('finished_at', nullable),
    text('lease_owner', 36, nullable),
    time('lease_until', nullable),
    whole('change_number', kind),
  ]
}
