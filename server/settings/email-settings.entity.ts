import { Field, ObjectType, registerEnumType } from 'type-graphql'
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
}
