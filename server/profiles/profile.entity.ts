import { Field, ID, Int, ObjectType, registerEnumType } from 'type-graphql'
import { Column, Entity, Index, PrimaryColumn } from 'typeorm'
import { ConnectionSecurity } from '../mail/probe'

export enum ProfileType {
  IMAP_SMTP = 'IMAP_SMTP',
  POP3_SMTP = 'POP3_SMTP',
  EXCHANGE_ONLINE = 'EXCHANGE_ONLINE',
  GMAIL = 'GMAIL',
}

/**
 * Types whose servers are spoken to. Profiles of the others can be stored, imported and chosen; their mailboxes wait and show it as
 * the blocker PROFILE_TYPE_NOT_SUPPORTED.
 */
export const SPOKEN_TYPES: ReadonlySet<ProfileType> = new Set([ProfileType.IMAP_SMTP])

/** Whether a profile is at work: it is active, and its servers are spoken to. */
export const isAtWork = ({ active, type }: Pick<EmailServerProfile, 'active' | 'type'>): boolean =>
  active && SPOKEN_TYPES.has(type)

/** Whether a profile has a way to appointments, contacts and tasks (product rule 2.1). */
export const hasWayToAct = ({ type, davUrl }: Pick<EmailServerProfile, 'type' | 'davUrl'>): boolean =>
  davUrl !== null || type === ProfileType.EXCHANGE_ONLINE

/** Whose name and password the server is shown. */
export enum CredentialSource {
  MAILBOX = 'MAILBOX',
  PROFILE = 'PROFILE',
  OAUTH_CLIENT_CREDENTIALS = 'OAUTH_CLIENT_CREDENTIALS',
  OAUTH_MAILBOX_CONSENT = 'OAUTH_MAILBOX_CONSENT',
}

registerEnumType(ProfileType, { name: 'ProfileType' })
registerEnumType(CredentialSource, {
  name: 'CredentialSource',
  description: 'Whose name and password the server is shown.',
})
registerEnumType(ConnectionSecurity, { name: 'ConnectionSecurity' })

@ObjectType()
export class ServerEndpoint {
  @Field(() => String)
  host!: string

  @Field(() => Int)
  port!: number

  @Field(() => ConnectionSecurity)
  security!: ConnectionSecurity
}

@ObjectType({ description: 'How to reach a mail system. Many mailboxes share one.' })
@Entity('email_server_profiles')
export class EmailServerProfile {
  @Field(() => ID)
  @PrimaryColumn({ type: 'varchar', length: 36 })
  id!: string

  @Field(() => String)
  @Column({ type: 'varchar', length: 200 })
  name!: string

  @Index('email_server_profiles_name', { unique: true })
  @Column({ type: 'varchar', length: 200 })
  nameKey!: string

  @Field(() => ProfileType)
  @Column({ type: 'varchar', length: 30 })
  type!: ProfileType

  @Field(() => Boolean)
  @Column({ type: 'boolean' })
  active!: boolean

  @Column({ type: 'varchar', length: 255, nullable: true })
  incomingHost!: string | null

  @Column({ type: 'int', nullable: true })
  incomingPort!: number | null

  @Column({ type: 'varchar', length: 10, nullable: true })
  incomingSecurity!: ConnectionSecurity | null

  @Column({ type: 'varchar', length: 255, nullable: true })
  outgoingHost!: string | null

  @Column({ type: 'int', nullable: true })
  outgoingPort!: number | null

  @Column({ type: 'varchar', length: 10, nullable: true })
  outgoingSecurity!: ConnectionSecurity | null

  @Field(() => String, { nullable: true })
  @Column({ type: 'varchar', length: 1000, nullable: true })
  davUrl!: string | null

  @Field(() => CredentialSource)
  @Column({ type: 'varchar', length: 30 })
  credentialSource!: CredentialSource

  @Field(() => String, { nullable: true, description: "PEM certificates trusted beside the system's own." })
  @Column({ type: 'text', nullable: true })
  trustedCertificates!: string | null

  @Field(() => Boolean, {
    description: 'False: any certificate is taken, so anybody on the way can read the passwords.',
  })
  @Column({ type: 'boolean' })
  verifyCertificates!: boolean

  @Column({ type: 'varchar', length: 320, nullable: true })
  username!: string | null

  @Column({ type: 'text', nullable: true, select: false })
  passwordSealed!: string | null

  @Field(() => Int, { description: 'Connections to each of its servers at one time, over all nodes: 1 to 300.' })
  @Column({ type: 'int' })
  maxConcurrentConnections!: number

  /** The Owner who is told of its alerts. */
  @Column({ type: 'varchar', length: 36, nullable: true })
  ownerId!: string | null

  @Column({ type: 'datetime', precision: 3 })
  createdAt!: Date

  @Column({ type: 'datetime', precision: 3 })
  updatedAt!: Date

  @Field(() => ServerEndpoint, { nullable: true })
  get incoming(): ServerEndpoint | null {
    return endpoint(this.incomingHost, this.incomingPort, this.incomingSecurity)
  }

  @Field(() => ServerEndpoint, { nullable: true })
  get outgoing(): ServerEndpoint | null {
    return endpoint(this.outgoingHost, this.outgoingPort, this.outgoingSecurity)
  }
}

function endpoint(
  host: string | null,
  port: number | null,
  security: ConnectionSecurity | null,
): ServerEndpoint | null {
  return host !== null && port !== null && security !== null ? { host, port, security } : null
}
