import { isIPv6 } from 'node:net'
import type { Tx } from '../db/transaction'
import { SignInFailure } from './user.entity'

export const FAILURE_WINDOW_MS = 15 * 60_000

/** A counter of failed tries and how many it bears within the window. */
export interface SignInLimit {
  id: string
  allowed: number
}

/**
 * Whose tries are counted together: one IPv4 address, one /64 of IPv6, for whoever has one address of it has 2^64 (RFC 4291
 * 2.5.4). An IPv4 address in its IPv6 form (RFC 4291 2.5.5.2) is that IPv4 address.
 */
export function networkOf(ip: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(ip)?.[1]
  if (mapped !== undefined) return mapped
  const bare = ip.replace(/%.*$/, '')
  if (!isIPv6(bare)) return ip
  const [head = '', tail] = bare.split('::')
  const groups = (text: string) => text.split(':').filter(Boolean)
  const width = (text: string) => groups(text).reduce((sum, group) => sum + (group.includes('.') ? 2 : 1), 0)
  const gap = tail === undefined ? 0 : 8 - width(head) - width(tail)
  const all = [...groups(head), ...Array.from({ length: gap }, () => '0'), ...groups(tail ?? '')]
  return `${all
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')}::/64`
}

export type TryOutcome = 'JUDGED' | 'LOCKED_OUT' | 'REFUSED'

/**
 * Counts a try before it is judged, so that tries made at one time cannot all be judged before the first is counted; answers
 * whether it may be judged, and when not, whether it is the first that may not. The limit of one's own comes before the shared one. `forgive` takes it back when it was right.
 */
export async function countTry(tx: Tx, limits: readonly SignInLimit[]): Promise<TryOutcome> {
  const now = new Date()
  const since = new Date(now.getTime() - FAILURE_WINDOW_MS)
  for (const { id, allowed } of limits) {
    await tx.em
      .createQueryBuilder()
      .delete()
      .from(SignInFailure)
      .where('id = :id AND since <= :since', { id, since })
      .execute()
    // the row stays locked until the commit: what is read behind it counts everybody who came before
    const { affected } = await tx.em.increment(SignInFailure, { id }, 'failures', 1)
    if (affected === 0) await tx.em.insert(SignInFailure, { id, failures: 1, since: now })
    const { failures } = await tx.em.findOneByOrFail(SignInFailure, { id })
    // one address that is past its own limit takes nothing from what all of them have
    if (failures > allowed) return failures === allowed + 1 ? 'LOCKED_OUT' : 'REFUSED'
  }
  return 'JUDGED'
}

/** A right password: the counter of its own address begins anew, those it shares with others lose only this try. */
export async function forgive(tx: Tx, own: SignInLimit, shared: SignInLimit): Promise<void> {
  await tx.em.delete(SignInFailure, { id: own.id })
  await tx.em.decrement(SignInFailure, { id: shared.id }, 'failures', 1)
}
