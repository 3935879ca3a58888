import type { EntityManager, ObjectLiteral, SelectQueryBuilder } from 'typeorm'
// A vocabulary of words, not a connection: the one file of another floor that db may name.
import type { Signal, Topic } from '../pubsub/signals'
import type { Actor, AuditRecord } from './audit-record'
import type { DatabaseKind } from './database-kind'

/** Where a transaction's effects go once it is committed; handed in by app.ts. */
export interface Outlets {
  enqueue(jobName: string, input: unknown): Promise<void>
  publish(signal: Signal): void
  /** Writes the audit log, as the last thing before the commit. */
  audit(tx: Tx, records: readonly AuditRecord[]): Promise<void>
  /** The rows are the truth: a nudge that could not be given is logged, and a sweep finds the rows. */
  onLostNudge(error: unknown): void
}

/** A transaction under way. Nothing else publishes or enqueues. */
export class Tx {
  private manager?: EntityManager
  private readonly jobs: { name: string; input: unknown }[] = []
  private readonly records: AuditRecord[] = []
  private readonly last: (() => Promise<void>)[] = []
  private readonly signals = new Map<Topic, Set<string> | 'many'>()

  constructor(readonly kind: DatabaseKind) {}

  /** @internal */
  on(manager: EntityManager): this {
    this.manager = manager
    return this
  }

  get em(): EntityManager {
    if (!this.manager) throw new Error('The transaction has not begun')
    return this.manager
  }

  /** Nobody else changes the rows that are read before the transaction ends. SQLite has one writer anyway. */
  locked<Row extends ObjectLiteral>(query: SelectQueryBuilder<Row>): SelectQueryBuilder<Row> {
    return this.kind === 'mariadb' ? query.setLock('pessimistic_write') : query
  }

  /** The same, while others may rely on the rows, too. */
  shared<Row extends ObjectLiteral>(query: SelectQueryBuilder<Row>): SelectQueryBuilder<Row> {
    return this.kind === 'mariadb' ? query.setLock('pessimistic_read') : query
  }

  enqueue(name: string, input: unknown): void {
    this.jobs.push({ name, input })
  }

  /**
   * Puts a command into the audit log, in this transaction. Changes without subjects are left out, and so is a command that
   * changed nothing.
   */
  record(actor: Actor | null, record: Omit<AuditRecord, 'actor'>): void {
    const changes = record.changes.filter((change) => change.subjectIds.length > 0)
    const by = actor && { id: actor.id, name: actor.name, ip: actor.ip }
    if (changes.length > 0) this.records.push({ ...record, actor: by, changes })
  }

  /** Work that is best done once, when all else of the transaction is done: what other transactions wait for is held shortly. */
  beforeCommit(work: () => Promise<void>): void {
    this.last.push(work)
  }

  /** Tells the other processes and the subscribers, after the commit, that these rows changed; 'many' when there are too many to name. */
  signal(topic: Topic, ids: readonly string[] | 'many'): void {
    if (ids === 'many') {
      this.signals.set(topic, 'many')
      return
    }
    const known = this.signals.get(topic) ?? new Set<string>()
    if (known === 'many' || ids.length === 0) return
    for (const id of ids) known.add(id)
    this.signals.set(topic, known)
  }

  /** @internal */
  async finish(outlets: Outlets): Promise<void> {
    await this.writeAudit(outlets)
    for (const work of this.last) await work()
    await this.writeAudit(outlets)
  }

  private async writeAudit(outlets: Outlets): Promise<void> {
    const records = this.records.splice(0)
    if (records.length > 0) await outlets.audit(this, records)
  }

  /** @internal */
  async release(outlets: Outlets): Promise<void> {
    for (const [topic, ids] of this.signals) outlets.publish({ topic, ids: ids === 'many' ? [] : [...ids] })
    for (const { name, input } of this.jobs) {
      await outlets.enqueue(name, input).catch((error) => outlets.onLostNudge(error))
    }
  }
}
