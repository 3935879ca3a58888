import { DateTimeISOResolver } from 'graphql-scalars'
import { Field, ID, ObjectType, registerEnumType } from 'type-graphql'
import { Column, Entity, Index, PrimaryColumn } from 'typeorm'

export enum OwnerKind {
  USER = 'USER',
  QUEUE = 'QUEUE',
}

registerEnumType(OwnerKind, { name: 'OwnerKind' })

@ObjectType({
  description: 'The user or queue that a mailbox belongs to: exactly one mailbox each, made automatically.',
})
@Entity('owners')
@Index('owners_external', ['kind', 'externalId'], { unique: true })
@Index('owners_name', ['nameKey', 'id'])
export class Owner {
  @Field(() => ID)
  @PrimaryColumn({ type: 'varchar', length: 36 })
  id!: string

  @Field(() => OwnerKind)
  @Column({ type: 'varchar', length: 10 })
  kind!: OwnerKind

  @Field(() => String, { nullable: true, description: 'Its id in the system that provisions it.' })
  @Column({ type: 'varchar', length: 200, nullable: true })
  externalId!: string | null

  @Field(() => String)
  @Column({ type: 'varchar', length: 200 })
  name!: string

  /** The name in lower case: sorted and searched by, alike on every database. */
  @Column({ type: 'varchar', length: 200 })
  nameKey!: string

  @Field(() => String, { nullable: true })
  @Column({ type: 'varchar', length: 254, nullable: true })
  emailAddress!: string | null

  /** The address in lower case, by which an owner without externalId is found again. */
  @Index('owners_address')
  @Column({ type: 'varchar', length: 254, nullable: true })
  addressKey!: string | null

  @Field(() => Boolean)
  @Column({ type: 'boolean' })
  active!: boolean

  @Field(() => DateTimeISOResolver, {
    nullable: true,
    description: 'Its mailbox is kept with its history, inactive. Provisioned again, it is the same owner.',
  })
  @Column({ type: 'datetime', precision: 3, nullable: true })
  deletedAt!: Date | null

  @Column({ type: 'datetime', precision: 3 })
  createdAt!: Date

  @Column({ type: 'datetime', precision: 3 })
  updatedAt!: Date
}
