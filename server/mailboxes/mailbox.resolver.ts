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
import { type Ctx as Context, mayRead, permit } from '../auth/auth.service'
import { isId } from '../db/id'
import { PageArgs } from '../graphql/connection'
import { payload } from '../graphql/payload'
import { EmailServerProfile } from '../profiles/profile.entity'
import type { ProfileService } from '../profiles/profile.service'
import type { EmailSettingsService } from '../settings/email-settings.service'
import { blockersOf, healthOf } from './blockers'
import type { ForwardMailboxService } from './forward-mailbox.service'
import { Mailbox } from './mailbox.entity'
import { MailboxHealth, MailboxView } from './mailbox.enums'
import {
  BulkMailboxPayload,
  CreateForwardMailboxInput,
  MailboxBlocker,
  MailboxChange,
  MailboxChanges,
  MailboxConnection,
  MailboxFilter,
  MailboxPayload,
  MailboxSelection,
  MailboxSort,
  MailboxViewCount,
} from './mailbox.inputs'
import type { MailboxService } from './mailbox.service'
import { type BulkAnswer, type MailboxCommands, NOTHING_CHANGED } from './mailbox-commands.service'
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
    private readonly commands: MailboxCommands,
    private readonly forwards: ForwardMailboxService,
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
    return payload<BulkAnswer>(NOTHING_CHANGED, () => this.commands.update(viewer, selection, changes, dryRun ?? false))
  }

  @Mutation(() => BulkMailboxPayload, { description: 'Lets the addresses be processed; nothing is tested by itself.' })
  approveEmails(
    @Arg('selection', () => MailboxSelection) selection: MailboxSelection,
    @Ctx() { viewer }: Context,
    @Arg('dryRun', () => Boolean, DRY_RUN) dryRun?: boolean,
  ): Promise<BulkMailboxPayload> {
    return payload<BulkAnswer>(NOTHING_CHANGED, () => this.commands.approve(viewer, selection, dryRun ?? false))
  }

  @Mutation(() => BulkMailboxPayload)
  rejectEmails(
    @Arg('selection', () => MailboxSelection) selection: MailboxSelection,
    @Ctx() { viewer }: Context,
    @Arg('reason', () => String, { nullable: true, description: 'One line, at most 500 characters.' }) reason?: string,
    @Arg('dryRun', () => Boolean, DRY_RUN) dryRun?: boolean,
  ): Promise<BulkMailboxPayload> {
    const work = () => this.commands.reject(viewer, selection, reason ?? null, dryRun ?? false)
    return payload<BulkAnswer>(NOTHING_CHANGED, work)
  }

  @Mutation(() => BulkMailboxPayload, {
    description:
      "The organisation's defaults for new mailboxes, profile and methods; without a default profile theirs stay.",
  })
  applyDefaultEmailSettings(
    @Arg('selection', () => MailboxSelection) selection: MailboxSelection,
    @Ctx() { viewer }: Context,
    @Arg('dryRun', () => Boolean, DRY_RUN) dryRun?: boolean,
  ): Promise<BulkMailboxPayload> {
    return payload<BulkAnswer>(NOTHING_CHANGED, () => this.commands.applyDefaults(viewer, selection, dryRun ?? false))
  }

  @Mutation(() => BulkMailboxPayload, {
    description: 'An inactive mailbox is never processed, and its address is free.',
  })
  setMailboxesActive(
    @Arg('selection', () => MailboxSelection) selection: MailboxSelection,
    @Arg('active', () => Boolean) active: boolean,
    @Ctx() { viewer }: Context,
    @Arg('moveForwardedTo', () => ID, {
      nullable: true,
      description:
        'The forward mailbox for those that get their mail through one that is deactivated; else it is refused.',
    })
    moveForwardedTo?: string,
    @Arg('dryRun', () => Boolean, DRY_RUN) dryRun?: boolean,
  ): Promise<BulkMailboxPayload> {
    const work = () => this.commands.setActive(viewer, selection, active, { dryRun, moveForwardedTo })
    return payload<BulkAnswer>(NOTHING_CHANGED, work)
  }

  @Mutation(() => MailboxPayload)
  createForwardMailbox(
    @Arg('input', () => CreateForwardMailboxInput) input: CreateForwardMailboxInput,
    @Ctx() { viewer }: Context,
  ): Promise<MailboxPayload> {
    return payload<Omit<MailboxPayload, 'userErrors'>>({ mailbox: null }, async () => {
      const mailbox = await this.forwards.create(viewer, input)
      return { mailbox: mayRead(viewer) ? mailbox : null }
    })
  }

  @Mutation(() => MailboxPayload, {
    description:
      'It leaves every list and frees its address; what was tested with it still shows it. Refused with the count while it is in use.',
  })
  deleteForwardMailbox(
    @Arg('id', () => ID) id: string,
    @Ctx() { viewer }: Context,
    @Arg('moveForwardedTo', () => ID, {
      nullable: true,
      description: 'The forward mailbox for those that get their mail through it.',
    })
    moveForwardedTo?: string,
  ): Promise<MailboxPayload> {
    return payload<Omit<MailboxPayload, 'userErrors'>>({ mailbox: null }, async () => {
      const mailbox = await this.commands.deleteForward(viewer, id, moveForwardedTo ?? null)
      return { mailbox: mayRead(viewer) ? mailbox : null }
    })
  }

  @FieldResolver(() => Mailbox, {
    nullable: true,
    description: 'The mailbox its mail arrives in, for method FORWARD_MAILBOX; null when it is not yours to see.',
  })
  async forwardMailbox(@Root() mailbox: Mailbox, @Ctx() { viewer, loaders }: Context): Promise<Mailbox | null> {
    if (mailbox.forwardMailboxId === null) return null
    return loaders
      .one(
        'mailbox',
        (ids) => this.service.getMany(viewer, ids),
        (row) => row.id,
      )
      .load(mailbox.forwardMailboxId)
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

  @FieldResolver(() => Int, { description: 'Of those that the viewer may see.' })
  async mailboxCount(@Root() profile: EmailServerProfile, @Ctx() { viewer, loaders }: Context): Promise<number> {
    const counts = loaders.one(
      'mailbox-count',
      (ids) => this.service.countsByProfile(viewer, ids),
      (row) => row.profileId,
    )
    return (await counts.load(profile.id))?.count ?? 0
  }
}
