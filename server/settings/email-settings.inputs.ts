import { Field, ID, InputType, Int, ObjectType } from 'type-graphql'
import { Payload } from '../graphql/payload'
import { EmailSettings, IncomingMethod, SyncMethod } from './email-settings.entity'

@InputType({ description: 'What is left out, or null, stays as it is.' })
export class EmailSettingsInput {
  @Field(() => ID, { nullable: true, description: 'Null: new mailboxes get no profile.' })
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

  @Field(() => Boolean, { nullable: true })
  alertErrors?: boolean | null

  @Field(() => Boolean, { nullable: true })
  alertWarnings?: boolean | null

  @Field(() => Boolean, { nullable: true })
  alertInformation?: boolean | null

  @Field(() => Boolean, { nullable: true })
  mailProfileOwner?: boolean | null

  @Field(() => Int, { nullable: true, description: '1 to 99.' })
  failureThresholdPercent?: number | null

  @Field(() => Int, { nullable: true, description: '1 to 10080.' })
  failureWindowMinutes?: number | null
}

@ObjectType()
export class EmailSettingsPayload extends Payload {
  @Field(() => EmailSettings, { nullable: true })
  settings!: EmailSettings | null

  @Field(() => Int, { description: 'Mailboxes whose processing the change of the approval switches starts.' })
  startCount!: number

  @Field(() => Int, { description: 'Mailboxes whose processing it stops.' })
  stopCount!: number
}
