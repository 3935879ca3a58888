import { createHash, randomBytes } from 'node:crypto'
import type { Actor } from '../db/audit-record'
import type { Database } from '../db/database'
import { isId, newId } from '../db/id'
import { FaultList, OperationError, UserFaults } from '../errors'
import type { RequestContext } from '../graphql/context'
import { ApiToken } from './api-token.entity'
import type { ApiTokenInput } from './auth.inputs'
import { hashPassword, newSecret, verifyPassword } from './password'
import { isScope, type Reach, type Right, Role, rightsOf } from './rights'
import { countTry, FAILURE_WINDOW_MS, forgive, networkOf, type SignInLimit } from './sign-in-limits'
import { TooManyWaiting, Turns } from './turns'
import { Session, SignInFailure, User } from './user.entity'

/** Who asks, and what of it is allowed. */
export interface Viewer extends Actor {
  roles: readonly Role[]
  /** Each with the mailboxes it extends to. */
  rights: ReadonlyMap<Right, Reach>
  /** The owner it stands for: its mailbox is "my mailbox". */
  ownerId: string | null
  /** The session or API token it came by: sockets opened with it end when it does. */
  credentialId: string
  expiresAt: Date | null
}

export type { Reach } from './rights'

export type Ctx = RequestContext<Viewer>

/** The first line of every use case. */
export function permit(viewer: Viewer | undefined, right: Right): asserts viewer is Viewer {
  if (!viewer) throw new OperationError('UNAUTHENTICATED', 'Sign in first')
  if (!viewer.rights.has(right)) throw new OperationError('FORBIDDEN', `This needs the right ${right}`)
}

/** Who works at the machine itself: the command line, and the demo that fills itself. May do everything. */
export function operator(name: string): Viewer {
  const roles = [Role.SYSTEM_ADMINISTRATOR]
  const rights = rightsOf(roles)
  return { id: name, name, ip: null, roles, rights, ownerId: null, credentialId: name, expiresAt: null }
}

/** The mailboxes a right extends to, for a viewer that `permit` let pass. */
export const reachOf = (viewer: Viewer, right: Right): Reach =>
  viewer.rights.get(right) ?? { domains: [], ownerIds: [] }

/** For what concerns the whole organisation: a right that extends to some mailboxes only is not enough. */
export function permitAll(viewer: Viewer | undefined, right: Right): asserts viewer is Viewer {
  permit(viewer, right)
  if (reachOf(viewer, right) !== 'ALL') throw new OperationError('FORBIDDEN', `This needs the right ${right} for all`)
}

/**
 * What a mutation may show beside its counts: a token that may change mailboxes but not read them learns how many it changed,
 * not which.
 */
export const mayRead = (viewer: Viewer | undefined): boolean => viewer?.rights.has('mailboxes.read') ?? false

/** What decides what a viewer sees: subscribers with the same may share what is loaded for one of them. */
export const sightOf = (viewer: Viewer): string => JSON.stringify([[...viewer.rights].sort(), viewer.ownerId])

const SESSION_HOURS = 12
/** Wrong passwords for one name within the window: from one address, and from all of them. */
const FAILURES_ALLOWED = 10
const FAILURES_ALLOWED_EVERYWHERE = 100
/** libuv has four threads for hashes and DNS: two of them stay free, so that a flood of sign-ins stops no mailbox test. */
const HASHES_AT_ONCE = 2
const HASHES_WAITING = 20
const LAST_USED_STEP_MS = 60_000
const MIN_PASSWORD = 12
const MAX_PASSWORD = 1_000
const MAX_NAME = 200

const hash = (...parts: string[]): string => createHash('sha256').update(parts.join('\0')).digest('hex')

/** Names that look the same are the same; the counters of wrong passwords go by what is looked up. */
const nameKeyOf = (name: string): string => name.normalize('NFKC').trim().toLowerCase()

export class AuthService {
  private readonly hashing = new Turns(HASHES_AT_ONCE, HASHES_WAITING)

  constructor(private readonly db: Database) {}

  /**
   * Checks name and password and opens a session. Ten wrong passwords for one name from one address within 15 minutes refuse
   * every further try for the rest of them, right or wrong; so do a hundred from any addresses, and so does a flood.
   */
  async signIn(name: string, password: string, ip: string): Promise<{ viewer: Viewer; secret: string }> {
    const faults = new FaultList()
    if (name.length === 0 || name.length > MAX_NAME) faults.add('INVALID', ['name'], 'A name has 1 to 200 characters')
    if (password.length > MAX_PASSWORD) faults.add('TOO_LONG', ['password'], 'A password has at most 1,000 characters')
    faults.check()
    try {
      return await this.hashing.take(() => this.judge(nameKeyOf(name), password, ip))
    } catch (error) {
      if (!(error instanceof TooManyWaiting)) throw error
      const message = 'Too many sign in at this moment: try again in a minute'
      throw new UserFaults([{ code: 'TOO_MANY_ATTEMPTS', path: ['name'], message }])
    }
  }

  async signOut(viewer: Viewer | undefined): Promise<boolean> {
    if (!viewer) throw new OperationError('UNAUTHENTICATED', 'Sign in first')
    await this.db.inTransaction(async (tx) => {
      await tx.em.delete(Session, { id: viewer.credentialId })
      tx.signal('sessions', [viewer.credentialId])
    })
    return true
  }

  /** Who holds this session cookie; undefined when it is unknown or over. */
  async bySession(secret: string, ip: string): Promise<Viewer | undefined> {
    const session = await this.db.read.findOneBy(Session, { secretHash: hash('session', secret) })
    if (!session || session.expiresAt <= new Date()) return undefined
    const user = await this.db.read.findOneBy(User, { id: session.userId })
    return user ? viewerOf(user, session, ip) : undefined
  }

  /** Who holds this API token; undefined when it is unknown, revoked or expired. */
  async byToken(secret: string, ip: string): Promise<Viewer | undefined> {
    const token = await this.db.read.findOneBy(ApiToken, { secretHash: hash('token', secret) })
    const now = new Date()
    if (!token || token.revokedAt || (token.expiresAt && token.expiresAt <= now)) return undefined
    if (!token.lastUsedAt || now.getTime() - token.lastUsedAt.getTime() > LAST_USED_STEP_MS) {
      await this.db.inTransaction((tx) => tx.em.update(ApiToken, { id: token.id }, { lastUsedAt: now }))
    }
    const roles = [Role.INTEGRATION]
    return {
      id: token.id,
      name: token.name,
      ip,
      roles,
      rights: rightsOf(roles, { scopes: token.scopes.filter(isScope) }),
      ownerId: null,
      credentialId: token.id,
      expiresAt: token.expiresAt,
    }
  }

  async createApiToken(viewer: Viewer | undefined, input: ApiTokenInput): Promise<{ token: ApiToken; secret: string }> {
    permit(viewer, 'access.edit')
    const faults = new FaultList()
    const name = input.name.trim()
    if (name.length === 0 || name.length > MAX_NAME) {
      faults.add('INVALID', ['input', 'name'], 'A name has 1 to 200 characters')
    }
    if (input.scopes.length === 0) faults.add('REQUIRED', ['input', 'scopes'], 'A token needs a scope')
    for (const [index, scope] of input.scopes.entries()) {
      if (!isScope(scope))
        faults.add('UNKNOWN_SCOPE', ['input', 'scopes', index], 'Scopes: read, approve, test, write, provision')
    }
    if (input.expiresAt && input.expiresAt <= new Date()) {
      faults.add('IN_THE_PAST', ['input', 'expiresAt'], 'The expiry lies in the past')
    }
    faults.check()
    const secret = newSecret('mwt')
    const token = {
      id: newId(),
      name,
      scopes: [...new Set(input.scopes)],
      createdAt: new Date(),
      expiresAt: input.expiresAt ?? null,
      lastUsedAt: null,
      revokedAt: null,
    }
    await this.db.inTransaction((tx) => tx.em.insert(ApiToken, { ...token, secretHash: hash('token', secret) }))
    return { token: Object.assign(new ApiToken(), token), secret }
  }

  async revokeApiToken(viewer: Viewer | undefined, id: string): Promise<ApiToken> {
    permit(viewer, 'access.edit')
    return this.db.inTransaction(async (tx) => {
      const token = isId(id) ? await tx.em.findOneBy(ApiToken, { id }) : null
      if (!token) throw new UserFaults([{ code: 'NOT_FOUND', path: ['id'], message: 'There is no such token' }])
      await tx.em.update(ApiToken, { id }, { revokedAt: token.revokedAt ?? new Date() })
      tx.signal('sessions', [id])
      return token
    })
  }

  /** Makes a user who can sign in; used by the command line, which has no viewer. Throws UserFaults. */
  async createUser(name: string, password: string, roles: readonly Role[]): Promise<void> {
    const faults = new FaultList()
    const trimmed = name.trim()
    const nameKey = nameKeyOf(name)
    if (trimmed.length === 0 || trimmed.length > MAX_NAME || nameKey.length > MAX_NAME)
      faults.add('INVALID', ['name'], 'A name has 1 to 200 characters')
    if (password.length < MIN_PASSWORD || password.length > MAX_PASSWORD) {
      faults.add('INVALID', ['password'], `A password has ${MIN_PASSWORD} to ${MAX_PASSWORD} characters`)
    }
    faults.check()
    const passwordHash = await this.hashing.take(() => hashPassword(password))
    await this.db.inTransaction(async (tx) => {
      if (await tx.em.existsBy(User, { nameKey })) faults.add('TAKEN', ['name'], 'There is a user of this name already')
      faults.check()
      await tx.em.insert(User, {
        id: newId(),
        name: trimmed,
        nameKey,
        passwordHash,
        roles: [...roles],
        createdAt: new Date(),
      })
    })
  }

  /** At the first start there is nobody to sign in: makes an administrator and answers the password, to be printed once. */
  async createFirstAdministrator(): Promise<{ name: string; password: string } | undefined> {
    if (await this.db.read.exists(User)) return undefined
    const name = 'admin'
    const password = randomBytes(15).toString('base64url')
    try {
      await this.createUser(name, password, [Role.SYSTEM_ADMINISTRATOR])
      return { name, password }
    } catch (error) {
      // two nodes started at once: the other one made it, and prints its password
      if (error instanceof UserFaults) return undefined
      throw error
    }
  }

  /** Deletes what is over; run by a schedule. */
  async forgetEnded(now: Date): Promise<void> {
    await this.db.inTransaction(async (tx) => {
      await tx.em.createQueryBuilder().delete().from(Session).where('expiresAt <= :now', { now }).execute()
      const since = new Date(now.getTime() - FAILURE_WINDOW_MS)
      await tx.em.createQueryBuilder().delete().from(SignInFailure).where('since <= :since', { since }).execute()
    })
  }

  private async judge(nameKey: string, password: string, ip: string): Promise<{ viewer: Viewer; secret: string }> {
    const own = { id: hash('sign-in', nameKey, networkOf(ip)), allowed: FAILURES_ALLOWED }
    const everywhere = { id: hash('sign-in', nameKey), allowed: FAILURES_ALLOWED_EVERYWHERE }
    if (!(await this.db.inTransaction((tx) => countTry(tx, [own, everywhere])))) {
      const message = 'Too many wrong passwords: the next try is possible in 15 minutes'
      throw new UserFaults([{ code: 'TOO_MANY_ATTEMPTS', path: ['name'], message }])
    }
    const user = await this.db.read
      .createQueryBuilder(User, 'u')
      .addSelect('u.passwordHash')
      .where('u.nameKey = :nameKey', { nameKey })
      .getOne()
    if (!(await verifyPassword(password, user?.passwordHash)) || !user) {
      throw new UserFaults([{ code: 'WRONG_CREDENTIALS', path: ['password'], message: 'Name or password is wrong' }])
    }
    return this.openSession(user, ip, own, everywhere)
  }

  private async openSession(
    user: User,
    ip: string,
    own: SignInLimit,
    everywhere: SignInLimit,
  ): Promise<{ viewer: Viewer; secret: string }> {
    const secret = newSecret('mws')
    const now = new Date()
    const session = {
      id: newId(),
      userId: user.id,
      createdAt: now,
      expiresAt: new Date(now.getTime() + SESSION_HOURS * 3_600_000),
    }
    await this.db.inTransaction(async (tx) => {
      await tx.em.insert(Session, { ...session, secretHash: hash('session', secret) })
      await forgive(tx, own, everywhere)
    })
    return { viewer: viewerOf(user, session, ip), secret }
  }
}

function viewerOf(user: User, session: { id: string; expiresAt: Date }, ip: string): Viewer {
  return {
    id: user.id,
    name: user.name,
    ip,
    roles: user.roles,
    rights: rightsOf(user.roles),
    ownerId: null,
    credentialId: session.id,
    expiresAt: session.expiresAt,
  }
}
