import { Arg, Args, ArgsType, Ctx, Field, FieldResolver, ID, Mutation, Query, Resolver, Root } from 'type-graphql'
import type { Ctx as Context } from '../auth/auth.service'
import { PageArgs } from '../graphql/connection'
import { payload } from '../graphql/payload'
import { Mailbox } from '../mailboxes/mailbox.entity'
import type { MailboxService } from '../mailboxes/mailbox.service'
import { Owner } from './owner.entity'
import { OwnerConnection, OwnerFilter, OwnerInput, OwnerSelection, OwnersPayload } from './owner.inputs'
import type { OwnerService } from './owner.service'

@ArgsType()
class OwnerListArgs extends PageArgs {
  @Field(() => OwnerFilter, { nullable: true })
  filter?: OwnerFilter | null
}

@Resolver(() => Owner)
export class OwnerResolver {
  constructor(
    private readonly service: OwnerService,
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

  @FieldResolver(() => Mailbox)
  async mailbox(@Root() owner: Owner, @Ctx() { loaders }: Context): Promise<Mailbox> {
    const byOwner = loaders.one(
      'mailbox-of-owner',
      (ids) => this.mailboxes.byOwners(ids),
      (mailbox) => mailbox.ownerId ?? '',
    )
    const mailbox = await byOwner.load(owner.id)
    if (!mailbox) throw new Error(`Owner ${owner.id} has no mailbox`)
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
