import { IsNull } from 'typeorm'
import { permitAll, type Viewer } from '../auth/auth.service'
import type { Command } from '../db/audit-changes'
import type { Database } from '../db/database'
import type { Tx } from '../db/transaction'
import { FaultList } from '../errors'
import { oneLine } from '../graphql/text-input'
import { normalizeAddress } from '../mail/address'
import { checkAddress } from '../mail/address-input'
import type { ForwardMailboxService } from '../mailboxes/forward-mailbox.service'
import { Mailbox } from '../mailboxes/mailbox.entity'
import { MailboxKind } from '../mailboxes/mailbox.enums'
import type { ConfiguredMailbox, ImportedMailbox, MailboxImportService } from '../mailboxes/mailbox-import.service'
import { CredentialSource } from '../profiles/profile.entity'
import type { ImportedProfile, ProfileService } from '../profiles/profile.service'
import { IncomingMethod, SyncMethod } from '../settings/email-settings.entity'
import { type DataverseFault, readDataverse } from './dataverse-file'
import type { PlannedMailbox } from './dataverse-mailbox'
import { type DataversePlan, planDataverse } from './dataverse-mapping'
import type { PlannedProfile } from './dataverse-profile'
import type { DataverseNote } from './dataverse-row'
import { checkOwnerInputs } from './owner-input'
import type { OwnerProvisioning, PlannedOwner } from './owner-provisioning'

export interface DataverseStep {
  /** The record by kind, name and id. */
  subject: string
  result: 'CREATED' | 'UPDATED' | 'UNCHANGED' | 'KEPT'
  /** What of it changes: by column before and after. */
  changes: readonly { column: string; before: string; after: string }[]
}

export interface DataverseImport {
  steps: DataverseStep[]
  notes: DataverseNote[]
  left: DataversePlan['left']
  refused: DataverseFault[]
  /** What the import cannot bring: passwords and consents. */
  credentials: { profiles: number; mailboxes: number; consents: number }
}

/** Where the parts of the plan are found while it is carried out. */
interface Made {
  ownerIds: Map<string, PlannedOwner>
  refusedOwners: Set<string>
  profileIds: Map<string, string>
  profileNames: Map<string, string>
  forwardMailboxes: Map<string, { mailbox: Mailbox; isNew: boolean }>
}

/** Takes over mailboxes, profiles, users and queues of a Dynamics 365 organisation. */
export class DataverseImportService {
  constructor(
    private readonly db: Database,
    private readonly provisioning: OwnerProvisioning,
    private readonly profiles: ProfileService,
    private readonly mailboxes: MailboxImportService,
    private readonly forwardMailboxes: ForwardMailboxService,
  ) {}

  /**
   * All or nothing, in one transaction. Users and queues are found again by their GUID, profiles by their name and forward
   * mailboxes by their address, so the same files a second time change nothing. No password comes along, no test result is
   * believed, and no decision about an address that was taken here is touched.
   */
  async import(
    viewer: Viewer | undefined,
    files: readonly { name: string; bytes: Buffer }[],
    { dryRun, action }: { dryRun: boolean; action: string },
  ): Promise<DataverseImport> {
    for (const right of ['owners.provision', 'profiles.edit', 'mailboxes.edit', 'mailboxes.approve'] as const) {
      permitAll(viewer, right)
    }
    if (!viewer) throw new Error('unreachable: permitAll lets nobody pass')
    const plan = planDataverse(readDataverse(files))
    const work = (tx: Tx) => this.carryOut(tx, viewer, { actor: viewer, action }, plan)
    return this.db.inTransaction(work, { dryRun }).catch((error: unknown) => {
      if (error instanceof Refused) return error.answer
      throw error
    })
  }

  private async carryOut(tx: Tx, viewer: Viewer, command: Command, plan: DataversePlan): Promise<DataverseImport> {
    const answer: DataverseImport = {
      ...{ steps: [], notes: [...plan.notes], left: plan.left, refused: [...plan.faults] },
      credentials: { profiles: 0, mailboxes: 0, consents: 0 },
    }
    const owners = await this.planOwners(tx, plan, answer)
    await this.provisioning.carryOut(tx, command, [...owners.values()])
    const made: Made = {
      ownerIds: new Map([...owners].map(([index, planned]) => [keyOf(plan.owners[index]?.input), planned])),
      refusedOwners: new Set(plan.owners.flatMap(({ input }, index) => (owners.has(index) ? [] : [keyOf(input)]))),
      ...{ profileIds: new Map(), profileNames: new Map(), forwardMailboxes: new Map() },
    }
    await this.makeProfiles(tx, command, plan.profiles, made, answer)
    await this.makeForwardMailboxes(tx, viewer, command, plan.mailboxes, made, answer)
    if (answer.refused.length > 0) throw new Refused(answer)
    await this.configure(tx, command, plan, made, answer)
    return answer
  }

  /** Those that are not refused, by their place in the plan. What is wrong with the others is told beside that of all else. */
  private async planOwners(tx: Tx, plan: DataversePlan, answer: DataverseImport): Promise<Map<number, PlannedOwner>> {
    const refused = new Set<number>()
    const refuse = (faults: FaultList, indexOf: (place: number) => number) => {
      for (const { code, path, message } of faults.all) {
        const index = indexOf(Number(path[1]))
        refused.add(index)
        answer.refused.push({ subject: plan.owners[index]?.subject ?? '', code, message })
      }
    }
    const [wrong, taken] = [new FaultList(Number.POSITIVE_INFINITY), new FaultList(Number.POSITIVE_INFINITY)]
    const inputs = plan.owners.map(({ input }) => input)
    const wanted = checkOwnerInputs(wrong, inputs)
    refuse(wrong, (place) => place)
    const sound = wanted.flatMap((want, index) => (refused.has(index) ? [] : [{ want, index }]))
    const wants = sound.map(({ want }) => want)
    const planned = await this.provisioning.plan(tx, taken, wants)
    refuse(taken, (place) => sound[place]?.index ?? -1)
    const owners = new Map<number, PlannedOwner>()
    for (const [place, owner] of planned.entries()) {
      const index = sound[place]?.index ?? -1
      if (refused.has(index)) continue
      owners.set(index, owner)
      const { before, owner: after, result } = owner
      const changes = before ? changesBetween(before, after, ['name', 'emailAddress', 'active']) : []
      answer.steps.push({ subject: plan.owners[index]?.subject ?? '', result, changes })
    }
    return owners
  }

  private async makeProfiles(
    tx: Tx,
    command: Command,
    planned: readonly PlannedProfile[],
    made: Made,
    answer: DataverseImport,
  ): Promise<void> {
    const faults = new FaultList(Number.POSITIVE_INFINITY)
    const inputs = planned.map((profile): ImportedProfile => {
      const { name, type, active, incoming, outgoing, credentialSource, username, maxConcurrentConnections } = profile
      const owner = `USER ${profile.ownerGuid}`
      const ownerId = made.ownerIds.get(owner)?.owner.id ?? null
      if (profile.ownerGuid !== null && ownerId === null && !made.refusedOwners.has(owner)) {
        const note = { column: '_ownerid_value', value: profile.ownerGuid }
        answer.notes.push({
          subject: profile.subject,
          ...note,
          instead: 'the user is not in the files: it has no owner',
        })
      }
      const servers = { ...(incoming ? { incoming } : {}), ...(outgoing ? { outgoing } : {}) }
      return { name, type, active, ...servers, credentialSource, username, maxConcurrentConnections, ownerId }
    })
    const results = await this.profiles.importMissing(tx, faults, command, inputs)
    const refused = new Set<number>()
    for (const { code, path, message } of faults.all) {
      refused.add(Number(path[1]))
      answer.refused.push({ subject: planned[Number(path[1])]?.subject ?? '', code, message })
    }
    for (const [index, { id, isNew }] of results.entries()) {
      const profile = planned[index]
      if (!profile || refused.has(index)) continue
      made.profileIds.set(profile.guid, id)
      made.profileNames.set(id, profile.name)
      answer.steps.push({ subject: profile.subject, result: isNew ? 'CREATED' : 'KEPT', changes: [] })
    }
  }

  private async makeForwardMailboxes(
    tx: Tx,
    viewer: Viewer,
    { action }: Command,
    planned: readonly PlannedMailbox[],
    made: Made,
    answer: DataverseImport,
  ): Promise<void> {
    for (const { guid, subject, owner, name, emailAddress, profileGuid, username } of planned) {
      if (owner !== null) continue
      const faults = new FaultList()
      if (emailAddress === null) faults.add('INVALID_ADDRESS', [], 'The address is missing')
      else checkAddress(faults, [], emailAddress)
      const title = oneLine(faults, [], name, { max: 200 })
      const known = emailAddress === null || faults.any ? null : await this.forwardMailboxOf(tx, emailAddress)
      if (emailAddress === null || faults.any) {
        for (const { code, message } of faults.all) answer.refused.push({ subject, code, message })
      } else if (known && known.ownerId !== null) {
        answer.refused.push({
          subject,
          ...(await this.forwardMailboxes.addressTaken(tx, { name, emailAddress }, known)),
        })
      } else {
        const profileId = made.profileIds.get(profileGuid ?? '') ?? null
        const input = { name: title, emailAddress, profileId, username }
        const mailbox = known ?? (await this.forwardMailboxes.insert(tx, viewer, input, action))
        made.forwardMailboxes.set(guid, { mailbox, isNew: known === null })
      }
    }
  }

  /** Who has the address: another mailbox, the forward mailbox itself, or a forward mailbox that is inactive by now. */
  private async forwardMailboxOf(tx: Tx, emailAddress: string): Promise<Mailbox | null> {
    const holder = await this.forwardMailboxes.holderOf(tx, emailAddress)
    const addressKey = normalizeAddress(emailAddress)
    const found =
      holder ?? (await tx.em.findOneBy(Mailbox, { kind: MailboxKind.FORWARD, addressKey, deletedAt: IsNull() }))
    if (found === null || tx.kind === 'sqlite') return found
    // nobody deactivates it before its users are pointed at it
    const query = tx.em.createQueryBuilder(Mailbox, 'm').where({ id: found.id })
    return query.setLock('pessimistic_write').getOne()
  }

  private async configure(
    tx: Tx,
    command: Command,
    plan: DataversePlan,
    made: Made,
    answer: DataverseImport,
  ): Promise<void> {
    const only = onlyForwardMailbox(plan.mailboxes)
    const imported = plan.mailboxes.map((planned) => importedOf(planned, made, only, answer.notes))
    const configured = await this.mailboxes.configure(tx, command, imported)
    const names = new Map(made.profileNames)
    const further = configured.flatMap(({ before, after }) => [before.profileId, after.profileId])
    const unknown = [...new Set(further)].flatMap((id) => (id === null || names.has(id) ? [] : [id]))
    for (const { id, name } of await this.profiles.byIds(unknown, tx.em)) names.set(id, name)
    for (const { mailbox } of made.forwardMailboxes.values()) names.set(mailbox.id, mailbox.name)
    for (const [index, { subject, actMethod }] of plan.mailboxes.entries()) {
      const row = configured[index]
      if (!row) continue
      const isNew = imported[index]?.isNew === true && plan.mailboxes[index]?.owner === null
      answer.steps.push(stepOf(subject, row, names, isNew))
      if (row.keptFor > 0) {
        const instead = `${row.keptFor} mailboxes get their mail through it: it stays active`
        answer.notes.push({ subject, column: 'statecode', value: '1', instead })
      }
      if (row.isWithoutAct) {
        const instead = 'the profile has no DAV address: the method NONE is taken'
        answer.notes.push({ subject, column: 'actdeliverymethod', value: actMethod, instead })
      }
    }
    await this.countCredentials(tx, configured, answer)
  }

  private async countCredentials(
    tx: Tx,
    configured: readonly ConfiguredMailbox[],
    { credentials }: DataverseImport,
  ): Promise<void> {
    const ids = [...new Set(configured.flatMap(({ after }) => after.profileId ?? []))]
    const profiles = new Map((await this.profiles.withSecrets(ids, tx.em)).map((profile) => [profile.id, profile]))
    const needing = new Set<string>()
    for (const { after } of configured) {
      const profile = profiles.get(after.profileId ?? '')
      if (!profile || !after.active || !isSynchronized(after)) continue
      if (profile.credentialSource === CredentialSource.MAILBOX) credentials.mailboxes += after.hasPassword ? 0 : 1
      else if (profile.credentialSource === CredentialSource.OAUTH_MAILBOX_CONSENT) credentials.consents++
      else if (!profile.passwordSealed) needing.add(profile.id)
    }
    credentials.profiles = needing.size
  }
}

/** Takes everything back: something was refused after the first rows were written. */
class Refused extends Error {
  constructor(readonly answer: DataverseImport) {
    super('refused')
  }
}

const keyOf = (input: { kind: string; externalId?: string | null } | undefined): string =>
  `${input?.kind} ${input?.externalId}`

const isSynchronized = ({ incomingMethod, outgoingMethod, actMethod }: Mailbox): boolean =>
  incomingMethod === IncomingMethod.SERVER_SIDE_SYNC ||
  outgoingMethod === SyncMethod.SERVER_SIDE_SYNC ||
  actMethod === SyncMethod.SERVER_SIDE_SYNC

/** Dynamics 365 does not say which forward mailbox a mailbox's mail goes to: it can be told when there is one. */
function onlyForwardMailbox(mailboxes: readonly PlannedMailbox[]): string | null {
  const [only, another] = mailboxes.filter(({ owner, active }) => owner === null && active)
  return only && !another ? only.guid : null
}

function insteadOfForwarding(collector: Mailbox | undefined): string {
  const unsaid = 'which forward mailbox is not said'
  if (!collector) return `${unsaid}, and there is more than one or none: the method NONE is taken`
  return collector.active
    ? `${unsaid}: the only one is taken`
    : `${unsaid}, and the only one is inactive here: the method NONE is taken`
}

function importedOf(planned: PlannedMailbox, made: Made, only: string | null, notes: DataverseNote[]): ImportedMailbox {
  const forward = made.forwardMailboxes.get(planned.guid)
  const owner = planned.owner && made.ownerIds.get(`${planned.owner.kind} ${planned.owner.guid}`)
  const { active, outgoingMethod, actMethod, username, deleteAfterProcessing, approval } = planned
  const isForwarded = planned.incomingMethod === IncomingMethod.FORWARD_MAILBOX
  const collector = isForwarded ? made.forwardMailboxes.get(only ?? '')?.mailbox : undefined
  const forwardMailboxId = collector?.active ? collector.id : null
  if (isForwarded) {
    const column = 'incomingemaildeliverymethod'
    notes.push({ subject: planned.subject, column, value: '3', instead: insteadOfForwarding(collector) })
  }
  return {
    ownerId: owner?.owner.id ?? null,
    mailboxId: forward?.mailbox.id ?? null,
    isNew: forward?.isNew ?? owner?.result === 'CREATED',
    ...{ active, outgoingMethod, actMethod, username, deleteAfterProcessing, approval, forwardMailboxId },
    profileId: made.profileIds.get(planned.profileGuid ?? '') ?? null,
    incomingMethod: isForwarded && forwardMailboxId === null ? IncomingMethod.NONE : planned.incomingMethod,
  }
}

const SHOWN = [
  ...(['active', 'profileId', 'incomingMethod', 'forwardMailboxId', 'outgoingMethod', 'actMethod'] as const),
  ...(['username', 'deleteAfterProcessing', 'approval', 'approvedBy'] as const),
]

function stepOf(
  subject: string,
  { before, after }: ConfiguredMailbox,
  names: ReadonlyMap<string, string>,
  isNew: boolean,
): DataverseStep {
  const changes = changesBetween(before, after, SHOWN).map(({ column, ...values }) => ({
    column: column.replace(/Id$/, ''),
    before: names.get(values.before) ?? values.before,
    after: names.get(values.after) ?? values.after,
  }))
  const result = changes.length > 0 ? 'UPDATED' : 'UNCHANGED'
  return { subject, result: isNew ? 'CREATED' : result, changes }
}

function changesBetween<Row extends object>(before: Row, after: Row, columns: readonly (keyof Row & string)[]) {
  return columns.flatMap((column) => {
    const [one, other] = [before[column] ?? 'none', after[column] ?? 'none']
    return one === other ? [] : [{ column: column as string, before: String(one), after: String(other) }]
  })
}
