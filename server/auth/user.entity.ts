import { DateTimeISOResolver } from 'graphql-scalars'
import { Field, ID, ObjectType, registerEnumType } from 'type-graphql'
import { Column, Entity, Index, PrimaryColumn } from 'typeorm'
import { Role } from './rights'

registerEnumType(Role, {
  name: 'Role',
  description:
    'What a person may do. MAILBOX_APPROVER: within the domains it was given. MAILBOX_USER: with the mailbox of the owner it stands for. INTEGRATION is what an API token acts as and is given to nobody.',
})

/** Not an Owner: owners have mailboxes, users administer them. */
@ObjectType({ description: 'A person who signs in.' })
@Entity('users')
export class User {
  @Field(() => ID)
  @PrimaryColumn({ type: 'varchar', length: 36 })
  id!: string

  @Field(() => String)
  @Column({ type: 'varchar', length: 200 })
  name!: string

  /** The name in lower case and in its compatibility form (NFKC): sign-in names differ by more than case and typography. */
  @Index('users_name', { unique: true })
  @Column({ type: 'varchar', length: 200 })
  nameKey!: string

  @Column({ type: 'varchar', length: 200, select: false })
  passwordHash!: string

  @Field(() => [Role])
  @Column({ type: 'simple-json' })
  roles!: Role[]

  /** Null stands for none. */
  @Column({ type: 'simple-json', nullable: true })
  domains!: string[] | null

  @Field(() => ID, { nullable: true, description: 'The owner that a MAILBOX_USER stands for.' })
  @Column({ type: 'varchar', length: 36, nullable: true })
  ownerId!: string | null

  @Column({ type: 'datetime', precision: 3, nullable: true })
  deactivatedAt!: Date | null

  @Field(() => DateTimeISOResolver)
  @Column({ type: 'datetime', precision: 3 })
  createdAt!: Date

  @Field(() => [String], {
    name: 'domains',
    description: 'Address domains of a MAILBOX_APPROVER, in lower case, international ones as A-labels (RFC 5890).',
  })
  get domainList(): string[] {
    return this.domains ?? []
  }

  @Field(() => Boolean, { description: 'False: cannot sign in.' })
  get active(): boolean {
    return this.deactivatedAt === null
  }
}

@Entity('sessions')
export class Session {
  @PrimaryColumn({ type: 'varchar', length: 36 })
  id!: string

  @Index('sessions_secret', { unique: true })
  @Column({ type: 'varchar', length: 64, select: false })
  secretHash!: string

  @Index('sessions_user')
  @Column({ type: 'varchar', length: 36 })
  userId!: string

  @Column({ type: 'datetime', precision: 3 })
  createdAt!: Date

  @Column({ type: 'datetime', precision: 3 })
  expiresAt!: Date
}

/** Failed sign-ins of one name, from one address or from all; past a number of them the next tries are refused unseen. */
@Entity('sign_in_failures')
export class SignInFailure {
  /** Hash of name and address: the table is no list of who tried. */
  @PrimaryColumn({ type: 'varchar', length: 64 })
  id!: string

  @Column({ type: 'int' })
  failures!: number

  @Column({ type: 'datetime', precision: 3 })
  since!: Date
}
