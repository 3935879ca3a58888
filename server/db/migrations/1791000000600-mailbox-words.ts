import { setImmediate as afterOtherWork } from 'node:timers/promises'
import type { MigrationInterface, QueryRunner } from 'typeorm'
import { byteForByte, id, table, text } from '../columns'

const MAILBOXES_A_PART = 500
const ROWS_A_STATEMENT = 1_000

/** Mailboxes are found by the words of their names and addresses (mailboxes/mailbox-words.ts). */
export class MailboxWords1791000000600 implements MigrationInterface {
  readonly name = 'MailboxWords1791000000600'

  async up(runner: QueryRunner): Promise<void> {
    const words = table('mailbox_words', [text('word', 64, { isPrimary: true }), id('mailbox_id', { isPrimary: true })])
    // the key is the whole row: SQLite would keep it twice
    words.withoutRowid = true
    await runner.createTable(runner.connection.options.type === 'better-sqlite3' ? words : byteForByte(words))
    await fill(runner)
    await runner.query('CREATE INDEX mailbox_words_of_mailbox ON mailbox_words (mailbox_id, word)')
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.dropTable('mailbox_words')
  }
}

interface Row {
  id: string
  nameKey: string
  addressKey: string | null
}

async function fill(runner: QueryRunner): Promise<void> {
  for (let after = ''; ; ) {
    const mailboxes = (await runner.query(
      `SELECT id, name_key AS nameKey, address_key AS addressKey FROM mailboxes
       WHERE id > ? AND deleted_at IS NULL ORDER BY id LIMIT ${MAILBOXES_A_PART}`,
      [after],
    )) as Row[]
    const last = mailboxes.at(-1)
    if (!last) return
    after = last.id
    const rows = mailboxes.flatMap((mailbox) => wordsOf(mailbox).map((word) => [word, mailbox.id]))
    for (let start = 0; start < rows.length; start += ROWS_A_STATEMENT) {
      const part = rows.slice(start, start + ROWS_A_STATEMENT)
      const places = part.map(() => '(?, ?)').join(', ')
      await runner.query(`INSERT INTO mailbox_words (word, mailbox_id) VALUES ${places}`, part.flat())
    }
    await afterOtherWork()
  }
}

/** As the words were made when this was written. */
function wordsOf({ nameKey, addressKey }: Row): string[] {
  const local = addressKey === null ? '' : addressKey.slice(0, addressKey.lastIndexOf('@'))
  const words = `${nameKey} ${local}`
    .toLowerCase()
    .normalize('NFC')
    .match(/[\p{L}\p{N}][\p{L}\p{N}\p{M}]*/gu)
  return [...new Set((words ?? []).map((word) => [...word].slice(0, 64).join('')))]
}
