import { Entity, Index, PrimaryColumn } from 'typeorm'

/** A word of a mailbox's name or of its address before the @ (mailbox-words.ts); deleted mailboxes have none. */
@Entity('mailbox_words', { withoutRowid: true })
@Index('mailbox_words_of_mailbox', ['mailboxId', 'word'])
export class MailboxWord {
  @PrimaryColumn({ type: 'varchar', length: 64 })
  word!: string

  @PrimaryColumn({ type: 'varchar', length: 36 })
  mailboxId!: string
}
