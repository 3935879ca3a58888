import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'

/** A run of 10,000 mailboxes of one host asks once; a changed record is seen within this time. */
const KEEP_MS = 10_000
const MOST_HOSTS = 1000

interface Resolved {
  addresses: Promise<string[]>
  until: number
}

const resolved = new Map<string, Resolved>()

/**
 * All addresses of a host in the order of the system's resolver (hosts file and RFC 6724 included). Asked once for
 * callers at the same time and for a few seconds after: each question holds one of the process's four resolver threads.
 * @throws Error with the resolver's code: ENOTFOUND, EAI_AGAIN ...
 */
export function resolveHost(host: string, now = Date.now()): Promise<string[]> {
  if (isIP(host) !== 0) return Promise.resolve([host])
  const known = resolved.get(host)
  if (known && known.until > now) return known.addresses
  const addresses = lookup(host, { all: true, verbatim: true }).then((answers) => answers.map(({ address }) => address))
  const entry = { addresses, until: now + KEEP_MS }
  if (resolved.size >= MOST_HOSTS) resolved.clear()
  resolved.set(host, entry)
  // Only an answer is worth keeping: a name that was missing a moment ago may be there now.
  addresses.catch(() => {
    if (resolved.get(host) === entry) resolved.delete(host)
  })
  return addresses
}
