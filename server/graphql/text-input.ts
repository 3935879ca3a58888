import type { FaultList } from '../errors'

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/
/** Half of a character: no database keeps it as it is. */
const ILL_FORMED = /\p{Surrogate}/u
/** They turn around what is shown after them, so that a name reads as another one. */
const DIRECTION = /[\u202a-\u202e\u2066-\u2069]/

/**
 * A single line of text as a person types it: trimmed, without control characters (they must never reach a mail protocol,
 * a log or a header) and embedded marks of the writing direction, well-formed, at most `max` characters, in lower case too ("İ" becomes two), for so it may be stored. Adds a fault and answers '' when it is not.
 */
export function oneLine(
  faults: FaultList,
  path: readonly (string | number)[],
  value: string,
  options: { max: number; required?: boolean },
): string {
  const text = value.trim()
  if (CONTROL.test(value)) faults.add('CONTROL_CHARACTER', path, 'Control characters and line breaks are not allowed')
  else if (ILL_FORMED.test(value)) faults.add('INVALID_TEXT', path, 'This is no well-formed Unicode text')
  else if (DIRECTION.test(value))
    faults.add('CONTROL_CHARACTER', path, 'Marks of the writing direction are not allowed')
  else if (Math.max(text.length, text.toLowerCase().length) > options.max)
    faults.add('TOO_LONG', path, `At most ${options.max} characters are allowed`)
  else if (text.length === 0 && options.required !== false) faults.add('REQUIRED', path, 'This may not be empty')
  else return text
  return ''
}

/** CR, LF and NUL would end a protocol line; everything else a server may ask for. */
export function checkPassword(faults: FaultList, path: readonly string[], password: string): void {
  if (/[\r\n\0]/.test(password)) faults.add('CONTROL_CHARACTER', path, 'A password has no line breaks')
  if (password.length > 1_000) faults.add('TOO_LONG', path, 'At most 1000 characters are allowed')
}
