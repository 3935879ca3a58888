import { isSecret, UNMAPPED, WORKING_STATE } from './dataverse-columns'
import { type DataverseRecord, type EntitySet, guidOf, ID_COLUMNS } from './dataverse-file'

/** Something of a record that has no counterpart, and what is done instead. */
export interface DataverseNote {
  /** The record by kind, name and id. */
  subject: string
  column: string
  value: string
  instead: string
}

const KIND_NAMES: Record<EntitySet, string> = {
  ...{ emailserverprofiles: 'profile', systemusers: 'user' },
  ...{ queues: 'queue', mailboxes: 'mailbox' },
}

/** One record while it is read: what was asked for is mapped, the rest is accounted for at the end. */
export class Row {
  private readonly read = new Set<string>()
  private readonly misreadColumns = new Set<string>()
  readonly subject: string

  constructor(
    readonly set: EntitySet,
    readonly record: DataverseRecord,
    private readonly notes: DataverseNote[],
  ) {
    const name = text(record[set === 'systemusers' ? 'fullname' : 'name'])
    this.subject = `${KIND_NAMES[set]} ${name ? `${JSON.stringify(name)} ` : ''}(${this.guid})`
  }

  get guid(): string {
    return this.id(ID_COLUMNS[this.set]) ?? ''
  }

  value(column: string): unknown {
    this.read.add(column)
    return this.record[column] ?? null
  }

  text(column: string): string | null {
    const value = this.value(column)
    if (value !== null && typeof value !== 'string') this.misread(column, 'this is no text: it is left empty')
    return text(value)
  }

  /** `otherwise` stands for what is neither true nor false, and `taken` says so. */
  flag(column: string, otherwise = false, taken = String(otherwise)): boolean {
    const value = this.value(column)
    if (value === null || typeof value === 'boolean') return value === true
    this.misread(column, `this is neither true nor false: ${taken} is taken`)
    return otherwise
  }

  id = (column: string): string | null => guidOf(this.value(column)) ?? null

  /** A name that may be missing; then it is said what stands for it. */
  name(column: string, ...others: (string | null)[]): string {
    const name = text(this.value(column))
    const found = name ?? others.find((other) => other !== null) ?? this.guid
    if (name === null) this.misread(column, `there is no name: ${found} is taken`)
    return found
  }

  /** The name that stands beside an option or a lookup, when annotations were asked for. */
  label(column: string): string | null {
    return text(this.record[`${column}@OData.Community.Display.V1.FormattedValue`])
  }

  /** Which table a lookup points to. */
  target(column: string): string | null {
    return text(this.record[`${column}@Microsoft.Dynamics.CRM.lookuplogicalname`])
  }

  note(column: string, instead: string): void {
    const value = isSecret(column) ? 'hidden' : (this.label(column) ?? JSON.stringify(this.record[column] ?? null))
    this.notes.push({ subject: this.subject, column, value: value.slice(0, 200), instead })
  }

  /** A column may be asked for more than once; what is wrong with it is told once. */
  private misread(column: string, instead: string): void {
    if (!this.misreadColumns.has(column)) this.note(column, instead)
    this.misreadColumns.add(column)
  }

  /**
   * An option's counterpart; of those that have none, and of unknown ones, it is said what stands instead. `taken` names what
   * stands for an unknown one; `missing` is for a column that says nothing.
   */
  option<T>(
    column: string,
    options: Readonly<Record<number, T | { is: T; instead: string }>>,
    unknown: { is: T; taken: string },
    missing: T = unknown.is,
  ): T {
    const value = this.value(column)
    if (value === null) return missing
    const isNumber = typeof value === 'number' || (typeof value === 'string' && /^\d+$/.test(value))
    const found = isNumber ? options[Number(value)] : undefined
    if (found === undefined) {
      this.misread(column, `there is no such option: ${unknown.taken} is taken`)
      return unknown.is
    }
    if (typeof found !== 'object' || found === null || !('instead' in found)) return found as T
    this.note(column, found.instead)
    return found.is
  }

  /** Accounts for the columns nobody asked for. Answers those that are left out for all records alike. */
  account(): string[] {
    const left: string[] = []
    for (const [column, value] of Object.entries(this.record)) {
      if (column.includes('@') || this.read.has(column) || value === null || value === '') continue
      const known = UNMAPPED[this.set][column]
      if (known) {
        if (!known.defaults.includes(value)) this.note(column, known.instead)
      } else if (isSecret(column)) this.note(column, 'secrets are not read from files: enter it here')
      else if (WORKING_STATE[this.set].has(column) || this.set === 'systemusers' || this.set === 'queues') {
        left.push(column)
      } else this.note(column, 'not known here, and not taken over')
    }
    return left
  }
}

const text = (value: unknown): string | null => (typeof value === 'string' && value.trim() !== '' ? value.trim() : null)

export const isActive = (row: Row): boolean =>
  row.option('statecode', { 0: true, 1: false }, { is: false, taken: 'the state inactive' }, true)
