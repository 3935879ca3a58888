import { Arg, Ctx, FieldResolver, Mutation, Resolver, Root } from 'type-graphql'
import type { Ctx as Context } from '../auth/auth.service'
import { payload } from '../graphql/payload'
import { Mailbox } from '../mailboxes/mailbox.entity'
import type { MailboxService } from '../mailboxes/mailbox.service'
import { Owner } from './owner.entity'
import { OwnerInput, OwnersPayload } from './owner.inputs'
import type { OwnerService } from './owner.service'

@Resolver(() => Owner)
export class OwnerResolver {
  constructor(
    private readonly owners: OwnerService,
    private readonly mailboxes: MailboxService,
  ) {}

  @Mutation(() => OwnersPayload, {
    description: "Creates or updates by externalId, idempotently, all or nothing; makes each new owner's mailbox.",
  })
  provisionOwners(
    @Arg('owners', () => [OwnerInput]) owners: OwnerInput[],
    @Ctx() { viewer }: Context,
  ): Promise<OwnersPayload> {
    return payload<Omit<OwnersPayload, 'userErrors'>>({ owners: [] }, async () => ({
      owners: await this.owners.provision(viewer, owners),
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
