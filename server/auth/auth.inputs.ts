import { DateTimeISOResolver } from 'graphql-scalars'
import { Field, ID, InputType, ObjectType } from 'type-graphql'
import { Payload } from '../graphql/payload'
import { ApiToken } from './api-token.entity'

@ObjectType('Viewer', { description: 'Who is asking.' })
export class ViewerType {
  @Field(() => ID)
  id!: string

  @Field(() => String)
  name!: string

  @Field(() => [String], { description: 'SYSTEM_ADMINISTRATOR, SERVICE_ADMINISTRATOR, AUDITOR or INTEGRATION.' })
  roles!: string[]

  @Field(() => [String], { description: 'What the roles and scopes allow, for showing commands enabled or not.' })
  rights!: string[]
}

@ObjectType()
export class SignInPayload extends Payload {
  @Field(() => ViewerType, { nullable: true })
  viewer!: ViewerType | null
}

@ObjectType()
export class ApiTokenPayload extends Payload {
  @Field(() => ApiToken, { nullable: true })
  token!: ApiToken | null

  @Field(() => String, { nullable: true, description: 'Shown once, here; send it as Authorization: Bearer.' })
  secret!: string | null
}

@InputType()
export class ApiTokenInput {
  @Field(() => String)
  name!: string

  @Field(() => [String], { description: 'Of: read, approve, test, write, provision.' })
  scopes!: string[]

  @Field(() => DateTimeISOResolver, { nullable: true })
  expiresAt?: Date | null
}
