import { Arg, Args, ArgsType, Ctx, Field, FieldResolver, ID, Mutation, Query, Resolver, Root } from 'type-graphql'
import type { Ctx as Context } from '../auth/auth.service'
import { OperationError } from '../errors'
import { PageArgs } from '../graphql/connection'
import { asManyAs } from '../graphql/limits'
import { payload } from '../graphql/payload'
import { Mailbox } from '../mailboxes/mailbox.entity'
import type { MailboxService } from '../mailboxes/mailbox.service'
import { EmailServerProfile } from '../profiles/profile.entity'
import { Owner } from './owner.entity'
import {
  OwnerConnection,
  OwnerFilter,
  OwnerInput,
  OwnerSelection,
  OwnersImportPayload,
  OwnersPayload,
} from './owner.inputs'
import { MOST_OWNERS, type OwnerService } from './owner.service'
import { NOTHING_IMPORTED, type OwnerImportService } from './owner-import.service'

@ArgsType()
class OwnerListArgs extends PageArgs {
  @Field(() => OwnerFilter, { nullable: true })
  filter?: OwnerFilter | null
}

@Resolver(() => Owner)
export class OwnerResolver {
  constructor(
    private readonly service: OwnerService,
    private readonly imports: OwnerImportService,
    private readonly mailboxes: MailboxService,
  ) {}

  @Query(() => Owner, { nullable: true })
  owner(@Arg('id', () => ID) id: string, @Ctx() { viewer, loaders }: Context): Promise<Owner | null> {
    return loaders
      .one(
        'owner',
        (ids) => this.service.get(viewer, ids),
        (owner) => owner.id,
      )
      .load(id)
  }

  @Query(() => OwnerConnection, { description: 'By name.' })
  async owners(@Args(() => OwnerListArgs) args: OwnerListArgs, @Ctx() { viewer }: Context): Promise<OwnerConnection> {
    return Object.assign(new OwnerConnection(), await this.service.list(viewer, args.filter ?? null, args))
  }

  @Mutation(() => OwnersPayload, {
    complexity: asManyAs(MOST_OWNERS, ({ owners }) => owners.length),
    description: "Creates or updates by externalId, idempotently, all or nothing; makes each new owner's mailbox.",
  })
  provisionOwners(
    @Arg('owners', () => [OwnerInput]) owners: OwnerInput[],
    @Ctx() { viewer }: Context,
  ): Promise<OwnersPayload> {
    return payload<Omit<OwnersPayload, 'userErrors'>>({ owners: [] }, async () => ({
      owners: await this.service.provision(viewer, owners),
    }))
  }

  @Mutation(() => OwnersPayload, {
    complexity: asManyAs(MOST_OWNERS, ({ selection }) => (selection.ids ?? selection.keys ?? []).length),
    description: 'All or nothing: their mailboxes become inactive and the addresses free. The history stays.',
  })
  deleteOwners(
    @Arg('selection', () => OwnerSelection) selection: OwnerSelection,
    @Ctx() { viewer }: Context,
  ): Promise<OwnersPayload> {
    return payload<Omit<OwnersPayload, 'userErrors'>>({ owners: [] }, async () => ({
      owners: await this.service.delete(viewer, selection),
    }))
  }

  @Mutation(() => OwnersImportPayload, {
    description:
      'Provisions the owners of a CSV file, all or nothing: columns kind, externalId, name, emailAddress, active in any order, separated by , or ;',
  })
  importOwners(
    @Arg('csv', () => String, { description: 'The whole file, at most 10,000 owners.' }) csv: string,
    @Arg('dryRun', () => Boolean, {
      nullable: true,
      description: 'Answers what the call would do and changes nothing.',
    })
    dryRun: boolean | null,
    @Ctx() { viewer }: Context,
  ): Promise<OwnersImportPayload> {
    const options = { dryRun: dryRun ?? false, action: 'importOwners', mostRows: MOST_OWNERS }
    return payload<Omit<OwnersImportPayload, 'userErrors'>>(NOTHING_IMPORTED, () =>
      this.imports.importCsv(viewer, Buffer.from(csv), options),
    )
  }

  @FieldResolver(() => Mailbox, {
    description:
      'Who provisions owners without scope read gets its id, name, emailAddress and approval; every other field of it is FORBIDDEN.',
  })
  async mailbox(@Root() owner: Owner, @Ctx() { viewer, loaders }: Context): Promise<Mailbox> {
    const byOwner = loaders.one(
      'mailbox-of-owner',
      (ids) => this.mailboxes.ofOwners(viewer, ids),
      (mailbox) => mailbox.ownerId ?? '',
    )
    const mailbox = await byOwner.load(owner.id)
    // every owner has one: it went out of reach since the owner was read
    if (!mailbox) throw new OperationError('NOT_FOUND', 'There is no such mailbox')
    return mailbox
  }
}

/** The part of a mailbox that its owner decides. */
@Resolver(() => Mailbox)
export class MailboxOwnerResolver {
  constructor(private readonly owners: OwnerService) {}

  @FieldResolver(() => Owner, { nullable: true, description: 'Null for a forward mailbox.' })
  async owner(@Root() mailbox: Mailbox, @Ctx() { viewer, loaders }: Context): Promise<Owner | null> {
    if (mailbox.ownerId === null) return null
    return loaders
      .one(
        'owner',
        (ids) => this.owners.get(viewer, ids),
        (owner) => owner.id,
      )
      .load(mailbox.ownerId)
  }
}

/** The part of a profile that an Owner is. */
@Resolver(() => EmailServerProfile)
export class ProfileOwnerResolver {
  constructor(private readonly owners: OwnerService) {}

  @FieldResolver(() => Owner, { nullable: true, description: 'Who is told of its alerts.' })
  async owner(@Root() profile: EmailServerProfile, @Ctx() { viewer, loaders }: Context): Promise<Owner | null> {
    if (profile.ownerId === null) return null
    return loaders
      .one(
        'owner',
        (ids) => this.owners.get(viewer, ids),
        (owner) => owner.id,
      )
      .load(profile.ownerId)
  }
}
