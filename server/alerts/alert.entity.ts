import { DateTimeISOResolver } from 'graphql-scalars'
import { Field, ID, Int, ObjectType, registerEnumType } from 'type-graphql'
import { Column, Entity, Index, PrimaryColumn } from 'typeorm'
import type { Direction } from '../mailboxes/mailbox.enums'

export enum AlertSeverity {
  ERROR = 'ERROR',
  WARNING = 'WARNING',
  INFORMATION = 'INFORMATION',
}

export enum AlertState {
  OPEN = 'OPEN',
  ACKNOWLEDGED = 'ACKNOWLEDGED',
  RESOLVED = 'RESOLVED',
  DISMISSED = 'DISMISSED',
}

registerEnumType(AlertSeverity, { name: 'AlertSeverity' })
registerEnumType(AlertState, {
  name: 'AlertState',
  description: 'RESOLVED: the thing works again. DISMISSED: a person put it away; the next failure opens a new one.',
})

@ObjectType({ description: 'Something a person should know about a mailbox or a profile. Counted, not repeated.' })
@Entity('alerts')
@Index('alerts_last_seen', ['lastSeenAt', 'id'])
@Index('alerts_mailbox', ['mailboxId', 'lastSeenAt'])
@Index('alerts_profile', ['profileId', 'lastSeenAt'])
@Index('alerts_state', ['state', 'lastSeenAt', 'id'])
export class Alert {
  @Field(() => ID)
  @PrimaryColumn({ type: 'varchar', length: 36 })
  id!: string

  @Field(() => AlertSeverity)
  @Column({ type: 'varchar', length: 12 })
  severity!: AlertSeverity

  @Field(() => AlertState)
  @Column({ type: 'varchar', length: 12 })
  state!: AlertState

  @Field(() => String, {
    description:
      "The MailError code behind it. Of a profile also MAILBOXES_FAILING (some of its mailboxes fail), PROFILE_OWNER_MAILED and PROFILE_OWNER_NOT_MAILED: those are on the profile's wall only, not on its mailboxes'.",
  })
  @Column({ type: 'varchar', length: 40 })
  code!: string

  @Field(() => String, { description: 'What happened.' })
  @Column({ type: 'varchar', length: 1000 })
  message!: string

  @Field(() => String, { nullable: true, description: 'Who must act, and how.' })
  @Column({ type: 'varchar', length: 1000, nullable: true })
  remedy!: string | null

  @Field(() => String, { nullable: true, description: "The server's own words, redacted." })
  @Column({ type: 'varchar', length: 500, nullable: true })
  serverResponse!: string | null

  /** Exactly one of the two is set: its subject. */
  @Column({ type: 'varchar', length: 36, nullable: true })
  mailboxId!: string | null

  @Column({ type: 'varchar', length: 36, nullable: true })
  profileId!: string | null

  /** The directions it was seen in and which have not worked since; it resolves when none is left. */
  @Column({ type: 'simple-json' })
  directions!: Direction[]

  /** Subject and code while it is open or acknowledged, else null: there is one such alert for each. */
  @Index('alerts_open', { unique: true })
  @Column({ type: 'varchar', length: 80, nullable: true })
  openKey!: string | null

  @Field(() => Int, { description: 'How many tests saw it; of MAILBOXES_FAILING how many mailboxes fail.' })
  @Column({ type: 'int' })
  count!: number

  @Field(() => DateTimeISOResolver)
  @Column({ type: 'datetime', precision: 3 })
  firstSeenAt!: Date

  @Field(() => DateTimeISOResolver)
  @Column({ type: 'datetime', precision: 3 })
  lastSeenAt!: Date
}
