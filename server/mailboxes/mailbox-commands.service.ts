import { In } from 'typeorm'
import { permit, permitAll, type Right, type Viewer } from '../auth/auth.service'
import { updateEach } from '../db/chunks'
import type { Database } from '../db/database'
import { isId } from '../db/id'
import type { Tx } from '../db/transaction'
import { FaultList, unset } from '../errors'
import { oneLine } from '../graphql/text-input'
import { profileStays } from '../profiles/profile.service'
import type { Keyring } from '../secrets/keyring'
import { SyncMethod } from '../settings/email-settings.entity'
import type { EmailSettingsService } from '../settings/email-settings.service'
import { Mailbox } from './mailbox.entity'
import { ApprovalStatus, MailboxKind } from './mailbox.enums'
import type { MailboxChanges, MailboxSelection } from './mailbox.inputs'
import { lookerOf, passwordOf } from './mailbox.service'
import { activating, deactivating, forwardedTo, moveForwarded } from './mailbox-activity'
import {
  type BulkEdit,
  type BulkResult,
  changeMailboxes,
  type MailboxColumn,
  MOST_MAILBOXES,
  type Refusal,
  refusalsOf,
} from './mailbox-bulk'
import {
  checkForwardMailbox,
  checkMailboxChanges,
  columnsOfChanges,
  decideChanges,
  profilesWithAct,
  type WantedChanges,
} from './mailbox-changes'
import type { ExternalIds } from './mailbox-owner.service'
import type { Looker } from './mailbox-selection'
import { effectOf } from './reset-rules'
import { lockSelected } from './selected-mailboxes'

export interface BulkAnswer {
  matched: number
  changed: number
  refused: { mailbox: Mailbox; code: string; message: string }[]
  refusedCount: number
  mailboxes: Mailbox[]
}

export const NOTHING_CHANGED: BulkAnswer = { matched: 0, changed: 0, refused: [], refusedCount: 0, mailboxes: [] }

/** What features to the right of this one know. */
export interface MailboxHooks {
  /** Which of these owners are inactive: their mailboxes stay so. */
  inactiveOwners: (tx: Tx, ownerIds: readonly string[]) => Promise<ReadonlySet<string>>
  /** What these owners are called in the system that provisions them. */
  externalIds: ExternalIds
}

/** What people do to mailboxes, one or many: each command takes a selection and answers what it changed and what was refused. */
export class MailboxCommands {
  readonly hooks: MailboxHooks = {
    inactiveOwners: unset('mailboxes.inactiveOwners'),
    externalIds: unset('mailboxes.externalIds'),
  }

  constructor(
    private readonly db: Database,
    private readonly keyring: Keyring,
    private readonly settings: EmailSettingsService,
  ) {}

  async approve(viewer: Viewer | undefined, selection: MailboxSelection, dryRun: boolean): Promise<BulkAnswer> {
    permit(viewer, 'mailboxes.approve')
    const patch = effectOf({ kind: 'APPROVED', by: viewer.name, at: new Date() })
    return this.bulk(viewer, 'mailboxes.approve', selection, dryRun, {
      action: 'approveEmails',
      columns: APPROVAL_COLUMNS,
      decide: ({ approval }) => {
        if (approval === ApprovalStatus.EMPTY) return { refusal: NO_ADDRESS }
        // who approved first, and when, stays
        return { patch: approval === ApprovalStatus.APPROVED ? {} : patch }
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
    const faults = new FaultList()
    const said = oneLine(faults, ['reason'], reason ?? '', { max: 500, required: false }) || null
    faults.check()
    const patch = effectOf({ kind: 'REJECTED', reason: said })
    return this.bulk(viewer, 'mailboxes.approve', selection, dryRun, {
      action: 'rejectEmails',
      details: { reason: said },
      columns: APPROVAL_COLUMNS,
      decide: ({ approval }) => {
        if (approval === ApprovalStatus.EMPTY) return { refusal: NO_ADDRESS }
        // said anew without a reason, the one that stands stays
        return { patch: approval === ApprovalStatus.REJECTED && said === null ? {} : patch }
      },
    })
  }

  /** Edits the selected mailboxes; what resets what is decided by the reset rules. Credentials alone take a right of their own. */
  async update(
    viewer: Viewer | undefined,
    selection: MailboxSelection,
    changes: MailboxChanges,
    dryRun: boolean,
  ): Promise<BulkAnswer> {
    const right = isCredentialsAlone(changes) ? 'mailboxes.credentials' : 'mailboxes.edit'
    permit(viewer, right)
    if (givenOf(changes).length === 0) {
      const faults = new FaultList()
      faults.add('EMPTY', ['changes'], 'Name at least one change')
      faults.check()
    }
    const { password } = changes
    return this.bulk(viewer, right, selection, dryRun, async (tx) => {
      const faults = new FaultList()
      const wanted = await checkMailboxChanges(tx, faults, changes)
      faults.check()
      return {
        ...(await this.edit(tx, wanted)),
        action: 'updateMailboxes',
        ...(typeof password === 'string' && {
          writeEach: (_tx: Tx, ids: readonly string[]) => this.setPassword(tx, ids, password),
        }),
        // that one is removed is seen by hasPassword
        ...(password && { alsoChanged: { password: 'changed' } }),
      }
    })
  }

  /** The organisation's defaults: its profile, if there is one, and its methods. Not for forward mailboxes, which have their own. */
  async applyDefaults(viewer: Viewer | undefined, selection: MailboxSelection, dryRun: boolean): Promise<BulkAnswer> {
    permitAll(viewer, 'mailboxes.edit')
    return this.bulk(viewer, 'mailboxes.edit', selection, dryRun, async (tx) => {
      const settings = await this.settings.current(tx.em)
      const profileId = settings.defaultProfileId
      const edit = await this.edit(tx, {
        ...(profileId !== null && (await profileStays(tx, profileId)) && { profileId }),
        incomingMethod: settings.defaultIncomingMethod,
        outgoingMethod: settings.defaultOutgoingMethod,
        actMethod: settings.defaultActMethod,
      })
      return {
        ...edit,
        action: 'applyDefaultEmailSettings',
        decide: (row) => (row.kind === MailboxKind.FORWARD ? { refusal: NO_DEFAULTS } : edit.decide(row)),
      }
    })
  }

  /**
   * Activates or deactivates. An inactive forward mailbox collects nothing, so one that is in use is refused, or its users move
   * to another one.
   */
  async setActive(
    viewer: Viewer | undefined,
    selection: MailboxSelection,
    active: boolean,
    options: { dryRun?: boolean | null; moveForwardedTo?: string | null },
  ): Promise<BulkAnswer> {
    permitAll(viewer, 'mailboxes.edit')
    const dryRun = options.dryRun ?? false
    if (active && typeof options.moveForwardedTo === 'string') {
      const faults = new FaultList()
      faults.add('NOT_ALLOWED', ['moveForwardedTo'], 'Nobody has to move when mailboxes are activated')
      faults.check()
    }
    return this.bulkBy(viewer, 'mailboxes.edit', selection, dryRun, async (tx, ids) => {
      const details = toldOf(selection)
      if (active) return activating(tx, viewer, ids, { dryRun, details, ...this.hooks })
      const moveTo = options.moveForwardedTo ?? null
      if (moveTo !== null) {
        const faults = new FaultList()
        await checkForwardMailbox(tx, faults, ['moveForwardedTo'], moveTo)
        if (ids.includes(moveTo)) faults.add('NOT_ALLOWED', ['moveForwardedTo'], 'It is deactivated itself')
        faults.check()
      }
      return deactivating(tx, viewer, ids, { dryRun, details, moveTo })
    })
  }

  /** Deletes a forward mailbox. One that is in use is refused with the count, or its users move to another one. */
  async deleteForward(viewer: Viewer | undefined, id: string, moveForwardedTo: string | null): Promise<Mailbox> {
    permitAll(viewer, 'mailboxes.edit')
    return this.db.inTransaction(async (tx) => {
      const faults = new FaultList()
      if (isId(id)) await lockSelected(tx, faults, ALL, { ids: [id] }, ['id'])
      else faults.add('NOT_FOUND', ['id'], 'There is no such mailbox')
      faults.check()
      const mailbox = await tx.em.findOneByOrFail(Mailbox, { id })
      if (mailbox.kind !== MailboxKind.FORWARD) {
        faults.add('NOT_ALLOWED', ['id'], "A user's or queue's mailbox is deactivated, not deleted")
      }
      if (moveForwardedTo !== null) await checkForwardMailbox(tx, faults, ['moveForwardedTo'], moveForwardedTo)
      if (moveForwardedTo === id) faults.add('NOT_ALLOWED', ['moveForwardedTo'], 'It is deleted itself')
      const users = (await forwardedTo(tx, [id])).get(id) ?? []
      if (users.length > 0 && moveForwardedTo === null) {
        faults.add('IN_USE', ['id'], `${users.length} mailboxes get their mail through it: name another one for them`)
      }
      faults.check()
      const action = 'deleteForwardMailbox'
      const details = moveForwardedTo === null ? {} : { moveForwardedTo }
      if (moveForwardedTo !== null) await moveForwarded(tx, { actor: viewer, action }, users, moveForwardedTo, details)
      await changeMailboxes(tx, viewer, [id], {
        ...{ action, details },
        columns: ['active', 'activeAddress', 'deletedAt'],
        decide: () => ({ patch: { active: false, activeAddress: null, deletedAt: new Date() } }),
      })
      return tx.em.findOneByOrFail(Mailbox, { id })
    })
  }

  private async edit(tx: Tx, wanted: WantedChanges): Promise<Pick<BulkEdit, 'columns' | 'decide'>> {
    // which profile they are to have, or else whichever they have, if it matters
    const isAct = wanted.actMethod === SyncMethod.SERVER_SIDE_SYNC
    const among = wanted.profileId !== undefined ? [wanted.profileId] : isAct ? undefined : []
    const withAct = await profilesWithAct(tx, among)
    return { columns: columnsOfChanges(wanted), decide: (row) => decideChanges(row, wanted, withAct) }
  }

  private bulk(
    viewer: Viewer,
    right: Right,
    selection: MailboxSelection,
    dryRun: boolean,
    edit: BulkEdit | ((tx: Tx) => Promise<BulkEdit>),
  ): Promise<BulkAnswer> {
    return this.bulkBy(viewer, right, selection, dryRun, async (tx, ids) => {
      const known = typeof edit === 'function' ? await edit(tx) : edit
      const details = { ...toldOf(selection), ...known.details }
      return changeMailboxes(tx, viewer, ids, { ...known, details }, { dryRun })
    })
  }

  private async bulkBy(
    viewer: Viewer,
    right: Right,
    selection: MailboxSelection,
    dryRun: boolean,
    work: (tx: Tx, ids: string[]) => Promise<BulkResult>,
  ): Promise<BulkAnswer> {
    const change = async (tx: Tx) => {
      const faults = new FaultList()
      const ids = await lockSelected(tx, faults, lookerOf(viewer, right), selection)
      faults.check()
      return this.answer(tx, ids.length, await work(tx, ids))
    }
    const answer = await this.db.inTransaction(change, { dryRun })
    // who may decide about mailboxes without reading them learns how many there are, and no more
    return viewer.rights.has('mailboxes.read') ? answer : { ...answer, mailboxes: [], refused: [] }
  }

  private async answer(tx: Tx, matched: number, result: BulkResult): Promise<BulkAnswer> {
    const { changedIds, refusedCount } = result
    const mailboxes = await tx.em.findBy(Mailbox, { id: In(changedIds.slice(0, MOST_MAILBOXES)) })
    return { matched, changed: changedIds.length, refused: await refusalsOf(tx.em, result), refusedCount, mailboxes }
  }

  /** Sealed row by row: a password opens only for the row it was sealed for. */
  private async setPassword(tx: Tx, ids: readonly string[], password: string): Promise<void> {
    const seal = (id: string) => (password === '' ? null : this.keyring.seal(password, passwordOf(id)))
    await updateEach(tx, 'mailboxes', 'id', new Map(ids.map((id) => [id, { password_sealed: seal(id) }])))
  }
}

const ALL: Looker = { reach: 'ALL', ownerId: null }

const APPROVAL_COLUMNS: MailboxColumn[] = ['approval', 'approvedBy', 'approvedAt', 'rejectionReason']

const NO_ADDRESS: Refusal = {
  code: 'NO_ADDRESS',
  message: 'A mailbox without address can be neither approved nor rejected.',
}
const NO_DEFAULTS: Refusal = {
  code: 'FORWARD_MAILBOX',
  message: "The defaults are for users' and queues' mailboxes.",
}

/** Null is as left out. */
const givenOf = (changes: MailboxChanges) =>
  Object.entries(changes).filter(([, value]) => value !== null && value !== undefined)

const isCredentialsAlone = (changes: MailboxChanges): boolean => {
  const given = givenOf(changes)
  return given.length > 0 && given.every(([field]) => field === 'username' || field === 'password')
}

/** What the audit log is told of a selection; the mailboxes themselves stand in the entry. */
const toldOf = ({ view, filter }: MailboxSelection): Record<string, unknown> => ({
  ...(view && { view }),
  ...(filter && { filter: { ...filter } }),
})
