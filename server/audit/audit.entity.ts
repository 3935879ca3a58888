import { DateTimeISOResolver } from 'graphql-scalars'
import { Field, ID, Int, ObjectType, registerEnumType } from 'type-graphql'
import { Column, Entity, Index, PrimaryColumn } from 'typeorm'

/** What an entry is about (db/audit-record.ts). */
export enum AuditSubjectType {
  MAILBOX = 'MAILBOX',
  OWNER = 'OWNER',
  PROFILE = 'PROFILE',
  SETTINGS = 'SETTINGS',
  ALERT = 'ALERT',
  TEST_RUN = 'TEST_RUN',
  USER = 'USER',
  API_TOKEN = 'API_TOKEN',
  SESSION = 'SESSION',
}

registerEnumType(AuditSubjectType, { name: 'AuditSubjectType' })

@ObjectType({ description: 'One command: who did it, when, from where, and to how many.' })
@Entity('audit_entries')
@Index('audit_entries_actor', ['actorId', 'id'])
@Index('audit_entries_actor_name', ['actorName', 'id'])
@Index('audit_entries_action', ['action', 'id'])
@Index('audit_entries_subject', ['subjectType', 'id'])
export class AuditEntry {
  @Field(() => ID)
  @PrimaryColumn({ type: 'varchar', length: 36 })
  id!: string

  /** The same moment as in the id: a range of times is a range of ids. */
  @Field(() => DateTimeISOResolver)
  @Column({ type: 'datetime', precision: 3 })
  at!: Date

  @Field(() => String, { description: 'The mutation, "cli COMMAND" of the command line, or the schedule.' })
  @Column({ type: 'varchar', length: 60 })
  action!: string

  @Field(() => String, { nullable: true, description: 'Id of the user or API token; null for the service itself.' })
  @Column({ type: 'varchar', length: 36, nullable: true })
  actorId!: string | null

  @Field(() => String, { description: 'Its name at that time.' })
  @Column({ type: 'varchar', length: 200 })
  actorName!: string

  @Field(() => String, { nullable: true, description: 'The IP address the request came from.' })
  @Column({ type: 'varchar', length: 45, nullable: true })
  actorAddress!: string | null

  @Field(() => AuditSubjectType)
  @Column({ type: 'varchar', length: 20 })
  subjectType!: AuditSubjectType

  @Field(() => Int, { description: 'How many mailboxes, owners, profiles ... it changed.' })
  @Column({ type: 'int' })
  subjectCount!: number

  /** What the command was told, as JSON (audit-text.ts). */
  @Column({ type: 'text', nullable: true })
  details!: string | null
}

/** The same change of up to 1,000 subjects. */
@Entity('audit_changes')
@Index('audit_changes_entry', ['entryId', 'id'])
export class AuditChangeRow {
  @PrimaryColumn({ type: 'varchar', length: 36 })
  id!: string

  @Column({ type: 'varchar', length: 36 })
  entryId!: string

  /** JSON: at most 1,000 ids; of more than a few in their order. */
  @Column({ type: 'text' })
  subjectIds!: string

  /** JSON, as the next; null as in AuditChange. */
  @Column({ type: 'text', nullable: true })
  before!: string | null

  @Column({ type: 'text', nullable: true })
  after!: string | null
}

/** Finds the entries of one subject, of changes of few subjects. */
@Entity('audit_subjects')
export class AuditSubjectRow {
  @PrimaryColumn({ type: 'varchar', length: 36 })
  subjectId!: string

  @PrimaryColumn({ type: 'varchar', length: 36 })
  entryId!: string
}

/** Where the subject may be, of changes of many: a row for each would cost more than the change itself. */
@Entity('audit_ranges')
export class AuditRangeRow {
  /** The least of the change's subject ids. */
  @PrimaryColumn({ type: 'varchar', length: 36 })
  firstId!: string

  /** The greatest. */
  @PrimaryColumn({ type: 'varchar', length: 36 })
  lastId!: string

  @PrimaryColumn({ type: 'varchar', length: 36 })
  changeId!: string
}
