import { recount } from '../mailboxes/mailbox-counts'
import type { Anything, Caller, Harness } from './harness'

const BULK = `{
  matched changed refusedCount refused { code message mailbox { name } }
  mailboxes {
    id name active approval approvedBy rejectionReason username hasPassword deleteAfterProcessing
    profile { id } forwardMailbox { id } incomingMethod outgoingMethod actMethod
    incomingEmailStatus outgoingEmailStatus actStatus incomingEnabled outgoingEnabled actEnabled
    incomingChangedSinceTest outgoingChangedSinceTest actChangedSinceTest
  }
  userErrors { code path message }
}`
const ARGUMENTS = '$selection: MailboxSelection!, $dryRun: Boolean'
const TOLD = 'selection: $selection, dryRun: $dryRun'

/** The bulk commands with all that they answer but times. */
export const BULK_COMMANDS = {
  update: `mutation (${ARGUMENTS}, $changes: MailboxChanges!) { bulk: updateMailboxes(${TOLD}, changes: $changes) ${BULK} }`,
  applyDefaults: `mutation (${ARGUMENTS}) { bulk: applyDefaultEmailSettings(${TOLD}) ${BULK} }`,
  approve: `mutation (${ARGUMENTS}) { bulk: approveEmails(${TOLD}) ${BULK} }`,
  reject: `mutation (${ARGUMENTS}, $reason: String) { bulk: rejectEmails(${TOLD}, reason: $reason) ${BULK} }`,
  setActive: `mutation (${ARGUMENTS}, $active: Boolean!, $moveForwardedTo: ID) {
    bulk: setMailboxesActive(${TOLD}, active: $active, moveForwardedTo: $moveForwardedTo) ${BULK} }`,
} as const
export type BulkCommand = keyof typeof BULK_COMMANDS

const PROVISION = `mutation ($owners: [OwnerInput!]!) {
  provisionOwners(owners: $owners) { owners { mailbox { id name } } userErrors { code path message } } }`
const CREATE_FORWARD = `mutation ($input: CreateForwardMailboxInput!) {
  createForwardMailbox(input: $input) { mailbox { id } userErrors { code path message } } }`
const CREATE_PROFILE = `mutation ($input: EmailServerProfileInput!) {
  createEmailServerProfile(input: $input) { profile { id } userErrors { code path } } }`

const ENDPOINT = { host: '127.0.0.1', port: 993, security: 'TLS' }

export interface NewOwner {
  kind?: 'USER' | 'QUEUE'
  name: string
  emailAddress?: string | null
  active?: boolean
}

/** Gives an administrator's commands and remembers whose mailbox is which. */
export class MailboxCommands {
  /** Mailbox ids by name. */
  readonly ids = new Map<string, string>()

  constructor(readonly admin: Caller) {}

  async bulk(command: BulkCommand, variables: object): Promise<Anything> {
    return (await this.admin.get(BULK_COMMANDS[command], variables)).bulk
  }

  /** Owners and their mailboxes; found again by name. */
  async provision(owners: readonly NewOwner[]): Promise<void> {
    const inputs = owners.map((owner) => ({ kind: 'USER', externalId: owner.name, ...owner }))
    const { provisionOwners } = await this.admin.get(PROVISION, { owners: inputs })
    if (provisionOwners.userErrors.length > 0) throw new Error(JSON.stringify(provisionOwners.userErrors))
    for (const { mailbox } of provisionOwners.owners) this.ids.set(mailbox.name, mailbox.id)
  }

  /** Users named by a word and their index. */
  async provisionMany(word: string, count: number, address: (index: number) => string | null): Promise<void> {
    const indexes = Array.from({ length: count }, (_, index) => index)
    await this.provision(indexes.map((index) => ({ name: `${word} ${index}`, emailAddress: address(index) })))
  }

  async forwardMailbox(name: string, emailAddress: string, more: object = {}): Promise<string> {
    const input = { name, emailAddress, ...more }
    const { mailbox, userErrors } = (await this.admin.get(CREATE_FORWARD, { input })).createForwardMailbox
    if (!mailbox) throw new Error(JSON.stringify(userErrors))
    this.ids.set(name, mailbox.id)
    return mailbox.id
  }

  /** A profile whose servers nobody asks. */
  async profile(name: string, more: object = {}): Promise<string> {
    const input = { name, type: 'IMAP_SMTP', incoming: ENDPOINT, outgoing: ENDPOINT, ...more }
    const { profile, userErrors } = (await this.admin.get(CREATE_PROFILE, { input })).createEmailServerProfile
    if (!profile) throw new Error(JSON.stringify(userErrors))
    return profile.id
  }

  idOf(name: string): string {
    const id = this.ids.get(name)
    if (id === undefined) throw new Error(`There is no mailbox ${name}`)
    return id
  }

  select(...names: string[]): { ids: string[] } {
    return { ids: names.map((name) => this.idOf(name)) }
  }

  async read(name: string, fields: string): Promise<Anything> {
    const query = `query ($id: ID!) { mailbox(id: $id) { ${fields} } }`
    return (await this.admin.get(query, { id: this.idOf(name) })).mailbox
  }

  /** The last entry of the audit log, with what it changed. */
  async lastEntry(): Promise<Anything> {
    const { auditLog } = await this.admin.get(`{ auditLog(first: 1) { nodes {
      action actorName subjectType subjectCount details { field value }
      changes { nodes { subjectIds before { field value } after { field value } } }
    } } }`)
    const [{ changes, details, ...entry }] = auditLog.nodes
    const told = changes.nodes.map((change: Anything) => ({
      ids: [...change.subjectIds].sort(),
      before: change.before && asObject(change.before),
      after: change.after && asObject(change.after),
    }))
    return { ...entry, details: asObject(details), changes: told }
  }
}

const asObject = (values: readonly { field: string; value: string | null }[]): Record<string, string | null> =>
  Object.fromEntries(values.map(({ field, value }) => [field, value]))

/** What requests change by being made. */
const NOT_COMPARED = ['sessions', 'api_tokens', 'sign_in_failures']

/** Every row of every table, as text. */
export async function everyRow({ app }: Harness): Promise<string> {
  const { read, kind } = app.db
  const list = kind === 'sqlite' ? "SELECT name AS t FROM sqlite_master WHERE type = 'table'" : 'SHOW TABLES'
  const tables: string[] = (await read.query(list)).map((row: Record<string, string>) => Object.values(row)[0])
  const parts: string[] = []
  for (const table of tables.filter((name) => !NOT_COMPARED.includes(name)).sort()) {
    const rows: object[] = await read.query(`SELECT * FROM ${table}`)
    parts.push(table, ...rows.map((row) => JSON.stringify(row)).sort())
  }
  return parts.join('\n')
}

/** The counts that are kept, and what a recount makes of them. */
export async function countsAndRecount({ app }: Harness): Promise<[kept: Anything[], recounted: Anything[]]> {
  const counts = () =>
    app.db.read.query('SELECT * FROM mailbox_counts WHERE n <> 0 ORDER BY scope, view_class, facets') as Promise<
      Anything[]
    >
  const kept = await counts()
  await app.db.inTransaction(recount)
  return [kept, await counts()]
}

/** Tells each SQL statement of a harness's writing connections, before it is sent; a throw fails the statement. */
export function onStatement({ app }: Harness, listener: (sql: string) => void): () => void {
  const { source } = app.db
  const { logger } = source
  source.logger = Object.assign(Object.create(logger), { logQuery: (sql: string) => listener(sql) })
  return () => {
    source.logger = logger
  }
}
