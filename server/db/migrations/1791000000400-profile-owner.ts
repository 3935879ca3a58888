import type { MigrationInterface, QueryRunner } from 'typeorm'
import { id } from '../columns'

/** The Owner who is told of a profile's alerts. */
export class ProfileOwner1791000000400 implements MigrationInterface {
  readonly name = 'ProfileOwner1791000000400'

  async up(runner: QueryRunner): Promise<void> {
    const column = id('owner_id', { isNullable: true })
    const isMariadb = runner.connection.options.type !== 'better-sqlite3'
    if (isMariadb) Object.assign(column, { charset: 'utf8mb4', collation: 'utf8mb4_bin' })
    await runner.addColumn('email_server_profiles', column)
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.dropColumn('email_server_profiles', 'owner_id')
  }
}
