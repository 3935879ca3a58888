import { Column, Entity, PrimaryColumn } from 'typeorm'

/** How many mailboxes have this class and these facets; kept by every transaction that writes mailboxes. */
@Entity('mailbox_counts')
export class MailboxCount {
  /** '' for all, p:PROFILE, d:DOMAIN; with nothing behind the colon: those without. */
  @PrimaryColumn({ type: 'varchar', length: 300 })
  scope!: string

  @PrimaryColumn({ type: 'int' })
  viewClass!: number

  @PrimaryColumn({ type: 'int' })
  facets!: number

  @Column({ type: 'int' })
  n!: number
}
