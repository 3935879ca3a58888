/** Who did something. */
export interface Actor {
  id: string
  name: string
  /** The address the request came from; null for the command line. */
  ip: string | null
}

/** What the audit log knows by name. */
export type AuditSubject =
  | 'MAILBOX'
  | 'OWNER'
  | 'PROFILE'
  | 'SETTINGS'
  | 'ALERT'
  | 'TEST_RUN'
  | 'USER'
  | 'API_TOKEN'
  | 'SESSION'

/** Columns and values; of a secret only `changed`. Dates as ISO 8601 texts. */
export type AuditState = Readonly<Record<string, string | number | boolean | null | readonly string[]>>

/** The same change of any number of subjects. */
export interface AuditChange {
  subjectIds: readonly string[]
  /** Null: they were not there before. */
  before: AuditState | null
  /** Null: they are there no more. Names the same columns as `before`, those that differ. */
  after: AuditState | null
}

/** One command, as the audit log keeps it. */
export interface AuditRecord {
  /** Null: the service itself, by a schedule. */
  actor: Actor | null
  /** The mutation's name; of the command line `cli NAME`. */
  action: string
  subject: AuditSubject
  changes: readonly AuditChange[]
  /** What the command was told beside that: a selection, a reason. Never a secret. */
  details?: Readonly<Record<string, unknown>>
}
