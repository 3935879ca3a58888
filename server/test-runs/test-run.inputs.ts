import { ArgsType, Field, InputType, Int, ObjectType } from 'type-graphql'
import { connectionOf, PageArgs } from '../graphql/connection'
import { upTo } from '../graphql/limits'
import { Payload } from '../graphql/payload'
import { Direction } from '../mailboxes/mailbox.enums'
import { TestItemState, TestMode, TestRun, TestRunItem } from './test-run.entity'

@InputType()
export class TestOptions {
  @Field(() => TestMode, { nullable: true, description: 'TEST_AND_ENABLE when left out.' })
  mode?: TestMode | null

  @Field(() => [Direction], { nullable: true, description: 'All that have a method when left out.' })
  directions?: Direction[] | null

  @Field(() => Boolean, {
    nullable: true,
    description:
      'Send a message from the mailbox to itself, find and remove it; true when left out. Needs both directions.',
  })
  roundTrip?: boolean | null
}

@ObjectType()
export class TestRunPayload extends Payload {
  @Field(() => TestRun, { nullable: true })
  testRun!: TestRun | null
}

@ObjectType()
export class TestRunConnection extends connectionOf(() => TestRun, 'TestRun') {}

@ObjectType()
export class TestRunItemConnection extends connectionOf(() => TestRunItem, 'TestRunItem') {}

@ObjectType({ description: 'A MailError code and how many of the failed mailboxes it stands first for.' })
export class TestRunCause {
  @Field(() => String)
  code!: string

  @Field(() => Int)
  count!: number
}

@ObjectType({
  description:
    'The whole run, and the items that changed since the last event, at most 500 in one: the rest follows at once. The first event is the current state; completes after the event that shows the run ended.',
})
export class TestRunProgress {
  @Field(() => TestRun)
  run!: TestRun

  @Field(() => [TestRunItem], { complexity: upTo(500) })
  items!: TestRunItem[]
}

@ArgsType()
export class TestRunItemArgs extends PageArgs {
  @Field(() => TestItemState, { nullable: true })
  state?: TestItemState | null

  @Field(() => String, { nullable: true, description: 'MailError code of the first direction that failed.' })
  errorCode?: string | null
}
