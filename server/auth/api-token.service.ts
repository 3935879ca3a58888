import type { Database } from '../db/database'
import { isId, newId } from '../db/id'
import { FaultList, UserFaults } from '../errors'
import { keysetPage, type Page, type PageArguments } from '../graphql/connection'
import { oneLine } from '../graphql/text-input'
import type { ApiTokenInput } from './access.inputs'
import { ApiToken } from './api-token.entity'
import { MAX_NAME, permit, type Viewer } from './auth.service'
import { digest, newSecret } from './password'
import { isScope, Role, rightsOf } from './rights'

const LAST_USED_STEP_MS = 60_000

/** What it says when the times of use cannot be kept. */
interface Log {
  warn(fields: object, text: string): void
}

/** Keeps the API tokens and lets in who comes with one. */
export class ApiTokenService {
  /** When each token's use was last written, or is about to be. */
  private readonly noted = new Map<string, number>()
  private readonly waiting = new Map<string, Date>()
  private writing: Promise<void> | undefined

  constructor(
    private readonly db: Database,
    private readonly log: Log,
  ) {}

  /** Who holds this API token; undefined when it is unknown, revoked or expired. */
  async bySecret(secret: string, ip: string): Promise<Viewer | undefined> {
    const token = await this.db.read.findOneBy(ApiToken, { secretHash: digest('token', secret) })
    const now = new Date()
    if (!token || token.revokedAt || (token.expiresAt && token.expiresAt <= now)) return undefined
    this.noteUse(token, now)
    const roles = [Role.INTEGRATION]
    return {
      ...{ id: token.id, name: token.name, ip, roles, ownerId: null },
      rights: rightsOf(roles, { scopes: token.scopes.filter(isScope) }),
      credentialId: token.id,
      expiresAt: token.expiresAt,
    }
  }

  /** Newest first, the revoked ones too. */
  async list(viewer: Viewer | undefined, page: PageArguments): Promise<Page<ApiToken>> {
    permit(viewer, 'access.edit')
    const query = this.db.read.createQueryBuilder(ApiToken, 't')
    return keysetPage(query, page, { column: 'id', property: 'id', direction: 'DESC' })
  }

  async create(viewer: Viewer | undefined, input: ApiTokenInput): Promise<{ token: ApiToken; secret: string }> {
    permit(viewer, 'access.edit')
    const faults = new FaultList()
    const name = oneLine(faults, ['input', 'name'], input.name, { max: MAX_NAME })
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
    const token = Object.assign(new ApiToken(), {
      ...{ id: newId(), name, scopes: [...new Set(input.scopes)], createdBy: viewer.name, createdAt: new Date() },
      ...{ expiresAt: input.expiresAt ?? null, lastUsedAt: null, revokedAt: null },
    })
    const after = { name, scopes: token.scopes, expiresAt: token.expiresAt?.toISOString() ?? null }
    await this.db.inTransaction(async (tx) => {
      await tx.em.insert(ApiToken, { ...token, secretHash: digest('token', secret) })
      const change = { subjectIds: [token.id], before: null, after }
      tx.record(viewer, { action: 'createApiToken', subject: 'API_TOKEN', changes: [change] })
    })
    return { token, secret }
  }

  async revoke(viewer: Viewer | undefined, id: string): Promise<ApiToken> {
    permit(viewer, 'access.edit')
    return this.db.inTransaction(async (tx) => {
      // two revocations at one time: the second waits here, and finds the first's word
      const query = tx.em.createQueryBuilder(ApiToken, 't').where({ id })
      const locked = tx.locked(query)
      const token = isId(id) ? await locked.getOne() : null
      if (!token) throw new UserFaults([{ code: 'NOT_FOUND', path: ['id'], message: 'There is no such token' }])
      if (token.revokedAt) return token
      const revokedAt = new Date()
      await tx.em.update(ApiToken, { id }, { revokedAt })
      const change = { subjectIds: [id], before: { revokedAt: null }, after: { revokedAt: revokedAt.toISOString() } }
      tx.record(viewer, { action: 'revokeApiToken', subject: 'API_TOKEN', changes: [change] })
      tx.signal('sessions', [id])
      return Object.assign(token, { revokedAt })
    })
  }

  /** Resolves when the times of use that are known by now stand in the database, or could not be written. */
  async flush(): Promise<void> {
    while (this.writing) await this.writing
  }

  /** To the minute, and beside the request: on SQLite the write would wait behind a long bulk command. */
  private noteUse(token: ApiToken, now: Date): void {
    const last = Math.max(token.lastUsedAt?.getTime() ?? 0, this.noted.get(token.id) ?? 0)
    if (now.getTime() - last <= LAST_USED_STEP_MS) return
    this.noted.set(token.id, now.getTime())
    this.waiting.set(token.id, now)
    this.startWriting()
  }

  private startWriting(): void {
    this.writing ??= this.write().finally(() => {
      this.writing = undefined
      // one that came between the last look and here
      if (this.waiting.size > 0) this.startWriting()
    })
  }

  private async write(): Promise<void> {
    while (this.waiting.size > 0) {
      const uses = [...this.waiting]
      this.waiting.clear()
      try {
        await this.db.inTransaction(async (tx) => {
          for (const [id, lastUsedAt] of uses) await tx.em.update(ApiToken, { id }, { lastUsedAt })
        })
      } catch (error) {
        for (const [id] of uses) this.noted.delete(id)
        this.log.warn({ err: error }, 'When API tokens were last used could not be written')
      }
    }
  }
}
