import { Arg, Args, Ctx, FieldResolver, ID, Mutation, Query, Resolver, Root, Subscription } from 'type-graphql'
import type { Ctx as Context } from '../auth/auth.service'
import { type Page, PageArgs } from '../graphql/connection'
import { payload } from '../graphql/payload'
import { Mailbox } from '../mailboxes/mailbox.entity'
import type { MailboxService } from '../mailboxes/mailbox.service'
import { EmailServerProfile } from '../profiles/profile.entity'
import type { ProfileService } from '../profiles/profile.service'
import { Alert } from './alert.entity'
import { AlertChange, AlertConnection, AlertFilter, AlertListArgs, AlertsPayload } from './alert.inputs'
import type { AlertCommands, CommandAnswer } from './alert-commands'
import type { AlertWall, WallOf } from './alert-wall'
import type { AlertWatch, WatchedAlerts } from './alert-watch'

const NONE: CommandAnswer = { changed: 0, alerts: [] }

@Resolver(() => Alert)
export class AlertResolver {
  constructor(
    private readonly wall: AlertWall,
    private readonly commands: AlertCommands,
    private readonly mailboxes: MailboxService,
    private readonly profiles: ProfileService,
    private readonly watching: AlertWatch,
  ) {}

  @Query(() => AlertConnection, { description: 'Last seen first; of all that the viewer may see.' })
  async alerts(@Args(() => AlertListArgs) args: AlertListArgs, @Ctx() { viewer }: Context): Promise<AlertConnection> {
    return Object.assign(new AlertConnection(), await this.wall.list(viewer, args, args))
  }

  @Mutation(() => AlertsPayload, { description: 'Somebody knows of them: they stay until they are resolved.' })
  acknowledgeAlerts(@Arg('ids', () => [ID]) ids: string[], @Ctx() { viewer }: Context): Promise<AlertsPayload> {
    return payload(NONE, () => this.commands.acknowledge(viewer, ids))
  }

  @Mutation(() => AlertsPayload, { description: 'Puts them away; the next failure opens a new one.' })
  dismissAlerts(@Arg('ids', () => [ID]) ids: string[], @Ctx() { viewer }: Context): Promise<AlertsPayload> {
    return payload(NONE, () => this.commands.dismiss(viewer, ids))
  }

  @Mutation(() => AlertsPayload, { description: 'acknowledgeAlerts for all that match, however many.' })
  acknowledgeAlertsBy(
    @Arg('filter', () => AlertFilter) filter: AlertFilter,
    @Ctx() { viewer }: Context,
  ): Promise<AlertsPayload> {
    return payload(NONE, () => this.commands.acknowledgeBy(viewer, filter))
  }

  @Mutation(() => AlertsPayload, { description: 'dismissAlerts for all that match, however many.' })
  dismissAlertsBy(
    @Arg('filter', () => AlertFilter) filter: AlertFilter,
    @Ctx() { viewer }: Context,
  ): Promise<AlertsPayload> {
    return payload(NONE, () => this.commands.dismissBy(viewer, filter))
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

  watch({ viewer }: Context, of: WatchedAlerts): AsyncIterable<AlertChange> {
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
  constructor(private readonly wall: AlertWall) {}

  @FieldResolver(() => AlertConnection, { description: "Its own alerts and its profile's errors, last seen first." })
  async alerts(
    @Root() mailbox: Mailbox,
    @Args(() => PageArgs) page: PageArgs,
    @Ctx() context: Context,
  ): Promise<AlertConnection> {
    const { viewer } = context
    const list = page.after
      ? await this.wall.list(viewer, { mailboxId: mailbox.id }, page, mailbox)
      : await this.firstPage(mailbox, page.first, context)
    return Object.assign(new AlertConnection(), list)
  }

  /** Of all mailboxes of a list together. */
  private async firstPage(
    mailbox: Mailbox,
    first: number | null | undefined,
    { viewer, loaders }: Context,
  ): Promise<Page<Alert>> {
    const list = (keys: readonly string[]) => keys.map((key): WallOf => JSON.parse(key))
    const key = JSON.stringify({ id: mailbox.id, profileId: mailbox.profileId })
    return this.wall.pageOf(
      await batched(loaders, `mailbox-alerts ${first}`, key, async (keys) => {
        const found = await this.wall.walls(viewer, list(keys), first)
        return (one) => found.get(JSON.parse(one).id) ?? []
      }),
      first,
      () =>
        batched(loaders, 'mailbox-alert-counts', key, async (keys) => {
          const found = await this.wall.wallCounts(viewer, list(keys))
          return (one) => found.get(JSON.parse(one).id) ?? 0
        }),
    )
  }
}

/** Loads one of many: `load` reads those of all keys, and tells which is whose. */
async function batched<T>(
  loaders: Context['loaders'],
  name: string,
  key: string,
  load: (keys: readonly string[]) => Promise<(key: string) => T>,
): Promise<T> {
  const loader = loaders.one(
    name,
    async (keys) => {
      const of = await load(keys)
      return keys.map((one) => ({ key: one, value: of(one) }))
    },
    (row) => row.key,
  )
  const row = await loader.load(key)
  if (!row) throw new Error(`Nothing was loaded for ${name}`)
  return row.value
}

/** The walls of profiles. */
@Resolver(() => EmailServerProfile)
export class ProfileAlertsResolver {
  constructor(private readonly wall: AlertWall) {}

  @FieldResolver(() => AlertConnection, { description: 'Last seen first.' })
  async alerts(
    @Root() profile: EmailServerProfile,
    @Args(() => PageArgs) page: PageArgs,
    @Ctx() context: Context,
  ): Promise<AlertConnection> {
    const { viewer } = context
    const list = page.after
      ? await this.wall.list(viewer, { profileId: profile.id }, page)
      : await this.firstPage(profile.id, page.first, context)
    return Object.assign(new AlertConnection(), list)
  }

  private async firstPage(
    id: string,
    first: number | null | undefined,
    { viewer, loaders }: Context,
  ): Promise<Page<Alert>> {
    return this.wall.pageOf(
      await batched(loaders, `profile-alerts ${first}`, id, async (ids) => {
        const found = await this.wall.profileWalls(viewer, ids, first)
        return (one) => found.get(one) ?? []
      }),
      first,
      () =>
        batched(loaders, 'profile-alert-counts', id, async (ids) => {
          const found = await this.wall.profileWallCounts(viewer, ids)
          return (one) => found.get(one) ?? 0
        }),
    )
  }
}
