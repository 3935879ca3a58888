import { setImmediate as afterOtherWork } from 'node:timers/promises'
import { In } from 'typeorm'
import { mayRead, permit, type Viewer } from '../auth/auth.service'
import type { Database } from '../db/database'
import { isId } from '../db/id'
import type { Tx } from '../db/transaction'
import { FaultList } from '../errors'
import { MAX_SIGNAL_IDS } from '../pubsub/signals'
import { Alert, AlertState } from './alert.entity'
import { type AlertFilterFields, filterSql } from './alert-filter'
import { lockedAlerts } from './alert-lock'

/** What is done to alerts: those in one of these states get these columns. */
interface Command {
  action: string
  from: readonly AlertState[]
  changes: Pick<Alert, 'state'> & Partial<Alert>
}

const { OPEN, ACKNOWLEDGED, DISMISSED } = AlertState
/** A person knows of it: it stays until it is resolved. */
const ACKNOWLEDGE = { from: [OPEN], changes: { state: ACKNOWLEDGED } }
/** A person puts it away; the next failure opens a new one. */
const DISMISS = { from: [OPEN, ACKNOWLEDGED], changes: { state: DISMISSED, openKey: null } }

export interface CommandAnswer {
  changed: number
  /** The first of them; none for who may not read alerts. */
  alerts: Alert[]
}

type Row = Pick<Alert, 'id' | 'state'>

const MOST_IDS = 1_000
const ALERTS_A_PART = 1_000
const MOST_SHOWN = 500

/** What people do with alerts. */
export class AlertCommands {
  constructor(private readonly db: Database) {}

  acknowledge(viewer: Viewer | undefined, ids: readonly string[]): Promise<CommandAnswer> {
    return this.named(viewer, ids, { action: 'acknowledgeAlerts', ...ACKNOWLEDGE })
  }

  dismiss(viewer: Viewer | undefined, ids: readonly string[]): Promise<CommandAnswer> {
    return this.named(viewer, ids, { action: 'dismissAlerts', ...DISMISS })
  }

  acknowledgeBy(viewer: Viewer | undefined, filter: AlertFilterFields): Promise<CommandAnswer> {
    return this.filtered(viewer, filter, { action: 'acknowledgeAlertsBy', ...ACKNOWLEDGE })
  }

  dismissBy(viewer: Viewer | undefined, filter: AlertFilterFields): Promise<CommandAnswer> {
    return this.filtered(viewer, filter, { action: 'dismissAlertsBy', ...DISMISS })
  }

  private async named(viewer: Viewer | undefined, ids: readonly string[], command: Command): Promise<CommandAnswer> {
    permit(viewer, 'alerts.edit')
    const faults = new FaultList()
    if (ids.length === 0) faults.add('EMPTY', ['ids'], 'Name at least one alert')
    if (ids.length > MOST_IDS) faults.add('TOO_MANY', ['ids'], `At most ${MOST_IDS} alerts are taken at a time`)
    faults.check()
    return this.db.inTransaction(async (tx) => {
      const known = await lockedAlerts(tx, { id: In(ids.filter(isId)) })
      const knownIds = new Set(known.map((alert) => alert.id))
      for (const [index, id] of ids.entries()) {
        if (!knownIds.has(id)) faults.add('NOT_FOUND', ['ids', index], 'There is no such alert')
      }
      faults.check()
      const alerts = known.filter((alert) => command.from.includes(alert.state))
      await tx.em.update(Alert, { id: In(alerts.map((alert) => alert.id)) }, command.changes)
      return this.settle(tx, viewer, alerts, command)
    })
  }

  /** All that the filter matches at this moment. */
  private async filtered(
    viewer: Viewer | undefined,
    filter: AlertFilterFields,
    command: Command,
  ): Promise<CommandAnswer> {
    permit(viewer, 'alerts.edit')
    const faults = new FaultList()
    const given = Object.entries(filter).filter(([, value]) => value !== undefined)
    // a variable that is empty by mistake must not put away everything
    if (given.length === 0) faults.add('EMPTY', ['filter'], 'Name what to filter by; state OPEN is all that is open')
    for (const [field, value] of given) {
      if (value === null || value === '') faults.add('REQUIRED', ['filter', field], 'Leave it out, or give a value')
    }
    faults.check()
    return this.db.inTransaction(async (tx) => {
      const found: Row[] = []
      for (let after = ''; ; ) {
        const part = await this.part(tx, filter, command.from, after)
        await tx.em.update(Alert, { id: In(part.map((alert) => alert.id)) }, command.changes)
        found.push(...part)
        if (part.length < ALERTS_A_PART) return this.settle(tx, viewer, found, command, filter)
        after = part.at(-1)?.id ?? ''
        // SQLite works on this very thread: other requests get their turn
        await afterOtherWork()
      }
    })
  }

  private part(tx: Tx, filter: AlertFilterFields, from: readonly AlertState[], after: string): Promise<Row[]> {
    const { sql, parameters } = filterSql(filter)
    const query = tx.em
      .createQueryBuilder(Alert, 'a')
      .select('a.id', 'id')
      .addSelect('a.state', 'state')
      .where(sql, parameters)
      .andWhere('a.state IN (:...from) AND a.id > :after', { from, after })
      .orderBy('a.id')
      .limit(ALERTS_A_PART)
    return tx.locked(query).getRawMany<Row>()
  }

  /** Audits and tells what was changed. */
  private async settle(
    tx: Tx,
    viewer: Viewer,
    alerts: readonly Row[],
    { action, from, changes }: Command,
    filter?: AlertFilterFields,
  ): Promise<CommandAnswer> {
    const idsOf = (state: AlertState) => alerts.filter((alert) => alert.state === state).map((alert) => alert.id)
    const changed = alerts.map((alert) => alert.id)
    tx.record(viewer, {
      action,
      subject: 'ALERT',
      changes: from.map((state) => ({ subjectIds: idsOf(state), before: { state }, after: { state: changes.state } })),
      ...(filter && { details: { filter } }),
    })
    tx.signal('alerts', changed.length > MAX_SIGNAL_IDS ? 'many' : changed)
    const shown = mayRead(viewer) ? await tx.em.findBy(Alert, { id: In(changed.slice(0, MOST_SHOWN)) }) : []
    return { changed: changed.length, alerts: shown }
  }
}
