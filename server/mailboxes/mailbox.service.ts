import { In, IsNull } from 'typeorm'
import { mayRead, permit, type Reach, type Right, reachOf, type Viewer } from '../auth/auth.service'
import type { Database } from '../db/database'
import type { Tx } from '../db/transaction'
import { FaultList, UserFaults } from '../errors'
import type { Page, PageArguments } from '../graphql/connection'
import { type ProfileChange } from '../profiles/profile.service'
import { SyncMethod } from '../settings/email-settings.entity'
import { Mailbox } from './mailbox.entity'
import { Direction, MailboxView } from './mailbox.enums'
import type { MailboxFilter, MailboxSelection, MailboxSort } from './mailbox.inputs'
import { changeMailboxes } from './mailbox-bulk'
import { columnsOfChanges, profilesWithAct } from './mailbox-changes'
import { readCounts, SCOPE } from './mailbox-counts'
import { IN_VIEW } from './mailbox-facets'
import { listMailboxes } from './mailbox-list'
import { type Looker, reachCondition, viewCondition } from './mailbox-selection'
import { sortingOf } from './mailbox-sorts'
import { effectOf } from './reset-rules'
import { lockSelected } from './selected-mailboxes'
import { shownToProvisioner } from './shown-to-provisioner'

/** Who looks, by the reach of a right. */
export const lookerOf = (viewer: Viewer, right: Right): Looker => ({
  reach: reachOf(viewer, right),
  ownerId: viewer.ownerId,
})

/**
 * Lists and counts mailboxes, and does to them what profiles decide. What people command is MailboxCommands', what tests write
 * MailboxTestService's, what owners decide MailboxOwnerService's; forward mailboxes are made by ForwardMailboxService, imports
 * set up by MailboxImportService. Nobody else writes the table.
 */
export class MailboxService {
  constructor(private readonly db: Database) {}

  /** Those of them that the viewer may see. */
  async getMany(viewer: Viewer | undefined, ids: readonly string[]): Promise<Mailbox[]> {
    permit(viewer, 'mailboxes.read')
    return this.seen(reachOf(viewer, 'mailboxes.read'), 'id', ids)
  }

  /**
   * Those of these owners' mailboxes that the viewer may see. Who provisions owners without the right to read mailboxes gets
   * the part of each that shownToProvisioner leaves.
   */
  async ofOwners(viewer: Viewer | undefined, ownerIds: readonly string[]): Promise<Mailbox[]> {
    if (viewer?.rights.has('owners.provision') && !mayRead(viewer)) {
      return (await this.byOwners(ownerIds)).map(shownToProvisioner)
    }
    permit(viewer, 'mailboxes.read')
    return this.seen(reachOf(viewer, 'mailboxes.read'), 'owner_id', ownerIds)
  }

  /** For work of the server's own: asks nobody's right. */
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
    const view = what.view ?? MailboxView.ACTIVE
    const looker = lookerOf(viewer, 'mailboxes.read')
    const where = viewCondition(faults, looker, view, what.filter)
    faults.checkQuery()
    const request = { looker, view, filter: what.filter, where, sorting: sortingOf(what.sort) }
    return listMailboxes(this.db.read, this.db.kind, request, page)
  }

  /** How many mailboxes each view has now for the viewer. */
  async viewCounts(viewer: Viewer | undefined): Promise<{ view: MailboxView; count: number }[]> {
    permit(viewer, 'mailboxes.read')
    const [counts, mine] = await Promise.all([
      this.classCounts(reachOf(viewer, 'mailboxes.read')),
      viewer.ownerId === null ? [] : this.classCounts({ domains: [], ownerIds: [viewer.ownerId] }),
    ])
    return Object.values(MailboxView).map((view) => {
      const of = view === MailboxView.MINE ? mine : counts
      const count = of.reduce((sum, { viewClass, n }) => (IN_VIEW[view](viewClass) ? sum + n : sum), 0)
      return { view, count }
    })
  }

  /** How many mailboxes each profile has; for who may see some mailboxes only, how many of those. */
  async countsByProfile(
    viewer: Viewer | undefined,
    profileIds: readonly string[],
  ): Promise<{ profileId: string; count: number }[]> {
    permit(viewer, 'mailboxes.read')
    const reach = reachOf(viewer, 'mailboxes.read')
    if (reach !== 'ALL') {
      const { sql, parameters } = reachCondition(reach)
      const query = this.db.read
        .createQueryBuilder(Mailbox, 'm')
        .select('m.profileId', 'profileId')
        .addSelect('COUNT(*)', 'count')
        .where({ profileId: In([...profileIds]), deletedAt: IsNull() })
        .andWhere(sql, parameters)
        .groupBy('m.profileId')
      const rows = await query.getRawMany<{ profileId: string; count: number | string }>()
      return rows.map(({ profileId, count }) => ({ profileId, count: Number(count) }))
    }
    const counts = await readCounts(this.db.read, profileIds.map(SCOPE.profile))
    return profileIds.map((profileId) => {
      const own = counts.filter(({ scope }) => scope === SCOPE.profile(profileId))
      return { profileId, count: own.reduce((sum, { n }) => sum + n, 0) }
    })
  }

  /** A change of a profile's endpoint, security or credentials, told by the profiles feature in its transaction. */
  async profileConnectionChanged(tx: Tx, change: ProfileChange): Promise<void> {
    const { actor, action } = change.command
    const patch = effectOf({ kind: 'ENDPOINT_CHANGED', directions: change.directions.map((name) => Direction[name]) })
    await changeMailboxes(tx, actor, await idsOfProfile(tx, change.profileId), {
      action,
      columns: Object.keys(patch) as (keyof typeof patch)[],
      decide: () => ({ patch }),
    })
  }

  /** The ids that a selection names within the reach of a right; adds a fault for each that is not there. Takes the rows' locks. */
  selectedIds(tx: Tx, faults: FaultList, viewer: Viewer, right: Right, selection: MailboxSelection): Promise<string[]> {
    return lockSelected(tx, faults, lookerOf(viewer, right), selection)
  }

  /** How many mailboxes have a profile, as the transaction sees it. */
  async countOfProfile(tx: Tx, profileId: string): Promise<number> {
    return tx.em.countBy(Mailbox, { profileId, deletedAt: IsNull() })
  }

  /** How many of them are to have appointments, contacts and tasks. */
  async countWithActOf(tx: Tx, profileId: string): Promise<number> {
    return tx.em.countBy(Mailbox, { profileId, actMethod: SyncMethod.SERVER_SIDE_SYNC, deletedAt: IsNull() })
  }

  /**
   * A profile goes: its mailboxes get another one, with all that a change of profile resets. Refused when the other one has no
   * way to the appointments, contacts and tasks that some of them are to have (product rule 2.1).
   */
  async moveToProfile(tx: Tx, viewer: Viewer, fromId: string, toId: string): Promise<number> {
    const ids = await idsOfProfile(tx, fromId)
    const withoutAct = (await profilesWithAct(tx, [toId])).has(toId) ? 0 : await this.countWithActOf(tx, fromId)
    if (withoutAct > 0) {
      const why = `${withoutAct} mailboxes have appointments, contacts and tasks, which need a profile with a DAV address`
      throw new UserFaults([{ code: 'ACT_NEEDS_DAV', path: ['moveMailboxesTo'], message: why }])
    }
    const columns = columnsOfChanges({ profileId: toId })
    const { changedIds } = await changeMailboxes(tx, viewer, ids, {
      action: 'deleteEmailServerProfile',
      columns,
      decide: () => ({ patch: { profileId: toId, ...effectOf({ kind: 'PROFILE_CHANGED' }) } }),
    })
    return changedIds.length
  }

  private async seen(reach: Reach, column: 'id' | 'owner_id', ids: readonly string[]): Promise<Mailbox[]> {
    if (ids.length === 0) return []
    const { sql, parameters } = reachCondition(reach)
    return this.db.read
      .createQueryBuilder(Mailbox, 'm')
      .where(`${column} IN (:...seenIds) AND ${sql}`, { ...parameters, seenIds: [...ids] })
      .getMany()
  }

  /** Classes with how many mailboxes of a reach have them. */
  private async classCounts(reach: Reach): Promise<{ viewClass: number; n: number }[]> {
    if (reach === 'ALL') return readCounts(this.db.read, [SCOPE.all])
    if (reach.ownerIds.length === 0) {
      return reach.domains.length === 0 ? [] : readCounts(this.db.read, reach.domains.map(SCOPE.domain))
    }
    const { sql, parameters } = reachCondition(reach)
    const rows = await this.db.read
      .createQueryBuilder(Mailbox, 'm')
      .select('m.viewClass', 'viewClass')
      .addSelect('COUNT(*)', 'n')
      .where(`view_class IS NOT NULL AND ${sql}`, parameters)
      .groupBy('m.viewClass')
      .getRawMany<{ viewClass: number; n: number | string }>()
    return rows.map(({ viewClass, n }) => ({ viewClass: Number(viewClass), n: Number(n) }))
  }
}

/** All mailboxes of a profile, in the order of their creation, with their rows' locks. */
async function idsOfProfile(tx: Tx, profileId: string): Promise<string[]> {
  const query = tx.em.createQueryBuilder(Mailbox, 'm').select('m.id', 'id').where({ profileId }).orderBy('m.id')
  const rows = await tx.locked(query).getRawMany<{ id: string }>()
  return rows.map((row) => row.id)
}

/** A sealed password opens only for the row and field it was sealed for. */
export const passwordOf = (rowId: string) => ({ table: 'mailboxes', rowId, field: 'password' })
