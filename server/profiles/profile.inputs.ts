import { Field, ID, InputType, Int, ObjectType } from 'type-graphql'
import { connectionOf } from '../graphql/connection'
import { Payload } from '../graphql/payload'
import { ConnectionSecurity } from '../mail/probe'
import { CredentialSource, EmailServerProfile, ProfileType } from './profile.entity'

@InputType()
export class ServerEndpointInput {
  @Field(() => String, { description: 'A host name or an IP address, without scheme and port.' })
  host!: string

  @Field(() => Int)
  port!: number

  @Field(() => ConnectionSecurity)
  security!: ConnectionSecurity
}

@InputType({ description: 'When updating, what is left out stays as it is.' })
export class EmailServerProfileInput {
  @Field(() => String)
  name!: string

  @Field(() => ProfileType)
  type!: ProfileType

  @Field(() => ServerEndpointInput, {
    nullable: true,
    description: 'EXCHANGE_ONLINE and GMAIL need none; the others need an incoming or an outgoing server.',
  })
  incoming?: ServerEndpointInput | null

  @Field(() => ServerEndpointInput, { nullable: true })
  outgoing?: ServerEndpointInput | null

  @Field(() => String, { nullable: true })
  davUrl?: string | null

  @Field(() => CredentialSource, { nullable: true })
  credentialSource?: CredentialSource | null

  @Field(() => String, { nullable: true, description: 'For credentialSource PROFILE.' })
  username?: string | null

  @Field(() => String, {
    nullable: true,
    description: 'For credentialSource PROFILE. Stored encrypted, never answered.',
  })
  password?: string | null

  @Field(() => Int, { nullable: true, description: '1 to 300; 10 when left out at creation.' })
  maxConcurrentConnections?: number | null

  @Field(() => ID, { nullable: true, description: 'The Owner who is told of its alerts; null removes it.' })
  ownerId?: string | null

  @Field(() => Boolean, {
    nullable: true,
    description: 'True makes it the profile of new mailboxes; only an active one can be.',
  })
  isDefault?: boolean | null

  @Field(() => String, { nullable: true, description: "PEM certificates trusted beside the system's own." })
  trustedCertificates?: string | null

  @Field(() => Boolean, { nullable: true })
  verifyCertificates?: boolean | null

  @Field(() => Boolean, {
    nullable: true,
    description: 'An inactive profile blocks its mailboxes; their statuses are kept.',
  })
  active?: boolean | null
}

@ObjectType()
export class EmailServerProfilePayload extends Payload {
  @Field(() => EmailServerProfile, { nullable: true })
  profile!: EmailServerProfile | null
}

@ObjectType()
export class EmailServerProfileConnection extends connectionOf(() => EmailServerProfile, 'EmailServerProfile') {}
