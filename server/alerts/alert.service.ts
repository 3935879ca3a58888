import { setImmediate as afterOtherWork } from 'node:timers/promises'
import { In, IsNull, Not } from 'typeorm'
import { pausingChunks } from '../db/chunks'
import type { Database } from '../db/database'
import { newId } from '../db/id'
import type { Tx } from '../db/transaction'
import type { MailError } from '../mail/mail-error'
import { type Direction, TestStatus } from '../mailboxes/mailbox.enums'
import type { MailboxStanding } from '../mailboxes/mailbox-standing.service'
import type { MailboxOutcome, MailboxTestService } from '../mailboxes/mailbox-test.service'
import type { EmailSettings } from '../settings/email-settings.entity'
import type { EmailSettingsService } from '../settings/email-settings.service'
import { Alert } from './alert.entity'
import { lockedAlerts } from './alert-lock'
import { openKeyOf, RESOLVED, type Sighting, seen, severityOf, subjectOf, works } from './alert-state'
import { isWanted, PROFILE_CODES, ProfileCode, rollUp, type Statement, stated } from './profile-statement'
import { lastOfPart, staleAlerts } from './stale-alerts'

/** Alerts in one transaction of a schedule: SQLite works on this very thread. */
const SETTLED_TOGETHER = 100

/**
 * Opens, counts and resolves alerts by what tests, schedules and mails to owners bring; what people do with them is in
 * alert-commands.ts, and nobody else writes the table.
 */
export class AlertService {
  constructor(
    private readonly db: Database,
    private readonly settings: EmailSettingsService,
    private readonly tests: MailboxTestService,
    private readonly standing: MailboxStanding,
  ) {}

  /** What tests of mode TEST_AND_ENABLE met: opens, counts and resolves in the transaction that stores their results. */
  async observe(tx: Tx, outcomes: readonly MailboxOutcome[], at: Date): Promise<void> {
    const enabling = outcomes.filter((outcome) => outcome.enabling)
    if (enabling.length === 0) return
    const settings = await this.settings.current(tx.em)
    const changed = [...(await this.open(tx, enabling, settings, at)), ...(await this.resolve(tx, enabling))]
    tx.signal('alerts', changed)
    const profileIds = [...new Set(enabling.map((outcome) => outcome.profileId))].sort()
    // the counts it goes by are written last of all
    tx.beforeCommit(async () => void (await this.rollUp(tx, profileIds, settings, at)))
  }

  /** Says something of a profile as a whole, or with `undefined` that it is over. */
  async state(
    tx: Tx,
    code: ProfileCode,
    statements: ReadonlyMap<string, Statement | undefined>,
    at: Date,
    kinds?: EmailSettings,
  ): Promise<void> {
    const wanted = kinds ?? (await this.settings.current(tx.em))
    const open = await this.openOf(tx, [...statements.keys()], code)
    await this.write(tx, open, statements, wanted, at)
  }

  /**
   * Resolves what no test will resolve: alerts of mailboxes that were deactivated, switched off or reset since, and of profiles
   * that their last failing mailbox has left. Run by a schedule, in parts. Answers how many changed.
   */
  async reconcile(now = new Date()): Promise<number> {
    let changed = 0
    for (let after = ''; ; ) {
      const last = await lastOfPart(this.db.read, after)
      const stale = await staleAlerts(this.db.read, after, last)
      for await (const chunk of pausingChunks(stale, SETTLED_TOGETHER)) {
        changed += await this.db.inTransaction((tx) => this.settle(tx, chunk, now))
      }
      if (last === undefined) return changed
      after = last
      await afterOtherWork()
    }
  }

  private async open(
    tx: Tx,
    outcomes: readonly MailboxOutcome[],
    settings: EmailSettings,
    at: Date,
  ): Promise<string[]> {
    const byKey = new Map<string, { sightings: (Sighting & { error: MailError })[]; mailboxes: Set<string> }>()
    for (const { mailboxId, profileId, directions } of outcomes) {
      for (const { direction, error, through } of directions) {
        if (!error || !isWanted(severityOf(error), settings)) continue
        const place = through ?? { mailboxId, profileId }
        const subject = subjectOf(error, place.mailboxId, place.profileId)
        const key = openKeyOf(subject, error.code)
        const group = byKey.get(key) ?? { sightings: [], mailboxes: new Set() }
        group.sightings.push({ subject, direction, error, at })
        group.mailboxes.add(mailboxId)
        byKey.set(key, group)
      }
    }
    if (byKey.size === 0) return []
    const known = await lockedAlerts(tx, { openKey: In([...byKey.keys()]) })
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
    await insert(tx, fresh)
    return ids
  }

  /**
   * A direction that works resolves its mailbox's alerts of that direction. An alert of a profile, or of a forward mailbox that
   * was tested by way of another, stays until no mailbox fails with it any more: those that met it have to be tested again
   * before they are processed.
   */
  private async resolve(tx: Tx, outcomes: readonly MailboxOutcome[]): Promise<string[]> {
    const { working, seenThrough } = worked(outcomes)
    if (working.size === 0) return []
    const subjects = [...working.keys()]
    const failing = await this.tests.failing(tx, [...seenThrough])
    const open = await lockedAlerts(tx, [
      { mailboxId: In(subjects), openKey: Not(IsNull()) },
      { profileId: In(subjects), openKey: Not(IsNull()), code: Not(In([...PROFILE_CODES])) },
    ])
    const over = new Map<Alert, Direction[]>()
    for (const alert of open) {
      const { profileId, code } = alert
      const directions: Direction[] = []
      for (const direction of alert.directions) {
        if (!working.get(alert.mailboxId ?? profileId ?? '')?.has(direction)) continue
        const stays =
          profileId === null
            ? failing.has(`${alert.mailboxId} ${direction} ${code}`)
            : await this.standing.anyFails(tx.em, profileId, direction, code)
        if (!stays) directions.push(direction)
      }
      over.set(alert, directions)
    }
    return end(tx, over)
  }

  /** Looks again, now that nobody else changes them, at alerts that seemed to be over. */
  private async settle(tx: Tx, ids: readonly string[], now: Date): Promise<number> {
    const open = await lockedAlerts(tx, { id: In([...ids]), openKey: Not(IsNull()) })
    const mailboxIds = open.flatMap((alert) => alert.mailboxId ?? [])
    const failing = await this.tests.failing(tx, mailboxIds)
    const over = new Map<Alert, Direction[]>()
    const rolledUp = new Set<string>()
    for (const alert of open) {
      const { mailboxId, profileId, code } = alert
      if (profileId !== null && code === ProfileCode.MAILBOXES_FAILING) rolledUp.add(profileId)
      const directions: Direction[] = []
      for (const direction of alert.directions) {
        const fails =
          profileId === null
            ? failing.has(`${mailboxId} ${direction} ${code}`)
            : await this.standing.anyFails(tx.em, profileId, direction, code)
        if (!fails) directions.push(direction)
      }
      over.set(alert, directions)
    }
    const ended = await end(tx, over)
    tx.signal('alerts', ended)
    const recounted = await this.rollUp(tx, [...rolledUp], await this.settings.current(tx.em), now)
    return ended.length + recounted
  }

  /** The alert MAILBOXES_FAILING of each of these profiles, by how its mailboxes stand now. */
  private async rollUp(tx: Tx, profileIds: readonly string[], settings: EmailSettings, at: Date): Promise<number> {
    // first the alert, then the counts: whoever waits for the alert sees the counts of whom it waited for
    const open = await this.openOf(tx, profileIds, ProfileCode.MAILBOXES_FAILING)
    const standings = await this.standing.byProfile(tx.em, profileIds)
    const none = { tested: 0, failing: 0 }
    const statements = profileIds.map(
      (id) => [id, rollUp(standings.get(id) ?? none, settings.failureThresholdPercent)] as const,
    )
    return this.write(tx, open, new Map(statements), settings, at)
  }

  private async openOf(tx: Tx, profileIds: readonly string[], code: ProfileCode): Promise<Map<string | null, Alert>> {
    if (profileIds.length === 0) return new Map()
    const keys = profileIds.map((profileId) => openKeyOf({ mailboxId: null, profileId }, code))
    return new Map((await lockedAlerts(tx, { openKey: In(keys) })).map((alert) => [alert.profileId, alert]))
  }

  private async write(
    tx: Tx,
    openOf: ReadonlyMap<string | null, Alert>,
    statements: ReadonlyMap<string, Statement | undefined>,
    settings: EmailSettings,
    at: Date,
  ): Promise<number> {
    const changed: string[] = []
    const fresh: Alert[] = []
    for (const [profileId, statement] of statements) {
      const open = openOf.get(profileId)
      if (statement && !isWanted(statement.severity, settings)) continue
      const fields = statement ? stated(open, profileId, statement, at) : open && RESOLVED
      if (!fields) continue
      const id = open?.id ?? newId()
      changed.push(id)
      if (open) await tx.em.update(Alert, { id }, fields)
      else fresh.push(Object.assign(new Alert(), fields, { id }))
    }
    await insert(tx, fresh)
    tx.signal('alerts', changed)
    return changed.length
  }
}

/** The mailboxes and profiles of which a direction works, and the forward mailboxes that tests of others looked in. */
function worked(outcomes: readonly MailboxOutcome[]) {
  const working = new Map<string, Set<Direction>>()
  const seenThrough = new Set<string>()
  const add = (id: string, direction: Direction) => working.set(id, (working.get(id) ?? new Set()).add(direction))
  for (const { mailboxId, profileId, directions } of outcomes) {
    for (const { direction, status, through } of directions) {
      if (through) seenThrough.add(through.mailboxId)
      if (status !== TestStatus.SUCCESS) continue
      const at = through ?? { mailboxId, profileId }
      for (const id of [mailboxId, at.mailboxId, at.profileId ?? '']) add(id, direction)
    }
  }
  return { working, seenThrough }
}

/** Takes these directions from their alerts; those that have none left are resolved, in one statement. Answers what changed. */
async function end(tx: Tx, over: ReadonlyMap<Alert, readonly Direction[]>): Promise<string[]> {
  const changed: string[] = []
  const resolved: string[] = []
  for (const [alert, directions] of over) {
    if (directions.length === 0) continue
    const after = directions.reduce<Alert>((left, direction) => Object.assign(left, works(left, direction)), {
      ...alert,
    })
    changed.push(alert.id)
    if (after.openKey === null) resolved.push(alert.id)
    else await tx.em.update(Alert, { id: alert.id }, { directions: after.directions })
  }
  if (resolved.length > 0) await tx.em.update(Alert, { id: In(resolved) }, RESOLVED)
  return changed
}

async function insert(tx: Tx, alerts: Alert[]): Promise<void> {
  if (alerts.length === 0) return
  await tx.em.createQueryBuilder().insert().into(Alert).values(alerts).updateEntity(false).execute()
}
