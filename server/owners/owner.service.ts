import { In, IsNull } from 'typeorm'
import { permit, reachOf, type Viewer } from '../auth/auth.service'
import { pausingChunks } from '../db/chunks'
import type { Database } from '../db/database'
import { isId } from '../db/id'
import type { Tx } from '../db/transaction'
import { FaultList } from '../errors'
import { keysetPage, type Page, type PageArguments } from '../graphql/connection'
import { oneLine } from '../graphql/text-input'
import { normalizeAddress } from '../mail/address'
import { type Condition, reachCondition } from '../mailboxes/mailbox-selection'
import { Owner, OwnerKind } from './owner.entity'
import type { OwnerFilter, OwnerInput, OwnerSelection } from './owner.inputs'
import { checkOwnerInputs } from './owner-input'
import { externalIdsOf, lockedOwners, type OwnerProvisioning } from './owner-provisioning'

export const MOST_OWNERS = 10_000

/** Lists, creates, updates and deletes owners; their mailboxes follow in the same transaction. */
export class OwnerService {
  constructor(
    private readonly db: Database,
    private readonly provisioning: OwnerProvisioning,
  ) {}

  /** Whether there is such an owner; one that was deleted is not. */
  isThere(tx: Tx, id: string): Promise<boolean> {
    return tx.em.existsBy(Owner, { id, deletedAt: IsNull() })
  }

  /** Which of these are inactive. */
  async inactive(tx: Tx, ids: readonly string[]): Promise<ReadonlySet<string>> {
    const rows = await tx.em.find(Owner, { select: { id: true }, where: { id: In([...ids]), active: false } })
    return new Set(rows.map((owner) => owner.id))
  }

  /** What they are called in the system that provisions them. */
  externalIds(tx: Tx, ids: readonly string[]): Promise<ReadonlyMap<string, string>> {
    return externalIdsOf(tx, ids)
  }

  /** Those within reach; unknown ids are left out. */
  async get(viewer: Viewer | undefined, ids: readonly string[]): Promise<Owner[]> {
    permit(viewer, 'mailboxes.read')
    const { sql, parameters } = seenBy(viewer)
    return this.db.read
      .createQueryBuilder(Owner, 'o')
      .where({ id: In(ids.filter(isId)) })
      .andWhere(sql, parameters)
      .getMany()
  }

  /** By name. */
  async list(viewer: Viewer | undefined, filter: OwnerFilter | null, page: PageArguments): Promise<Page<Owner>> {
    permit(viewer, 'mailboxes.read')
    const seen = seenBy(viewer)
    const query = this.db.read.createQueryBuilder(Owner, 'o').where(seen.sql, seen.parameters)
    query.andWhere(filter?.deleted ? 'o.deleted_at IS NOT NULL' : 'o.deleted_at IS NULL')
    const text = searchText(filter?.text)
    if (text !== '') {
      const contains = (part: string) => `%${part.replace(/[!%_]/g, (sign) => `!${sign}`)}%`
      const like = { text: contains(text), address: contains(normalizeAddress(text)), key: filter?.text?.trim() }
      query.andWhere(
        "(o.name_key LIKE :text ESCAPE '!' OR o.address_key LIKE :text ESCAPE '!' OR o.address_key LIKE :address ESCAPE '!' OR o.external_id = :key)",
        like,
      )
    }
    if (filter?.kind) query.andWhere({ kind: filter.kind })
    if (typeof filter?.active === 'boolean') query.andWhere({ active: filter.active })
    return keysetPage(query, page, { column: 'name_key', property: 'nameKey', direction: 'ASC' })
  }

  /**
   * Creates or updates by externalId (by the address where there is none), idempotently, all or nothing, at most 10,000 at a
   * time. A new owner gets its mailbox; a changed address resets its mailbox by the reset rules, an inactive owner's mailbox
   * is inactive. A deleted owner comes back with the mailbox it had.
   */
  async provision(viewer: Viewer | undefined, inputs: readonly OwnerInput[]): Promise<Owner[]> {
    permit(viewer, 'owners.provision')
    const faults = new FaultList()
    if (inputs.length === 0) faults.add('EMPTY', ['owners'], 'Name at least one owner')
    if (inputs.length > MOST_OWNERS) {
      faults.add('TOO_MANY', ['owners'], `At most ${MOST_OWNERS} owners are taken at a time`)
    }
    faults.check()
    const wanted = checkOwnerInputs(faults, inputs)
    faults.check()
    return this.db.inTransaction(async (tx) => {
      const plan = await this.provisioning.plan(tx, faults, wanted)
      faults.check()
      await this.provisioning.carryOut(tx, { actor: viewer, action: 'provisionOwners' }, plan)
      return plan.map(({ owner }) => owner)
    })
  }

  /** Their mailboxes become inactive and the addresses free; owners that are deleted already stay as they are. */
  async delete(viewer: Viewer | undefined, selection: OwnerSelection): Promise<Owner[]> {
    permit(viewer, 'owners.provision')
    checkSelection(selection)
    return this.db.inTransaction(async (tx) => {
      const owners = await selected(tx, selection)
      const plan = this.provisioning.planDeletion([...new Map(owners.map((owner) => [owner.id, owner])).values()])
      await this.provisioning.carryOut(tx, { actor: viewer, action: 'deleteOwners' }, plan)
      const after = new Map(plan.map(({ owner }) => [owner.id, owner]))
      return owners.map((owner) => after.get(owner.id) ?? owner)
    })
  }
}

/** The owners whose mailboxes a viewer sees. */
function seenBy(viewer: Viewer): Condition {
  const reach = reachOf(viewer, 'mailboxes.read')
  if (reach === 'ALL') return { sql: '1 = 1', parameters: {} }
  const { sql, parameters } = reachCondition(reach)
  return { sql: `o.id IN (SELECT owner_id FROM mailboxes WHERE ${sql})`, parameters }
}

function searchText(text: string | null | undefined): string {
  const faults = new FaultList()
  const found = oneLine(faults, ['filter', 'text'], text ?? '', { max: 200, required: false }).toLowerCase()
  faults.checkQuery()
  return found
}

function checkSelection({ ids, keys }: OwnerSelection): void {
  const faults = new FaultList()
  if (!!ids === !!keys) faults.add('EXACTLY_ONE', ['selection'], 'Give exactly one of ids and keys')
  const field = ids ? 'ids' : 'keys'
  const count = (ids ?? keys ?? []).length
  if (!faults.any && count === 0) faults.add('EMPTY', ['selection', field], 'Name at least one owner')
  if (count > MOST_OWNERS)
    faults.add('TOO_MANY', ['selection', field], `At most ${MOST_OWNERS} owners are taken at a time`)
  faults.check()
}

/** In the order of the selection; takes the rows' locks. */
async function selected(tx: Tx, { ids, keys }: OwnerSelection): Promise<Owner[]> {
  const faults = new FaultList()
  const found = new Map<string, Owner>()
  const names = ids ?? (keys ?? []).map(nameOf)
  for await (const chunk of pausingChunks(names)) {
    const owners = await lockedOwners(
      tx,
      ids
        ? { id: In(chunk.filter(isId)) }
        : {
            kind: In(Object.values(OwnerKind)),
            externalId: In(chunk.map((name) => name.slice(name.indexOf(' ') + 1))),
          },
    )
    for (const owner of owners) found.set(ids ? owner.id : nameOf(owner), owner)
  }
  const owners = names.flatMap((name, index) => {
    const owner = found.get(name)
    if (!owner) faults.add('NOT_FOUND', ['selection', ids ? 'ids' : 'keys', index], 'There is no such owner')
    return owner ? [owner] : []
  })
  faults.check()
  return owners
}

const nameOf = ({ kind, externalId }: { kind: OwnerKind; externalId: string | null }): string => `${kind} ${externalId}`
