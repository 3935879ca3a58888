import { Field, ID, InputType, ObjectType } from 'type-graphql'
import { Payload } from '../graphql/payload'
import { EmailSettings, IncomingMethod, SyncMethod } from './email-settings.entity'

@InputType({ description: 'What is left out stays as it is.' })
export class EmailSettingsInput {
  @Field(() => ID, { nullable: true })
  defaultProfileId?: string | null

  @Field(() => IncomingMethod, { nullable: true })
  defaultIncomingMethod?: IncomingMethod | null

  @Field(() => SyncMethod, { nullable: true })
  defaultOutgoingMethod?: SyncMethod | null

  @Field(() => SyncMethod, { nullable: true })
  defaultActMethod?: SyncMethod | null

  @Field(() => Boolean, { nullable: true })
  processOnlyApprovedUsers?: boolean | null

  @Field(() => Boolean, { nullable: true })
  processOnlyApprovedQueues?: boolean | null

  @Field(() => Boolean, { nullable: true })
  notifyMailboxOwner?: boolean | null
}

@ObjectType()
export class EmailSettingsPayload extends Payload {
  @Field(() => EmailSettings, { nullable: true })
  settings!: EmailSettings | null
}
