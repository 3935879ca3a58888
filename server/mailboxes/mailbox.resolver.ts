import {
  Arg,
  Args,
  ArgsType,
  Ctx,
  Field,
  FieldResolver,
  ID,
  Int,
  Mutation,
  Query,
  Resolver,
  Root,
  Subscription,
} from 'type-graphql'
import { type Ctx as Context, permit } from '../auth/auth.service'
import { isId } from '../db/id'
import { PageArgs } from '../graphql/connection'
import { payload } from '../graphql/payload'
import { EmailServerProfile } from '../profiles/profile.entity'
import type { ProfileService } from '../profiles/profile.service'
import type { EmailSettingsService } from '../settings/email-settings.service'
import { blockersOf, healthOf } from './blockers'
import { Mailbox } from './mailbox.entity'
import { MailboxHealth, MailboxView } from './mailbox.enums'
import {
  BulkMailboxPayload,
  MailboxBlocker,
  MailboxChange,
  MailboxChanges,
  MailboxConnection,
  MailboxFilter,
  MailboxSelection,
  MailboxSort,
  MailboxViewCount,
} from './mailbox.inputs'
import { type BulkAnswer, type MailboxService, NOTHING_CHANGED } from './mailbox.service'
import type { MailboxWatch } from './mailbox-watch'

const DRY_RUN = { nullable: true, description: 'Answers what the call would do and changes nothing.' } as const

@ArgsType()
class MailboxListArgs extends PageArgs {
  @Field(() => MailboxView, { nullable: true, description: 'ACTIVE when left out.' })
  view?: MailboxView | null

  @Field(() => MailboxFilter, { nullable: true })
  filter?: MailboxFilter | null

  @Field(() => MailboxSort, { nullable: true, description: 'By name when left out.' })
  sort?: MailboxSort | null
}

@Resolver(() => Mailbox)
export class MailboxResolver {
  constructor(
    private readonly service: MailboxService,
    private readonly profiles: ProfileService,
    private readonly settings: EmailSettingsService,
    private readonly watching: MailboxWatch,
  ) {}

  @Query(() => Mailbox, { nullable: true })
  mailbox(@Arg('id', () => ID) id: string, @Ctx() { viewer, loaders }: Context): Promise<Mailbox | null> {
    // a query may ask for many, each under a name of its own
    return loaders
      .one(
        'mailbox-asked-for',
        (ids) => this.service.getMany(viewer, ids.filter(isId)),
        (mailbox) => mailbox.id,
      )
      .load(id)
  }

  @Query(() => MailboxConnection)
  async mailboxes(
    @Args(() => MailboxListArgs) args: MailboxListArgs,
    @Ctx() { viewer }: Context,
  ): Promise<MailboxConnection> {
    return Object.assign(new MailboxConnection(), await this.service.list(viewer, args, args))
  }

  @Query(() => [MailboxViewCount])
  mailboxViewCounts(@Ctx() { viewer }: Context): Promise<MailboxViewCount[]> {
    return this.service.viewCounts(viewer)
  }

  @Mutation(() => BulkMailboxPayload)
  updateMailboxes(
    @Arg('selection', () => MailboxSelection) selection: MailboxSelection,
    @Arg('changes', () => MailboxChanges) changes: MailboxChanges,
    @Ctx() { viewer }: Context,
    @Arg('dryRun', () => Boolean, DRY_RUN) dryRun?: boolean,
  ): Promise<BulkMailboxPayload> {
    return payload<BulkAnswer>(NOTHING_CHANGED, () => this.service.update(viewer, selection, changes, dryRun ?? false))
  }

  @Mutation(() => BulkMailboxPayload, { description: 'Lets the addresses be processed; nothing is tested by itself.' })
  approveEmails(
    @Arg('selection', () => MailboxSelection) selection: MailboxSelection,
    @Ctx() { viewer }: Context,
    @Arg('dryRun', () => Boolean, DRY_RUN) dryRun?: boolean,
  ): Promise<BulkMailboxPayload> {
    return payload<BulkAnswer>(NOTHING_CHANGED, () => this.service.approve(viewer, selection, dryRun ?? false))
  }

  @Mutation(() => BulkMailboxPayload)
  rejectEmails(
    @Arg('selection', () => MailboxSelection) selection: MailboxSelection,
    @Ctx() { viewer }: Context,
    @Arg('reason', () => String, { nullable: true, description: 'One line, at most 500 characters.' }) reason?: string,
    @Arg('dryRun', () => Boolean, DRY_RUN) dryRun?: boolean,
  ): Promise<BulkMailboxPayload> {
    const work = () => this.service.reject(viewer, selection, reason ?? null, dryRun ?? false)
    return payload<BulkAnswer>(NOTHING_CHANGED, work)
  }

  @Subscription(() => MailboxChange, {
    subscribe: ({ args, context }) =>
      (context as Context).resolver(MailboxResolver).watchChanges(context as Context, args.ids),
    description: 'Changes of these mailboxes (at most 200), or of all.',
  })
  mailboxChanges(
    @Root() change: MailboxChange,
    @Arg('ids', () => [ID], { nullable: true }) _ids?: string[] | null,
  ): MailboxChange {
    return change
  }

  @Subscription(() => [MailboxViewCount], {
    subscribe: ({ context }) => (context as Context).resolver(MailboxResolver).watchViewCounts(context as Context),
    name: 'mailboxViewCounts',
    description: 'All counts: first the present ones, then whenever one may have changed.',
  })
  mailboxViewCountChanges(@Root() counts: MailboxViewCount[]): MailboxViewCount[] {
    return counts
  }

  watchChanges({ viewer }: Context, ids?: string[] | null): AsyncIterable<MailboxChange> {
    return this.watching.changes(viewer, ids)
  }

  watchViewCounts({ viewer }: Context): AsyncIterable<MailboxViewCount[]> {
    return this.watching.viewCounts(viewer)
  }

  @FieldResolver(() => EmailServerProfile, { nullable: true })
  async profile(@Root() mailbox: Mailbox, @Ctx() context: Context): Promise<EmailServerProfile | null> {
    permit(context.viewer, 'mailboxes.read')
    return this.profileOf(mailbox, context)
  }

  @FieldResolver(() => [MailboxBlocker], {
    description: 'What keeps the mailbox from being processed; the one to remove first stands first.',
  })
  async blockers(@Root() mailbox: Mailbox, @Ctx() context: Context): Promise<MailboxBlocker[]> {
    permit(context.viewer, 'mailboxes.read')
    const switches = context.loaders.one(
      'email-settings',
      async () => [await this.settings.current()],
      (row) => row.id,
    )
    const [profile, settings] = await Promise.all([this.profileOf(mailbox, context), switches.load('organisation')])
    if (!settings) throw new Error('The email settings have no row')
    return blockersOf(mailbox, profile, settings)
  }

  @FieldResolver(() => MailboxHealth)
  async health(@Root() mailbox: Mailbox, @Ctx() context: Context): Promise<MailboxHealth> {
    return healthOf(
      mailbox,
      (await this.blockers(mailbox, context)) as ReturnType<typeof blockersOf>,
      mailbox.testingRunId !== null,
    )
  }

  private async profileOf(mailbox: Mailbox, { loaders }: Context): Promise<EmailServerProfile | null> {
    if (mailbox.profileId === null) return null
    return loaders
      .one(
        'profile',
        (ids) => this.profiles.byIds(ids),
        (profile) => profile.id,
      )
      .load(mailbox.profileId)
  }
}

/** The part of a profile that its mailboxes decide. */
@Resolver(() => EmailServerProfile)
export class ProfileMailboxesResolver {
  constructor(private readonly service: MailboxService) {}

  @FieldResolver(() => Int)
  async mailboxCount(@Root() profile: EmailServerProfile, @Ctx() { loaders }: Context): Promise<number> {
    const counts = loaders.one(
      'mailbox-count',
      (ids) => this.service.countsByProfile(ids),
      (row) => row.profileId,
    )
    return (await counts.load(profile.id))?.count ?? 0
  }
}
