import { Arg, Ctx, FieldResolver, Mutation, Query, Resolver, Root } from 'type-graphql'
import { type Ctx as Context, mayRead } from '../auth/auth.service'
import { payload } from '../graphql/payload'
import { EmailServerProfile } from '../profiles/profile.entity'
import type { ProfileService } from '../profiles/profile.service'
import { EmailSettings } from './email-settings.entity'
import { EmailSettingsInput, EmailSettingsPayload } from './email-settings.inputs'
import type { EmailSettingsService } from './email-settings.service'

type Answer = Omit<EmailSettingsPayload, 'userErrors'>

const DRY_RUN = { nullable: true, description: 'Answers what the call would do and changes nothing.' } as const

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

  @FieldResolver(() => Boolean, {
    description:
      'Whether this service has a mail server to send by (MAILWARDEN_SMTP_URL). Without one nobody is mailed, whatever mailProfileOwner says.',
  })
  canMail(): boolean {
    return this.settings.canMail
  }

  @Mutation(() => EmailSettingsPayload)
  updateEmailSettings(
    @Arg('input', () => EmailSettingsInput) input: EmailSettingsInput,
    @Ctx() { viewer }: Context,
    @Arg('dryRun', () => Boolean, DRY_RUN) dryRun?: boolean,
  ): Promise<EmailSettingsPayload> {
    return payload<Answer>({ settings: null, startCount: 0, stopCount: 0 }, async () => {
      const { settings, ...counts } = await this.settings.update(viewer, input, dryRun ?? false)
      return { settings: mayRead(viewer) ? settings : null, ...counts }
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
