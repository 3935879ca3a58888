import { In } from 'typeorm'
import { permit, type Viewer } from '../auth/auth.service'
import { pausingChunks, updateEach } from '../db/chunks'
import type { Database } from '../db/database'
import type { Tx } from '../db/transaction'
import { FaultList, OperationError, UserFaults } from '../errors'
import { keysetPage, type Page, type PageArguments } from '../graphql/connection'
import type { ProfileChange } from '../profiles/profile.service'
import type { Keyring } from '../secrets/keyring'
import { Mailbox } from './mailbox.entity'
import { ApprovalStatus, Direction, MailboxView } from './mailbox.enums'
import type { MailboxChanges, MailboxFilter, MailboxSelection, MailboxSort } from './mailbox.inputs'
import { checkMailboxChanges } from './mailbox-changes'
import { type Condition, orderOf, selectionCondition, VIEW_CONDITIONS, viewCondition } from './mailbox-selection'
import { effectOf, type MailboxPatch } from './reset-rules'

export interface BulkAnswer {
  matched: number
  changed: number
  refused: { mailbox: Mailbox; code: string; message: string }[]
  refusedCount: number
  mailboxes: Mailbox[]
}

export const NOTHING_CHANGED: BulkAnswer = { matched: 0, changed: 0, refused: [], refusedCount: 0, mailboxes: [] }

const MOST_REFUSALS = 100
const MOST_MAILBOXES = 500

/** Rolls a dry run back: it gives the answer of the real call because it is the real call. */
class DryRun extends Error {
  constructor(readonly answer: BulkAnswer) {
    super('dry run')
  }
}

interface BulkRule {
  /** Rows that are changed, among the selected. */
  changes: string
  patch: MailboxPatch & Partial<Mailbox>
  /** Rows that are refused, among the selected. */
  refuses: { sql: string; code: string; message: string }
}

/**
 * Selects and edits mailboxes. What tests write goes through MailboxTestService, what owners decide through
 * MailboxOwnerService; nobody else writes the table.
 */
export class MailboxService {
  constructor(
    private readonly db: Database,
    private readonly keyring: Keyring,
  ) {}

  async getMany(viewer: Viewer | undefined, ids: readonly string[]): Promise<Mailbox[]> {
    permit(viewer, 'mailboxes.read')
    return this.byIds(ids)
  }

  byIds(ids: readonly string[]): Promise<Mailbox[]> {
    return this.db.read.findBy(Mailbox, { id: In([...ids]) })
  }

  byOwners(ownerIds: readonly string[]): Promise<Mailbox[]> {
    return this.db.read.findBy(Mailbox, { ownerId: In([...ownerIds]) })
  }

  async list(
    viewer: Viewer | undefined,
    what: { view?: MailboxView | null; filter?: MailboxFilter | null; sort?: MailboxSort | null },
    page: PageArguments,
  ): Promise<Page<Mailbox>> {
    permit(viewer, 'mailboxes.read')
    const faults = new FaultList()
    const { sql, parameters } = viewCondition(faults, what.view ?? MailboxView.ACTIVE, what.filter)
    refuseQuery(faults)
    const query = this.db.read.createQueryBuilder(Mailbox, 'm').where(sql, parameters)
    return keysetPage(query, page, orderOf(what.sort))
  }

  /** How many mailboxes each view has now, in one pass. */
  async viewCounts(viewer: Viewer | undefined): Promise<{ view: MailboxView; count: number }[]> {
    permit(viewer, 'mailboxes.read')
    const views = Object.values(MailboxView)
    const sums = views.map((view) => `COUNT(CASE WHEN ${VIEW_CONDITIONS[view]} THEN 1 END) AS n_${view}`)
    const [row] = (await this.db.read.query(`SELECT ${sums.join(', ')} FROM mailboxes`)) as Record<string, unknown>[]
    return views.map((view) => ({ view, count: Number(row?.[`n_${view}`] ?? 0) }))
  }

  async countsByProfile(profileIds: readonly string[]): Promise<{ profileId: string; count: number }[]> {
    const rows = await this.db.read
      .createQueryBuilder(Mailbox, 'm')
      .select('m.profileId', 'profileId')
      .addSelect('COUNT(*)', 'count')
      .where({ profileId: In([...profileIds]) })
      .groupBy('m.profileId')
      .getRawMany<{ profileId: string; count: string | number }>()
    return rows.map((row) => ({ profileId: row.profileId, count: Number(row.count) }))
  }

  async approve(viewer: Viewer | undefined, selection: MailboxSelection, dryRun: boolean): Promise<BulkAnswer> {
    permit(viewer, 'mailboxes.approve')
    return this.bulk(viewer, selection, dryRun, {
      changes: `approval IN ('${ApprovalStatus.PENDING}', '${ApprovalStatus.REJECTED}')`,
      patch: effectOf({ kind: 'APPROVED', by: viewer.name, at: new Date() }),
      refuses: {
        sql: `approval = '${ApprovalStatus.EMPTY}'`,
        code: 'NO_ADDRESS',
        message: 'A mailbox without address cannot be approved.',
      },
    })
  }

  async reject(
    viewer: Viewer | undefined,
    selection: MailboxSelection,
    reason: string | null,
    dryRun: boolean,
  ): Promise<BulkAnswer> {
    permit(viewer, 'mailboxes.approve')
    if (reason !== null && (reason.length > 500 || /\p{Cc}/u.test(reason))) {
      const faults = new FaultList()
      faults.add('INVALID', ['reason'], 'A reason is one line of at most 500 characters')
      faults.check()
    }
    return this.bulk(viewer, selection, dryRun, {
      changes: `approval IN ('${ApprovalStatus.PENDING}', '${ApprovalStatus.APPROVED}')`,
      patch: effectOf({ kind: 'REJECTED', reason }),
      refuses: {
        sql: `approval = '${ApprovalStatus.EMPTY}'`,
        code: 'NO_ADDRESS',
        message: 'A mailbox without address cannot be rejected.',
      },
    })
  }

  /** Edits the selected mailboxes; what resets what is decided by the reset rules. */
  async update(
    viewer: Viewer | undefined,
    selection: MailboxSelection,
    changes: MailboxChanges,
    dryRun: boolean,
  ): Promise<BulkAnswer> {
    permit(viewer, 'mailboxes.edit')
    const faults = new FaultList()
    const condition = selectionCondition(faults, selection)
    return this.answering(viewer, dryRun, async (tx) => {
      const steps = await checkMailboxChanges(tx, faults, changes)
      faults.check()
      const ids = await this.selectedIds(tx, condition, selection)
      const changed = new Set<string>()
      for (const { when, patch } of steps) {
        for (const id of await this.patchWhere(tx, ids, when, patch)) changed.add(id)
      }
      if (typeof changes.password === 'string') {
        await this.setPassword(tx, ids, changes.password)
        for (const id of ids) changed.add(id)
      }
      return this.answer(tx, ids.length, [...changed])
    })
  }

  /** A change of a profile's endpoint, security or credentials, told by the profiles feature in its transaction. */
  async profileConnectionChanged(tx: Tx, change: ProfileChange): Promise<void> {
    const patch = effectOf({ kind: 'ENDPOINT_CHANGED', directions: change.directions.map((name) => Direction[name]) })
    await tx.em.update(Mailbox, { profileId: change.profileId }, patch)
  }

  /** Ids that a selection names, in the order of their creation; unknown ids are faults. Takes the rows' locks. */
  async selectedIds(tx: Tx, condition: Condition, selection: MailboxSelection): Promise<string[]> {
    const query = tx.em
      .createQueryBuilder(Mailbox, 'm')
      .select('m.id', 'id')
      .where(condition.sql, condition.parameters)
      .orderBy('m.id')
    const rows = await (tx.kind === 'mariadb' ? query.setLock('pessimistic_write') : query).getRawMany<{ id: string }>()
    const found = new Set(rows.map((row) => row.id))
    const faults = new FaultList()
    for (const [index, id] of (selection.ids ?? []).entries()) {
      if (!found.has(id)) faults.add('NOT_FOUND', ['selection', 'ids', index], 'There is no such mailbox')
    }
    faults.check()
    return [...found]
  }

  private async bulk(
    viewer: Viewer,
    selection: MailboxSelection,
    dryRun: boolean,
    rule: BulkRule,
  ): Promise<BulkAnswer> {
    const faults = new FaultList()
    const condition = selectionCondition(faults, selection)
    faults.check()
    return this.answering(viewer, dryRun, async (tx) => {
      const ids = await this.selectedIds(tx, condition, selection)
      const { code, message, sql } = rule.refuses
      const refusedIds = await this.idsWhere(tx, ids, sql)
      const changed = await this.patchWhere(tx, ids, rule.changes, rule.patch)
      const answer = await this.answer(tx, ids.length, changed)
      const shown = await tx.em.findBy(Mailbox, { id: In(refusedIds.slice(0, MOST_REFUSALS)) })
      return {
        ...answer,
        refused: shown.map((mailbox) => ({ mailbox, code, message })),
        refusedCount: refusedIds.length,
      }
    })
  }

  private async answering(viewer: Viewer, dryRun: boolean, work: (tx: Tx) => Promise<BulkAnswer>): Promise<BulkAnswer> {
    const answer = await this.db
      .inTransaction(async (tx) => {
        const done = await work(tx)
        if (dryRun) throw new DryRun(done)
        return done
      })
      .catch((error: unknown) => {
        if (error instanceof DryRun) return error.answer
        throw error
      })
    // who may decide about mailboxes without reading them learns how many there are, and no more
    return viewer.rights.has('mailboxes.read') ? answer : { ...answer, mailboxes: [], refused: [] }
  }

  private async answer(tx: Tx, matched: number, changed: string[]): Promise<BulkAnswer> {
    tx.signal('mailboxes', changed)
    const mailboxes = await tx.em.findBy(Mailbox, { id: In(changed.slice(0, MOST_MAILBOXES)) })
    return { ...NOTHING_CHANGED, matched, changed: changed.length, mailboxes }
  }

  private async idsWhere(tx: Tx, ids: readonly string[], sql: string, parameters: object = {}): Promise<string[]> {
    const found: string[] = []
    for await (const chunk of pausingChunks(ids)) {
      const query = tx.em
        .createQueryBuilder(Mailbox, 'm')
        .select('m.id', 'id')
        .where({ id: In(chunk) })
      const rows = await query.andWhere(`(${sql})`, parameters).getRawMany<{ id: string }>()
      found.push(...rows.map((row) => row.id))
    }
    return found
  }

  private async patchWhere(
    tx: Tx,
    ids: readonly string[],
    sql: string | Condition,
    patch: Partial<Mailbox>,
  ): Promise<string[]> {
    const when = typeof sql === 'string' ? { sql, parameters: {} } : sql
    const matching = await this.idsWhere(tx, ids, when.sql, when.parameters)
    for await (const chunk of pausingChunks(matching)) {
      await tx.em.update(Mailbox, { id: In(chunk) }, { ...patch, updatedAt: new Date() })
    }
    return matching
  }

  private async setPassword(tx: Tx, ids: readonly string[], password: string): Promise<void> {
    const seal = (id: string) => (password === '' ? null : this.keyring.seal(password, passwordOf(id)))
    const effect = effectOf({ kind: 'CREDENTIALS_CHANGED' })
    for await (const chunk of pausingChunks(ids)) {
      const sealed = new Map(chunk.map((id) => [id, { password_sealed: seal(id) }]))
      await updateEach(tx, 'mailboxes', 'id', sealed)
      const patch = { ...effect, hasPassword: password !== '', updatedAt: new Date() }
      await tx.em.update(Mailbox, { id: In(chunk) }, patch)
    }
  }
}

/** A query has no userErrors: the first fault ends it. */
function refuseQuery(faults: FaultList): void {
  try {
    faults.check()
  } catch (error) {
    const [fault] = error instanceof UserFaults ? error.faults : []
    throw fault ? new OperationError('BAD_USER_INPUT', fault.message, fault.path) : error
  }
}

/** A sealed password opens only for the row and field it was sealed for. */
export const passwordOf = (rowId: string) => ({ table: 'mailboxes', rowId, field: 'password' })
