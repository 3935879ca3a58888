export type Cell = string | number | boolean | Date | null

/** Excel takes a file without it for one of the local code page. */
export const BYTE_ORDER_MARK = '\ufeff'

/** A spreadsheet takes a cell that begins so for a formula (OWASP, "CSV Injection"); the wide forms are those of Japanese input. */
const FORMULA = /^[=+\-@\t\r\n＝＋－＠]/
const NEEDS_QUOTES = /[",\r\n]/

/**
 * One line of a CSV file (RFC 4180): quoted where it must be, ended by CR LF. A text that a spreadsheet would take for a
 * formula gets an apostrophe in front, which spreadsheets show as text. Times are ISO 8601 in UTC, null is an empty cell.
 */
export function csvRow(cells: readonly Cell[]): string {
  return `${cells.map(cellText).join(',')}\r\n`
}

function cellText(cell: Cell): string {
  if (cell === null) return ''
  if (cell instanceof Date) return cell.toISOString()
  if (typeof cell !== 'string') return String(cell)
  const isFormula = FORMULA.test(cell)
  const text = isFormula ? `'${cell}` : cell
  return isFormula || NEEDS_QUOTES.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
