import { In } from 'typeorm'
import { isId } from '../db/id'
import type { Tx } from '../db/transaction'
import type { FaultList } from '../errors'
import { checkPassword, oneLine } from '../graphql/text-input'
import { EmailServerProfile, hasWayToAct } from '../profiles/profile.entity'
import { profileStays } from '../profiles/profile.service'
import { IncomingMethod, SyncMethod } from '../settings/email-settings.entity'
import { Mailbox } from './mailbox.entity'
import { Direction, MailboxKind } from './mailbox.enums'
import type { MailboxChanges } from './mailbox.inputs'
import type { Decision, MailboxColumn, MailboxState, Refusal } from './mailbox-bulk'
import { DIRECTION_COLUMNS, DIRECTIONS, effectOf } from './reset-rules'

/** An edit whose fields are checked: what mailboxes shall have. What is absent stays as it is. */
export interface WantedChanges {
  name?: string
  profileId?: string
  incomingMethod?: IncomingMethod
  outgoingMethod?: SyncMethod
  actMethod?: SyncMethod
  forwardMailboxId?: string
  /** Null: the address is the user name. */
  username?: string | null
  hasPassword?: boolean
  deleteAfterProcessing?: boolean
}

/** Checks the fields of an edit one by one; what a mailbox of its own refuses is decided by `decideChanges`. */
export async function checkMailboxChanges(tx: Tx, faults: FaultList, changes: MailboxChanges): Promise<WantedChanges> {
  const path = (field: string) => ['changes', field]
  const wanted: WantedChanges = {}
  if (typeof changes.name === 'string') wanted.name = oneLine(faults, path('name'), changes.name, { max: 200 })
  if (typeof changes.profileId === 'string') {
    const id = changes.profileId
    if (!(await profileStays(tx, id))) faults.add('NOT_FOUND', path('profileId'), 'There is no such profile')
    wanted.profileId = id
  }
  if (changes.incomingMethod) wanted.incomingMethod = changes.incomingMethod
  if (changes.outgoingMethod) wanted.outgoingMethod = changes.outgoingMethod
  if (changes.actMethod) wanted.actMethod = changes.actMethod
  if (typeof changes.forwardMailboxId === 'string') {
    await checkForwardMailbox(tx, faults, path('forwardMailboxId'), changes.forwardMailboxId)
    wanted.forwardMailboxId = changes.forwardMailboxId
  }
  if (typeof changes.username === 'string') {
    wanted.username = oneLine(faults, path('username'), changes.username, { max: 320, required: false }) || null
  }
  if (typeof changes.password === 'string') {
    checkPassword(faults, path('password'), changes.password)
    wanted.hasPassword = changes.password !== ''
  }
  if (typeof changes.deleteAfterProcessing === 'boolean') wanted.deleteAfterProcessing = changes.deleteAfterProcessing
  return wanted
}

/** Adds a fault unless it is an active forward mailbox; nobody deletes or deactivates it before the transaction ends. */
export async function checkForwardMailbox(
  tx: Tx,
  faults: FaultList,
  path: readonly string[],
  id: string,
): Promise<void> {
  const query = tx.em.createQueryBuilder(Mailbox, 'm').where({ id })
  const mailbox = isId(id) ? await tx.shared(query).getOne() : null
  if (mailbox?.kind !== MailboxKind.FORWARD || mailbox.deletedAt) {
    faults.add('NOT_FOUND', path, 'There is no such forward mailbox')
  } else if (!mailbox.active) faults.add('INACTIVE', path, 'The forward mailbox is inactive')
}

/**
 * The profiles, of these or of all, with a way to appointments, contacts and tasks (product rule 2.1); none of them loses it
 * while the transaction lasts.
 */
export async function profilesWithAct(tx: Tx, among?: readonly string[]): Promise<ReadonlySet<string>> {
  const columns = { id: true, type: true, davUrl: true } as const
  // found first, and locked by their ids: a search would lock every profile it looks at
  const ids =
    among ?? (await tx.em.find(EmailServerProfile, { select: columns })).filter(hasWayToAct).map(({ id }) => id)
  if (ids.length === 0) return new Set()
  const query = tx.em
    .createQueryBuilder(EmailServerProfile, 'p')
    .select(Object.keys(columns).map((column) => `p.${column}`))
    .where({ id: In([...ids]) })
    .orderBy('p.id')
  const profiles = await tx.shared(query).getMany()
  return new Set(profiles.filter(hasWayToAct).map(({ id }) => id))
}

/** What `decideChanges` reads and sets. */
export function columnsOfChanges(wanted: WantedChanges): MailboxColumn[] {
  const columns: MailboxColumn[] = ['kind']
  const resets = DIRECTIONS.flatMap((direction): MailboxColumn[] => {
    const { status, enabled, changed, errorCode } = DIRECTION_COLUMNS[direction]
    return [status, enabled, changed, errorCode]
  })
  if (wanted.name !== undefined) columns.push('name', 'nameKey')
  if (wanted.username !== undefined) columns.push('username')
  if (wanted.hasPassword !== undefined) columns.push('hasPassword')
  if (wanted.deleteAfterProcessing !== undefined) columns.push('deleteAfterProcessing')
  if (Object.keys(wanted).some((field) => field !== 'name' && field !== 'deleteAfterProcessing'))
    columns.push(...resets)
  const isRouting = ROUTING.some((field) => wanted[field] !== undefined)
  return isRouting ? [...columns, ...ROUTING] : columns
}

/** How mail comes and goes: these depend on each other. */
const ROUTING = ['profileId', 'incomingMethod', 'outgoingMethod', 'actMethod', 'forwardMailboxId'] as const

/** What an edit does to a mailbox; only columns that differ have anything to be reset (product rules 2.1 and 2.3). */
export function decideChanges(row: MailboxState, wanted: WantedChanges, withAct: ReadonlySet<string>): Decision {
  const refusal = refusalOf(row, wanted, withAct)
  if (refusal) return { refusal }
  const patch: Partial<Mailbox> = {}
  const { name, username, hasPassword, deleteAfterProcessing, profileId, forwardMailboxId } = wanted
  if (name !== undefined) Object.assign(patch, { name, nameKey: name.toLowerCase() })
  if (deleteAfterProcessing !== undefined) patch.deleteAfterProcessing = deleteAfterProcessing
  // a password replaced by another one is a change that no column shows
  if (hasPassword || (hasPassword === false && row.hasPassword)) {
    Object.assign(patch, { hasPassword, ...effectOf({ kind: 'CREDENTIALS_CHANGED' }) })
  }
  if (username !== undefined && username !== row.username) {
    Object.assign(patch, { username, ...effectOf({ kind: 'CREDENTIALS_CHANGED' }) })
  }
  for (const direction of DIRECTIONS) {
    const { method } = DIRECTION_COLUMNS[direction]
    if (wanted[method] === undefined || wanted[method] === row[method]) continue
    Object.assign(patch, { [method]: wanted[method] }, effectOf({ kind: 'METHOD_CHANGED', direction }))
  }
  if (forwardMailboxId !== undefined && forwardMailboxId !== row.forwardMailboxId) {
    const effect = effectOf({ kind: 'METHOD_CHANGED', direction: Direction.INCOMING })
    Object.assign(patch, { forwardMailboxId, ...effect })
  }
  // who collects mail otherwise is no user of the forward mailbox any more
  if (patch.incomingMethod && row.incomingMethod === IncomingMethod.FORWARD_MAILBOX) patch.forwardMailboxId = null
  if (profileId !== undefined && profileId !== row.profileId) {
    Object.assign(patch, { profileId, ...effectOf({ kind: 'PROFILE_CHANGED' }) })
  }
  return { patch }
}

const REFUSALS = {
  FORWARD_MAILBOX_METHOD: 'A forward mailbox collects mail by server-side synchronization and does nothing else.',
  FORWARD_MAILBOX_REQUIRED: 'The method FORWARD_MAILBOX needs the forward mailbox that the mail arrives in.',
  NOT_FORWARDED: 'A forward mailbox goes with the incoming method FORWARD_MAILBOX.',
  ACT_NEEDS_DAV: 'Appointments, contacts and tasks need a profile with a DAV address.',
  DELETE_NOT_ALLOWED: "Mail is deleted after processing in queues' and forward mailboxes only.",
} as const

const refuse = (code: keyof typeof REFUSALS): Refusal => ({ code, message: REFUSALS[code] })

function refusalOf(row: MailboxState, wanted: WantedChanges, withAct: ReadonlySet<string>): Refusal | undefined {
  const isForward = row.kind === MailboxKind.FORWARD
  const sends =
    wanted.outgoingMethod === SyncMethod.SERVER_SIDE_SYNC || wanted.actMethod === SyncMethod.SERVER_SIDE_SYNC
  if (isForward && (sends || wanted.incomingMethod === IncomingMethod.FORWARD_MAILBOX)) {
    return refuse('FORWARD_MAILBOX_METHOD')
  }
  if (wanted.deleteAfterProcessing && row.kind === MailboxKind.USER) return refuse('DELETE_NOT_ALLOWED')
  const isForwarded = (wanted.incomingMethod ?? row.incomingMethod) === IncomingMethod.FORWARD_MAILBOX
  if (wanted.forwardMailboxId !== undefined && !isForwarded) return refuse('NOT_FORWARDED')
  if (wanted.incomingMethod && isForwarded && !(wanted.forwardMailboxId ?? row.forwardMailboxId)) {
    return refuse('FORWARD_MAILBOX_REQUIRED')
  }
  const isAct = (wanted.actMethod ?? row.actMethod) === SyncMethod.SERVER_SIDE_SYNC
  const touchesAct = wanted.actMethod !== undefined || wanted.profileId !== undefined
  if (isAct && touchesAct && !withAct.has(wanted.profileId ?? row.profileId ?? '')) return refuse('ACT_NEEDS_DAV')
  return undefined
}
