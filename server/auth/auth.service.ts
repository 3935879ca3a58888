import { userInfo } from 'node:os'
import { In, IsNull, Not } from 'typeorm'
import type { Actor, AuditChange } from '../db/audit-record'
import type { Database } from '../db/database'
import { newId } from '../db/id'
import type { Tx } from '../db/transaction'
import { FaultList, OperationError, UserFaults } from '../errors'
import type { RequestContext } from '../graphql/context'
import { domainForms } from './domains'
import {
  digest,
  hashPassword,
  MAX_PASSWORD,
  newSecret,
  PASSWORD_COST,
  type PasswordCost,
  verifyPassword,
} from './password'
import { type Reach, type Right, Role, rightsOf } from './rights'
import { countTry, FAILURE_WINDOW_MS, forgive, networkOf } from './sign-in-limits'
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

export type { Reach, Right } from './rights'

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

/** Who gives a command of the command line, `cli NAME`: known by the name that the operating system has for him. */
export function commandLine(command: string): Viewer {
  return { ...operator(command), name: `${command} by ${systemUser()}` }
}

function systemUser(): string {
  try {
    return userInfo().username.slice(0, 100)
  } catch {
    // a container may run as a number that no name is given to
    return `user ${process.getuid?.() ?? 'unknown'}`
  }
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

/** Once for each time that the tries for a person's name are used up: single ones could flood the log. */
async function recordLockOut(tx: Tx, nameKey: string, action: string, address: string): Promise<void> {
  const user = await tx.em.findOneBy(User, { nameKey })
  if (!user) return
  const changes = [{ subjectIds: [user.id], before: { lockedOut: false }, after: { lockedOut: true } }]
  tx.record(null, { action, subject: 'USER', changes, details: { address } })
}

const SESSION_HOURS = 12
/** Wrong passwords for one name within the window: from one address, and from all of them. */
const FAILURES_ALLOWED = 10
const FAILURES_ALLOWED_EVERYWHERE = 100
/** libuv has four threads for hashes and DNS: two of them stay free, so that a flood of sign-ins stops no mailbox test. */
const HASHES_AT_ONCE = 2
const HASHES_WAITING = 20
export const MAX_NAME = 200

/** Names that look the same are the same; the counters of wrong passwords go by what is looked up. */
export const nameKeyOf = (name: string): string => name.normalize('NFKC').trim().toLowerCase()

/** Somebody who has shown the password; the try is to be taken back by what it allows. */
interface Proof {
  user: User
  forgive(tx: Tx): Promise<void>
}

/** Lets people in and knows who is in: sessions and passwords. Users are kept by UserService, programs by ApiTokenService. */
export class AuthService {
  private readonly hashing = new Turns(HASHES_AT_ONCE, HASHES_WAITING)

  constructor(
    private readonly db: Database,
    /** What new hashes cost, and a sign-in of nobody. */
    readonly passwordCost: PasswordCost = PASSWORD_COST,
  ) {}

  /**
   * Checks name and password and opens a session. Ten wrong passwords for one name from one address within 15 minutes refuse
   * every further try for the rest of them, right or wrong; so do a hundred from any addresses, and so does a flood.
   */
  async signIn(name: string, password: string, ip: string): Promise<{ viewer: Viewer; secret: string }> {
    const faults = new FaultList()
    if (name.length === 0 || name.length > MAX_NAME) faults.add('INVALID', ['name'], 'A name has 1 to 200 characters')
    if (password.length > MAX_PASSWORD) faults.add('TOO_LONG', ['password'], 'A password has at most 1,000 characters')
    faults.check()
    return this.inTurn(['name'], async () => {
      const proof = await this.prove(nameKeyOf(name), password, ip, {
        action: 'signIn',
        tries: ['name'],
        password: ['password'],
      })
      if (!proof.user.active) throw refusal('USER_INACTIVE', ['name'], 'This user was deactivated')
      return this.openSession(proof, ip)
    })
  }

  async signOut(viewer: Viewer | undefined): Promise<boolean> {
    if (!viewer) throw new OperationError('UNAUTHENTICATED', 'Sign in first')
    const id = viewer.credentialId
    await this.db.inTransaction(async (tx) => {
      const session = await tx.em.findOneBy(Session, { id })
      if (!session) return
      await tx.em.delete(Session, { id })
      tx.record(viewer, { action: 'signOut', subject: 'SESSION', changes: [ended([session])] })
      tx.signal('sessions', [id])
    })
    return true
  }

  /** Ends a person's sessions, but for one; answers the change for the audit log. */
  async endSessions(tx: Tx, userId: string, but?: string): Promise<AuditChange> {
    const sessions = await tx.em.findBy(Session, { userId, ...(but !== undefined && { id: Not(but) }) })
    const ids = sessions.map((session) => session.id)
    await tx.em.delete(Session, { id: In(ids) })
    tx.signal('sessions', ids)
    return ended(sessions)
  }

  /** What a person may do has changed: open sockets are judged again, all else is at each request. */
  async rightsChanged(tx: Tx, userId: string): Promise<void> {
    const sessions = await tx.em.find(Session, { select: { id: true }, where: { userId } })
    tx.signal(
      'sessions',
      sessions.map((session) => session.id),
    )
  }

  /** Who holds this session cookie; undefined when it is unknown or over. */
  async bySession(secret: string, ip: string): Promise<Viewer | undefined> {
    const session = await this.db.read.findOneBy(Session, { secretHash: digest('session', secret) })
    if (!session || session.expiresAt <= new Date()) return undefined
    const user = await this.db.read.findOneBy(User, { id: session.userId })
    return user?.active ? viewerOf(user, session, ip) : undefined
  }

  /** Hashing takes a processor for a tenth of a second: a few at a time, and a short line. Throws UserFaults beyond it. */
  async inTurn<T>(path: string[], work: () => Promise<T>): Promise<T> {
    try {
      return await this.hashing.take(work)
    } catch (error) {
      if (!(error instanceof TooManyWaiting)) throw error
      throw refusal('TOO_MANY_ATTEMPTS', path, 'Too many passwords are checked at this moment: try again in a minute')
    }
  }

  hashOf(password: string, path: string[]): Promise<string> {
    return this.inTurn(path, () => hashPassword(password, this.passwordCost))
  }

  /** Deletes what is over; run by a schedule. */
  async forgetEnded(now: Date): Promise<void> {
    await this.db.inTransaction(async (tx) => {
      await tx.em.createQueryBuilder().delete().from(Session).where('expiresAt <= :now', { now }).execute()
      const since = new Date(now.getTime() - FAILURE_WINDOW_MS)
      await tx.em.createQueryBuilder().delete().from(SignInFailure).where('since <= :since', { since }).execute()
    })
  }

  /** Call it in turn. Throws UserFaults: TOO_MANY_ATTEMPTS at `tries`, WRONG_CREDENTIALS at `password`. */
  async prove(
    nameKey: string,
    password: string,
    ip: string,
    at: { action: string; tries: string[]; password: string[] },
  ): Promise<Proof> {
    const own = { id: digest('sign-in', nameKey, networkOf(ip)), allowed: FAILURES_ALLOWED }
    const everywhere = { id: digest('sign-in', nameKey), allowed: FAILURES_ALLOWED_EVERYWHERE }
    const outcome = await this.db.inTransaction(async (tx) => {
      const counted = await countTry(tx, [own, everywhere])
      if (counted === 'LOCKED_OUT') await recordLockOut(tx, nameKey, at.action, ip)
      return counted
    })
    if (outcome !== 'JUDGED') {
      const message = 'Too many wrong passwords: the next try is possible in 15 minutes'
      throw refusal('TOO_MANY_ATTEMPTS', at.tries, message)
    }
    const user = await this.db.read
      .createQueryBuilder(User, 'u')
      .addSelect('u.passwordHash')
      .where('u.nameKey = :nameKey', { nameKey })
      .getOne()
    if (!(await verifyPassword(password, user?.passwordHash, this.passwordCost)) || !user) {
      throw refusal('WRONG_CREDENTIALS', at.password, 'Name or password is wrong')
    }
    return { user, forgive: (tx) => forgive(tx, own, everywhere) }
  }

  private async openSession(proof: Proof, ip: string): Promise<{ viewer: Viewer; secret: string }> {
    const { user } = proof
    const secret = newSecret('mws')
    const now = new Date()
    const session = {
      id: newId(),
      userId: user.id,
      createdAt: now,
      expiresAt: new Date(now.getTime() + SESSION_HOURS * 3_600_000),
    }
    const viewer = viewerOf(user, session, ip)
    await this.db.inTransaction(async (tx) => {
      // the password may have been changed while it was checked, and what sessions there were ended with it
      if (!(await isStillProven(tx, user))) {
        throw refusal('WRONG_CREDENTIALS', ['password'], 'Name or password is wrong')
      }
      await tx.em.insert(Session, { ...session, secretHash: digest('session', secret) })
      const change = { subjectIds: [session.id], before: null, after: stateOf(session) }
      tx.record(viewer, { action: 'signIn', subject: 'SESSION', changes: [change] })
      await proof.forgive(tx)
    })
    return { viewer, secret }
  }
}

const refusal = (code: string, path: string[], message: string) => new UserFaults([{ code, path, message }])

/** Whether the user still has the password that was shown, and is active; both stay so while the transaction lasts. */
export async function isStillProven(tx: Tx, { id, passwordHash }: User): Promise<boolean> {
  const query = tx.em.createQueryBuilder(User, 'u').select('u.id', 'id')
  query.where({ id, passwordHash, deactivatedAt: IsNull() })
  // of two changes at one time the second waits here, and finds the first's word
  const rows = await tx.locked(query).getRawMany()
  return rows.length > 0
}

const stateOf = ({ userId, expiresAt }: Pick<Session, 'userId' | 'expiresAt'>) => ({
  userId,
  expiresAt: expiresAt.toISOString(),
})

/** Sessions of one person that are there no more. */
function ended(sessions: readonly Session[]): AuditChange {
  const userId = sessions[0]?.userId ?? null
  return { subjectIds: sessions.map((session) => session.id), before: { userId }, after: null }
}

function viewerOf(user: User, session: { id: string; expiresAt: Date }, ip: string): Viewer {
  const { id, name, roles, ownerId } = user
  const domains = user.domainList.flatMap(domainForms)
  return {
    ...{ id, name, ip, roles, ownerId },
    rights: rightsOf(roles, { domains, ownerId }),
    credentialId: session.id,
    expiresAt: session.expiresAt,
  }
}
