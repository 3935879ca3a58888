import { domainToUnicode } from 'node:url'
import { addressProblem, asciiAddress } from '../mail/address'

/** A domain as it is kept: lower case, internationalised labels as A-labels (RFC 5890). Undefined when it is none. */
export function normalDomain(text: string): string | undefined {
  const address = `x@${text.trim().toLowerCase()}`
  return addressProblem(address) ? undefined : asciiAddress(address).slice(2)
}

/** How an address may write the domain: addresses are kept as they were entered, in either form of an international name. */
export const domainForms = (domain: string): string[] => [...new Set([domain, domainToUnicode(domain)])]
