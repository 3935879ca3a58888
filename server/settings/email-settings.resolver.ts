import { Arg, Ctx, FieldResolver, Mutation, Query, Resolver, Root } from 'type-graphql'
import { type Ctx as Context, mayRead } from '../auth/auth.service'
import { payload } from '../graphql/payload'
import { EmailServerProfile } from '../profiles/profile.entity'
import type { ProfileService } from '../profiles/profile.service'
import { EmailSettings } from './email-settings.entity'
import { EmailSettingsInput, EmailSettingsPayload } from './email-settings.inputs'
import type { EmailSettingsService } from './email-settings.service'

@Resolver(() => EmailSettings)
export class EmailSettingsResolver {
  constructor(
    private readonly settings: EmailSettingsService,
    private readonly profiles: ProfileService,
  ) {}

  @Query(() => EmailSettings)
  emailSettings(@Ctx() { viewer }: Context): Promise<EmailSettings> {
    return this.settings.get(viewer)
  }

  @FieldResolver(() => EmailServerProfile, { nullable: true, description: 'The profile of new mailboxes.' })
  defaultProfile(
    @Root() settings: EmailSettings,
    @Ctx() { viewer }: Context,
  ): Promise<EmailServerProfile | null> | null {
    return settings.defaultProfileId ? this.profiles.get(viewer, settings.defaultProfileId) : null
  }

  @Mutation(() => EmailSettingsPayload)
  updateEmailSettings(
    @Arg('input', () => EmailSettingsInput) input: EmailSettingsInput,
    @Ctx() { viewer }: Context,
  ): Promise<EmailSettingsPayload> {
    return payload<Omit<EmailSettingsPayload, 'userErrors'>>({ settings: null }, async () => {
      const settings = await this.settings.update(viewer, input)
      return { settings: mayRead(viewer) ? settings : null }
    })
  }
}

/** The part of a profile that the settings decide. */
@Resolver(() => EmailServerProfile)
export class ProfileSettingsResolver {
  constructor(private readonly settings: EmailSettingsService) {}

  @FieldResolver(() => Boolean, { description: 'New mailboxes get this profile.' })
  async isDefault(@Root() profile: EmailServerProfile, @Ctx() { loaders }: Context): Promise<boolean> {
    const current = loaders.one(
      'email-settings',
      async () => [await this.settings.current()],
      (row) => row.id,
    )
    return (await current.load('organisation'))?.defaultProfileId === profile.id
  }
}
