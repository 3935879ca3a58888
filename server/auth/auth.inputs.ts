import { Field, ID, ObjectType } from 'type-graphql'
import { Payload } from '../graphql/payload'

@ObjectType('Viewer', { description: 'Who is asking.' })
export class ViewerType {
  @Field(() => ID)
  id!: string

  @Field(() => String)
  name!: string

  @Field(() => [String], {
    description:
      'SYSTEM_ADMINISTRATOR, SERVICE_ADMINISTRATOR, MAILBOX_APPROVER, MAILBOX_USER or AUDITOR; INTEGRATION is an API token.',
  })
  roles!: string[]

  @Field(() => [String], { description: 'What the roles and scopes allow, for showing commands enabled or not.' })
  rights!: string[]

  @Field(() => [String], {
    description: 'Those of the rights that extend to every mailbox; the others to some domains or to the own mailbox.',
  })
  rightsForAll!: string[]

  @Field(() => ID, { nullable: true, description: 'The owner it stands for: whose mailbox is "my mailbox".' })
  ownerId!: string | null
}

@ObjectType()
export class SignInPayload extends Payload {
  @Field(() => ViewerType, { nullable: true })
  viewer!: ViewerType | null
}
