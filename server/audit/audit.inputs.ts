import { DateTimeISOResolver } from 'graphql-scalars'
import { ArgsType, Field, ID, InputType, Int, ObjectType } from 'type-graphql'
import { connectionOf, PageArgs } from '../graphql/connection'
import { AuditEntry, AuditSubjectType } from './audit.entity'

@InputType({ description: 'All of what is given holds.' })
export class AuditFilter {
  @Field(() => ID, { nullable: true, description: 'Id of the user or API token.' })
  actorId?: string | null

  @Field(() => String, { nullable: true, description: "Contained in the actor's name, whatever its case." })
  actor?: string | null

  @Field(() => String, { nullable: true, description: 'The name of a mutation, or "cli COMMAND".' })
  action?: string | null

  @Field(() => AuditSubjectType, { nullable: true })
  subjectType?: AuditSubjectType | null

  @Field(() => ID, { nullable: true, description: 'Entries that changed this mailbox, owner, profile ...' })
  subjectId?: string | null

  @Field(() => DateTimeISOResolver, { nullable: true })
  from?: Date | null

  @Field(() => DateTimeISOResolver, { nullable: true, description: 'Before, not at, this moment.' })
  to?: Date | null
}

@ArgsType()
export class AuditLogArgs extends PageArgs {
  @Field(() => AuditFilter, { nullable: true })
  filter?: AuditFilter | null
}

@ArgsType()
export class AuditChangeArgs extends PageArgs {
  @Field(() => ID, { nullable: true, description: 'Only the changes of this subject.' })
  subjectId?: string | null
}

@ObjectType({ description: 'A field and what it held.' })
export class AuditValue {
  @Field(() => String, { description: 'Of objects within objects the path: "selection.view".' })
  field!: string

  @Field(() => String, { nullable: true, description: 'Numbers, booleans and lists as JSON; of a secret "changed".' })
  value!: string | null
}

@ObjectType({ description: 'The same change of one or more subjects.' })
export class AuditChange {
  @Field(() => ID)
  id!: string

  @Field(() => Int)
  subjectCount!: number

  @Field(() => [AuditValue], { nullable: true, description: 'Null when the subjects were not there before.' })
  before!: AuditValue[] | null

  @Field(() => [AuditValue], { nullable: true, description: 'Null when the subjects are there no more.' })
  after!: AuditValue[] | null

  /** All of them; the answer has those that it is asked for. */
  allSubjectIds!: string[]
}

@ObjectType()
export class AuditEntryConnection extends connectionOf(() => AuditEntry, 'AuditEntry') {}

@ObjectType()
export class AuditChangeConnection extends connectionOf(() => AuditChange, 'AuditChange') {}
