import { In, IsNull, LessThan, LessThanOrEqual } from 'typeorm'
import type { Database } from '../db/database'
import { newId } from '../db/id'
import type { Tx } from '../db/transaction'
import type { Scene } from '../mail/remedy'
import type { MailboxStanding, Standing } from '../mailboxes/mailbox-standing.service'
import { Owner } from '../owners/owner.entity'
import { EmailServerProfile } from '../profiles/profile.entity'
import type { EmailSettings } from '../settings/email-settings.entity'
import type { EmailSettingsService } from '../settings/email-settings.service'
import type { AlertService } from './alert.service'
import { mailed, noRecipient, refused } from './notice-alerts'
import { type MailOutlet, NotSent, sendNotice } from './notice-mailer'
import { NoticeStep, noticeStep, retryAfterMs } from './notice-step'
import { noticeText } from './notice-text'
import { type NoticeFacts, NoticeState, ProfileNotice } from './profile-notice.entity'
import { isOver, ProfileCode, type Statement } from './profile-statement'

/** Longer than a mail may take: nobody else sends it meanwhile. */
const CLAIM_MS = 120_000
/** When it is looked again whether there is somebody to mail, and a server to mail by. */
const MISSING_AGAIN_MS = 300_000
const SENT_TOGETHER = 5

interface NoticeLog {
  warn(fields: object, message: string): void
}

export interface NoticeMeans {
  /** Undefined: the service has no mail server of its own, and mails nobody. */
  outlet: MailOutlet | undefined
  publicUrl: string | undefined
  log: NoticeLog
}

/** A claimed notice: the mail of one turn. */
type Claimed = ProfileNotice & { noticeId: string; facts: NoticeFacts; claimedBy: string }

/** How an attempt ended. */
interface Ending {
  changes: Partial<ProfileNotice>
  alerts: Partial<Record<ProfileCode, Statement>>
}

/**
 * Tells the owners of profiles by mail when too many of their mailboxes fail (product rule 2.7): once, and again after the
 * profile has recovered and failed again, or after a day. The mail is a row first, which one node claims, sends and settles;
 * what is not taken is tried again until the profile has recovered. A node that dies between the two may send it twice, with
 * one Message-ID.
 */
export class ProfileNotices {
  constructor(
    private readonly db: Database,
    private readonly settings: EmailSettingsService,
    private readonly standing: MailboxStanding,
    private readonly alerts: AlertService,
    private readonly means: NoticeMeans,
  ) {}

  /** Finds out which owners are to be mailed. */
  async look(now = new Date()): Promise<void> {
    const settings = await this.settings.current()
    const standings = settings.mailProfileOwner
      ? await this.standing.byProfile(this.db.read, 'all')
      : new Map<string, Standing>()
    const notices = new Map((await this.db.read.find(ProfileNotice)).map((notice) => [notice.profileId, notice]))
    for (const profileId of new Set([...standings.keys(), ...notices.keys()])) {
      const standing = standings.get(profileId) ?? { tested: 0, failing: 0 }
      const step = noticeStep(notices.get(profileId), isOver(standing, settings.failureThresholdPercent), now)
      if (step === NoticeStep.NOTHING) continue
      const facts = step === NoticeStep.DECIDE ? await this.factsOf(profileId, standing, settings, now) : null
      if (step === NoticeStep.DECIDE && !facts) continue
      await this.db.inTransaction((tx) => this.take(tx, profileId, { step, facts, now }))
    }
  }

  /** Sends what is due. Answers how many mails were taken by the server. */
  async send(now = new Date()): Promise<number> {
    const begunAt = Date.now()
    for (let sent = 0; ; ) {
      // claimed as they are sent: a claim must not run out while it waits for slow mails before it
      const at = new Date(now.getTime() + Date.now() - begunAt)
      const claimed = await this.db.inTransaction((tx) => this.claim(tx, at))
      if (claimed.length === 0) return sent
      const endings = await Promise.all(claimed.map((notice) => this.attempt(notice, at)))
      sent += endings.filter((isSent) => isSent).length
    }
  }

  /** What to tell, when more than the threshold failed within the window; null when the failures are older. */
  private async factsOf(
    profileId: string,
    standing: Standing,
    settings: EmailSettings,
    now: Date,
  ): Promise<NoticeFacts | null> {
    const { failureThresholdPercent, failureWindowMinutes: windowMinutes } = settings
    const since = new Date(now.getTime() - windowMinutes * 60_000)
    const { recent, causes } = await this.standing.failuresOf(profileId, since)
    const { tested, failing } = standing
    return isOver({ tested, failing: recent }, failureThresholdPercent)
      ? { tested, failing, recent, causes: causes.slice(0, 20), windowMinutes }
      : null
  }

  /** Another node may have taken the step meanwhile. */
  private async take(
    tx: Tx,
    profileId: string,
    { step, facts, now }: { step: NoticeStep; facts: NoticeFacts | null; now: Date },
  ): Promise<void> {
    const query = tx.em.createQueryBuilder(ProfileNotice, 'n').where({ profileId })
    const notice = await tx.locked(query).getOne()
    if (noticeStep(notice ?? undefined, step !== NoticeStep.END, now) !== step) return
    if (step === NoticeStep.BEGIN) {
      await tx.em.insert(ProfileNotice, {
        profileId,
        state: NoticeState.NONE,
        overSince: now,
        attempts: 0,
        updatedAt: now,
      })
    } else if (step === NoticeStep.DECIDE) {
      const waiting = { state: NoticeState.WAITING, noticeId: newId(), facts, attempts: 0, nextAttemptAt: now }
      await tx.em.update(ProfileNotice, { profileId }, { ...waiting, ...UNCLAIMED, updatedAt: now })
    } else {
      await tx.em.delete(ProfileNotice, { profileId })
      await this.say(tx, profileId, {}, now)
    }
  }

  private async claim(tx: Tx, now: Date): Promise<Claimed[]> {
    const due = { state: NoticeState.WAITING, nextAttemptAt: LessThanOrEqual(now) }
    const query = tx.em
      .createQueryBuilder(ProfileNotice, 'n')
      .where([
        { ...due, claimedUntil: IsNull() },
        { ...due, claimedUntil: LessThan(now) },
      ])
      .orderBy('n.nextAttemptAt')
      .limit(SENT_TOGETHER)
    const notices = await tx.locked(query).getMany()
    if (notices.length === 0) return []
    const claim = { claimedBy: newId(), claimedUntil: new Date(now.getTime() + CLAIM_MS) }
    const profileIds = notices.map((notice) => notice.profileId)
    await tx.em.update(
      ProfileNotice,
      { profileId: In(profileIds) },
      { ...claim, attempts: () => 'attempts + 1', updatedAt: now },
    )
    return notices.map((notice) => ({ ...notice, ...claim, attempts: notice.attempts + 1 }) as Claimed)
  }

  /** Answers whether the mail was taken. */
  private async attempt(notice: Claimed, now: Date): Promise<boolean> {
    const { profileId, noticeId, claimedBy } = notice
    const { changes, alerts } = await this.deliver(notice, now)
    await this.db.inTransaction(async (tx) => {
      const mine = { profileId, noticeId, claimedBy }
      // the profile may have recovered meanwhile: then there is nothing to settle
      const { affected } = await tx.em.update(ProfileNotice, mine, { ...changes, ...UNCLAIMED, updatedAt: now })
      if (affected) await this.say(tx, profileId, alerts, now)
    })
    return changes.state === NoticeState.SENT
  }

  private async deliver(notice: Claimed, now: Date): Promise<Ending> {
    const { profileId, facts, attempts, noticeId } = notice
    const { outlet, publicUrl, log } = this.means
    const later = (ms: number) => ({ nextAttemptAt: new Date(now.getTime() + ms) })
    const notMailed = (statement: Statement) => ({ [ProfileCode.PROFILE_OWNER_NOT_MAILED]: statement })
    const profile = await this.db.read.findOneBy(EmailServerProfile, { id: profileId })
    const owner = profile?.ownerId ? await this.db.read.findOneBy(Owner, { id: profile.ownerId, active: true }) : null
    // waiting for somebody to configure it is no failed attempt
    const missing = { ...later(MISSING_AGAIN_MS), attempts: attempts - 1 }
    // no fault of the profile: EmailSettings.canMail says it once for all
    if (!outlet) return { changes: missing, alerts: {} }
    if (!profile || !owner?.emailAddress) return { changes: missing, alerts: notMailed(noRecipient(facts)) }
    const { subject, text } = noticeText(
      { ownerName: owner.name, profileName: profile.name, profileId, scenes: scenesOf(profile) },
      facts,
      publicUrl,
    )
    try {
      await sendNotice(outlet, { id: noticeId, to: owner.emailAddress, subject, text })
    } catch (error) {
      if (!(error instanceof NotSent)) throw error
      const { serverResponse } = error
      log.warn({ profileId, attempts, serverResponse }, 'The owner of a profile could not be mailed')
      return { changes: later(retryAfterMs(attempts)), alerts: notMailed(refused(facts, owner.name, error, attempts)) }
    }
    const sent = { state: NoticeState.SENT, recipient: owner.emailAddress, sentAt: now, nextAttemptAt: null }
    return { changes: sent, alerts: { [ProfileCode.PROFILE_OWNER_MAILED]: mailed(facts, owner.name) } }
  }

  /** Each of the two is said, or is over. */
  private async say(
    tx: Tx,
    profileId: string,
    alerts: Partial<Record<ProfileCode, Statement>>,
    now: Date,
  ): Promise<void> {
    for (const code of [ProfileCode.PROFILE_OWNER_MAILED, ProfileCode.PROFILE_OWNER_NOT_MAILED] as const) {
      await this.alerts.state(tx, code, new Map([[profileId, alerts[code]]]), now)
    }
  }
}

const scenesOf = ({ incoming, outgoing }: EmailServerProfile): Scene[] => [
  ...(incoming ? [{ protocol: 'IMAP' as const, endpoint: incoming }] : []),
  ...(outgoing ? [{ protocol: 'SMTP' as const, endpoint: outgoing }] : []),
]

const UNCLAIMED = { claimedBy: null, claimedUntil: null }
