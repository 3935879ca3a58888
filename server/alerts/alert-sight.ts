import type { Reach } from '../auth/auth.service'
import { reachCondition } from '../mailboxes/mailbox-selection'
import { PROFILE_CODES } from './profile-statement'

/** What decides which alerts somebody sees. */
export interface Onlooker {
  /** Of the right to read mailboxes. */
  reach: Reach
  /** The mailboxes of the owners in reach, each with its profile. */
  own: readonly { id: string; profileId: string | null }[]
  /** Profiles of which the onlooker is the owner. */
  ownedProfileIds: readonly string[]
  /** EmailSettings: mailbox owners see errors of scope PROFILE too. */
  notifyMailboxOwner: boolean
}

/** A WHERE over the alias `a` of `alerts`. */
export interface AlertCondition {
  sql: string
  parameters: Record<string, unknown>
}

/**
 * Product rule 2.7: who sees which. Who reads all mailboxes sees all. A mailbox's owner sees its alerts, and the errors of its
 * profile if the organisation wants that; who reads the mailboxes of a domain sees theirs, and the errors of their profiles;
 * a profile's owner sees all that is about the profile.
 */
export function visibleAlerts({ reach, own, ownedProfileIds, notifyMailboxOwner }: Onlooker): AlertCondition {
  if (reach === 'ALL') return { sql: '1 = 1', parameters: {} }
  const parts: string[] = []
  const parameters: Record<string, unknown> = { profileCodes: PROFILE_CODES }
  const add = (sql: string, values: Record<string, unknown> = {}) => {
    parts.push(sql)
    Object.assign(parameters, values)
  }
  if (own.length > 0) add('a.mailbox_id IN (:...sightOwn)', { sightOwn: own.map((mailbox) => mailbox.id) })
  const ownProfiles = [...new Set(own.flatMap((mailbox) => mailbox.profileId ?? []))]
  if (notifyMailboxOwner && ownProfiles.length > 0) {
    add('(a.profile_id IN (:...sightProfiles) AND a.code NOT IN (:...profileCodes))', { sightProfiles: ownProfiles })
  }
  if (ownedProfileIds.length > 0) add('a.profile_id IN (:...sightOwned)', { sightOwned: ownedProfileIds })
  if (reach.domains.length > 0) {
    const { sql, parameters: values } = reachCondition({ domains: reach.domains, ownerIds: [] })
    add(`EXISTS (SELECT 1 FROM mailboxes WHERE mailboxes.id = a.mailbox_id AND ${sql})`, values)
    add(
      `(a.code NOT IN (:...profileCodes) AND EXISTS
        (SELECT 1 FROM mailboxes WHERE mailboxes.profile_id = a.profile_id AND ${sql}))`,
    )
  }
  return { sql: parts.length > 0 ? `(${parts.join(' OR ')})` : '1 = 0', parameters }
}
