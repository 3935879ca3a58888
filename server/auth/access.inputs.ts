import { DateTimeISOResolver } from 'graphql-scalars'
import { Field, ID, InputType, Int, ObjectType } from 'type-graphql'
import { connectionOf } from '../graphql/connection'
import { Payload } from '../graphql/payload'
import { ApiToken } from './api-token.entity'
import { ViewerType } from './auth.inputs'
import { Role } from './rights'
import { User } from './user.entity'

@InputType()
export class ApiTokenInput {
  @Field(() => String)
  name!: string

  @Field(() => [String], { description: 'Of: read, approve, test, write, provision.' })
  scopes!: string[]

  @Field(() => DateTimeISOResolver, { nullable: true })
  expiresAt?: Date | null
}

@ObjectType()
export class ApiTokenPayload extends Payload {
  @Field(() => ApiToken, { nullable: true })
  token!: ApiToken | null

  @Field(() => String, { nullable: true, description: 'Shown once, here; send it as Authorization: Bearer.' })
  secret!: string | null
}

@ObjectType()
export class ApiTokenConnection extends connectionOf(() => ApiToken, 'ApiToken') {}

@InputType()
export class CreateUserInput {
  @Field(() => String, { description: 'For signing in; names that differ by case or typography only are one.' })
  name!: string

  @Field(() => String, { description: '12 to 1,000 characters.' })
  password!: string

  @Field(() => [Role])
  roles!: Role[]

  @Field(() => [String], { nullable: true, description: 'Address domains; a MAILBOX_APPROVER needs one.' })
  domains?: string[] | null

  @Field(() => ID, { nullable: true, description: 'The owner that a MAILBOX_USER stands for.' })
  ownerId?: string | null
}

@InputType({ description: 'What is left out stays as it is.' })
export class UpdateUserInput {
  @Field(() => String, { nullable: true })
  name?: string | null

  @Field(() => [Role], { nullable: true })
  roles?: Role[] | null

  @Field(() => [String], { nullable: true, description: 'All of them, in place of those there are.' })
  domains?: string[] | null

  @Field(() => ID, { nullable: true, description: 'Null takes the owner away.' })
  ownerId?: string | null

  @Field(() => Boolean, { nullable: true, description: 'False ends every session; the user cannot sign in any more.' })
  active?: boolean | null
}

@ObjectType()
export class UserPayload extends Payload {
  @Field(() => User, { nullable: true })
  user!: User | null
}

@ObjectType()
export class UserConnection extends connectionOf(() => User, 'User') {}

@ObjectType()
export class ChangeOwnPasswordPayload extends Payload {
  @Field(() => ViewerType, { nullable: true })
  viewer!: ViewerType | null
}

@ObjectType()
export class EndSessionsPayload extends Payload {
  @Field(() => Int, { description: 'How many there were.' })
  ended!: number
}
