import { In } from 'typeorm'
import { permit, type Viewer } from '../auth/auth.service'
import { pausingChunks, updateEach } from '../db/chunks'
import type { Database } from '../db/database'
import { newId } from '../db/id'
import type { Tx } from '../db/transaction'
import { FaultList } from '../errors'
import { oneLine } from '../graphql/text-input'
import { addressProblem, normalizeAddress } from '../mail/address'
import type { MailboxOwnerService, OwnedMailbox } from '../mailboxes/mailbox-owner.service'
import { Owner, type OwnerKind } from './owner.entity'
import type { OwnerInput } from './owner.inputs'

const MOST_OWNERS = 10_000
const MAX_ADDRESS = 254

interface Wanted {
  kind: OwnerKind
  externalId: string | null
  name: string
  emailAddress: string | null
  addressKey: string | null
}

/** Creates and updates owners; their mailboxes follow in the same transaction. */
export class OwnerService {
  constructor(
    private readonly db: Database,
    private readonly mailboxes: MailboxOwnerService,
  ) {}

  async get(viewer: Viewer | undefined, ids: readonly string[]): Promise<Owner[]> {
    permit(viewer, 'mailboxes.read')
    return this.db.read.findBy(Owner, { id: In([...ids]) })
  }

  /**
   * Creates or updates by externalId (by the address where there is none), idempotently, all or nothing, at most 10,000 at a
   * time. A new owner gets its mailbox; a changed address resets its mailbox by the reset rules.
   */
  async provision(viewer: Viewer | undefined, inputs: readonly OwnerInput[]): Promise<Owner[]> {
    permit(viewer, 'owners.provision')
    const faults = new FaultList()
    const wanted = checkInputs(faults, inputs)
    faults.check()
    return this.db.inTransaction(async (tx) => {
      const known = await this.known(tx, wanted)
      const now = new Date()
      const plan = wanted.map((want) => {
        const before = known.get(keyOf(want))
        const owner = Object.assign(new Owner(), before ?? { id: newId(), active: true, createdAt: now }, want, {
          // who names it by its address does not take away the name it has elsewhere
          externalId: want.externalId ?? before?.externalId ?? null,
        })
        const differs = !before || before.name !== want.name || before.emailAddress !== want.emailAddress
        if (differs) owner.updatedAt = now
        return { before, owner, differs }
      })
      checkTwins(faults, plan)
      await this.checkTaken(tx, faults, plan)
      faults.check()
      const created = plan.filter(({ before }) => !before).map(({ owner }) => owner)
      for await (const chunk of pausingChunks(created, 100)) {
        await tx.em.createQueryBuilder().insert().into(Owner).values(chunk).updateEntity(false).execute()
      }
      const changed = plan.flatMap(({ before, owner, differs }) => (before && differs ? [{ before, owner }] : []))
      await this.mailboxes.freeAddresses(
        tx,
        changed.map(({ owner }) => owner.id),
      )
      await this.mailboxes.createFor(tx, created)
      await this.updateChanged(
        tx,
        changed.map(({ owner }) => owner),
      )
      await this.mailboxes.ownersChanged(tx, changed)
      return plan.map(({ owner }) => owner)
    })
  }

  private async updateChanged(tx: Tx, owners: readonly Owner[]): Promise<void> {
    const rows = owners.map(({ id, name, emailAddress, addressKey }) => {
      return [id, { name, email_address: emailAddress, address_key: addressKey }] as const
    })
    await updateEach(tx, 'owners', 'id', new Map(rows))
    for await (const chunk of pausingChunks(owners)) {
      const [updatedAt, ids] = [chunk[0]?.updatedAt, chunk.map((owner) => owner.id)]
      await tx.em.update(Owner, { id: In(ids) }, { updatedAt })
    }
  }

  private async known(tx: Tx, wanted: readonly Wanted[]): Promise<Map<string, Owner>> {
    const known = new Map<string, Owner>()
    for await (const chunk of pausingChunks(wanted)) {
      const externalIds = chunk.flatMap((want) => want.externalId ?? [])
      const addresses = chunk.flatMap((want) => (want.externalId === null && want.addressKey ? [want.addressKey] : []))
      const found = await tx.em.find(Owner, { where: [{ externalId: In(externalIds) }, { addressKey: In(addresses) }] })
      // an owner answers to its address too, so that a caller without externalId meets the one provisioned with it
      for (const owner of found) if (owner.externalId !== null) known.set(keyOf(owner), owner)
      for (const owner of found) {
        const byAddress = keyOf({ ...owner, externalId: null })
        if (!known.has(byAddress)) known.set(byAddress, owner)
      }
    }
    return known
  }

  /** Two active mailboxes never share an address: the fault names the other one. */
  private async checkTaken(tx: Tx, faults: FaultList, plan: readonly { owner: Owner }[]): Promise<void> {
    const indexOf = new Map(plan.map(({ owner }, index) => [owner.addressKey, index]))
    const ownIds = new Set(plan.map(({ owner }) => owner.id))
    const addresses = plan.flatMap(({ owner }) => owner.addressKey ?? [])
    const taken: OwnedMailbox[] = []
    for await (const chunk of pausingChunks(addresses)) {
      taken.push(...(await this.mailboxes.withActiveAddress(tx, chunk)))
    }
    for (const other of taken) {
      if (other.ownerId !== null && ownIds.has(other.ownerId)) continue
      const index = indexOf.get(other.activeAddress) ?? 0
      const name = plan[index]?.owner.name
      faults.add(
        'ADDRESS_TAKEN',
        ['owners', index, 'emailAddress'],
        `${name} and ${other.name} cannot share an address`,
      )
    }
  }
}

/** One owner may be named by its externalId and, in the same call, by the address it has. */
function checkTwins(faults: FaultList, plan: readonly { owner: Owner }[]): void {
  const positions = new Map<string, number>()
  for (const [index, { owner }] of plan.entries()) {
    const twin = positions.get(owner.id)
    if (twin !== undefined) faults.add('DUPLICATE', ['owners', index], `The same owner stands at position ${twin}`)
    positions.set(owner.id, index)
  }
}

/** How an owner is found again. */
const keyOf = (owner: Pick<Wanted, 'kind' | 'externalId' | 'addressKey'>): string =>
  owner.externalId !== null ? `id ${owner.kind} ${owner.externalId}` : `address ${owner.kind} ${owner.addressKey}`

function checkInputs(faults: FaultList, inputs: readonly OwnerInput[]): Wanted[] {
  if (inputs.length === 0) faults.add('EMPTY', ['owners'], 'Name at least one owner')
  if (inputs.length > MOST_OWNERS) {
    faults.add('TOO_MANY', ['owners'], `At most ${MOST_OWNERS} owners are taken at a time`)
    return []
  }
  const seen = new Map<string, number>()
  const addresses = new Map<string, number>()
  return inputs.map((input, index) => {
    const at = (field: string) => ['owners', index, field]
    const name = oneLine(faults, at('name'), input.name, { max: 200 })
    const externalId = input.externalId ? oneLine(faults, at('externalId'), input.externalId, { max: 200 }) : null
    const emailAddress = input.emailAddress?.trim() || null
    const problem = emailAddress === null ? undefined : addressProblem(emailAddress)
    if (problem) faults.add('INVALID_ADDRESS', at('emailAddress'), `The address ${problem}`)
    const addressKey = emailAddress === null || problem ? null : normalizeAddress(emailAddress)
    // letters that a domain name drops do not count for its own limit
    if (
      emailAddress !== null &&
      addressKey !== null &&
      Math.max(emailAddress.length, addressKey.length) > MAX_ADDRESS
    ) {
      faults.add('TOO_LONG', at('emailAddress'), `At most ${MAX_ADDRESS} characters are allowed`)
    }
    const want = { kind: input.kind, externalId, name, emailAddress, addressKey }
    if (externalId === null && emailAddress === null) {
      faults.add('REQUIRED', at('externalId'), 'An owner without address needs an externalId to be found again')
    }
    const twin = seen.get(keyOf(want))
    if (twin !== undefined) faults.add('DUPLICATE', at('externalId'), `The same owner stands at position ${twin}`)
    seen.set(keyOf(want), index)
    const sameAddress = addressKey === null ? undefined : addresses.get(addressKey)
    if (sameAddress !== undefined && twin === undefined) {
      const other = inputs[sameAddress]?.name
      faults.add('ADDRESS_TAKEN', at('emailAddress'), `${name} and ${other} cannot share an address`)
    }
    if (addressKey !== null) addresses.set(addressKey, index)
    return want
  })
}
