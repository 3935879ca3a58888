import { IsNull, MoreThan } from 'typeorm'
import type { App } from '../app'
import { AuditChangeRow, AuditEntry, AuditSubjectType } from '../audit/audit.entity'
import { Mailbox } from '../mailboxes/mailbox.entity'

type State = Record<string, unknown>

/** What of a mailbox no command sets, or what follows from other columns. */
const NOT_REPLAYED = new Set([
  ...['id', 'nameKey', 'addressKey', 'activeAddress', 'viewClass', 'facets', 'addressDomain'],
  ...['createdAt', 'updatedAt', 'deletedAt', 'hasPassword', 'passwordSealed'],
  ...['lastTestedAt', 'pausedUntil', 'testingRunId'],
])

export interface MailboxStep {
  mailboxId: string
  before: State | null
  after: State | null
}

/**
 * Repeats from the audit log what happened to the mailboxes, beside what they are. Whatever a command changes without saying
 * so, or says without doing it, shows as a difference.
 */
export class AuditReplay {
  private readonly states = new Map<string, State>()
  private newest = ''

  private constructor(private readonly app: App) {}

  /** From the present on. */
  static async begin(app: App): Promise<AuditReplay> {
    const replay = new AuditReplay(app)
    await replay.adopt()
    return replay
  }

  /** Takes the mailboxes as they are: tests write their results without a command. */
  async adopt(): Promise<void> {
    for (const [id, state] of await mailboxStates(this.app)) this.states.set(id, state)
    await this.steps()
  }

  /** What the audit log says since the last call, in its order. */
  async steps(): Promise<MailboxStep[]> {
    const found = await auditSteps(this.app, this.newest)
    this.newest = found.newest
    return found.steps
  }

  /** Repeats what is new in the log; answers where log and mailboxes contradict each other. */
  async follow(): Promise<string[]> {
    const present = await mailboxStates(this.app)
    const contradictions: string[] = []
    for (const { mailboxId, before, after } of await this.steps()) {
      const known = this.states.get(mailboxId)
      if (known) contradictions.push(...differences(`${mailboxId} was`, said(before), known))
      // what a new mailbox begins with is left out where it is empty
      this.states.set(mailboxId, { ...(known ?? present.get(mailboxId)), ...said(after) })
    }
    for (const [id, state] of present) {
      const replayed = this.states.get(id)
      contradictions.push(...(replayed ? differences(`${id} is`, replayed, state) : [`${id} came without an entry`]))
    }
    return contradictions
  }
}

/** Mailboxes that are not deleted, by id, with the columns that commands set. */
export async function mailboxStates(app: App): Promise<Map<string, State>> {
  const rows = await app.db.read.findBy(Mailbox, { deletedAt: IsNull() })
  return new Map(rows.map((row) => [row.id, stateOf(row)]))
}

/** What the audit log says of mailboxes after an entry, in its order, and its newest entry. */
export async function auditSteps(app: App, after: string): Promise<{ steps: MailboxStep[]; newest: string }> {
  const em = app.db.read
  const entries = await em.find(AuditEntry, { where: { id: MoreThan(after) }, order: { id: 'ASC' } })
  const steps: MailboxStep[] = []
  for (const { id: entryId, subjectType } of entries) {
    if (subjectType !== AuditSubjectType.MAILBOX) continue
    const changes = await em.find(AuditChangeRow, { where: { entryId }, order: { id: 'ASC' } })
    for (const change of changes) {
      const [before, then] = [change.before, change.after].map((text) => (text === null ? null : JSON.parse(text)))
      for (const mailboxId of JSON.parse(change.subjectIds)) steps.push({ mailboxId, before, after: then })
    }
  }
  return { steps, newest: entries.at(-1)?.id ?? after }
}

/** Where a state that was said does not fit another one. */
export function differences(what: string, expected: State, present: State): string[] {
  return Object.entries(expected)
    .filter(([column, value]) => JSON.stringify(value) !== JSON.stringify(present[column] ?? null))
    .map(([column, value]) => `${what} ${column} ${JSON.stringify(value)}, not ${JSON.stringify(present[column])}`)
}

/** The columns that are compared; that a password changed is a word of the log alone. */
export function said(state: State | null): State {
  return Object.fromEntries(
    Object.entries(state ?? {}).filter(([column]) => column !== 'password' && !NOT_REPLAYED.has(column)),
  )
}

const stateOf = (row: Mailbox): State =>
  said(
    Object.fromEntries(
      Object.entries(row).map(([column, value]) => [column, value instanceof Date ? value.toISOString() : value]),
    ),
  )

/**
 * Where a mailbox is not what some order of its steps makes of it: a change that was said but lost, or one that was made from
 * something that never was. Without `from` it is a new one, of which the log tells what is not by default.
 */
export function contradictionOf(steps: readonly MailboxStep[], from: State | undefined, to: State): string[] {
  if (steps.length === 0) return from ? differences('is', from, to) : ['came without an entry']
  const found = steps.map((step, index) => {
    const isFirst = step.before === null
    const isNext = from ? !isFirst && differences('was', inBoth(said(step.before), from), from).length === 0 : isFirst
    if (!isNext) return [`no step begins with ${JSON.stringify(step.before)}`]
    return contradictionOf(steps.toSpliced(index, 1), { ...from, ...said(step.after) }, to)
  })
  return found.find((contradictions) => contradictions.length === 0) ?? found[0] ?? []
}

const inBoth = (state: State, other: State): State =>
  Object.fromEntries(Object.entries(state).filter(([column]) => Object.hasOwn(other, column)))
