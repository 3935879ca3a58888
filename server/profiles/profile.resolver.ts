import { Arg, Args, Ctx, ID, Mutation, Query, Resolver } from 'type-graphql'
import { type Ctx as Context, mayRead, type Viewer } from '../auth/auth.service'
import { PageArgs } from '../graphql/connection'
import { payload } from '../graphql/payload'
import { EmailServerProfile } from './profile.entity'
import { EmailServerProfileConnection, EmailServerProfileInput, EmailServerProfilePayload } from './profile.inputs'
import type { ProfileService } from './profile.service'

type Answer = Omit<EmailServerProfilePayload, 'userErrors'>

@Resolver(() => EmailServerProfile)
export class ProfileResolver {
  constructor(private readonly profiles: ProfileService) {}

  @Query(() => EmailServerProfile, { nullable: true })
  emailServerProfile(@Arg('id', () => ID) id: string, @Ctx() { viewer }: Context): Promise<EmailServerProfile | null> {
    return this.profiles.get(viewer, id)
  }

  @Query(() => EmailServerProfileConnection, { description: 'By name.' })
  async emailServerProfiles(
    @Ctx() { viewer }: Context,
    @Args(() => PageArgs) page: PageArgs,
  ): Promise<EmailServerProfileConnection> {
    return Object.assign(new EmailServerProfileConnection(), await this.profiles.list(viewer, page))
  }

  @Mutation(() => EmailServerProfilePayload)
  createEmailServerProfile(
    @Arg('input', () => EmailServerProfileInput) input: EmailServerProfileInput,
    @Ctx() { viewer }: Context,
  ): Promise<EmailServerProfilePayload> {
    return answer(viewer, () => this.profiles.create(viewer, input))
  }

  @Mutation(() => EmailServerProfilePayload)
  updateEmailServerProfile(
    @Arg('id', () => ID) id: string,
    @Arg('input', () => EmailServerProfileInput) input: EmailServerProfileInput,
    @Ctx() { viewer }: Context,
  ): Promise<EmailServerProfilePayload> {
    return answer(viewer, () => this.profiles.update(viewer, id, input))
  }

  @Mutation(() => EmailServerProfilePayload, {
    description:
      'Refused while mailboxes use it, unless another profile is named to take them. An active profile that takes them becomes the default in its place. Answers it as it was, but no longer the default.',
  })
  deleteEmailServerProfile(
    @Arg('id', () => ID) id: string,
    @Ctx() { viewer }: Context,
    @Arg('moveMailboxesTo', () => ID, { nullable: true }) moveMailboxesTo?: string | null,
  ): Promise<EmailServerProfilePayload> {
    return answer(viewer, () => this.profiles.delete(viewer, id, moveMailboxesTo ?? null))
  }
}

/** A profile is shown to who may read: a token may edit profiles that it does not see. */
const answer = (
  viewer: Viewer | undefined,
  work: () => Promise<EmailServerProfile>,
): Promise<EmailServerProfilePayload> =>
  payload<Answer>({ profile: null }, async () => {
    const profile = await work()
    return { profile: mayRead(viewer) ? profile : null }
  })
