import { ArgsType, Field, ID, Int, ObjectType } from 'type-graphql'
import { connectionOf, PageArgs } from '../graphql/connection'
import { ListChangeKind } from '../graphql/list-change'
import { Payload } from '../graphql/payload'
import { Alert, AlertState } from './alert.entity'

@ObjectType()
export class AlertConnection extends connectionOf(() => Alert, 'Alert') {}

@ObjectType()
export class AlertsPayload extends Payload {
  @Field(() => Int)
  changed!: number

  @Field(() => [Alert])
  alerts!: Alert[]
}

@ObjectType({ description: 'CHANGED carries one alert; when several changed at once the event is RESYNC.' })
export class AlertChange {
  @Field(() => ListChangeKind)
  kind!: ListChangeKind

  @Field(() => Alert, { nullable: true })
  alert!: Alert | null
}

@ArgsType()
export class AlertListArgs extends PageArgs {
  @Field(() => ID, { nullable: true })
  mailboxId?: string | null

  @Field(() => ID, { nullable: true })
  profileId?: string | null

  @Field(() => AlertState, { nullable: true })
  state?: AlertState | null
}
