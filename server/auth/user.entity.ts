import { Column, Entity, Index, PrimaryColumn } from 'typeorm'
import type { Role } from './rights'

/** A person who signs in. Not an Owner: owners have mailboxes, users administer them. */
@Entity('users')
export class User {
  @PrimaryColumn({ type: 'varchar', length: 36 })
  id!: string

  @Column({ type: 'varchar', length: 200 })
  name!: string

  /** The name in lower case and in its compatibility form (NFKC): sign-in names differ by more than case and typography. */
  @Index('users_name', { unique: true })
  @Column({ type: 'varchar', length: 200 })
  nameKey!: string

  @Column({ type: 'varchar', length: 200, select: false })
  passwordHash!: string

  @Column({ type: 'simple-json' })
  roles!: Role[]

  @Column({ type: 'datetime', precision: 3 })
  createdAt!: Date
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
