import { Field, ID, InputType, Int, ObjectType } from 'type-graphql'
import { connectionOf } from '../graphql/connection'
import { upTo } from '../graphql/limits'
import { ListChangeKind } from '../graphql/list-change'
import { Payload } from '../graphql/payload'
import { IncomingMethod, SyncMethod } from '../settings/email-settings.entity'
import { Mailbox } from './mailbox.entity'
import { ApprovalStatus, Direction, MailboxKind, MailboxView, SortDirection, TestStatus } from './mailbox.enums'

@ObjectType({ description: 'A condition of processing that is not met, and what removes it.' })
export class MailboxBlocker {
  @Field(() => String)
  code!: string

  @Field(() => String)
  message!: string

  @Field(() => String)
  action!: string

  @Field(() => Direction, { nullable: true, description: 'Null when it holds for all of them.' })
  direction!: Direction | null
}

@ObjectType()
export class MailboxViewCount {
  @Field(() => MailboxView)
  view!: MailboxView

  @Field(() => Int)
  count!: number
}

@ObjectType()
export class MailboxConnection extends connectionOf(() => Mailbox, 'Mailbox') {}

@InputType()
export class MailboxFilter {
  @Field(() => String, { nullable: true, description: 'Its words each begin a word of the name or the address.' })
  text?: string | null

  @Field(() => ID, { nullable: true })
  profileId?: string | null

  @Field(() => String, { nullable: true, description: 'What stands behind the @ of the address.' })
  domain?: string | null

  @Field(() => MailboxKind, { nullable: true })
  kind?: MailboxKind | null

  @Field(() => ApprovalStatus, { nullable: true })
  approval?: ApprovalStatus | null

  @Field(() => String, { nullable: true, description: 'MailError code of a failed last test.' })
  errorCode?: string | null

  @Field(() => IncomingMethod, { nullable: true })
  incomingMethod?: IncomingMethod | null

  @Field(() => SyncMethod, { nullable: true })
  outgoingMethod?: SyncMethod | null

  @Field(() => SyncMethod, { nullable: true })
  actMethod?: SyncMethod | null

  @Field(() => TestStatus, { nullable: true })
  incomingEmailStatus?: TestStatus | null

  @Field(() => TestStatus, { nullable: true })
  outgoingEmailStatus?: TestStatus | null

  @Field(() => TestStatus, { nullable: true })
  actStatus?: TestStatus | null
}

@InputType()
export class MailboxSort {
  @Field(() => String, {
    description:
      'A column: name, emailAddress, profile, approval, lastTestedAt ... A wrong one is answered with the list.',
  })
  field!: string

  @Field(() => SortDirection)
  direction!: SortDirection
}

@InputType({ description: 'Exactly one of: ids (at most 10,000), or a view (with or without a filter).' })
export class MailboxSelection {
  @Field(() => [ID], { nullable: true })
  ids?: string[] | null

  @Field(() => MailboxView, { nullable: true })
  view?: MailboxView | null

  @Field(() => MailboxFilter, { nullable: true })
  filter?: MailboxFilter | null
}

@InputType({ description: 'What is left out, or null, stays as it is; at least one change is needed.' })
export class MailboxChanges {
  @Field(() => String, { nullable: true })
  name?: string | null

  @Field(() => ID, { nullable: true })
  profileId?: string | null

  @Field(() => IncomingMethod, { nullable: true })
  incomingMethod?: IncomingMethod | null

  @Field(() => SyncMethod, { nullable: true })
  outgoingMethod?: SyncMethod | null

  @Field(() => SyncMethod, { nullable: true })
  actMethod?: SyncMethod | null

  @Field(() => ID, { nullable: true })
  forwardMailboxId?: string | null

  @Field(() => String, { nullable: true })
  username?: string | null

  @Field(() => String, { nullable: true, description: 'Stored encrypted, never answered; an empty text removes it.' })
  password?: string | null

  @Field(() => Boolean, { nullable: true })
  deleteAfterProcessing?: boolean | null
}

@ObjectType()
export class MailboxRefusal {
  @Field(() => Mailbox)
  mailbox!: Mailbox

  @Field(() => String)
  code!: string

  @Field(() => String)
  message!: string
}

@ObjectType()
export class BulkMailboxPayload extends Payload {
  @Field(() => Int, { description: 'Mailboxes in the selection.' })
  matched!: number

  @Field(() => Int, { description: 'Of these, changed; the rest was refused or is so already.' })
  changed!: number

  @Field(() => [MailboxRefusal], {
    complexity: upTo(100),
    description: 'The first 100; none without the right to read.',
  })
  refused!: MailboxRefusal[]

  @Field(() => Int)
  refusedCount!: number

  @Field(() => [Mailbox], {
    complexity: upTo(500),
    description: 'Of those changed, at most 500; none without the right to read.',
  })
  mailboxes!: Mailbox[]
}

@InputType({ description: 'Without methods: it collects mail by server-side synchronization and does nothing else.' })
export class CreateForwardMailboxInput {
  @Field(() => String)
  name!: string

  @Field(() => String)
  emailAddress!: string

  @Field(() => ID, { nullable: true, description: "The organisation's default profile when left out." })
  profileId?: string | null

  @Field(() => String, { nullable: true })
  username?: string | null

  @Field(() => String, { nullable: true, description: 'Stored encrypted, never answered.' })
  password?: string | null

  @Field(() => Boolean, { nullable: true, description: 'False when left out.' })
  deleteAfterProcessing?: boolean | null
}

@ObjectType()
export class MailboxPayload extends Payload {
  @Field(() => Mailbox, { nullable: true })
  mailbox!: Mailbox | null
}

@ObjectType()
export class MailboxChange {
  @Field(() => ListChangeKind)
  kind!: ListChangeKind

  @Field(() => [Mailbox], { complexity: upTo(200) })
  mailboxes!: Mailbox[]
}
