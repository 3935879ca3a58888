import { isId } from '../db/id'
import type { Tx } from '../db/transaction'
import type { FaultList } from '../errors'
import { checkPassword, oneLine } from '../graphql/text-input'
import { EmailServerProfile } from '../profiles/profile.entity'
import { IncomingMethod, SyncMethod } from '../settings/email-settings.entity'
import type { Mailbox } from './mailbox.entity'
import { Direction } from './mailbox.enums'
import type { MailboxChanges } from './mailbox.inputs'
import type { Condition } from './mailbox-selection'
import { effectOf } from './reset-rules'

/** One part of an edit: only rows that differ are changed, for only there has anything to be reset. */
export interface ChangeStep {
  when: Condition
  patch: Partial<Mailbox>
}

/** Checks an edit and splits it into its steps; the password is the service's business, for it is sealed row by row. */
export async function checkMailboxChanges(tx: Tx, faults: FaultList, changes: MailboxChanges): Promise<ChangeStep[]> {
  const path = (field: string) => ['changes', field]
  const steps: ChangeStep[] = []
  const step = (column: string, value: string | boolean | null, patch: Partial<Mailbox>) => {
    const differs = value === null ? `${column} IS NOT NULL` : `(${column} IS NULL OR ${column} <> :newValue)`
    steps.push({ when: { sql: differs, parameters: { newValue: value } }, patch })
  }
  if (typeof changes.name === 'string') {
    const name = oneLine(faults, path('name'), changes.name, { max: 200 })
    step('name', name, { name, nameKey: name.toLowerCase() })
  }
  if (typeof changes.profileId === 'string') {
    const id = changes.profileId
    const exists = isId(id) && (await tx.em.existsBy(EmailServerProfile, { id }))
    if (!exists) faults.add('NOT_FOUND', path('profileId'), 'There is no such profile')
    step('profile_id', id, { profileId: id, ...effectOf({ kind: 'PROFILE_CHANGED' }) })
  }
  if (changes.incomingMethod) {
    if (changes.incomingMethod === IncomingMethod.FORWARD_MAILBOX) {
      faults.add('NOT_SUPPORTED', path('incomingMethod'), 'Forward mailboxes cannot be chosen yet')
    }
    const incomingMethod = changes.incomingMethod
    step('incoming_method', incomingMethod, {
      incomingMethod,
      ...effectOf({ kind: 'METHOD_CHANGED', direction: Direction.INCOMING }),
    })
  }
  if (changes.outgoingMethod) {
    const outgoingMethod = changes.outgoingMethod
    step('outgoing_method', outgoingMethod, {
      outgoingMethod,
      ...effectOf({ kind: 'METHOD_CHANGED', direction: Direction.OUTGOING }),
    })
  }
  if (changes.actMethod) {
    if (changes.actMethod === SyncMethod.SERVER_SIDE_SYNC) {
      faults.add('NOT_SUPPORTED', path('actMethod'), 'Appointments, contacts and tasks are not synchronized yet')
    }
    const actMethod = changes.actMethod
    step('act_method', actMethod, { actMethod, ...effectOf({ kind: 'METHOD_CHANGED', direction: Direction.ACT }) })
  }
  if (changes.forwardMailboxId)
    faults.add('NOT_SUPPORTED', path('forwardMailboxId'), 'Forward mailboxes cannot be chosen yet')
  if (changes.deleteAfterProcessing === true) {
    faults.add(
      'NOT_SUPPORTED',
      path('deleteAfterProcessing'),
      'Mail is not processed yet, so there is nothing to delete after',
    )
  }
  if (typeof changes.username === 'string') {
    const username = oneLine(faults, path('username'), changes.username, { max: 320, required: false }) || null
    step('username', username, { username, ...effectOf({ kind: 'CREDENTIALS_CHANGED' }) })
  }
  if (typeof changes.password === 'string') checkPassword(faults, path('password'), changes.password)
  return steps
}
