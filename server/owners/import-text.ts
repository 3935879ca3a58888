import type { ImportedRow, OwnersImport } from './owner-import.service'

/** What a file says may hold anything: on a terminal a control character could hide or forge a line. */
export const onOneLine = (text: string): string => text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, ' ')

const WORDS = { CREATED: 'created', UPDATED: 'updated', UNCHANGED: 'unchanged', REFUSED: 'refused' } as const

export function rowText({ line, result, name, code, message }: ImportedRow): string {
  const reason = code ? ` ${code}: ${message}` : message ? ` (${message})` : ''
  return onOneLine(`line ${line}: ${WORDS[result]}${name ? ` ${name}` : ''}${reason}`)
}

export const countsText = (counts: Omit<OwnersImport, 'rows'>): string =>
  `${counts.created} created, ${counts.updated} updated, ${counts.unchanged} unchanged, ${counts.refused} refused`

/** The one line in which a dry run differs from the real one. */
export function endText(refused: number, dryRun: boolean): string {
  if (refused > 0) return 'Nothing was changed, for all rows are taken or none: mend what is refused and run it again'
  return dryRun ? 'Dry run: nothing was changed' : 'Done'
}
