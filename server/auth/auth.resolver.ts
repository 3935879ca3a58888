import { Arg, Ctx, Mutation, Query, Resolver } from 'type-graphql'
import { payload } from '../graphql/payload'
import { ChangeOwnPasswordPayload } from './access.inputs'
import { SignInPayload, ViewerType } from './auth.inputs'
import { type AuthService, type Ctx as Context, reachOf, type Viewer } from './auth.service'
import type { UserService } from './user.service'

const shown = (viewer: Viewer): ViewerType => {
  const rights = [...viewer.rights.keys()]
  return {
    id: viewer.id,
    name: viewer.name,
    roles: [...viewer.roles],
    rights,
    rightsForAll: rights.filter((right) => reachOf(viewer, right) === 'ALL'),
    ownerId: viewer.ownerId,
  }
}

/** What everybody does for himself. */
@Resolver()
export class AuthResolver {
  constructor(
    private readonly auth: AuthService,
    private readonly users: UserService,
  ) {}

  @Query(() => ViewerType, { nullable: true, description: 'Who is signed in; null without a session.' })
  viewer(@Ctx() { viewer }: Context): ViewerType | null {
    return viewer ? shown(viewer) : null
  }

  @Mutation(() => SignInPayload, {
    description: 'Sets the session cookie. The only operation, with Query.viewer, that needs no session.',
  })
  signIn(
    @Arg('name', () => String) name: string,
    @Arg('password', () => String) password: string,
    @Ctx() context: Context,
  ): Promise<SignInPayload> {
    return payload<Omit<SignInPayload, 'userErrors'>>({ viewer: null }, async () => {
      const { viewer, secret } = await this.auth.signIn(name, password, context.ip)
      context.setSessionCookie(secret)
      return { viewer: shown(viewer) }
    })
  }

  @Mutation(() => Boolean)
  async signOut(@Ctx() context: Context): Promise<boolean> {
    const ended = await this.auth.signOut(context.viewer)
    context.setSessionCookie(null)
    return ended
  }

  @Mutation(() => ChangeOwnPasswordPayload, {
    description:
      'For whoever is signed in. The other sessions of the same user end; wrong passwords count as at signing in.',
  })
  changeOwnPassword(
    @Arg('current', () => String) current: string,
    @Arg('next', () => String, { description: '12 to 1,000 characters.' }) next: string,
    @Ctx() { viewer }: Context,
  ): Promise<ChangeOwnPasswordPayload> {
    return payload<Omit<ChangeOwnPasswordPayload, 'userErrors'>>({ viewer: null }, async () => ({
      viewer: shown(await this.users.changeOwnPassword(viewer, current, next)),
    }))
  }
}
