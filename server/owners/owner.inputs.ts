import { Field, InputType, ObjectType } from 'type-graphql'
import { Payload } from '../graphql/payload'
import { Owner, OwnerKind } from './owner.entity'

@InputType()
export class OwnerInput {
  @Field(() => OwnerKind)
  kind!: OwnerKind

  @Field(() => String, {
    nullable: true,
    description: 'Its id in your system, by which it is found again; without it the address is.',
  })
  externalId?: string | null

  @Field(() => String)
  name!: string

  @Field(() => String, { nullable: true })
  emailAddress?: string | null
}

@ObjectType()
export class OwnersPayload extends Payload {
  @Field(() => [Owner], { description: 'In the order of the input.' })
  owners!: Owner[]
}
