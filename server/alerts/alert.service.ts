import { Brackets, In, IsNull, Not, type SelectQueryBuilder } from 'typeorm'
import { permit, type Viewer } from '../auth/auth.service'
import type { Database } from '../db/database'
import { isId, newId } from '../db/id'
import type { Tx } from '../db/transaction'
import { FaultList } from '../errors'
import { keysetPage, type Page, type PageArguments } from '../graphql/connection'
import type { MailError } from '../mail/mail-error'
import type { Mailbox } from '../mailboxes/mailbox.entity'
import { type Direction, TestStatus } from '../mailboxes/mailbox.enums'
import type { MailboxService } from '../mailboxes/mailbox.service'
import type { MailboxOutcome, MailboxTestService } from '../mailboxes/mailbox-test.service'
import { Alert, AlertState } from './alert.entity'
import { openKeyOf, type Sighting, seen, subjectOf, works } from './alert-state'

export interface AlertFilter {
  mailboxId?: string | null
  profileId?: string | null
  state?: AlertState | null
}

const MOST_IDS = 1_000

/** Opens, counts, resolves and puts away alerts; the only writer of its table. */
export class AlertService {
  constructor(
    private readonly db: Database,
    private readonly mailboxes: MailboxService,
    private readonly tests: MailboxTestService,
  ) {}

  /** Newest first. A mailbox's wall has its own alerts and those of the profile it hangs on; `known` is that mailbox, if at hand. */
  async list(
    viewer: Viewer | undefined,
    filter: AlertFilter,
    page: PageArguments,
    known?: Mailbox,
  ): Promise<Page<Alert>> {
    permit(viewer, 'mailboxes.read')
    const profileOfMailbox = known ? known.profileId : await this.profileOf(filter.mailboxId)
    const query = this.db.read.createQueryBuilder(Alert, 'a')
    if (filter.mailboxId) {
      const { mailboxId } = filter
      query.andWhere(
        new Brackets((or) => {
          or.where('a.mailboxId = :mailboxId', { mailboxId })
          if (profileOfMailbox) or.orWhere('a.profileId = :profileOfMailbox', { profileOfMailbox })
        }),
      )
    }
    if (filter.profileId) query.andWhere('a.profileId = :profileId', { profileId: filter.profileId })
    if (filter.state) query.andWhere('a.state = :state', { state: filter.state })
    return keysetPage(query, page, { column: 'last_seen_at', property: 'lastSeenAt', direction: 'DESC' })
  }

  async getMany(viewer: Viewer | undefined, ids: readonly string[]): Promise<Alert[]> {
    permit(viewer, 'mailboxes.read')
    return this.db.read.findBy(Alert, { id: In([...ids]) })
  }

  /** The profile whose alerts stand on a mailbox's wall too. */
  async profileOf(mailboxId: string | null | undefined): Promise<string | null> {
    const [mailbox] = mailboxId ? await this.mailboxes.byIds([mailboxId]) : []
    return mailbox?.profileId ?? null
  }

  /** A person knows of it: it stays until it is resolved. */
  acknowledge(viewer: Viewer | undefined, ids: readonly string[]): Promise<Alert[]> {
    return this.putAway(viewer, ids, [AlertState.OPEN], { state: AlertState.ACKNOWLEDGED })
  }

  /** A person puts it away; the next failure opens a new one. */
  dismiss(viewer: Viewer | undefined, ids: readonly string[]): Promise<Alert[]> {
    const from = [AlertState.OPEN, AlertState.ACKNOWLEDGED]
    return this.putAway(viewer, ids, from, { state: AlertState.DISMISSED, openKey: null })
  }

  /** What tests of mode TEST_AND_ENABLE met: opens, counts and resolves in the transaction that stores their results. */
  async observe(tx: Tx, outcomes: readonly MailboxOutcome[], at: Date): Promise<void> {
    const enabling = outcomes.filter((outcome) => outcome.enabling)
    const changed = [...(await this.open(tx, enabling, at)), ...(await this.resolve(tx, enabling))]
    tx.signal('alerts', changed)
  }

  /**
   * Resolves what no test will resolve: alerts of mailboxes that were deactivated, switched off or reset since, and of profiles
   * that their last failing mailbox has left. Run by a schedule. Answers how many changed.
   */
  async reconcile(): Promise<number> {
    return this.db.inTransaction(async (tx) => {
      const query = tx.em
        .createQueryBuilder(Alert, 'a')
        .where({ openKey: Not(IsNull()) })
        .orderBy('a.id')
      const open = await locked(tx, query).getMany()
      const ids = (key: 'mailboxId' | 'profileId') => [...new Set(open.flatMap((alert) => alert[key] ?? []))]
      const failing = await this.tests.failing(tx, { mailboxIds: ids('mailboxId'), profileIds: ids('profileId') })
      const changed: string[] = []
      for (const alert of open) {
        const subject = alert.mailboxId ?? alert.profileId
        const over = alert.directions.filter((direction) => !failing.has(`${subject} ${direction} ${alert.code}`))
        if (over.length === 0) continue
        await tx.em.update(Alert, { id: alert.id }, worksIn(alert, over))
        changed.push(alert.id)
      }
      tx.signal('alerts', changed)
      return changed.length
    })
  }

  private async open(tx: Tx, outcomes: readonly MailboxOutcome[], at: Date): Promise<string[]> {
    const byKey = new Map<string, { sightings: (Sighting & { error: MailError })[]; mailboxes: Set<string> }>()
    for (const { mailboxId, profileId, directions } of outcomes) {
      for (const { direction, error } of directions) {
        if (!error) continue
        const subject = subjectOf(error, mailboxId, profileId)
        const key = openKeyOf(subject, error.code)
        const group = byKey.get(key) ?? { sightings: [], mailboxes: new Set() }
        group.sightings.push({ subject, direction, error, at })
        group.mailboxes.add(mailboxId)
        byKey.set(key, group)
      }
    }
    if (byKey.size === 0) return []
    const query = tx.em.createQueryBuilder(Alert, 'a').where({ openKey: In([...byKey.keys()]) })
    const known = await locked(tx, query).getMany()
    const openByKey = new Map(known.map((alert) => [alert.openKey, alert]))
    const ids: string[] = []
    const fresh: Alert[] = []
    for (const [key, { sightings, mailboxes }] of byKey) {
      const open = openByKey.get(key)
      const fields = seen(open, sightings, mailboxes.size)
      const id = open?.id ?? newId()
      ids.push(id)
      if (open) await tx.em.update(Alert, { id }, fields)
      else fresh.push({ ...fields, id })
    }
    if (fresh.length > 0) {
      await tx.em.createQueryBuilder().insert().into(Alert).values(fresh).updateEntity(false).execute()
    }
    return ids
  }

  /**
   * A direction that works resolves its mailbox's alerts of that direction. A profile's alert stays until none of the
   * profile's mailboxes fails with it any more: those that met it have to be tested again before they are processed.
   */
  private async resolve(tx: Tx, outcomes: readonly MailboxOutcome[]): Promise<string[]> {
    const working = new Map<string, Set<string>>()
    for (const { mailboxId, profileId, directions } of outcomes) {
      for (const { direction, status } of directions) {
        if (status !== TestStatus.SUCCESS) continue
        for (const id of [mailboxId, profileId]) working.set(id, (working.get(id) ?? new Set()).add(direction))
      }
    }
    if (working.size === 0) return []
    const subjects = [...working.keys()]
    const query = tx.em.createQueryBuilder(Alert, 'a').where([
      { mailboxId: In(subjects), openKey: Not(IsNull()) },
      { profileId: In(subjects), openKey: Not(IsNull()) },
    ])
    const open = await locked(tx, query).getMany()
    const profileIds = [...new Set(open.flatMap((alert) => alert.profileId ?? []))]
    const failing =
      profileIds.length > 0 ? await this.tests.failing(tx, { mailboxIds: [], profileIds }) : new Set<string>()
    const ids: string[] = []
    for (const alert of open) {
      const tested = working.get(alert.mailboxId ?? alert.profileId ?? '') ?? new Set()
      const stillFails = (direction: string) => failing.has(`${alert.profileId} ${direction} ${alert.code}`)
      const over = alert.directions.filter((direction) => tested.has(direction) && !stillFails(direction))
      if (over.length === 0) continue
      await tx.em.update(Alert, { id: alert.id }, worksIn(alert, over))
      ids.push(alert.id)
    }
    return ids
  }

  private async putAway(
    viewer: Viewer | undefined,
    ids: readonly string[],
    from: AlertState[],
    changes: Partial<Alert>,
  ): Promise<Alert[]> {
    permit(viewer, 'alerts.edit')
    const faults = new FaultList()
    if (ids.length === 0) faults.add('EMPTY', ['ids'], 'Name at least one alert')
    if (ids.length > MOST_IDS) faults.add('TOO_MANY', ['ids'], `At most ${MOST_IDS} alerts are taken at a time`)
    faults.check()
    return this.db.inTransaction(async (tx) => {
      const query = tx.em.createQueryBuilder(Alert, 'a').where({ id: In(ids.filter(isId)) })
      const known = await locked(tx, query).getMany()
      const knownIds = new Set(known.map((alert) => alert.id))
      for (const [index, id] of ids.entries()) {
        if (!knownIds.has(id)) faults.add('NOT_FOUND', ['ids', index], 'There is no such alert')
      }
      faults.check()
      const changed = known.filter((alert) => from.includes(alert.state)).map((alert) => alert.id)
      await tx.em.update(Alert, { id: In(changed) }, changes)
      tx.signal('alerts', changed)
      return tx.em.findBy(Alert, { id: In(changed) })
    })
  }
}

/** An alert after these of its directions work. */
function worksIn(alert: Alert, directions: readonly Direction[]): Partial<Alert> {
  return directions.reduce<Alert>((after, direction) => Object.assign(after, works(after, direction)), { ...alert })
}

/** Two transactions that meet the same alert follow each other. */
function locked(tx: Tx, query: SelectQueryBuilder<Alert>): SelectQueryBuilder<Alert> {
  return tx.kind === 'mariadb' ? query.setLock('pessimistic_write') : query
}
