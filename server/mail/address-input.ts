import type { FaultList } from '../errors'
import { addressProblem, normalizeAddress } from './address'

const MAX_ADDRESS = 254

/** The form in which the address is compared; adds a fault, and answers null, when it cannot be used. */
export function checkAddress(faults: FaultList, path: readonly (string | number)[], address: string): string | null {
  const problem = addressProblem(address)
  if (problem) {
    faults.add('INVALID_ADDRESS', path, `The address ${problem}`)
    return null
  }
  const addressKey = normalizeAddress(address)
  // letters that a domain name drops do not count for its own limit
  if (Math.max(address.length, addressKey.length) <= MAX_ADDRESS) return addressKey
  faults.add('TOO_LONG', path, `At most ${MAX_ADDRESS} characters are allowed`)
  return null
}
