import { Field, Int, ObjectType, registerEnumType } from 'type-graphql'
import { Column, Entity, PrimaryColumn } from 'typeorm'

/** How incoming mail is collected. */
export enum IncomingMethod {
  NONE = 'NONE',
  SERVER_SIDE_SYNC = 'SERVER_SIDE_SYNC',
  FORWARD_MAILBOX = 'FORWARD_MAILBOX',
}

/** How outgoing mail, and how appointments, contacts and tasks are synchronized. */
export enum SyncMethod {
  NONE = 'NONE',
  SERVER_SIDE_SYNC = 'SERVER_SIDE_SYNC',
}

registerEnumType(IncomingMethod, { name: 'IncomingMethod', description: 'How incoming mail is collected.' })
registerEnumType(SyncMethod, { name: 'SyncMethod' })

@ObjectType({ description: "The organisation's defaults for new mailboxes and its security switches." })
@Entity('email_settings')
export class EmailSettings {
  /** There is one row. */
  @PrimaryColumn({ type: 'varchar', length: 36 })
  id!: string

  @Column({ type: 'varchar', length: 36, nullable: true })
  defaultProfileId!: string | null

  @Field(() => IncomingMethod)
  @Column({ type: 'varchar', length: 20 })
  defaultIncomingMethod!: IncomingMethod

  @Field(() => SyncMethod)
  @Column({ type: 'varchar', length: 20 })
  defaultOutgoingMethod!: SyncMethod

  @Field(() => SyncMethod)
  @Column({ type: 'varchar', length: 20 })
  defaultActMethod!: SyncMethod

  @Field(() => Boolean, { description: "A user's mailbox is processed only when its address is approved." })
  @Column({ type: 'boolean' })
  processOnlyApprovedUsers!: boolean

  @Field(() => Boolean, { description: "The same for queues' and forward mailboxes." })
  @Column({ type: 'boolean' })
  processOnlyApprovedQueues!: boolean

  @Field(() => Boolean, { description: 'Mailbox owners see errors of scope PROFILE too.' })
  @Column({ type: 'boolean' })
  notifyMailboxOwner!: boolean

  @Field(() => Boolean, {
    description:
      'Alerts of severity ERROR are opened. While a kind is off none of it is opened or counted; those that are open stay until they resolve by themselves or are dismissed.',
  })
  @Column({ type: 'boolean', default: true })
  alertErrors!: boolean

  @Field(() => Boolean, { description: 'The same for WARNING.' })
  @Column({ type: 'boolean', default: true })
  alertWarnings!: boolean

  @Field(() => Boolean, { description: 'The same for INFORMATION.' })
  @Column({ type: 'boolean', default: true })
  alertInformation!: boolean

  @Field(() => Boolean, {
    description: "A profile's owner gets a mail when too many of the profile's mailboxes fail within the window.",
  })
  @Column({ type: 'boolean', default: true })
  mailProfileOwner!: boolean

  @Field(() => Int, {
    description:
      "Too many are more than so many percent of the profile's active and tested mailboxes: 1 to 99. Past it the profile's alert MAILBOXES_FAILING is an ERROR, before a WARNING.",
  })
  @Column({ type: 'int', default: 50 })
  failureThresholdPercent!: number

  @Field(() => Int, {
    description: 'Only failures of the last so many minutes count for the mail: 1 to 10080, a week.',
  })
  @Column({ type: 'int', default: 60 })
  failureWindowMinutes!: number
}
