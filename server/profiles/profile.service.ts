import { type EntityManager, In } from 'typeorm'
import { permit, type Reach, reachOf, type Viewer } from '../auth/auth.service'
import type { Command } from '../db/audit-changes'
import type { Database } from '../db/database'
import { isId, newId } from '../db/id'
import type { Tx } from '../db/transaction'
import { FaultList, unset } from '../errors'
import { keysetPage, type Page, type PageArguments } from '../graphql/connection'
import type { Keyring } from '../secrets/keyring'
import { CredentialSource, EmailServerProfile, hasWayToAct } from './profile.entity'
import type { EmailServerProfileInput } from './profile.inputs'
import { profileDifference, profileState } from './profile-audit'
import { checkServers, endpointDirections, profileColumns } from './profile-rules'

/** What of a profile changed that its mailboxes must hear of. */
export interface ProfileChange {
  profileId: string
  directions: ('INCOMING' | 'OUTGOING')[]
  command: Command
}

/** Features to the right of this one hook in here, in the same transaction; app.ts does it. */
export interface ProfileHooks {
  onConnectionChanged: ((tx: Tx, change: ProfileChange) => Promise<void>)[]
  onDefaultChosen: ((tx: Tx, profileId: string, isDefault: boolean, command: Command) => Promise<void>)[]
  /** Whether new mailboxes get it; stays so while the transaction lasts. */
  isDefault: (tx: Tx, profileId: string) => Promise<boolean>
  /** Its mailboxes have been moved; what else names it. */
  onDeleted: ((tx: Tx, profileId: string, command: Command) => Promise<void>)[]
  /** Whether there is such an Owner. */
  knowsOwner: (tx: Tx, ownerId: string) => Promise<boolean>
  /** Mailboxes that use the profile, inactive ones too. */
  countMailboxes: (tx: Tx, profileId: string) => Promise<number>
  /** Those of them that are to have appointments, contacts and tasks. */
  countWithAct: (tx: Tx, profileId: string) => Promise<number>
  /** Gives all mailboxes of one profile another (reset rule "profile of the mailbox changes"). */
  moveMailboxes: (tx: Tx, viewer: Viewer, fromId: string, toId: string) => Promise<unknown>
  /** A WHERE over the columns of `mailboxes`: those in reach. */
  mailboxesInReach: (reach: Reach) => { sql: string; parameters: Record<string, unknown> }
}

/** A profile of another system; every source of credentials may be stored, for none is used before it is complete. */
export interface ImportedProfile extends EmailServerProfileInput {
  credentialSource: CredentialSource
}

export class ProfileService {
  readonly hooks: ProfileHooks = {
    ...{ onConnectionChanged: [], onDefaultChosen: [], onDeleted: [] },
    isDefault: unset('profiles.isDefault'),
    knowsOwner: unset('profiles.knowsOwner'),
    countMailboxes: unset('profiles.countMailboxes'),
    countWithAct: unset('profiles.countWithAct'),
    moveMailboxes: unset('profiles.moveMailboxes'),
    mailboxesInReach: () => ({ sql: '1 = 0', parameters: {} }),
  }

  constructor(
    private readonly db: Database,
    private readonly keyring: Keyring,
  ) {}

  async get(viewer: Viewer | undefined, id: string): Promise<EmailServerProfile | null> {
    permit(viewer, 'mailboxes.read')
    if (!isId(id)) return null
    const { sql, parameters } = this.seenBy(viewer)
    const query = this.db.read.createQueryBuilder(EmailServerProfile, 'p').where({ id })
    return query.andWhere(sql, parameters).getOne()
  }

  async list(viewer: Viewer | undefined, args: PageArguments): Promise<Page<EmailServerProfile>> {
    permit(viewer, 'mailboxes.read')
    const { sql, parameters } = this.seenBy(viewer)
    const query = this.db.read.createQueryBuilder(EmailServerProfile, 'p').where(sql, parameters)
    return keysetPage(query, args, { column: 'name_key', property: 'nameKey', direction: 'ASC' })
  }

  /** Inside a transaction hand in its manager: waiting there for a second connection could wait for ever. */
  byIds(ids: readonly string[], em: EntityManager = this.db.read): Promise<EmailServerProfile[]> {
    return em.findBy(EmailServerProfile, { id: In([...ids]) })
  }

  /** The same with sealed passwords, for the tests. */
  withSecrets(ids: readonly string[], em: EntityManager = this.db.read): Promise<EmailServerProfile[]> {
    return em
      .createQueryBuilder(EmailServerProfile, 'p')
      .addSelect('p.passwordSealed')
      .where({ id: In([...ids]) })
      .getMany()
  }

  /** The profile's own password in clear; throws SecretUnreadable. */
  openPassword(profile: EmailServerProfile): string {
    return this.keyring.open(profile.passwordSealed ?? '', passwordOf(profile.id))
  }

  async create(viewer: Viewer | undefined, input: EmailServerProfileInput): Promise<EmailServerProfile> {
    permit(viewer, 'profiles.edit')
    const id = newId()
    const faults = new FaultList()
    const columns = {
      credentialSource: CredentialSource.MAILBOX,
      maxConcurrentConnections: 10,
      verifyCertificates: true,
      active: true,
      ...profileColumns(faults, input),
    }
    checkServers(faults, columns)
    checkProfileCredentials(faults, columns, input.password)
    if (input.isDefault && !columns.active) faults.add('INACTIVE', ['input', 'isDefault'], NO_DEFAULT)
    const now = new Date()
    return this.db.inTransaction(async (tx) => {
      await this.checkName(tx, faults, columns.nameKey ?? '')
      await this.checkOwner(tx, faults, input.ownerId)
      faults.check()
      const passwordSealed = input.password ? this.keyring.seal(input.password, passwordOf(id)) : null
      await tx.em.insert(EmailServerProfile, { ...columns, id, passwordSealed, createdAt: now, updatedAt: now })
      const made = await this.whole(tx, id)
      const changes = [{ subjectIds: [id], before: null, after: profileState(made) }]
      const command = { actor: viewer, action: 'createEmailServerProfile' }
      tx.record(viewer, { action: command.action, subject: 'PROFILE', changes })
      if (input.isDefault) for (const hook of this.hooks.onDefaultChosen) await hook(tx, id, true, command)
      tx.signal('profiles', [id])
      return made
    })
  }

  /**
   * Stores profiles that come from elsewhere, without passwords and so with servers and credentials yet to be entered. One
   * whose name is taken stays as it is. Answers each one's id and whether it was made, in the order of `imported`; faults
   * stand below ["profiles", index].
   */
  async importMissing(
    tx: Tx,
    faults: FaultList,
    command: Command,
    imported: readonly ImportedProfile[],
  ): Promise<{ id: string; isNew: boolean }[]> {
    const now = new Date()
    const answer: { id: string; isNew: boolean }[] = []
    for (const [index, { credentialSource, ...input }] of imported.entries()) {
      const found = new FaultList()
      const columns = { ...profileColumns(found, input), credentialSource, verifyCertificates: true }
      for (const { code, path, message } of found.all) faults.add(code, ['profiles', index, ...path.slice(1)], message)
      const known = await tx.em.findOneBy(EmailServerProfile, { nameKey: columns.nameKey })
      const id = known?.id ?? newId()
      answer.push({ id, isNew: !known })
      if (known || found.any) continue
      await tx.em.insert(EmailServerProfile, { ...columns, id, passwordSealed: null, createdAt: now, updatedAt: now })
      const changes = [{ subjectIds: [id], before: null, after: profileState(await this.whole(tx, id)) }]
      tx.record(command.actor, { action: command.action, subject: 'PROFILE', changes })
      tx.signal('profiles', [id])
    }
    return answer
  }

  /** What the input leaves out stays. Mailboxes whose way to the server changed show "changed since last test". */
  async update(viewer: Viewer | undefined, id: string, input: EmailServerProfileInput): Promise<EmailServerProfile> {
    permit(viewer, 'profiles.edit')
    const faults = new FaultList()
    const columns = profileColumns(faults, input)
    return this.db.inTransaction(async (tx) => {
      const before = isId(id) ? await this.locked(tx, id) : null
      if (!before) faults.add('NOT_FOUND', ['id'], 'There is no such profile')
      else if (columns.nameKey !== before.nameKey) await this.checkName(tx, faults, columns.nameKey ?? '')
      if (input.ownerId !== before?.ownerId) await this.checkOwner(tx, faults, input.ownerId)
      const isMoved = before !== null && endpointDirections(before, columns).length > 0
      if (before) {
        const stored = isMoved ? null : before.passwordSealed
        checkServers(faults, { ...before, ...columns })
        checkProfileCredentials(faults, { ...before, ...columns }, input.password || stored, isMoved)
        await this.checkWayToAct(tx, faults, before, columns)
        await this.checkDefault(tx, faults, before, { ...columns, isDefault: input.isDefault })
      }
      faults.check()
      if (!before) throw new Error('unreachable: a fault was added')
      // a password goes to the server it was entered for, and to no other that somebody points the profile at
      const kept = isMoved ? { passwordSealed: null } : {}
      const secret = input.password ? { passwordSealed: this.keyring.seal(input.password, passwordOf(id)) } : kept
      await tx.em.update(EmailServerProfile, { id }, { ...columns, ...secret, updatedAt: new Date() })
      const after = await this.whole(tx, id)
      const command = { actor: viewer, action: 'updateEmailServerProfile' }
      const difference = profileDifference(before, after)
      const changes = difference ? [{ subjectIds: [id], ...difference }] : []
      tx.record(viewer, { action: command.action, subject: 'PROFILE', changes })
      const directions = credentialsChanged(before, columns, input.password)
        ? (['INCOMING', 'OUTGOING'] as const)
        : endpointDirections(before, columns)
      if (directions.length > 0) {
        const change = { profileId: id, directions: [...directions], command }
        for (const hook of this.hooks.onConnectionChanged) await hook(tx, change)
      }
      if (typeof input.isDefault === 'boolean') {
        for (const hook of this.hooks.onDefaultChosen) await hook(tx, id, input.isDefault, command)
      }
      tx.signal('profiles', [id])
      tx.signal('mailboxes', 'many')
      return after
    })
  }

  /**
   * Refused while mailboxes use it, unless another profile is named that takes them; that one becomes the default, too, where it
   * can. Answers the profile as it was.
   */
  async delete(viewer: Viewer | undefined, id: string, moveMailboxesTo: string | null): Promise<EmailServerProfile> {
    permit(viewer, 'profiles.edit')
    const faults = new FaultList()
    return this.db.inTransaction(async (tx) => {
      const locked = new Map<string, EmailServerProfile | null>()
      // in one order, so that two of these never wait for each other
      for (const one of [id, moveMailboxesTo ?? id].filter(isId).sort()) locked.set(one, await this.locked(tx, one))
      const profile = locked.get(id)
      if (!profile) faults.add('NOT_FOUND', ['id'], 'There is no such profile')
      if (moveMailboxesTo === id) faults.add('NOT_ALLOWED', ['moveMailboxesTo'], 'It is this profile that is deleted')
      else if (moveMailboxesTo !== null && !locked.get(moveMailboxesTo)) {
        faults.add('NOT_FOUND', ['moveMailboxesTo'], 'There is no such profile')
      }
      faults.check()
      if (!profile) throw new Error('unreachable: a fault was added')
      const users = await this.hooks.countMailboxes(tx, id)
      if (users > 0 && moveMailboxesTo === null) {
        const why = `${users} ${users === 1 ? 'mailbox uses' : 'mailboxes use'} it: name a profile that takes them`
        faults.add('IN_USE', ['id'], why)
      }
      faults.check()
      const command = { actor: viewer, action: 'deleteEmailServerProfile' }
      if (users > 0 && moveMailboxesTo !== null) await this.hooks.moveMailboxes(tx, viewer, id, moveMailboxesTo)
      const heir = locked.get(moveMailboxesTo ?? '')
      const isInherited = heir?.active === true && (await this.hooks.isDefault(tx, id))
      for (const hook of this.hooks.onDefaultChosen) {
        await hook(tx, isInherited ? heir.id : id, isInherited, command)
      }
      for (const hook of this.hooks.onDeleted) await hook(tx, id, command)
      await tx.em.delete(EmailServerProfile, { id })
      tx.record(viewer, {
        action: command.action,
        subject: 'PROFILE',
        changes: [{ subjectIds: [id], before: profileState(profile), after: null }],
        details: { mailboxes: users, moveMailboxesTo },
      })
      tx.signal('profiles', [id])
      return profile
    })
  }

  private locked(tx: Tx, id: string): Promise<EmailServerProfile | null> {
    const query = tx.em.createQueryBuilder(EmailServerProfile, 'p').addSelect('p.passwordSealed').where({ id })
    return tx.locked(query).getOne()
  }

  /** Who reaches some mailboxes only sees the profiles these have, and those of which one of its owners is the owner. */
  private seenBy(viewer: Viewer): { sql: string; parameters: Record<string, unknown> } {
    const reach = reachOf(viewer, 'mailboxes.read')
    if (reach === 'ALL') return { sql: '1 = 1', parameters: {} }
    const { sql, parameters } = this.hooks.mailboxesInReach(reach)
    const used = `p.id IN (SELECT profile_id FROM mailboxes WHERE ${sql})`
    if (reach.ownerIds.length === 0) return { sql: used, parameters }
    return {
      sql: `(${used} OR p.owner_id IN (:...profileOwners))`,
      parameters: { ...parameters, profileOwners: reach.ownerIds },
    }
  }

  /** With the sealed password. */
  private whole(tx: Tx, id: string): Promise<EmailServerProfile> {
    return tx.em.createQueryBuilder(EmailServerProfile, 'p').addSelect('p.passwordSealed').where({ id }).getOneOrFail()
  }

  private async checkOwner(tx: Tx, faults: FaultList, ownerId: string | null | undefined): Promise<void> {
    if (ownerId === null || ownerId === undefined) return
    if (isId(ownerId) && (await this.hooks.knowsOwner(tx, ownerId))) return
    faults.add('NOT_FOUND', ['input', 'ownerId'], 'There is no such owner')
  }

  /** The way to appointments, contacts and tasks stays while mailboxes need it (product rule 2.1). */
  private async checkWayToAct(
    tx: Tx,
    faults: FaultList,
    before: EmailServerProfile,
    columns: Partial<EmailServerProfile>,
  ): Promise<void> {
    const after = { ...before, ...columns }
    if (!hasWayToAct(before) || hasWayToAct(after)) return
    const users = await this.hooks.countWithAct(tx, before.id)
    if (users === 0) return
    const field = before.davUrl !== null ? 'davUrl' : 'type'
    const whose = `${users} ${users === 1 ? 'mailbox of it has' : 'mailboxes of it have'}`
    faults.add('ACT_NEEDS_DAV', ['input', field], `${whose} appointments, contacts and tasks, which need a DAV address`)
  }

  /** New mailboxes get no profile that is inactive. */
  private async checkDefault(
    tx: Tx,
    faults: FaultList,
    before: EmailServerProfile,
    wished: { active?: boolean; isDefault?: boolean | null },
  ): Promise<void> {
    const isActive = wished.active ?? before.active
    if (isActive || wished.isDefault === false) return
    const isDefault = await this.hooks.isDefault(tx, before.id)
    if (wished.isDefault && !isDefault) faults.add('INACTIVE', ['input', 'isDefault'], NO_DEFAULT)
    if (before.active && isDefault) {
      faults.add('IN_USE', ['input', 'active'], 'New mailboxes get this profile: choose another default profile first')
    }
  }

  private async checkName(tx: Tx, faults: FaultList, nameKey: string): Promise<void> {
    if (nameKey && (await tx.em.existsBy(EmailServerProfile, { nameKey }))) {
      faults.add('TAKEN', ['input', 'name'], 'There is a profile of this name already')
    }
  }
}

/** Whether there is such a profile; while the transaction lasts nobody deletes it. Who gives it to a mailbox asks so. */
export async function profileStays(tx: Tx, id: string): Promise<boolean> {
  if (!isId(id)) return false
  const query = tx.em.createQueryBuilder(EmailServerProfile, 'p').select('p.id').where({ id })
  return (await tx.shared(query).getOne()) !== null
}

const NO_DEFAULT = 'An inactive profile cannot be the default: activate it first'

const passwordOf = (rowId: string) => ({ table: 'email_server_profiles', rowId, field: 'password' })

function checkProfileCredentials(
  faults: FaultList,
  columns: Partial<EmailServerProfile>,
  password: string | null | undefined,
  isMoved = false,
): void {
  if (columns.credentialSource !== CredentialSource.PROFILE) return
  const why = 'credentialSource PROFILE needs a name and a password'
  if (!columns.username) faults.add('REQUIRED', ['input', 'username'], why)
  if (password) return
  faults.add('REQUIRED', ['input', 'password'], isMoved ? 'Enter the password again: the server changed' : why)
}

function credentialsChanged(
  before: EmailServerProfile,
  after: Partial<EmailServerProfile>,
  password: string | null | undefined,
): boolean {
  const source = after.credentialSource ?? before.credentialSource
  if (source !== before.credentialSource) return true
  if (source !== CredentialSource.PROFILE) return false
  return !!password || (after.username !== undefined && after.username !== before.username)
}
