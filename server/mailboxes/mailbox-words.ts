import { chunks, pausingChunks } from '../db/chunks'
import type { Tx } from '../db/transaction'

/** As much of a word as is kept and compared. */
const LONGEST = 64
/** Letters with the marks that belong to them, and digits of any script. */
const WORD = /[\p{L}\p{N}][\p{L}\p{N}\p{M}]*/gu

const MAILBOXES_A_PART = 500
const ROWS_A_STATEMENT = 1_000

/** The distinct words of a text: in lower case, composed (NFC), cut to 64 characters. */
export function wordsIn(text: string): string[] {
  const words = text.toLowerCase().normalize('NFC').match(WORD) ?? []
  return [...new Set(words.map((word) => (word.length > LONGEST ? [...word].slice(0, LONGEST).join('') : word)))]
}

/** What a mailbox is found by, beside the domain of its address: that has a column of its own. */
export function wordsOf(nameKey: string, addressKey: string | null): string[] {
  const local = addressKey === null ? '' : addressKey.slice(0, addressKey.lastIndexOf('@'))
  return wordsIn(`${nameKey} ${local}`)
}

/** Puts the words of new mailboxes into the index. */
export async function insertWords(
  tx: Tx,
  mailboxes: readonly { id: string; nameKey: string; addressKey: string | null }[],
): Promise<void> {
  const rows = mailboxes.flatMap(({ id, ...of }) => wordsOf(of.nameKey, of.addressKey).map((word) => [word, id]))
  // in the order of the key: neighbours are written together, and two transactions wait for each other in one order
  rows.sort(([one = ''], [other = '']) => (one < other ? -1 : 1))
  for (const chunk of chunks(rows, ROWS_A_STATEMENT)) {
    const places = chunk.map(() => '(?, ?)').join(', ')
    await tx.em.query(`INSERT INTO mailbox_words (word, mailbox_id) VALUES ${places}`, chunk.flat())
  }
}

/** After a write to names, addresses or deletion, in its transaction: the words of these mailboxes are what they must be. Needs the rows' locks. */
export async function wordsFollow(tx: Tx, ids: readonly string[]): Promise<void> {
  for await (const chunk of pausingChunks(ids, MAILBOXES_A_PART)) {
    const places = chunk.map(() => '?').join(', ')
    const mailboxes = (await tx.em.query(
      `SELECT id, name_key AS nameKey, address_key AS addressKey FROM mailboxes
       WHERE id IN (${places}) AND deleted_at IS NULL`,
      chunk,
    )) as { id: string; nameKey: string; addressKey: string | null }[]
    const kept = (await tx.em.query(
      `SELECT word, mailbox_id AS id FROM mailbox_words WHERE mailbox_id IN (${places})`,
      chunk,
    )) as { word: string; id: string }[]
    const known = new Map<string, Set<string>>()
    for (const { word, id } of kept) known.set(id, (known.get(id) ?? new Set()).add(word))
    const byId = new Map(mailboxes.map((mailbox) => [mailbox.id, mailbox]))
    const wrong = chunk.filter((id) => {
      const mailbox = byId.get(id)
      const words = mailbox ? wordsOf(mailbox.nameKey, mailbox.addressKey) : []
      const has = known.get(id)
      return words.length !== (has?.size ?? 0) || words.some((word) => !has?.has(word))
    })
    if (wrong.length === 0) continue
    const wrongPlaces = wrong.map(() => '?').join(', ')
    await tx.em.query(`DELETE FROM mailbox_words WHERE mailbox_id IN (${wrongPlaces})`, wrong)
    await insertWords(
      tx,
      wrong.flatMap((id) => byId.get(id) ?? []),
    )
  }
}
