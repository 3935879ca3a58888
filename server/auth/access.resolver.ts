import { Arg, Args, Ctx, ID, Mutation, Query, Resolver } from 'type-graphql'
import { PageArgs } from '../graphql/connection'
import { payload } from '../graphql/payload'
import {
  ApiTokenConnection,
  ApiTokenInput,
  ApiTokenPayload,
  CreateUserInput,
  EndSessionsPayload,
  UpdateUserInput,
  UserConnection,
  UserPayload,
} from './access.inputs'
import type { ApiTokenService } from './api-token.service'
import type { Ctx as Context } from './auth.service'
import type { User } from './user.entity'
import type { UserService } from './user.service'

/** Who gets in and what they may do there. */
@Resolver()
export class AccessResolver {
  constructor(
    private readonly users: UserService,
    private readonly tokens: ApiTokenService,
  ) {}

  @Query(() => UserConnection, { name: 'users', description: 'Who signs in, by name.' })
  async listUsers(@Ctx() { viewer }: Context, @Args(() => PageArgs) page: PageArgs): Promise<UserConnection> {
    return Object.assign(new UserConnection(), await this.users.list(viewer, page))
  }

  @Query(() => ApiTokenConnection, { description: 'Newest first, those that were revoked or are over, too.' })
  async apiTokens(@Ctx() { viewer }: Context, @Args(() => PageArgs) page: PageArgs): Promise<ApiTokenConnection> {
    return Object.assign(new ApiTokenConnection(), await this.tokens.list(viewer, page))
  }

  @Mutation(() => UserPayload)
  createUser(
    @Arg('input', () => CreateUserInput) input: CreateUserInput,
    @Ctx() { viewer }: Context,
  ): Promise<UserPayload> {
    return this.user(() => this.users.create(viewer, input))
  }

  @Mutation(() => UserPayload, {
    description:
      'Takes effect at once. The last active SYSTEM_ADMINISTRATOR keeps the role and cannot be deactivated: LAST_ADMINISTRATOR.',
  })
  updateUser(
    @Arg('id', () => ID) id: string,
    @Arg('input', () => UpdateUserInput) input: UpdateUserInput,
    @Ctx() { viewer }: Context,
  ): Promise<UserPayload> {
    return this.user(() => this.users.update(viewer, id, input))
  }

  @Mutation(() => UserPayload, { description: 'Ends the sessions of the user, but for the one that asks.' })
  setUserPassword(
    @Arg('id', () => ID) id: string,
    @Arg('password', () => String, { description: '12 to 1,000 characters.' }) password: string,
    @Ctx() { viewer }: Context,
  ): Promise<UserPayload> {
    return this.user(() => this.users.setPassword(viewer, id, password))
  }

  @Mutation(() => EndSessionsPayload, { description: 'Ends every session of the user.' })
  endSessions(@Arg('userId', () => ID) userId: string, @Ctx() { viewer }: Context): Promise<EndSessionsPayload> {
    return payload<Omit<EndSessionsPayload, 'userErrors'>>({ ended: 0 }, async () => ({
      ended: await this.users.endSessions(viewer, userId),
    }))
  }

  @Mutation(() => ApiTokenPayload)
  createApiToken(
    @Arg('input', () => ApiTokenInput) input: ApiTokenInput,
    @Ctx() { viewer }: Context,
  ): Promise<ApiTokenPayload> {
    return payload<Omit<ApiTokenPayload, 'userErrors'>>({ token: null, secret: null }, () =>
      this.tokens.create(viewer, input),
    )
  }

  @Mutation(() => ApiTokenPayload)
  revokeApiToken(@Arg('id', () => ID) id: string, @Ctx() { viewer }: Context): Promise<ApiTokenPayload> {
    return payload<Omit<ApiTokenPayload, 'userErrors'>>({ token: null, secret: null }, async () => ({
      token: await this.tokens.revoke(viewer, id),
      secret: null,
    }))
  }

  private user(work: () => Promise<User>): Promise<UserPayload> {
    return payload<Omit<UserPayload, 'userErrors'>>({ user: null }, async () => ({ user: await work() }))
  }
}
