import { ArgsType, Field, ID, InputType, Int, ObjectType } from 'type-graphql'
import { connectionOf, PageArgs } from '../graphql/connection'
import { upTo } from '../graphql/limits'
import { ListChangeKind } from '../graphql/list-change'
import { Payload } from '../graphql/payload'
import { Alert, AlertSeverity, AlertState } from './alert.entity'

@ObjectType()
export class AlertConnection extends connectionOf(() => Alert, 'Alert') {}

@ObjectType()
export class AlertsPayload extends Payload {
  @Field(() => Int)
  changed!: number

  @Field(() => [Alert], { complexity: upTo(500), description: 'Those that were changed, at most 500 of them.' })
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
  @Field(() => ID, { nullable: true, description: "The wall of a mailbox: its own, and its profile's errors." })
  mailboxId?: string | null

  @Field(() => ID, { nullable: true })
  profileId?: string | null

  @Field(() => AlertState, { nullable: true })
  state?: AlertState | null

  @Field(() => AlertSeverity, { nullable: true })
  severity?: AlertSeverity | null

  @Field(() => String, { nullable: true })
  code?: string | null
}

@InputType({
  description:
    'At least one field. Alerts that match all of them and are open or acknowledged; state OPEN alone is all that is open.',
})
export class AlertFilter {
  @Field(() => ID, { nullable: true, description: "A mailbox's own alerts, not those of its profile." })
  mailboxId?: string | null

  @Field(() => ID, { nullable: true, description: "A profile's own alerts, not those of its mailboxes." })
  profileId?: string | null

  @Field(() => AlertState, { nullable: true })
  state?: AlertState | null

  @Field(() => AlertSeverity, { nullable: true })
  severity?: AlertSeverity | null

  @Field(() => String, { nullable: true })
  code?: string | null
}
