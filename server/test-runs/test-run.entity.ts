import { DateTimeISOResolver } from 'graphql-scalars'
import { Field, ID, Int, ObjectType, registerEnumType } from 'type-graphql'
import { Column, Entity, Index, PrimaryColumn } from 'typeorm'
import { ErrorActor, ErrorNature, ErrorScope } from '../mail/mail-error'
import { StepState } from '../mail/probe'
import { Direction, TestStatus } from '../mailboxes/mailbox.enums'

export enum TestMode {
  TEST_AND_ENABLE = 'TEST_AND_ENABLE',
  TEST_ONLY = 'TEST_ONLY',
}

export enum TestRunState {
  QUEUED = 'QUEUED',
  RUNNING = 'RUNNING',
  COMPLETED = 'COMPLETED',
  CANCELLED = 'CANCELLED',
}

export enum TestItemState {
  QUEUED = 'QUEUED',
  RUNNING = 'RUNNING',
  SUCCEEDED = 'SUCCEEDED',
  FAILED = 'FAILED',
  SKIPPED = 'SKIPPED',
  CANCELLED = 'CANCELLED',
}

registerEnumType(TestMode, {
  name: 'TestMode',
  description: 'TEST_ONLY records its results on the run alone: statuses, enabling and alerts stay as they are.',
})
registerEnumType(TestRunState, { name: 'TestRunState' })
registerEnumType(TestItemState, { name: 'TestItemState' })
registerEnumType(StepState, { name: 'StepState' })
registerEnumType(ErrorNature, {
  name: 'ErrorNature',
  description: 'TRANSIENT: worth another try without anybody acting.',
})
registerEnumType(ErrorScope, {
  name: 'ErrorScope',
  description: 'PROFILE: every mailbox of the profile would meet it.',
})
registerEnumType(ErrorActor, { name: 'ErrorActor', description: 'Who must act.' })

@ObjectType('MailError', { description: 'What a mail server, or the way to it, refused.' })
export class MailErrorType {
  @Field(() => String, { description: 'Stable, for programs: AUTHENTICATION_FAILED, CONNECTION_REFUSED ...' })
  code!: string

  @Field(() => ErrorNature)
  nature!: ErrorNature

  @Field(() => ErrorScope)
  scope!: ErrorScope

  @Field(() => ErrorActor)
  actor!: ErrorActor

  @Field(() => String, { description: 'What happened.' })
  message!: string

  @Field(() => String, { description: 'Who must act, and how.' })
  remedy!: string

  @Field(() => String, { nullable: true, description: 'The field of the profile or mailbox to mend.' })
  field?: string

  @Field(() => String, { nullable: true, description: "The server's own words, redacted." })
  serverResponse?: string

  @Field(() => DateTimeISOResolver, { nullable: true, description: 'When the server asked to wait.' })
  retryAt?: Date | string
}

@ObjectType({ description: 'One stage of one direction.' })
export class TestStep {
  @Field(() => String, { description: 'DNS, CONNECT, TLS, GREETING, AUTHENTICATE, OPEN_INBOX, RECEIVE or SEND.' })
  name!: string

  @Field(() => StepState)
  state!: StepState

  @Field(() => Int, { nullable: true })
  durationMs?: number

  @Field(() => MailErrorType, { nullable: true })
  error?: MailErrorType
}

@ObjectType()
export class DirectionResult {
  @Field(() => Direction)
  direction!: Direction

  @Field(() => TestStatus)
  status!: TestStatus

  @Field(() => [TestStep])
  steps!: TestStep[]

  @Field(() => Int, { nullable: true })
  durationMs?: number
}

@ObjectType({ description: 'One mailbox in a test run.' })
@Entity('test_run_items')
@Index('test_run_items_state', ['runId', 'state', 'id'])
@Index('test_run_items_changes', ['runId', 'changeNumber', 'id'])
@Index('test_run_items_mailbox', ['mailboxId', 'id'])
@Index('test_run_items_profile', ['profileId', 'state', 'id'])
@Index('test_run_items_lease', ['state', 'leaseUntil'])
export class TestRunItem {
  @Field(() => ID)
  @PrimaryColumn({ type: 'varchar', length: 36 })
  id!: string

  @Column({ type: 'varchar', length: 36 })
  runId!: string

  @Column({ type: 'varchar', length: 36 })
  mailboxId!: string

  /** The mailbox's profile when the run began: its limit holds for this item. */
  @Column({ type: 'varchar', length: 36, nullable: true })
  profileId!: string | null

  @Field(() => TestItemState)
  @Column({ type: 'varchar', length: 10 })
  state!: TestItemState

  @Field(() => [DirectionResult])
  @Column({ type: 'simple-json' })
  results!: DirectionResult[]

  @Field(() => String, {
    nullable: true,
    description: 'Code of the blocker that kept it from being tested, or ALREADY_IN_A_TEST.',
  })
  @Column({ type: 'varchar', length: 40, nullable: true })
  skipReason!: string | null

  @Field(() => String, { nullable: true, description: 'The same in a sentence.' })
  @Column({ type: 'varchar', length: 300, nullable: true })
  skipMessage!: string | null

  @Field(() => String, { nullable: true, description: 'MailError code of the first direction that failed.' })
  @Column({ type: 'varchar', length: 40, nullable: true })
  errorCode!: string | null

  @Field(() => DateTimeISOResolver, { nullable: true })
  @Column({ type: 'datetime', precision: 3, nullable: true })
  startedAt!: Date | null

  @Field(() => DateTimeISOResolver, { nullable: true })
  @Column({ type: 'datetime', precision: 3, nullable: true })
  finishedAt!: Date | null

  /** The worker that tests it, and until when it may keep it without a sign of life. */
  @Column({ type: 'varchar', length: 36, nullable: true })
  leaseOwner!: string | null

  @Column({ type: 'datetime', precision: 3, nullable: true })
  leaseUntil!: Date | null

  /** The run's number of the change that touched it last: what a watcher asks from. */
  @Column({ type: 'int' })
  changeNumber!: number
}

@ObjectType({
  description:
    'One asynchronous Test & Enable job over a selection of mailboxes. Who may see some mailboxes only sees of a run the part with these: items, counters and causes are those of this part, state and times those of the whole run.',
})
@Entity('test_runs')
@Index('test_runs_state', ['state', 'id'])
export class TestRun {
  @Field(() => ID)
  @PrimaryColumn({ type: 'varchar', length: 36 })
  id!: string

  @Field(() => TestRunState)
  @Column({ type: 'varchar', length: 10 })
  state!: TestRunState

  @Field(() => TestMode)
  @Column({ type: 'varchar', length: 20 })
  mode!: TestMode

  @Field(() => [Direction])
  @Column({ type: 'simple-json' })
  directions!: Direction[]

  @Field(() => Boolean, { description: 'A message is sent from each mailbox to itself, found and removed.' })
  @Column({ type: 'boolean' })
  roundTrip!: boolean

  @Field(() => Int)
  @Column({ type: 'int' })
  total!: number

  @Field(() => Int)
  @Column({ type: 'int' })
  queued!: number

  @Field(() => Int)
  @Column({ type: 'int' })
  running!: number

  @Field(() => Int)
  @Column({ type: 'int' })
  succeeded!: number

  @Field(() => Int)
  @Column({ type: 'int' })
  failed!: number

  @Field(() => Int)
  @Column({ type: 'int' })
  skipped!: number

  @Field(() => Int)
  @Column({ type: 'int' })
  cancelled!: number

  @Field(() => String)
  @Column({ type: 'varchar', length: 200 })
  requestedBy!: string

  @Field(() => DateTimeISOResolver)
  @Column({ type: 'datetime', precision: 3 })
  createdAt!: Date

  @Field(() => DateTimeISOResolver, { nullable: true })
  @Column({ type: 'datetime', precision: 3, nullable: true })
  startedAt!: Date | null

  @Field(() => DateTimeISOResolver, { nullable: true })
  @Column({ type: 'datetime', precision: 3, nullable: true })
  finishedAt!: Date | null

  /** Grows by one with each transaction that touches the run's items; its row lock puts those in one order. */
  @Column({ type: 'int' })
  changeNumber!: number
}
