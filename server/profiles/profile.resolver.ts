import { Arg, Args, Ctx, ID, Mutation, Query, Resolver } from 'type-graphql'
import type { Ctx as Context } from '../auth/auth.service'
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
    return payload<Answer>({ profile: null }, async () => ({ profile: await this.profiles.create(viewer, input) }))
  }

  @Mutation(() => EmailServerProfilePayload)
  updateEmailServerProfile(
    @Arg('id', () => ID) id: string,
    @Arg('input', () => EmailServerProfileInput) input: EmailServerProfileInput,
    @Ctx() { viewer }: Context,
  ): Promise<EmailServerProfilePayload> {
    return payload<Answer>({ profile: null }, async () => ({ profile: await this.profiles.update(viewer, id, input) }))
  }

  @Mutation(() => EmailServerProfilePayload, {
    description: 'Refused while mailboxes use it, unless another profile is named to take them. Answers it as it was.',
  })
  deleteEmailServerProfile(
    @Arg('id', () => ID) id: string,
    @Ctx() { viewer }: Context,
    @Arg('moveMailboxesTo', () => ID, { nullable: true }) moveMailboxesTo?: string | null,
  ): Promise<EmailServerProfilePayload> {
    const work = async () => ({ profile: await this.profiles.delete(viewer, id, moveMailboxesTo ?? null) })
    return payload<Answer>({ profile: null }, work)
  }
}
