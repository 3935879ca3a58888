import type { FaultList } from '../errors'
import { oneLine } from '../graphql/text-input'
import { checkAddress } from '../mail/address-input'
import type { OwnerKind } from './owner.entity'
import type { OwnerInput } from './owner.inputs'

/** An owner as somebody wants it to be, checked by itself. */
export interface Wanted {
  kind: OwnerKind
  externalId: string | null
  name: string
  /** Undefined, as the key then is: as it is. */
  emailAddress: string | null | undefined
  addressKey: string | null | undefined
  /** Null: as it is. */
  active: boolean | null
}

/** How an owner is found again: by its externalId, without one by its address. */
export const keyOf = (owner: Pick<Wanted, 'kind' | 'externalId' | 'addressKey'>): string =>
  owner.externalId !== null ? `id ${owner.kind} ${owner.externalId}` : addressKeyOf(owner)

export const addressKeyOf = (owner: Pick<Wanted, 'kind' | 'addressKey'>): string =>
  `address ${owner.kind} ${owner.addressKey ?? ''}`

/** Checks each input by itself, and that none names the same owner as another. Faults stand below ["owners", index]. */
export function checkOwnerInputs(faults: FaultList, inputs: readonly OwnerInput[]): Wanted[] {
  const seen = new Map<string, number>()
  return inputs.map((input, index) => {
    const want = checkOne(faults, input, index)
    const twin = seen.get(keyOf(want))
    // an externalId that is none stands for nobody
    if (twin !== undefined && (want.externalId !== null || want.addressKey)) {
      const other = inputs[twin]?.name.trim()
      faults.add('DUPLICATE', ['owners', index, 'externalId'], `${want.name} is the same owner as ${other}`)
    }
    seen.set(keyOf(want), index)
    return want
  })
}

function checkOne(faults: FaultList, input: OwnerInput, index: number): Wanted {
  const at = (field: string) => ['owners', index, field]
  const name = oneLine(faults, at('name'), input.name, { max: 200 })
  const externalId = input.externalId?.trim()
    ? oneLine(faults, at('externalId'), input.externalId, { max: 200 }) || null
    : null
  const emailAddress = input.emailAddress === undefined ? undefined : input.emailAddress?.trim() || null
  const addressKey = emailAddress ? checkAddress(faults, at('emailAddress'), emailAddress) : emailAddress
  if (!input.externalId?.trim() && !emailAddress) {
    faults.add('REQUIRED', at('externalId'), 'An owner without address needs an externalId to be found again')
  }
  return { kind: input.kind, externalId, name, emailAddress, addressKey, active: input.active ?? null }
}
