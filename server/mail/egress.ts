import { BlockList, isIP } from 'node:net'

/** Says which addresses this service may open a connection to. */
export interface EgressPolicy {
  /** False for anything that is no IP address. */
  allows(address: string): boolean
}

/**
 * Never mail servers, but often doors into the machine or the cloud that this service runs on: this host, link-local
 * (the metadata services of clouds live there), multicast, reserved and broadcast addresses (RFC 6890).
 */
const NEVER_MAIL_SERVERS = [
  '0.0.0.0/8',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '224.0.0.0/4',
  '240.0.0.0/4',
  '::/128',
  '::1/128',
  'fe80::/10',
  'ff00::/8',
  // Metadata services outside link-local: AWS over IPv6, Alibaba Cloud.
  'fd00:ec2::254/128',
  '100.100.100.200/32',
]

/** An IPv4 range hides behind each of these too: mapped (RFC 4291 2.5.5.2), compatible (2.5.5.1), NAT64 (RFC 6052). */
const IPV4_IN_IPV6 = ['::ffff:', '::', '64:ff9b::']

/**
 * A policy from CIDR ranges; a single address is a range of one. `allow` wins over `deny`, `deny` adds to the built-in
 * ranges (see NEVER_MAIL_SERVERS).
 *
 * Private ranges (RFC 1918, fc00::/7) are allowed unless denied: self-hosted mail servers live there, and such an
 * installation is what this product is made for. Deny them where the service shares a network with what its
 * administrators must not reach.
 * @throws Error naming the first range that cannot be read
 */
export function makeEgressPolicy(ranges: { allow: readonly string[]; deny: readonly string[] }): EgressPolicy {
  const allowed = blockListOf(ranges.allow)
  const denied = blockListOf([...NEVER_MAIL_SERVERS, ...ranges.deny])
  return {
    allows(address) {
      const bare = address.replace(/%.*$/, '')
      const version = isIP(bare)
      if (version === 0) return false
      const family = version === 4 ? 'ipv4' : 'ipv6'
      return allowed.check(bare, family) || !denied.check(bare, family)
    },
  }
}

function blockListOf(ranges: readonly string[]): BlockList {
  const list = new BlockList()
  for (const range of ranges) addRange(list, range.trim())
  return list
}

function addRange(list: BlockList, range: string): void {
  const match = /^([0-9A-Fa-f:.]+)(?:\/(\d{1,3}))?$/.exec(range)
  const address = match?.[1] ?? ''
  const version = isIP(address)
  const width = version === 4 ? 32 : 128
  const prefix = match?.[2] === undefined ? width : Number(match[2])
  if (version === 0 || prefix > width) throw new Error(`"${range}" is no address range (example: 10.0.0.0/8)`)
  if (version === 6) {
    list.addSubnet(address, prefix, 'ipv6')
    return
  }
  list.addSubnet(address, prefix, 'ipv4')
  for (const embedding of IPV4_IN_IPV6) list.addSubnet(embedding + address, 96 + prefix, 'ipv6')
}
