import { setImmediate as afterOtherWork } from 'node:timers/promises'
import type { EntityManager } from 'typeorm'
import type { Database } from '../db/database'
import { Direction, MailboxKind, MailboxView, TestStatus } from './mailbox.enums'
import { readCounts, SCOPE } from './mailbox-counts'
import { type Facet, facetRank, IN_VIEW, isActive, kindOf, rankOf, VIEW_CLASSES } from './mailbox-facets'
import { tellsOfForwardMailbox } from './mailbox-test.service'

/** How the active mailboxes of a profile stand. */
export interface Standing {
  /** Those that a TEST_AND_ENABLE has tested in any direction. */
  tested: number
  /** Those of them with a direction that fails. */
  failing: number
}

/** What fails in a profile, read from its mailboxes. */
export interface Failures {
  /** How many of the failing mailboxes were tested since the time asked for. */
  recent: number
  /** MailError codes, each with how many of those mailboxes fail with it first; the most frequent stands first. */
  causes: { code: string; count: number }[]
}

const STATUSES = ['incoming_email_status', 'outgoing_email_status', 'act_status'] as const satisfies readonly Facet[]
const isFailing = IN_VIEW[MailboxView.TEST_AND_ENABLE_FAILED]
const FAILING_CLASSES = VIEW_CLASSES.filter(isFailing)
const FORWARD_CLASSES = VIEW_CLASSES.filter((viewClass) => kindOf(viewClass) === MailboxKind.FORWARD)
const ROWS_A_PART = 1_000

const isTested = (viewClass: number, facets: number): boolean =>
  isActive(viewClass) && STATUSES.some((status) => facetRank(facets, status) !== rankOf(status, TestStatus.NOT_RUN))

/** What those who watch over profiles ask about their mailboxes. */
export class MailboxStanding {
  constructor(private readonly db: Database) {}

  /**
   * How the mailboxes of these profiles stand, or of all profiles; from the counts, so that the size of a profile does not
   * matter. In a transaction that writes mailboxes the counts are up to date in its beforeCommit only. Profiles without
   * mailboxes are left out.
   */
  async byProfile(em: EntityManager, profileIds: readonly string[] | 'all'): Promise<Map<string, Standing>> {
    if (profileIds.length === 0) return new Map()
    const scopes = profileIds === 'all' ? 'profiles' : profileIds.map((id) => SCOPE.profile(id))
    const found = new Map<string, Standing>()
    for (const { scope, viewClass, facets, n } of await readCounts(em, scopes)) {
      const profileId = scope.slice(SCOPE.profile('').length)
      if (profileId === '') continue
      const standing = found.get(profileId) ?? { tested: 0, failing: 0 }
      if (isTested(viewClass, facets)) standing.tested += n
      if (isFailing(viewClass)) standing.failing += n
      found.set(profileId, standing)
    }
    return found
  }

  /**
   * Whether any active mailbox fails in the direction with the code at the servers of the profile. A forwarded mailbox's incoming
   * test asks those of its forward mailbox's profile.
   */
  async anyFails(em: EntityManager, profileId: string, direction: Direction, code: string): Promise<boolean> {
    const fails = `view_class IN (${FAILING_CLASSES.join(', ')}) AND ${ERROR_COLUMNS[direction]} = ?`
    const isElsewhere = direction === Direction.INCOMING && tellsOfForwardMailbox(code)
    const own = isElsewhere ? 'AND forward_mailbox_id IS NULL' : ''
    const rows: unknown[] = await em.query(`SELECT 1 FROM mailboxes WHERE profile_id = ? AND ${fails} ${own} LIMIT 1`, [
      profileId,
      code,
    ])
    if (rows.length > 0 || !isElsewhere) return rows.length > 0
    const forwards = `SELECT id FROM mailboxes WHERE profile_id = ? AND view_class IN (${FORWARD_CLASSES.join(', ')})`
    const theirs: unknown[] = await em.query(
      `SELECT 1 FROM mailboxes WHERE forward_mailbox_id IN (${forwards}) AND ${fails} LIMIT 1`,
      [profileId, code],
    )
    return theirs.length > 0
  }

  /** Reads the failing mailboxes of a profile, in parts: other requests get their turn. */
  async failuresOf(profileId: string, since: Date): Promise<Failures> {
    const failures: Failures = { recent: 0, causes: [] }
    const causes = new Map<string, number>()
    for (const viewClass of FAILING_CLASSES) {
      for await (const row of this.failingOf(profileId, viewClass)) {
        if (!row.testedAt || row.testedAt < since) continue
        failures.recent += 1
        causes.set(row.code, (causes.get(row.code) ?? 0) + 1)
      }
    }
    failures.causes = [...causes]
      .map(([code, count]) => ({ code, count }))
      .sort((one, other) => other.count - one.count || (one.code < other.code ? -1 : 1))
    return failures
  }

  /** By the index mailboxes_by_profile, each part from where the last one ended. */
  private async *failingOf(
    profileId: string,
    viewClass: number,
  ): AsyncGenerator<{ testedAt: Date | null; code: string }> {
    for (let after = { nameKey: '', id: '' }; ; ) {
      const rows = await this.db.read
        .createQueryBuilder('Mailbox', 'm')
        .select([
          ...['m.id AS id', 'm.name_key AS nameKey', 'm.last_tested_at AS testedAt'],
          'COALESCE(m.incoming_error_code, m.outgoing_error_code, m.act_error_code) AS code',
        ])
        .where('m.profile_id = :profileId AND m.view_class = :viewClass', { profileId, viewClass })
        .andWhere('m.name_key >= :nameKey AND (m.name_key > :nameKey OR m.id > :id)', after)
        .orderBy('m.name_key')
        .addOrderBy('m.id')
        .limit(ROWS_A_PART)
        .getRawMany<{ id: string; nameKey: string; testedAt: Date | string | null; code: string | null }>()
      for (const { testedAt, code } of rows) yield { testedAt: timeOf(testedAt), code: code ?? 'UNKNOWN' }
      const last = rows.at(-1)
      if (!last || rows.length < ROWS_A_PART) return
      after = { nameKey: last.nameKey, id: last.id }
      await afterOtherWork()
    }
  }
}

const ERROR_COLUMNS: Record<Direction, string> = {
  [Direction.INCOMING]: 'incoming_error_code',
  [Direction.OUTGOING]: 'outgoing_error_code',
  [Direction.ACT]: 'act_error_code',
}

/** SQLite answers raw times as texts of UTC, MariaDB as dates. */
const timeOf = (value: Date | string | null): Date | null =>
  typeof value === 'string' ? new Date(`${value.replace(' ', 'T')}Z`) : value
