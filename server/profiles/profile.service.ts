import { type EntityManager, In } from 'typeorm'
import { permit, type Viewer } from '../auth/auth.service'
import type { Database } from '../db/database'
import { isId, newId } from '../db/id'
import type { Tx } from '../db/transaction'
import { FaultList } from '../errors'
import { keysetPage, type Page, type PageArguments } from '../graphql/connection'
import type { Keyring } from '../secrets/keyring'
import { CredentialSource, EmailServerProfile } from './profile.entity'
import type { EmailServerProfileInput } from './profile.inputs'
import { endpointDirections, profileColumns } from './profile-rules'

/** What of a profile changed that its mailboxes must hear of. */
export interface ProfileChange {
  profileId: string
  directions: ('INCOMING' | 'OUTGOING')[]
}

/** Features to the right of this one hook in here, in the same transaction. */
export interface ProfileHooks {
  onConnectionChanged: ((tx: Tx, change: ProfileChange) => Promise<void>)[]
  onDefaultChosen: ((tx: Tx, profileId: string, isDefault: boolean) => Promise<void>)[]
}

export class ProfileService {
  readonly hooks: ProfileHooks = { onConnectionChanged: [], onDefaultChosen: [] }

  constructor(
    private readonly db: Database,
    private readonly keyring: Keyring,
  ) {}

  async get(viewer: Viewer | undefined, id: string): Promise<EmailServerProfile | null> {
    permit(viewer, 'mailboxes.read')
    return isId(id) ? this.db.read.findOneBy(EmailServerProfile, { id }) : null
  }

  async list(viewer: Viewer | undefined, args: PageArguments): Promise<Page<EmailServerProfile>> {
    permit(viewer, 'mailboxes.read')
    const query = this.db.read.createQueryBuilder(EmailServerProfile, 'p')
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
    if (!input.incoming && !input.outgoing) {
      faults.add('REQUIRED', ['input', 'incoming'], 'A profile needs an incoming or an outgoing server')
    }
    checkProfileCredentials(faults, columns, input.password)
    const now = new Date()
    return this.db.inTransaction(async (tx) => {
      await this.checkName(tx, faults, columns.nameKey ?? '')
      faults.check()
      const passwordSealed = input.password ? this.keyring.seal(input.password, passwordOf(id)) : null
      await tx.em.insert(EmailServerProfile, { ...columns, id, passwordSealed, createdAt: now, updatedAt: now })
      if (input.isDefault) for (const hook of this.hooks.onDefaultChosen) await hook(tx, id, true)
      tx.signal('profiles', [id])
      return tx.em.findOneByOrFail(EmailServerProfile, { id })
    })
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
      const isMoved = before !== null && endpointDirections(before, columns).length > 0
      if (before) {
        const stored = isMoved ? null : before.passwordSealed
        checkProfileCredentials(faults, { ...before, ...columns }, input.password || stored, isMoved)
      }
      faults.check()
      if (!before) throw new Error('unreachable: a fault was added')
      // a password goes to the server it was entered for, and to no other that somebody points the profile at
      const kept = isMoved ? { passwordSealed: null } : {}
      const secret = input.password ? { passwordSealed: this.keyring.seal(input.password, passwordOf(id)) } : kept
      await tx.em.update(EmailServerProfile, { id }, { ...columns, ...secret, updatedAt: new Date() })
      const directions = credentialsChanged(before, columns, input.password)
        ? (['INCOMING', 'OUTGOING'] as const)
        : endpointDirections(before, columns)
      if (directions.length > 0) {
        for (const hook of this.hooks.onConnectionChanged)
          await hook(tx, { profileId: id, directions: [...directions] })
      }
      if (typeof input.isDefault === 'boolean') {
        for (const hook of this.hooks.onDefaultChosen) await hook(tx, id, input.isDefault)
      }
      tx.signal('profiles', [id])
      tx.signal('mailboxes', 'many')
      return tx.em.findOneByOrFail(EmailServerProfile, { id })
    })
  }

  private locked(tx: Tx, id: string): Promise<EmailServerProfile | null> {
    const query = tx.em.createQueryBuilder(EmailServerProfile, 'p').addSelect('p.passwordSealed').where({ id })
    return (tx.kind === 'mariadb' ? query.setLock('pessimistic_write') : query).getOne()
  }

  private async checkName(tx: Tx, faults: FaultList, nameKey: string): Promise<void> {
    if (nameKey && (await tx.em.existsBy(EmailServerProfile, { nameKey }))) {
      faults.add('TAKEN', ['input', 'name'], 'There is a profile of this name already')
    }
  }
}

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
