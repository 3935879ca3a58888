import { Column, Entity, Index, PrimaryColumn } from 'typeorm'

export enum NoticeState {
  /** Too many mailboxes fail, but it is not certain yet that it is worth a mail. */
  NONE = 'NONE',
  /** A mail is to be sent. */
  WAITING = 'WAITING',
  /** It was sent; no other one before the profile has recovered (which ends the row), or a day is over. */
  SENT = 'SENT',
}

/** What a mail tells. */
export interface NoticeFacts {
  tested: number
  failing: number
  recent: number
  causes: { code: string; count: number }[]
  windowMinutes: number
}

/**
 * A profile of which too many mailboxes fail, and how its owner is told; it goes when the profile has recovered. The row is the
 * truth: whoever sends the mail claims it first.
 */
@Entity('profile_notices')
@Index('profile_notices_due', ['state', 'nextAttemptAt'])
export class ProfileNotice {
  @PrimaryColumn({ type: 'varchar', length: 36 })
  profileId!: string

  @Column({ type: 'varchar', length: 12 })
  state!: NoticeState

  /** Since when more than the threshold fail. */
  @Column({ type: 'datetime', precision: 3 })
  overSince!: Date

  /** Of the mail that is waiting or was sent: its Message-ID is made of it, so that a copy can be told for one. */
  @Column({ type: 'varchar', length: 36, nullable: true })
  noticeId!: string | null

  /** The address it went to. */
  @Column({ type: 'varchar', length: 254, nullable: true })
  recipient!: string | null

  @Column({ type: 'simple-json', nullable: true })
  facts!: NoticeFacts | null

  @Column({ type: 'int' })
  attempts!: number

  @Column({ type: 'datetime', precision: 3, nullable: true })
  nextAttemptAt!: Date | null

  /** Who sends it at this moment, and until when nobody else does. */
  @Column({ type: 'varchar', length: 36, nullable: true })
  claimedBy!: string | null

  @Column({ type: 'datetime', precision: 3, nullable: true })
  claimedUntil!: Date | null

  @Column({ type: 'datetime', precision: 3, nullable: true })
  sentAt!: Date | null

  @Column({ type: 'datetime', precision: 3 })
  updatedAt!: Date
}
