import { Arg, Args, Ctx, FieldResolver, ID, Mutation, Query, Resolver, Root, Subscription } from 'type-graphql'
import type { Ctx as Context } from '../auth/auth.service'
import { PageArgs } from '../graphql/connection'
import { payload } from '../graphql/payload'
import { Mailbox } from '../mailboxes/mailbox.entity'
import type { MailboxService } from '../mailboxes/mailbox.service'
import { EmailServerProfile } from '../profiles/profile.entity'
import type { ProfileService } from '../profiles/profile.service'
import { Alert } from './alert.entity'
import { AlertChange, AlertConnection, AlertListArgs, AlertsPayload } from './alert.inputs'
import type { AlertFilter, AlertService } from './alert.service'
import type { AlertWatch } from './alert-watch'

type Answer = Omit<AlertsPayload, 'userErrors'>
const NONE: Answer = { changed: 0, alerts: [] }
const answer = (alerts: Alert[]): Answer => ({ changed: alerts.length, alerts })

@Resolver(() => Alert)
export class AlertResolver {
  constructor(
    private readonly service: AlertService,
    private readonly mailboxes: MailboxService,
    private readonly profiles: ProfileService,
    private readonly watching: AlertWatch,
  ) {}

  @Query(() => AlertConnection, { description: 'Last seen first.' })
  async alerts(@Args(() => AlertListArgs) args: AlertListArgs, @Ctx() { viewer }: Context): Promise<AlertConnection> {
    return Object.assign(new AlertConnection(), await this.service.list(viewer, args, args))
  }

  @Mutation(() => AlertsPayload, { description: 'Somebody knows of them: they stay until they are resolved.' })
  acknowledgeAlerts(@Arg('ids', () => [ID]) ids: string[], @Ctx() { viewer }: Context): Promise<AlertsPayload> {
    return payload(NONE, async () => answer(await this.service.acknowledge(viewer, ids)))
  }

  @Mutation(() => AlertsPayload, { description: 'Puts them away; the next failure opens a new one.' })
  dismissAlerts(@Arg('ids', () => [ID]) ids: string[], @Ctx() { viewer }: Context): Promise<AlertsPayload> {
    return payload(NONE, async () => answer(await this.service.dismiss(viewer, ids)))
  }

  @Subscription(() => AlertChange, {
    subscribe: ({ args, context }) => (context as Context).resolver(AlertResolver).watch(context as Context, args),
    description: 'Changes of the alerts of a mailbox or a profile, or of all.',
  })
  alertChanges(
    @Root() change: AlertChange,
    @Arg('mailboxId', () => ID, { nullable: true }) _mailboxId?: string | null,
    @Arg('profileId', () => ID, { nullable: true }) _profileId?: string | null,
  ): AlertChange {
    return change
  }

  watch({ viewer }: Context, of: AlertFilter): AsyncIterable<AlertChange> {
    return this.watching.changes(viewer, of)
  }

  @FieldResolver(() => Mailbox, { nullable: true, description: 'Null when it is about a whole profile.' })
  async mailbox(@Root() alert: Alert, @Ctx() { viewer, loaders }: Context): Promise<Mailbox | null> {
    if (alert.mailboxId === null) return null
    return loaders
      .one(
        'mailbox',
        (ids) => this.mailboxes.getMany(viewer, ids),
        (mailbox) => mailbox.id,
      )
      .load(alert.mailboxId)
  }

  @FieldResolver(() => EmailServerProfile, { nullable: true, description: 'Null when it is about one mailbox.' })
  async profile(@Root() alert: Alert, @Ctx() { loaders }: Context): Promise<EmailServerProfile | null> {
    if (alert.profileId === null) return null
    return loaders
      .one(
        'profile',
        (ids) => this.profiles.byIds(ids),
        (profile) => profile.id,
      )
      .load(alert.profileId)
  }
}

/** The walls of mailboxes. */
@Resolver(() => Mailbox)
export class MailboxAlertsResolver {
  constructor(private readonly service: AlertService) {}

  @FieldResolver(() => AlertConnection, { description: "Its own alerts and its profile's, last seen first." })
  async alerts(
    @Root() mailbox: Mailbox,
    @Args(() => PageArgs) page: PageArgs,
    @Ctx() { viewer }: Context,
  ): Promise<AlertConnection> {
    const list = await this.service.list(viewer, { mailboxId: mailbox.id }, page, mailbox)
    return Object.assign(new AlertConnection(), list)
  }
}

/** The walls of profiles. */
@Resolver(() => EmailServerProfile)
export class ProfileAlertsResolver {
  constructor(private readonly service: AlertService) {}

  @FieldResolver(() => AlertConnection, { description: 'Last seen first.' })
  async alerts(
    @Root() profile: EmailServerProfile,
    @Args(() => PageArgs) page: PageArgs,
    @Ctx() { viewer }: Context,
  ): Promise<AlertConnection> {
    return Object.assign(new AlertConnection(), await this.service.list(viewer, { profileId: profile.id }, page))
  }
}
