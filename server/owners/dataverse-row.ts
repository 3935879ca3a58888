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

  text = (column: string): string | null => text(this.value(column))
  flag = (column: string): boolean => this.value(column) === true
  id = (column: string): string | null => guidOf(this.value(column)) ?? null

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

  /** An option's counterpart; of those that have none, and of unknown ones, it is said what stands instead. */
  option<T>(column: string, options: Readonly<Record<number, T | { is: T; instead: string }>>, otherwise: T): T {
    const value = this.value(column)
    if (value === null) return otherwise
    const found = options[Number(value)]
    if (found === undefined) {
      this.note(column, `there is no such option: ${otherwise} is taken`)
      return otherwise
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

export const isActive = (row: Row): boolean => row.option('statecode', { 0: true, 1: false }, true)
