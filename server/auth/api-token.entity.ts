import { DateTimeISOResolver } from 'graphql-scalars'
import { Field, ID, ObjectType } from 'type-graphql'
import { Column, Entity, Index, PrimaryColumn } from 'typeorm'

@ObjectType({ description: 'Lets a program act with the rights of its scopes: read, approve, test, write, provision.' })
@Entity('api_tokens')
export class ApiToken {
  @Field(() => ID)
  @PrimaryColumn({ type: 'varchar', length: 36 })
  id!: string

  @Field(() => String)
  @Column({ type: 'varchar', length: 200 })
  name!: string

  @Field(() => [String])
  @Column({ type: 'simple-json' })
  scopes!: string[]

  @Index('api_tokens_secret', { unique: true })
  @Column({ type: 'varchar', length: 64, select: false })
  secretHash!: string

  @Field(() => DateTimeISOResolver)
  @Column({ type: 'datetime', precision: 3 })
  createdAt!: Date

  @Field(() => DateTimeISOResolver, { nullable: true })
  @Column({ type: 'datetime', precision: 3, nullable: true })
  expiresAt!: Date | null

  @Field(() => DateTimeISOResolver, { nullable: true, description: 'To the minute.' })
  @Column({ type: 'datetime', precision: 3, nullable: true })
  lastUsedAt!: Date | null

  @Field(() => DateTimeISOResolver, { nullable: true, description: 'From then on it opens nothing.' })
  @Column({ type: 'datetime', precision: 3, nullable: true })
  revokedAt!: Date | null

  @Field(() => String, { nullable: true, description: 'The name of who made it.' })
  @Column({ type: 'varchar', length: 200, nullable: true })
  createdBy!: string | null
}
