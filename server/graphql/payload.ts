import { Field, ObjectType } from 'type-graphql'
import { UserFaults } from '../errors'

@ObjectType({ description: 'Something in the request that the caller has to mend. Nothing was changed.' })
export class UserError {
  @Field(() => String, { description: 'Stable, for programs.' })
  code!: string

  @Field(() => [String], { description: 'Where it is, from the argument down: ["owners", "3", "emailAddress"].' })
  path!: string[]

  @Field(() => String, { description: 'A sentence for people.' })
  message!: string
}

/** Every mutation's answer has its own payload type with this field. */
@ObjectType()
export abstract class Payload {
  @Field(() => [UserError])
  userErrors!: UserError[]
}

/** Runs a use case; the caller's mistakes become userErrors beside the empty answer. */
export async function payload<T extends object>(
  empty: T,
  work: () => Promise<T>,
): Promise<T & { userErrors: UserError[] }> {
  try {
    return { ...(await work()), userErrors: [] }
  } catch (error) {
    if (error instanceof UserFaults) return { ...empty, userErrors: [...error.faults] }
    throw error
  }
}
