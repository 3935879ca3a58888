import type { DataverseImport, DataverseStep } from './dataverse-import.service'
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
  if (refused > 0) return 'Nothing was changed, for all is taken or nothing: mend what is refused and run it again'
  return dryRun ? 'Dry run: nothing was changed' : 'Done'
}

const STEP_WORDS = {
  CREATED: 'created',
  UPDATED: 'updated',
  UNCHANGED: 'unchanged',
  KEPT: 'kept as it is here',
} as const

function stepText({ subject, result, changes }: DataverseStep): string {
  const texts = changes.map(({ column, before, after }) => `${column}: ${before} -> ${after}`)
  return `${subject}: ${STEP_WORDS[result]}${texts.length > 0 ? ` (${texts.join(', ')})` : ''}`
}

/** What is done, what has no counterpart, what is refused, and what stays to be done, a line each. */
export function dataverseText(answer: DataverseImport, dryRun: boolean): string[] {
  const { steps, notes, left, refused, credentials } = answer
  const { profiles, mailboxes, consents } = credentials
  const count = (result: DataverseStep['result']) => steps.filter((step) => step.result === result).length
  const counts = `${count('CREATED')} created, ${count('UPDATED')} updated, ${count('UNCHANGED') + count('KEPT')} unchanged`
  const lines = [
    ...steps.map(stepText),
    ...notes.map(({ subject, column, value, instead }) => `${subject}: ${column} ${value}: ${instead}`),
    ...left.map(({ set, columns }) => `${set}: left out, for they concern Dynamics 365 alone: ${columns.join(', ')}`),
    ...refused.map(({ subject, code, message }) => `${subject}: refused ${code}: ${message}`),
    `${counts}, ${refused.length} refused, ${notes.length} without counterpart`,
    `Credentials to be entered here: ${profiles} profiles, ${mailboxes} mailboxes; consents to be given: ${consents} mailboxes`,
    endText(refused.length, dryRun),
  ]
  return lines.map(onOneLine)
}
