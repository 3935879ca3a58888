import { DateTimeISOResolver } from 'graphql-scalars'
import { Field, ID, ObjectType } from 'type-graphql'
import { Column, Entity, Index, PrimaryColumn } from 'typeorm'
import { IncomingMethod, SyncMethod } from '../settings/email-settings.entity'
import { ApprovalStatus, MailboxKind, TestStatus } from './mailbox.enums'
import { ADDRESS_DOMAIN_SQL, FACETS_SQL, VIEW_CLASS_SQL } from './mailbox-facets'

/** The database makes its value of the other columns, always. */
const generated = (type: 'int' | 'varchar', asExpression: string) =>
  ({
    type,
    asExpression,
    generatedType: 'VIRTUAL',
    nullable: true,
    select: false,
    insert: false,
    update: false,
  }) as const

@ObjectType({
  description:
    'Ties one user or one queue to one mailbox on a mail server. Holds configuration and state, never messages.',
})
@Entity('mailboxes')
@Index('mailboxes_by_name', ['viewClass', 'nameKey', 'id'])
@Index('mailboxes_by_address', ['viewClass', 'addressKey', 'id'])
@Index('mailboxes_by_last_test', ['viewClass', 'lastTestedAt', 'id'])
@Index('mailboxes_by_update', ['viewClass', 'updatedAt', 'id'])
@Index('mailboxes_by_creation', ['viewClass', 'id'])
@Index('mailboxes_by_facets', ['facets', 'viewClass', 'nameKey', 'id'])
@Index('mailboxes_by_profile', ['profileId', 'viewClass', 'nameKey', 'id'])
@Index('mailboxes_by_domain', ['addressDomain', 'viewClass', 'nameKey', 'id'])
export class Mailbox {
  @Field(() => ID)
  @PrimaryColumn({ type: 'varchar', length: 36 })
  id!: string

  @Field(() => MailboxKind)
  @Column({ type: 'varchar', length: 10 })
  kind!: MailboxKind

  @Field(() => String)
  @Column({ type: 'varchar', length: 200 })
  name!: string

  /** The name in lower case: sorted and searched by, alike on every database. */
  @Column({ type: 'varchar', length: 200 })
  nameKey!: string

  @Field(() => String, { nullable: true, description: "The owner's address; change it on the owner." })
  @Column({ type: 'varchar', length: 254, nullable: true })
  emailAddress!: string | null

  @Column({ type: 'varchar', length: 254, nullable: true })
  addressKey!: string | null

  /** The address in lower case while the mailbox is active: two active mailboxes never have the same one. */
  @Index('mailboxes_active_address', { unique: true })
  @Column({ type: 'varchar', length: 254, nullable: true })
  activeAddress!: string | null

  @Index('mailboxes_owner', { unique: true })
  @Column({ type: 'varchar', length: 36, nullable: true })
  ownerId!: string | null

  @Field(() => Boolean)
  @Column({ type: 'boolean' })
  active!: boolean

  @Column({ type: 'varchar', length: 36, nullable: true })
  profileId!: string | null

  @Field(() => IncomingMethod)
  @Column({ type: 'varchar', length: 20 })
  incomingMethod!: IncomingMethod

  /** The forward mailbox that its mail arrives in, for method FORWARD_MAILBOX. */
  @Index('mailboxes_forward')
  @Column({ type: 'varchar', length: 36, nullable: true })
  forwardMailboxId!: string | null

  @Field(() => SyncMethod)
  @Column({ type: 'varchar', length: 20 })
  outgoingMethod!: SyncMethod

  @Field(() => SyncMethod)
  @Column({ type: 'varchar', length: 20 })
  actMethod!: SyncMethod

  @Field(() => ApprovalStatus)
  @Column({ type: 'varchar', length: 10 })
  approval!: ApprovalStatus

  @Field(() => String, { nullable: true })
  @Column({ type: 'varchar', length: 200, nullable: true })
  approvedBy!: string | null

  @Field(() => DateTimeISOResolver, { nullable: true })
  @Column({ type: 'datetime', precision: 3, nullable: true })
  approvedAt!: Date | null

  @Field(() => String, { nullable: true })
  @Column({ type: 'varchar', length: 500, nullable: true })
  rejectionReason!: string | null

  @Field(() => TestStatus)
  @Column({ type: 'varchar', length: 10 })
  incomingEmailStatus!: TestStatus

  @Field(() => TestStatus)
  @Column({ type: 'varchar', length: 10 })
  outgoingEmailStatus!: TestStatus

  @Field(() => TestStatus)
  @Column({ type: 'varchar', length: 10 })
  actStatus!: TestStatus

  @Field(() => Boolean)
  @Column({ type: 'boolean' })
  incomingEnabled!: boolean

  @Field(() => Boolean)
  @Column({ type: 'boolean' })
  outgoingEnabled!: boolean

  @Field(() => Boolean)
  @Column({ type: 'boolean' })
  actEnabled!: boolean

  @Field(() => Boolean, { description: 'Credentials, endpoint or security changed since the last test.' })
  @Column({ type: 'boolean' })
  incomingChangedSinceTest!: boolean

  @Field(() => Boolean)
  @Column({ type: 'boolean' })
  outgoingChangedSinceTest!: boolean

  @Field(() => Boolean)
  @Column({ type: 'boolean' })
  actChangedSinceTest!: boolean

  @Field(() => String, {
    nullable: true,
    description: 'MailError code of its failed test; null unless its status is FAILURE.',
  })
  @Column({ type: 'varchar', length: 40, nullable: true })
  incomingErrorCode!: string | null

  @Field(() => String, { nullable: true })
  @Column({ type: 'varchar', length: 40, nullable: true })
  outgoingErrorCode!: string | null

  @Field(() => String, { nullable: true })
  @Column({ type: 'varchar', length: 40, nullable: true })
  actErrorCode!: string | null

  /** Set while processing waits for a server to recover; a successful test clears it. */
  @Column({ type: 'datetime', precision: 3, nullable: true })
  pausedUntil!: Date | null

  @Field(() => String, { nullable: true, description: 'The name the mail server knows; the address when it is empty.' })
  @Column({ type: 'varchar', length: 320, nullable: true })
  username!: string | null

  @Column({ type: 'text', nullable: true, select: false })
  passwordSealed!: string | null

  @Field(() => Boolean)
  @Column({ type: 'boolean' })
  hasPassword!: boolean

  @Field(() => Boolean)
  @Column({ type: 'boolean' })
  deleteAfterProcessing!: boolean

  @Field(() => DateTimeISOResolver, { nullable: true })
  @Column({ type: 'datetime', precision: 3, nullable: true })
  lastTestedAt!: Date | null

  /** The run it is in now: a mailbox is in at most one. */
  @Index('mailboxes_testing_run')
  @Column({ type: 'varchar', length: 36, nullable: true })
  testingRunId!: string | null

  @Field(() => DateTimeISOResolver)
  @Column({ type: 'datetime', precision: 3 })
  createdAt!: Date

  @Field(() => DateTimeISOResolver)
  @Column({ type: 'datetime', precision: 3 })
  updatedAt!: Date

  /** A deleted forward mailbox: what was tested with it keeps its name. It is in no view. */
  @Column({ type: 'datetime', precision: 3, nullable: true })
  deletedAt!: Date | null

  @Column(generated('int', VIEW_CLASS_SQL))
  viewClass!: number | null

  @Column(generated('int', FACETS_SQL))
  facets!: number

  @Column({ ...generated('varchar', ADDRESS_DOMAIN_SQL), length: 254 })
  addressDomain!: string | null

  @Field(() => String, { nullable: true, description: 'MailError code of the first direction whose last test failed.' })
  get errorCode(): string | null {
    return this.incomingErrorCode ?? this.outgoingErrorCode ?? this.actErrorCode
  }
}
