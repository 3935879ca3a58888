import { In } from 'typeorm'
import { type Command, changesOf, difference, type SubjectChange } from '../db/audit-changes'
import { pausingChunks, updateEach } from '../db/chunks'
import type { Tx } from '../db/transaction'
import { IncomingMethod, SyncMethod } from '../settings/email-settings.entity'
import { Mailbox } from './mailbox.entity'
import { ApprovalStatus } from './mailbox.enums'
import { forwardedTo } from './mailbox-activity'
import { decideChanges, profilesWithAct } from './mailbox-changes'
import { counted } from './mailbox-counts'
import { effectOf } from './reset-rules'

/** How a mailbox was set up in the system it comes from. */
export interface ImportedMailbox {
  /** Of an owned mailbox; a forward mailbox is named by its own id. */
  ownerId: string | null
  mailboxId: string | null
  /** Made in this transaction: nobody has decided anything about it here. */
  isNew: boolean
  active: boolean
  /** Null: as it is. */
  profileId: string | null
  incomingMethod: IncomingMethod
  /** For the method FORWARD_MAILBOX. */
  forwardMailboxId: string | null
  outgoingMethod: SyncMethod
  actMethod: SyncMethod
  username: string | null
  deleteAfterProcessing: boolean
  approval: { kind: 'NONE' } | { kind: 'APPROVED'; by: string; at: Date | null } | { kind: 'REJECTED' }
}

export interface ConfiguredMailbox {
  before: Mailbox
  after: Mailbox
  /** ACT was wished for, and its profile has no way to it. */
  isWithoutAct: boolean
  /** It was to be deactivated, and stays active for so many mailboxes, which get their mail through it. */
  keptFor: number
}

const REASON = 'Rejected in the system it was imported from'

const COLUMNS = [
  ...(['active', 'profileId', 'incomingMethod', 'forwardMailboxId', 'outgoingMethod', 'actMethod'] as const),
  ...(['username', 'deleteAfterProcessing', 'approval', 'approvedBy', 'approvedAt', 'rejectionReason'] as const),
  ...(['incomingEmailStatus', 'outgoingEmailStatus', 'actStatus'] as const),
  ...(['incomingEnabled', 'outgoingEnabled', 'actEnabled'] as const),
  ...(['incomingChangedSinceTest', 'outgoingChangedSinceTest', 'actChangedSinceTest'] as const),
  ...(['incomingErrorCode', 'outgoingErrorCode', 'actErrorCode'] as const),
] as const

/** Columns of their own value in each row, and of the same in many. */
const OWN = 'username'

/** Sets mailboxes up as they were elsewhere; what resets what is decided by the rules of every edit. */
export class MailboxImportService {
  /**
   * A mailbox that is so already is left alone. A decision about the address that was taken here stays, and none is enabled:
   * that takes a test. A forward mailbox stays active while mailboxes get their mail through it. In the order of `imported`.
   */
  async configure(tx: Tx, command: Command, imported: readonly ImportedMailbox[]): Promise<ConfiguredMailbox[]> {
    const withAct = await profilesWithAct(tx)
    const now = new Date()
    const configured = new Map<ImportedMailbox, ConfiguredMailbox>()
    const changes: SubjectChange[] = []
    // first who gets mail, then the forward mailboxes: by then it is known who uses them
    const owned = imported.filter(({ ownerId }) => ownerId !== null)
    const forward = imported.filter(({ ownerId }) => ownerId === null)
    for await (const chunk of inTurn(pausingChunks(owned, 500), pausingChunks(forward, 500))) {
      const mailboxes = await this.find(tx, chunk)
      const closing = chunk.flatMap(({ active, mailboxId }) => (active ? [] : (mailboxId ?? [])))
      const users = await forwardedTo(tx, closing)
      const rows = chunk.map((one) => {
        const before = mailboxes.get(one.ownerId ?? one.mailboxId ?? '')
        if (!before) throw new Error(`Owner ${one.ownerId} has no mailbox`)
        const keptFor = before.active ? (users.get(before.id)?.length ?? 0) : 0
        const row = { ...configure(before, { ...one, active: one.active || keptFor > 0 }, { withAct, now }), keptFor }
        configured.set(one, row)
        return row
      })
      const changed = rows.flatMap(({ before, after }) => {
        const found = difference(before, after, COLUMNS)
        return found ? [{ before, after, ...{ columns: Object.keys(found.after), change: found } }] : []
      })
      changes.push(...changed.map(({ before, change }) => ({ id: before.id, ...change })))
      const ids = changed.map(({ before }) => before.id)
      await counted(tx, ids, () => write(tx, changed))
    }
    const { actor, action } = command
    tx.record(actor, { action, subject: 'MAILBOX', changes: await changesOf(changes) })
    tx.signal(
      'mailboxes',
      changes.map(({ id }) => id),
    )
    return imported.flatMap((one) => configured.get(one) ?? [])
  }

  /** By their owners' ids, forward mailboxes by their own; takes the rows' locks. */
  private async find(tx: Tx, imported: readonly ImportedMailbox[]): Promise<Map<string, Mailbox>> {
    const ownerIds = imported.flatMap(({ ownerId }) => ownerId ?? [])
    const ids = imported.flatMap(({ mailboxId }) => mailboxId ?? [])
    const found: Mailbox[] = []
    for (const where of [{ ownerId: In(ownerIds) }, { id: In(ids) }]) {
      const query = tx.em.createQueryBuilder(Mailbox, 'm').where(where)
      found.push(...(await tx.locked(query).getMany()))
    }
    return new Map(found.map((mailbox) => [mailbox.ownerId ?? mailbox.id, mailbox]))
  }
}

async function* inTurn<T>(...all: AsyncIterable<T>[]): AsyncGenerator<T> {
  for (const one of all) yield* one
}

function configure(
  before: Mailbox,
  one: ImportedMailbox,
  { withAct, now }: { withAct: ReadonlySet<string>; now: Date },
): Omit<ConfiguredMailbox, 'keptFor'> {
  const profileId = one.profileId ?? before.profileId
  const isWithoutAct = one.actMethod === SyncMethod.SERVER_SIDE_SYNC && !withAct.has(profileId ?? '')
  const isForwarded = one.incomingMethod === IncomingMethod.FORWARD_MAILBOX
  const decision = decideChanges(
    before,
    {
      ...(one.profileId === null ? {} : { profileId: one.profileId }),
      incomingMethod: one.incomingMethod,
      ...(isForwarded && one.forwardMailboxId !== null ? { forwardMailboxId: one.forwardMailboxId } : {}),
      outgoingMethod: one.outgoingMethod,
      actMethod: isWithoutAct ? SyncMethod.NONE : one.actMethod,
      username: one.username,
      deleteAfterProcessing: one.deleteAfterProcessing,
    },
    withAct,
  )
  if ('refusal' in decision) throw new Error(`An imported mailbox is refused: ${decision.refusal.code}`)
  // who is inactive there is so here; who is active there may have been deactivated here
  const activity = one.active ? {} : { active: false, activeAddress: null }
  const after = Object.assign(new Mailbox(), before, decision.patch, activity, approvalEffect(before, one, now))
  return { before, after, isWithoutAct }
}

/** What was decided here stays; of a new mailbox nothing was, but by the default profile's type. */
function approvalEffect(before: Mailbox, { isNew, approval }: ImportedMailbox, now: Date): Partial<Mailbox> {
  if (before.approval === ApprovalStatus.EMPTY) return {}
  if (!isNew && before.approval !== ApprovalStatus.PENDING) return {}
  if (approval.kind === 'REJECTED') return effectOf({ kind: 'REJECTED', reason: REASON })
  if (approval.kind === 'APPROVED') {
    return effectOf({ kind: 'APPROVED', by: approval.by, at: approval.at ?? now })
  }
  return { approval: ApprovalStatus.PENDING, approvedBy: null, approvedAt: null, rejectionReason: null }
}

interface Changed {
  after: Mailbox
  columns: readonly string[]
}

/** Mailboxes that get the same values. */
interface Alike {
  patch: Partial<Mailbox>
  ids: string[]
}

/** One statement for each set of values that is alike, and one for many user names. */
async function write(tx: Tx, changed: readonly Changed[]): Promise<void> {
  const updatedAt = new Date()
  const groups = new Map<string, Alike>()
  for (const { after, columns } of changed) {
    const shared = columns.filter((column) => column !== OWN)
    const values = Object.fromEntries(shared.map((column) => [column, after[column as keyof Mailbox]]))
    // an inactive mailbox has no claim to its address
    const patch = {
      ...values,
      ...(columns.includes('active') ? { activeAddress: after.activeAddress } : {}),
      updatedAt,
    }
    const key = JSON.stringify(patch)
    const group: Alike = groups.get(key) ?? { patch, ids: [] }
    group.ids.push(after.id)
    groups.set(key, group)
  }
  for (const { patch, ids } of groups.values()) await tx.em.update(Mailbox, { id: In(ids) }, patch)
  const named = changed.filter(({ columns }) => columns.includes(OWN))
  const usernames = named.map(({ after }) => [after.id, { username: after.username }] as const)
  await updateEach(tx, 'mailboxes', 'id', new Map(usernames))
}
