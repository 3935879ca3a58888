import { Arg, Ctx, ID, Mutation, Query, Resolver } from 'type-graphql'
import { payload } from '../graphql/payload'
import { ApiTokenInput, ApiTokenPayload, SignInPayload, ViewerType } from './auth.inputs'
import type { AuthService, Ctx as Context, Viewer } from './auth.service'

const shown = (viewer: Viewer): ViewerType => ({
  id: viewer.id,
  name: viewer.name,
  roles: [...viewer.roles],
  rights: [...viewer.rights.keys()],
})

@Resolver()
export class AuthResolver {
  constructor(private readonly auth: AuthService) {}

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

  @Mutation(() => ApiTokenPayload)
  createApiToken(
    @Arg('input', () => ApiTokenInput) input: ApiTokenInput,
    @Ctx() { viewer }: Context,
  ): Promise<ApiTokenPayload> {
    return payload<Omit<ApiTokenPayload, 'userErrors'>>({ token: null, secret: null }, () =>
      this.auth.createApiToken(viewer, input),
    )
  }

  @Mutation(() => ApiTokenPayload)
  revokeApiToken(@Arg('id', () => ID) id: string, @Ctx() { viewer }: Context): Promise<ApiTokenPayload> {
    return payload<Omit<ApiTokenPayload, 'userErrors'>>({ token: null, secret: null }, async () => ({
      token: await this.auth.revokeApiToken(viewer, id),
      secret: null,
    }))
  }
}
