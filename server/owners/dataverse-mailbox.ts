import { normalizeAddress } from '../mail/address'
import { ProfileType } from '../profiles/profile.entity'
import { IncomingMethod, SyncMethod } from '../settings/email-settings.entity'
import { isActive, type Row } from './dataverse-row'
import { OwnerKind } from './owner.entity'
import type { OwnerInput } from './owner.inputs'

export interface PlannedMailbox {
  guid: string
  subject: string
  /** Null for a forward mailbox. */
  owner: { kind: OwnerKind; guid: string } | null
  name: string
  emailAddress: string | null
  active: boolean
  profileGuid: string | null
  incomingMethod: IncomingMethod
  outgoingMethod: SyncMethod
  actMethod: SyncMethod
  username: string | null
  deleteAfterProcessing: boolean
  approval: PlannedApproval
}

export type PlannedApproval =
  | { kind: 'NONE' }
  | { kind: 'APPROVED'; by: string; at: Date | null }
  | { kind: 'REJECTED' }

/** Who approved what was approved there. */
const APPROVER = 'Dynamics 365 import'

const NO_METHOD = 'the method NONE'
const OUTLOOK = `Dynamics 365 for Outlook has no counterpart: ${NO_METHOD} is taken`

const INCOMING = {
  0: IncomingMethod.NONE,
  1: { is: IncomingMethod.NONE, instead: OUTLOOK },
  2: IncomingMethod.SERVER_SIDE_SYNC,
  3: IncomingMethod.FORWARD_MAILBOX,
}
const OUTGOING = {
  0: SyncMethod.NONE,
  1: { is: SyncMethod.NONE, instead: OUTLOOK },
  2: SyncMethod.SERVER_SIDE_SYNC,
}
/** Numbered otherwise than the two above. */
const ACT = {
  0: { is: SyncMethod.NONE, instead: OUTLOOK },
  1: SyncMethod.SERVER_SIDE_SYNC,
  2: SyncMethod.NONE,
}

/** What a row of `mailboxes` becomes. `input`: its owner, when that is in the files. */
export function mailboxOf(
  row: Row,
  owner: PlannedMailbox['owner'],
  input: OwnerInput | undefined,
  types: ReadonlyMap<string, ProfileType>,
): PlannedMailbox {
  const [name, emailAddress] = [row.text('name'), row.text('emailaddress')]
  const profileGuid = row.id('_emailserverprofile_value')
  const isSame = !input || sameAddress(input.emailAddress ?? null, emailAddress)
  if (!isSame) row.note('emailaddress', `the mailbox has the address of its owner, ${input.emailAddress ?? 'none'}`)
  if (input && name !== null && name !== input.name) {
    row.note('name', `the mailbox has the name of its owner, ${input.name}`)
  }
  const isOnline = profileGuid !== null && types.get(profileGuid) === ProfileType.EXCHANGE_ONLINE
  return {
    ...{
      guid: row.guid,
      subject: row.subject,
      owner,
      name: owner ? (name ?? '') : row.name('name', emailAddress),
      emailAddress,
    },
    ...{ active: isActive(row), profileGuid },
    incomingMethod: incomingMethodOf(row, owner === null),
    ...outgoingMethods(row, owner === null),
    username: usernameOf(row),
    deleteAfterProcessing: isDeleting(row, owner),
    approval: approvalOf(row, isSame, isOnline),
  }
}

const sameAddress = (one: string | null, other: string | null): boolean =>
  normalizeAddress(one ?? '') === normalizeAddress(other ?? '')

function incomingMethodOf(row: Row, isForward: boolean): IncomingMethod {
  const column = 'incomingemaildeliverymethod'
  const method = row.option<IncomingMethod>(column, INCOMING, { is: IncomingMethod.NONE, taken: NO_METHOD })
  if (!isForward || method !== IncomingMethod.FORWARD_MAILBOX) return method
  row.note(column, 'a forward mailbox collects its own mail: the method SERVER_SIDE_SYNC is taken')
  return IncomingMethod.SERVER_SIDE_SYNC
}

function outgoingMethods(row: Row, isForward: boolean): Pick<PlannedMailbox, 'outgoingMethod' | 'actMethod'> {
  if (isForward) {
    for (const [column, none] of [['outgoingemaildeliverymethod', 0] as const, ['actdeliverymethod', 2] as const]) {
      const value = row.value(column)
      if (value !== null && value !== none && !(column === 'actdeliverymethod' && value === 0)) {
        row.note(column, `a forward mailbox only collects: ${NO_METHOD} is taken`)
      }
    }
    return { outgoingMethod: SyncMethod.NONE, actMethod: SyncMethod.NONE }
  }
  return {
    outgoingMethod: row.option<SyncMethod>('outgoingemaildeliverymethod', OUTGOING, {
      is: SyncMethod.NONE,
      taken: NO_METHOD,
    }),
    actMethod: row.option<SyncMethod>('actdeliverymethod', ACT, { is: SyncMethod.NONE, taken: NO_METHOD }),
  }
}

function usernameOf(row: Row): string | null {
  const username = row.text('username')
  if (row.flag('allowemailconnectortousecredentials')) return username
  if (username !== null) row.note('username', 'not taken over: its credentials may not be used')
  return null
}

function isDeleting(row: Row, owner: PlannedMailbox['owner']): boolean {
  const wanted = row.flag('processanddeleteemails')
  if (!wanted || owner?.kind !== OwnerKind.USER) return wanted
  row.note('processanddeleteemails', "off: mail is deleted after processing in queues' and forward mailboxes only")
  return false
}

/** An approval holds for the address it was given to; for Exchange Online it takes the administrator's of Microsoft 365, too. */
function approvalOf(row: Row, isSameAddress: boolean, isOnline: boolean): PlannedApproval {
  const column = 'emailrouteraccessapproval'
  const state = row.option<'NONE' | 'APPROVED' | 'REJECTED'>(
    column,
    { 0: 'NONE', 1: 'APPROVED', 2: 'NONE', 3: 'REJECTED' },
    { is: 'NONE', taken: 'an address that is not approved' },
  )
  const isConfirmed = row.flag('isemailaddressapprovedbyo365admin')
  const at = row.text('emailaddressapprovedon')
  const approver = row.text('_emailaddressapprovedby_value')
  const by = row.label('_emailaddressapprovedby_value') ?? approver
  if (state !== 'APPROVED') return { kind: state }
  if (!isSameAddress) {
    row.note(column, 'approve it anew: it was given to another address')
    return { kind: 'NONE' }
  }
  if (isOnline && !isConfirmed) {
    row.note(column, 'approve it anew: no administrator of Microsoft 365 had approved it')
    return { kind: 'NONE' }
  }
  const time = at === null || Number.isNaN(Date.parse(at)) ? null : new Date(at)
  return { kind: 'APPROVED', by: (by ? `${APPROVER}: ${by}` : APPROVER).slice(0, 200), at: time }
}
