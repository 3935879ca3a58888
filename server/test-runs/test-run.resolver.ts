import { Arg, Args, Ctx, FieldResolver, ID, Mutation, Query, Resolver, Root, Subscription } from 'type-graphql'
import type { Ctx as Context } from '../auth/auth.service'
import { PageArgs } from '../graphql/connection'
import { payload } from '../graphql/payload'
import { Mailbox } from '../mailboxes/mailbox.entity'
import { MailboxSelection } from '../mailboxes/mailbox.inputs'
import type { MailboxService } from '../mailboxes/mailbox.service'
import { TestRun, TestRunItem } from './test-run.entity'
import {
  TestOptions,
  TestRunCause,
  TestRunConnection,
  TestRunItemArgs,
  TestRunItemConnection,
  TestRunPayload,
  TestRunProgress,
} from './test-run.inputs'
import type { TestRunService } from './test-run.service'
import type { TestRunWatch } from './test-run-watch'

type Answer = Omit<TestRunPayload, 'userErrors'>
const NONE: Answer = { testRun: null }

@Resolver(() => TestRun)
export class TestRunResolver {
  constructor(
    private readonly service: TestRunService,
    private readonly watching: TestRunWatch,
  ) {}

  @Query(() => TestRun, { nullable: true })
  testRun(@Arg('id', () => ID) id: string, @Ctx() { viewer }: Context): Promise<TestRun | null> {
    return this.service.get(viewer, id)
  }

  @Query(() => TestRunConnection, { description: 'Newest first.' })
  async testRuns(@Args(() => PageArgs) page: PageArgs, @Ctx() { viewer }: Context): Promise<TestRunConnection> {
    return Object.assign(new TestRunConnection(), await this.service.list(viewer, page))
  }

  @Mutation(() => TestRunPayload, {
    description: 'Exactly one of selection and profileId (its active mailboxes). Answers at once with the queued run.',
  })
  testAndEnableMailboxes(
    @Ctx() { viewer }: Context,
    @Arg('selection', () => MailboxSelection, { nullable: true }) selection?: MailboxSelection | null,
    @Arg('profileId', () => ID, { nullable: true }) profileId?: string | null,
    @Arg('options', () => TestOptions, { nullable: true }) options?: TestOptions | null,
  ): Promise<TestRunPayload> {
    return payload(NONE, async () => ({ testRun: await this.service.start(viewer, { selection, profileId, options }) }))
  }

  @Mutation(() => TestRunPayload, { description: 'What waits becomes CANCELLED, what is under way finishes.' })
  cancelTestRun(@Arg('id', () => ID) id: string, @Ctx() { viewer }: Context): Promise<TestRunPayload> {
    return payload(NONE, async () => ({ testRun: await this.service.cancel(viewer, id) }))
  }

  @Mutation(() => TestRunPayload, {
    description: 'A new run, with the same options, over the mailboxes that failed in this one.',
  })
  retryFailedTests(@Arg('runId', () => ID) runId: string, @Ctx() { viewer }: Context): Promise<TestRunPayload> {
    return payload(NONE, async () => ({ testRun: await this.service.retryFailed(viewer, runId) }))
  }

  @Subscription(() => TestRunProgress, {
    subscribe: ({ args, context }) => (context as Context).resolver(TestRunResolver).watch(context as Context, args.id),
    description: 'One run, live, until it has ended.',
  })
  testRunProgress(@Root() progress: TestRunProgress, @Arg('id', () => ID) _id: string): TestRunProgress {
    return progress
  }

  watch({ viewer }: Context, id: string): Promise<AsyncIterable<TestRunProgress>> {
    return this.watching.progress(viewer, id)
  }

  @FieldResolver(() => [TestRunCause], { description: 'Why mailboxes failed, the most frequent cause first.' })
  async causes(@Root() run: TestRun, @Ctx() { viewer, loaders }: Context): Promise<TestRunCause[]> {
    if (run.failed === 0) return []
    const causes = loaders.one(
      'causes',
      (ids) => this.service.causes(viewer, ids),
      (row) => row.runId,
    )
    return (await causes.load(run.id))?.causes ?? []
  }

  @FieldResolver(() => TestRunItemConnection, { description: 'In the order in which they are tested.' })
  async items(
    @Root() run: TestRun,
    @Args(() => TestRunItemArgs) args: TestRunItemArgs,
    @Ctx() { viewer }: Context,
  ): Promise<TestRunItemConnection> {
    return Object.assign(new TestRunItemConnection(), await this.service.items(viewer, run.id, args, args))
  }
}

@Resolver(() => TestRunItem)
export class TestRunItemResolver {
  constructor(private readonly mailboxes: MailboxService) {}

  @FieldResolver(() => Mailbox)
  async mailbox(@Root() item: TestRunItem, @Ctx() { viewer, loaders }: Context): Promise<Mailbox> {
    const mailbox = await loaders
      .one(
        'mailbox',
        (ids) => this.mailboxes.getMany(viewer, ids),
        (row) => row.id,
      )
      .load(item.mailboxId)
    if (!mailbox) throw new Error(`Item ${item.id} has lost its mailbox`)
    return mailbox
  }
}

/** The part of a mailbox that tests decide. */
@Resolver(() => Mailbox)
export class MailboxTestsResolver {
  constructor(private readonly service: TestRunService) {}

  @FieldResolver(() => TestRunItem, { nullable: true, description: 'Its last finished test, of either mode.' })
  async lastTestItem(@Root() mailbox: Mailbox, @Ctx() { viewer, loaders }: Context): Promise<TestRunItem | null> {
    return loaders
      .one(
        'last-test-item',
        (ids) => this.service.lastItems(viewer, ids),
        (item) => item.mailboxId,
      )
      .load(mailbox.id)
  }

  @FieldResolver(() => TestRun, { nullable: true, description: 'The run it is in now.' })
  async testRun(@Root() mailbox: Mailbox, @Ctx() { viewer, loaders }: Context): Promise<TestRun | null> {
    if (mailbox.testingRunId === null) return null
    return loaders
      .one(
        'test-run',
        (ids) => this.service.getMany(viewer, ids),
        (run) => run.id,
      )
      .load(mailbox.testingRunId)
  }
}
