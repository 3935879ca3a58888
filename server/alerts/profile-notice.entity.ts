import { Column, Entity, Index, PrimaryColumn } from 'typeorm'

export enum NoticeState {
  /** Nothing is to be told: too few mailboxes fail, or it is not certain yet. */
  NONE = 'NONE',
  /** A mail is to be sent. */
  WAITING = 'WAITING',
  /** It was sent; no other one before the profile has recovered, or a day is over. */
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

/** How the owner of a profile is told that too many of its mailboxes fail. The row is the truth: whoever sends claims it first. */
@Entity('profile_notices')
@Index('profile_notices_due', ['state', 'nextAttemptAt'])
export class ProfileNotice {
  @PrimaryColumn({ type: 'varchar', length: 36 })
  profileId!: string

  @Column({ type: 'varchar', length: 12 })
  state!: NoticeState

  /** Since when more than the threshold fail; null while they do not. */
  @Column({ type: 'datetime', precision: 3, nullable: true })
  overSince!: Date | null

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
