import {
  type DataverseContent,
  type DataverseFault,
  type DataverseRecord,
  ENTITY_SETS,
  type EntitySet,
} from './dataverse-file'
import { mailboxOf, type PlannedMailbox } from './dataverse-mailbox'
import { type PlannedProfile, profileOf } from './dataverse-profile'
import { type DataverseNote, isActive, Row } from './dataverse-row'
import { OwnerKind } from './owner.entity'
import type { OwnerInput } from './owner.inputs'

export interface DataversePlan {
  profiles: PlannedProfile[]
  owners: { subject: string; input: OwnerInput }[]
  mailboxes: PlannedMailbox[]
  notes: DataverseNote[]
  faults: DataverseFault[]
  /** Columns that were left out for all records of a set alike. */
  left: { set: EntitySet; columns: string[] }[]
}

/** What a Dynamics 365 organisation becomes here, by the option sets and columns of its tables. Decides; writes nothing. */
export function planDataverse({ records, faults }: DataverseContent): DataversePlan {
  const planner = new Planner(records)
  const plan = planner.plan()
  return { ...plan, faults: [...faults, ...plan.faults] }
}

class Planner {
  private readonly notes: DataverseNote[] = []
  private readonly faults: DataverseFault[] = []
  private readonly rows: Record<EntitySet, Row[]>

  constructor(records: Readonly<Record<EntitySet, readonly DataverseRecord[]>>) {
    const rowsOf = (set: EntitySet) => records[set].map((record) => new Row(set, record, this.notes))
    this.rows = {
      ...{ emailserverprofiles: rowsOf('emailserverprofiles'), systemusers: rowsOf('systemusers') },
      ...{ queues: rowsOf('queues'), mailboxes: rowsOf('mailboxes') },
    }
  }

  plan(): DataversePlan {
    const profiles = this.rows.emailserverprofiles.map(profileOf)
    const owners = [...this.rows.systemusers.map(userOf), ...this.rows.queues.map(queueOf)]
    const known = new Map(owners.map((owner) => [`${owner.input.kind} ${owner.input.externalId}`, owner]))
    const types = new Map(profiles.map((profile) => [profile.guid, profile.type]))
    const mailboxes: PlannedMailbox[] = []
    for (const row of this.rows.mailboxes) {
      const regarding = this.regarding(row)
      if (regarding === undefined) continue
      const owner = regarding && known.get(`${regarding.kind} ${regarding.guid}`)
      const mailbox = mailboxOf(row, regarding, owner?.input, types)
      if (mailbox.profileGuid !== null && !types.has(mailbox.profileGuid)) {
        row.note('_emailserverprofile_value', 'the profile is not in the files: the mailbox keeps the one it has here')
        mailbox.profileGuid = null
      }
      if (regarding && !owner) {
        const made = ownerOfMailbox(row, regarding)
        known.set(`${regarding.kind} ${regarding.guid}`, made)
        owners.push(made)
      }
      mailboxes.push(mailbox)
    }
    this.refuseSecondMailboxes(mailboxes)
    this.refuseSameNames(profiles)
    return { profiles, owners, mailboxes, notes: this.notes, faults: this.faults, left: this.account() }
  }

  /** Whose mailbox it is: null for a forward mailbox, undefined when it cannot be told. */
  private regarding(row: Row): PlannedMailbox['owner'] | undefined {
    const guid = row.id('_regardingobjectid_value')
    const isForward = row.flag('isforwardmailbox')
    if (guid === null) {
      if (isForward) return null
      return this.refuse(row, 'NO_OWNER', 'It is no forward mailbox and belongs to nobody')
    }
    if (isForward) row.note('isforwardmailbox', 'imported as the mailbox of the user or queue it belongs to')
    const kind = this.kindOf(row.target('_regardingobjectid_value'), guid)
    if (kind) return { kind, guid }
    const message =
      'Whether it belongs to a user or a queue is not said: export with Prefer: odata.include-annotations="*"'
    return this.refuse(row, 'NO_OWNER', message)
  }

  private kindOf(target: string | null, guid: string): OwnerKind | undefined {
    if (target === 'systemuser' || this.rows.systemusers.some((row) => row.guid === guid)) return OwnerKind.USER
    return target === 'queue' || this.rows.queues.some((row) => row.guid === guid) ? OwnerKind.QUEUE : undefined
  }

  private refuseSecondMailboxes(mailboxes: readonly PlannedMailbox[]): void {
    const first = new Map<string, PlannedMailbox>()
    for (const mailbox of mailboxes) {
      if (!mailbox.owner) continue
      const key = `${mailbox.owner.kind} ${mailbox.owner.guid}`
      const other = first.get(key)
      if (other) {
        const { subject } = mailbox
        this.faults.push({ subject, code: 'DUPLICATE', message: `It has the same owner as ${other.subject}` })
      }
      first.set(key, mailbox)
    }
  }

  /** Profiles are found again by their names. */
  private refuseSameNames(profiles: readonly PlannedProfile[]): void {
    const first = new Map<string, PlannedProfile>()
    for (const profile of profiles) {
      const key = profile.name.toLowerCase()
      const other = first.get(key)
      if (!other) first.set(key, profile)
      else {
        const message = `${other.subject} has the same name: rename one of them`
        this.faults.push({ subject: profile.subject, code: 'DUPLICATE', message })
      }
    }
  }

  private refuse(row: Row, code: string, message: string): undefined {
    this.faults.push({ subject: row.subject, code, message })
  }

  private account(): DataversePlan['left'] {
    return ENTITY_SETS.flatMap((set) => {
      const columns = new Set(this.rows[set].flatMap((row) => row.account()))
      return columns.size > 0 ? [{ set, columns: [...columns].sort() }] : []
    })
  }
}

function userOf(row: Row): DataversePlan['owners'][number] {
  const emailAddress = row.text('internalemailaddress')
  const input = { kind: OwnerKind.USER, externalId: row.guid, name: row.name('fullname', emailAddress), emailAddress }
  return { subject: row.subject, input: { ...input, active: !row.flag('isdisabled', true, 'an inactive user') } }
}

function queueOf(row: Row): DataversePlan['owners'][number] {
  const emailAddress = row.text('emailaddress')
  const input = { kind: OwnerKind.QUEUE, externalId: row.guid, name: row.name('name', emailAddress), emailAddress }
  return { subject: row.subject, input: { ...input, active: isActive(row) } }
}

/** The owner of a mailbox whose user or queue is not in the files. */
function ownerOfMailbox(row: Row, { kind, guid }: { kind: OwnerKind; guid: string }): DataversePlan['owners'][number] {
  const [name, emailAddress] = [row.text('name'), row.text('emailaddress')]
  const label = kind === OwnerKind.USER ? 'user' : 'queue'
  return {
    subject: `${label} ${JSON.stringify(name ?? guid)} (${guid})`,
    input: { kind, externalId: guid, name: row.name('name', guid), emailAddress, active: isActive(row) },
  }
}
