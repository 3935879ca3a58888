import { In, type SelectQueryBuilder } from 'typeorm'
import { permit, reachOf, type Viewer } from '../auth/auth.service'
import type { Database } from '../db/database'
import { checkFirst, keysetPage, type Order, type Page, type PageArguments, pageOf } from '../graphql/connection'
import { Mailbox } from '../mailboxes/mailbox.entity'
import { EmailServerProfile } from '../profiles/profile.entity'
import type { EmailSettingsService } from '../settings/email-settings.service'
import { Alert } from './alert.entity'
import { type AlertFilterFields, filterSql } from './alert-filter'
import { type AlertCondition, visibleAlerts } from './alert-sight'
import { PROFILE_CODES } from './profile-statement'

const NEWEST_FIRST: Order = { column: 'last_seen_at', property: 'lastSeenAt', direction: 'DESC' }

/** A mailbox whose wall is asked for, and the profile it hangs on. */
export type WallOf = Pick<Mailbox, 'id' | 'profileId'>

/** Reads alerts: the walls of mailboxes, of profiles and of the organisation, each as far as its viewer may see them. */
export class AlertWall {
  constructor(
    private readonly db: Database,
    private readonly settings: EmailSettingsService,
  ) {}

  /** Last seen first. A mailbox's wall has its own alerts and the errors of the profile it hangs on; `known` is that mailbox, if at hand. */
  async list(
    viewer: Viewer | undefined,
    filter: AlertFilterFields,
    page: PageArguments,
    known?: WallOf,
  ): Promise<Page<Alert>> {
    permit(viewer, 'mailboxes.read')
    const { mailboxId, ...rest } = filter
    const query = (await this.visible(viewer)).andWhere(filterSql(rest).sql, filterSql(rest).parameters)
    if (typeof mailboxId === 'string') {
      const profileId = known ? known.profileId : await this.profileOf(mailboxId)
      query.andWhere(
        '(a.mailbox_id = :wallMailbox OR (a.profile_id = :wallProfile AND a.code NOT IN (:...profileCodes)))',
        { wallMailbox: mailboxId, wallProfile: profileId ?? '', profileCodes: PROFILE_CODES },
      )
    }
    return keysetPage(query, page, NEWEST_FIRST)
  }

  /** The first pages of many mailboxes' walls, in as many statements as for one. */
  async walls(
    viewer: Viewer | undefined,
    mailboxes: readonly WallOf[],
    first?: number | null,
  ): Promise<Map<string, Alert[]>> {
    permit(viewer, 'mailboxes.read')
    const most = checkFirst(first) + 1
    const sight = await this.sight(viewer)
    const profileIds = [...new Set(mailboxes.flatMap((mailbox) => mailbox.profileId ?? []))]
    const ofMailboxes = mailboxes.map((mailbox) => mailbox.id)
    const ids = [
      ...(await this.newest(OF_MAILBOXES, ofMailboxes, sight, most)),
      ...(await this.newest(ERRORS_OF_PROFILES, profileIds, sight, most)),
    ]
    const bySubject = await this.bySubject(ids)
    const of = (subject: string | null) => bySubject.get(subject ?? '') ?? []
    return new Map(
      mailboxes.map(({ id, profileId }) => [id, [...of(id), ...of(profileId)].sort(newestFirst).slice(0, most)]),
    )
  }

  /** The same of profiles. */
  async profileWalls(
    viewer: Viewer | undefined,
    profileIds: readonly string[],
    first?: number | null,
  ): Promise<Map<string, Alert[]>> {
    permit(viewer, 'mailboxes.read')
    const sight = await this.sight(viewer)
    const ids = await this.newest(OF_PROFILES, profileIds, sight, checkFirst(first) + 1)
    const bySubject = await this.bySubject(ids)
    return new Map(profileIds.map((id) => [id, (bySubject.get(id) ?? []).sort(newestFirst)]))
  }

  async profileWallCounts(viewer: Viewer | undefined, profileIds: readonly string[]): Promise<Map<string, number>> {
    permit(viewer, 'mailboxes.read')
    return new Map(await this.counts(OF_PROFILES, profileIds, await this.sight(viewer)))
  }

  /** How many alerts each mailbox's wall has. */
  async wallCounts(viewer: Viewer | undefined, mailboxes: readonly WallOf[]): Promise<Map<string, number>> {
    permit(viewer, 'mailboxes.read')
    const sight = await this.sight(viewer)
    const profileIds = [...new Set(mailboxes.flatMap((mailbox) => mailbox.profileId ?? []))]
    const ofMailboxes = mailboxes.map((mailbox) => mailbox.id)
    const counts = new Map([
      ...(await this.counts(OF_MAILBOXES, ofMailboxes, sight)),
      ...(await this.counts(ERRORS_OF_PROFILES, profileIds, sight)),
    ])
    return new Map(
      mailboxes.map(({ id, profileId }) => [id, (counts.get(id) ?? 0) + (counts.get(profileId ?? '') ?? 0)]),
    )
  }

  /** The page of a wall that `walls` has read. */
  pageOf(alerts: readonly Alert[], first: number | null | undefined, totalCount: () => Promise<number>): Page<Alert> {
    return pageOf(alerts, { first: checkFirst(first), list: 'alerts', order: NEWEST_FIRST, totalCount })
  }

  async getMany(viewer: Viewer | undefined, ids: readonly string[]): Promise<Alert[]> {
    permit(viewer, 'mailboxes.read')
    if (ids.length === 0) return []
    return (await this.visible(viewer)).andWhere({ id: In([...ids]) }).getMany()
  }

  /** The profile whose errors stand on a mailbox's wall too. */
  async profileOf(mailboxId: string | null | undefined): Promise<string | null> {
    if (!mailboxId) return null
    const mailbox = await this.db.read.findOne(Mailbox, {
      select: { id: true, profileId: true },
      where: { id: mailboxId },
    })
    return mailbox?.profileId ?? null
  }

  private async visible(viewer: Viewer): Promise<SelectQueryBuilder<Alert>> {
    const { sql, parameters } = await this.sight(viewer)
    return this.db.read.createQueryBuilder(Alert, 'a').where(sql, parameters)
  }

  private async sight(viewer: Viewer): Promise<AlertCondition> {
    const reach = reachOf(viewer, 'mailboxes.read')
    if (reach === 'ALL') return visibleAlerts({ reach, own: [], ownedProfileIds: [], notifyMailboxOwner: true })
    const [own, owned, { notifyMailboxOwner }] = await Promise.all([
      this.db.read.find(Mailbox, {
        select: { id: true, profileId: true },
        where: { ownerId: In([...reach.ownerIds]) },
      }),
      this.db.read.find(EmailServerProfile, { select: { id: true }, where: { ownerId: In([...reach.ownerIds]) } }),
      this.settings.current(),
    ])
    return visibleAlerts({ reach, own, ownedProfileIds: owned.map((profile) => profile.id), notifyMailboxOwner })
  }

  private async bySubject(ids: readonly string[]): Promise<Map<string, Alert[]>> {
    const found = new Map<string, Alert[]>()
    for (const alert of await this.db.read.findBy(Alert, { id: In([...ids]) })) {
      const subject = alert.mailboxId ?? alert.profileId ?? ''
      found.set(subject, [...(found.get(subject) ?? []), alert])
    }
    return found
  }

  /** Ids of the newest alerts of each subject. */
  private async newest(
    { column, only }: Wall,
    ids: readonly string[],
    sight: AlertCondition,
    most: number,
  ): Promise<string[]> {
    if (ids.length === 0) return []
    const place = `ROW_NUMBER() OVER (PARTITION BY a.${column} ORDER BY a.last_seen_at DESC, a.id DESC)`
    const ranked = this.ofSubjects({ column, only }, ids, sight).select('a.id', 'id').addSelect(place, 'place')
    const rows = await this.db.read
      .createQueryBuilder()
      .select('ranked.id', 'id')
      .from(`(${ranked.getQuery()})`, 'ranked')
      .where('ranked.place <= :most')
      .setParameters({ ...ranked.getParameters(), most })
      .getRawMany<{ id: string }>()
    return rows.map((row) => row.id)
  }

  private async counts(
    { column, only }: Wall,
    ids: readonly string[],
    sight: AlertCondition,
  ): Promise<[string, number][]> {
    if (ids.length === 0) return []
    const rows = await this.ofSubjects({ column, only }, ids, sight)
      .select(`a.${column}`, 'subject')
      .addSelect('COUNT(*)', 'n')
      .groupBy(`a.${column}`)
      .getRawMany<{ subject: string; n: number | string }>()
    return rows.map(({ subject, n }) => [subject, Number(n)])
  }

  private ofSubjects({ column, only }: Wall, ids: readonly string[], sight: AlertCondition): SelectQueryBuilder<Alert> {
    return this.db.read
      .createQueryBuilder(Alert, 'a')
      .where(`a.${column} IN (:...subjects)`, { subjects: ids })
      .andWhere(only, { profileCodes: PROFILE_CODES })
      .andWhere(sight.sql, sight.parameters)
  }
}

/** Whose alerts stand on a wall, and which of them. */
interface Wall {
  column: 'mailbox_id' | 'profile_id'
  only: string
}

const OF_MAILBOXES: Wall = { column: 'mailbox_id', only: '1 = 1' }
const OF_PROFILES: Wall = { column: 'profile_id', only: '1 = 1' }
/** On the walls of mailboxes. */
const ERRORS_OF_PROFILES: Wall = { column: 'profile_id', only: 'a.code NOT IN (:...profileCodes)' }

const newestFirst = (one: Alert, other: Alert): number =>
  other.lastSeenAt.getTime() - one.lastSeenAt.getTime() || (one.id < other.id ? 1 : -1)
