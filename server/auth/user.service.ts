import { randomBytes } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import type { AuditState } from '../db/audit-record'
import type { Database } from '../db/database'
import { isId, newId } from '../db/id'
import type { Tx } from '../db/transaction'
import { FaultList, OperationError, UserFaults, unset } from '../errors'
import { keysetPage, type Page, type PageArguments } from '../graphql/connection'
import { oneLine } from '../graphql/text-input'
import type { CreateUserInput, UpdateUserInput } from './access.inputs'
import { type AuthService, isStillProven, MAX_NAME, nameKeyOf, operator, permit, type Viewer } from './auth.service'
import { normalDomain } from './domains'
import { checkNewPassword, hashPassword } from './password'
import { Role } from './rights'
import { User } from './user.entity'

/** What an administrator decides of a user. */
type Settled = Pick<User, 'name' | 'nameKey' | 'roles' | 'domains' | 'ownerId' | 'deactivatedAt'>

const MOST_DOMAINS = 200

/** Keeps those who sign in: their names, roles and passwords. Signing in itself is AuthService's. */
export class UserService {
  /** Answers whether there is such an owner: owners are a feature to the right of this one. */
  knowsOwner: (tx: Tx, id: string) => Promise<boolean> = unset('users.knowsOwner')

  constructor(
    private readonly db: Database,
    private readonly auth: AuthService,
  ) {}

  async list(viewer: Viewer | undefined, page: PageArguments): Promise<Page<User>> {
    permit(viewer, 'access.edit')
    const query = this.db.read.createQueryBuilder(User, 'u')
    return keysetPage(query, page, { column: 'name_key', property: 'nameKey', direction: 'ASC' })
  }

  async create(viewer: Viewer | undefined, input: CreateUserInput, action = 'createUser'): Promise<User> {
    permit(viewer, 'access.edit')
    const faults = new FaultList()
    const settled = settle(faults, { ...NOBODY, roles: input.roles }, input)
    checkNewPassword(faults, ['input', 'password'], input.password)
    faults.check()
    const passwordHash = await this.auth.hashOf(input.password, ['input', 'password'])
    return this.db.inTransaction(async (tx) => {
      await this.checkOthers(tx, faults, settled, input.ownerId)
      faults.check()
      const user = Object.assign(new User(), settled, { id: newId(), passwordHash, createdAt: new Date() })
      await tx.em.insert(User, user)
      const after = { ...stateOf(user), password: 'changed' }
      tx.record(viewer, { action, subject: 'USER', changes: [{ subjectIds: [user.id], before: null, after }] })
      return user
    })
  }

  /** Takes effect at once: who is deactivated is out, and what others may do is asked again at their next request. */
  async update(viewer: Viewer | undefined, id: string, input: UpdateUserInput): Promise<User> {
    permit(viewer, 'access.edit')
    return this.db.inTransaction(async (tx) => {
      const faults = new FaultList()
      const user = await this.locked(tx, id)
      const settled = settle(faults, user, input)
      const isNewOwner = settled.ownerId !== user.ownerId
      await this.checkOthers(tx, faults, { ...settled, id }, isNewOwner ? settled.ownerId : undefined)
      if (isAdministrator(user) && !isAdministrator(settled) && !(await this.hasAnotherAdministrator(tx, id))) {
        const field = settled.deactivatedAt ? 'active' : 'roles'
        faults.add('LAST_ADMINISTRATOR', ['input', field], 'This is the last active SYSTEM_ADMINISTRATOR')
      }
      faults.check()
      const change = difference(stateOf(user), stateOf(settled))
      if (!change) return user
      await tx.em.update(User, { id }, settled)
      tx.record(viewer, { action: 'updateUser', subject: 'USER', changes: [{ subjectIds: [id], ...change }] })
      if (settled.deactivatedAt) await this.auth.endSessions(tx, id)
      else await this.auth.rightsChanged(tx, id)
      return Object.assign(user, settled)
    })
  }

  /** Ends the user's sessions, but for the one that asks. */
  async setPassword(viewer: Viewer | undefined, id: string, password: string): Promise<User> {
    permit(viewer, 'access.edit')
    const faults = new FaultList()
    checkNewPassword(faults, ['password'], password)
    faults.check()
    const passwordHash = await this.auth.hashOf(password, ['password'])
    return this.db.inTransaction(async (tx) => {
      const user = await this.locked(tx, id)
      await this.store(tx, viewer, 'setUserPassword', user, passwordHash)
      return user
    })
  }

  /** For whoever is signed in with a password. Wrong ones count as at signing in; other sessions of the same user end. */
  async changeOwnPassword(viewer: Viewer | undefined, current: string, next: string): Promise<Viewer> {
    if (!viewer) throw new OperationError('UNAUTHENTICATED', 'Sign in first')
    if (viewer.roles.includes(Role.INTEGRATION)) throw new OperationError('FORBIDDEN', 'An API token has no password')
    const faults = new FaultList()
    checkNewPassword(faults, ['next'], next)
    faults.check()
    const { nameKey } = await this.db.read.findOneByOrFail(User, { id: viewer.id })
    return this.auth.inTurn(['current'], async () => {
      const proof = await this.auth.prove(nameKey, current, viewer.ip ?? '', {
        action: 'changePassword',
        tries: ['current'],
        password: ['current'],
      })
      const passwordHash = await hashPassword(next, this.auth.passwordCost)
      await this.db.inTransaction(async (tx) => {
        // somebody else may have changed it, or deactivated the user, while it was checked
        if (!(await isStillProven(tx, proof.user))) {
          throw new UserFaults([{ code: 'WRONG_CREDENTIALS', path: ['current'], message: 'The password is wrong' }])
        }
        await this.store(tx, viewer, 'changeOwnPassword', proof.user, passwordHash)
        await proof.forgive(tx)
      })
      return viewer
    })
  }

  async endSessions(viewer: Viewer | undefined, userId: string): Promise<number> {
    permit(viewer, 'access.edit')
    return this.db.inTransaction(async (tx) => {
      const { id } = await this.locked(tx, userId, 'userId')
      const change = await this.auth.endSessions(tx, id)
      tx.record(viewer, { action: 'endSessions', subject: 'SESSION', changes: [change] })
      return change.subjectIds.length
    })
  }

  /** At the first start there is nobody to sign in: makes an administrator and answers the password, to be printed once. */
  async createFirstAdministrator(): Promise<{ name: string; password: string } | undefined> {
    if (await this.db.read.exists(User)) return undefined
    const name = 'admin'
    const password = randomBytes(15).toString('base64url')
    try {
      await this.create(operator('first start'), { name, password, roles: [Role.SYSTEM_ADMINISTRATOR] }, 'first start')
      return { name, password }
    } catch (error) {
      // two nodes started at once: the other one made it, and prints its password
      if (error instanceof UserFaults) return undefined
      throw error
    }
  }

  private async store(tx: Tx, viewer: Viewer, action: string, user: User, passwordHash: string): Promise<void> {
    await tx.em.update(User, { id: user.id }, { passwordHash })
    await this.auth.endSessions(tx, user.id, viewer.credentialId)
    const [before, after] = [{ password: 'changed' }, { password: 'changed' }]
    tx.record(viewer, { action, subject: 'USER', changes: [{ subjectIds: [user.id], before, after }] })
  }

  /** The user, whose row stays ours until the transaction ends. */
  private async locked(tx: Tx, id: string, argument = 'id'): Promise<User> {
    const query = tx.em.createQueryBuilder(User, 'u').where({ id })
    const user = isId(id) ? await tx.locked(query).getOne() : null
    if (!user) throw new UserFaults([{ code: 'NOT_FOUND', path: [argument], message: 'There is no such user' }])
    return user
  }

  private async checkOthers(
    tx: Tx,
    faults: FaultList,
    { id, nameKey }: { id?: string; nameKey: string },
    ownerId: string | null | undefined,
  ): Promise<void> {
    const namesake = await tx.em.findOne(User, { select: { id: true }, where: { nameKey } })
    if (namesake && namesake.id !== id) {
      faults.add('TAKEN', ['input', 'name'], 'There is a user of this name already')
    }
    if (ownerId && !(isId(ownerId) && (await this.knowsOwner(tx, ownerId)))) {
      faults.add('NOT_FOUND', ['input', 'ownerId'], 'There is no such owner')
    }
  }

  /** Two administrators who take the role from each other at one time: the second waits here, and finds the first's word. */
  private async hasAnotherAdministrator(tx: Tx, id: string): Promise<boolean> {
    const query = tx.em.createQueryBuilder(User, 'u').orderBy('u.id')
    const users = await tx.locked(query).getMany()
    return users.some((user) => user.id !== id && isAdministrator(user))
  }
}

const NOBODY: Settled = { name: '', nameKey: '', roles: [], domains: null, ownerId: null, deactivatedAt: null }

const isAdministrator = ({ roles, deactivatedAt }: Settled): boolean =>
  deactivatedAt === null && roles.includes(Role.SYSTEM_ADMINISTRATOR)

/** A user after an input; what is wrong with it becomes faults. */
function settle(faults: FaultList, user: Settled, input: UpdateUserInput): Settled {
  const roles = input.roles ? [...new Set(input.roles)] : user.roles
  const domains = input.domains ? domainsOf(faults, input.domains) : user.domains
  const ownerId = input.ownerId === undefined ? user.ownerId : input.ownerId || null
  if (roles.length === 0) faults.add('REQUIRED', ['input', 'roles'], 'A user needs a role')
  if (roles.includes(Role.INTEGRATION)) {
    faults.add('NOT_ALLOWED', ['input', 'roles'], 'INTEGRATION is what an API token acts as')
  }
  if (roles.includes(Role.MAILBOX_APPROVER) && (domains ?? []).length === 0 && !input.domains?.length) {
    faults.add('REQUIRED', ['input', 'domains'], 'A MAILBOX_APPROVER needs the domains it decides about')
  }
  if (roles.includes(Role.MAILBOX_USER) && ownerId === null) {
    faults.add('REQUIRED', ['input', 'ownerId'], 'A MAILBOX_USER needs the owner it stands for')
  }
  return { ...nameOf(faults, user, input), roles, domains, ownerId, deactivatedAt: deactivation(user, input.active) }
}

function nameOf(faults: FaultList, user: Settled, input: UpdateUserInput): Pick<Settled, 'name' | 'nameKey'> {
  if (typeof input.name !== 'string') return { name: user.name, nameKey: user.nameKey }
  const name = oneLine(faults, ['input', 'name'], input.name, { max: MAX_NAME })
  const nameKey = nameKeyOf(name)
  if (nameKey.length > MAX_NAME) faults.add('TOO_LONG', ['input', 'name'], 'A name has 1 to 200 characters')
  return { name, nameKey }
}

function domainsOf(faults: FaultList, texts: readonly string[]): string[] | null {
  if (texts.length > MOST_DOMAINS) {
    faults.add('TOO_MANY', ['input', 'domains'], `At most ${MOST_DOMAINS} domains are taken`)
    return null
  }
  const domains = texts.flatMap((text, index) => {
    const domain = normalDomain(text)
    if (domain === undefined) faults.add('INVALID', ['input', 'domains', index], 'This is no domain name')
    return domain ?? []
  })
  return domains.length > 0 ? [...new Set(domains)].sort() : null
}

function deactivation(user: Settled, active: boolean | null | undefined): Date | null {
  if (typeof active !== 'boolean') return user.deactivatedAt
  return active ? null : (user.deactivatedAt ?? new Date())
}

const stateOf = ({ name, roles, domains, ownerId, deactivatedAt }: Settled) => ({
  ...{ name, roles, domains: domains ?? [], ownerId },
  active: deactivatedAt === null,
})

/** What differs, before and after; undefined when nothing does. */
function difference(before: AuditState, after: AuditState): { before: AuditState; after: AuditState } | undefined {
  const names = Object.keys(after).filter((name) => !isDeepStrictEqual(before[name], after[name]))
  const only = (state: AuditState) => Object.fromEntries(names.map((name) => [name, state[name] ?? null]))
  return names.length > 0 ? { before: only(before), after: only(after) } : undefined
}
