import { In } from 'typeorm'
import type { Tx } from '../db/transaction'
import { EmailServerProfile, isAtWork } from '../profiles/profile.entity'
import type { SwitchEffect } from '../settings/email-settings.service'
import { needsApproval } from './blockers'
import { ApprovalStatus, MailboxKind, MailboxView } from './mailbox.enums'
import { readCounts, SCOPE } from './mailbox-counts'
import { facetRank, IN_VIEW, kindOf, rankOf } from './mailbox-facets'

type ApprovalSwitches = Parameters<typeof needsApproval>[1]

const BLOCKING = [ApprovalStatus.PENDING, ApprovalStatus.REJECTED].map((status) => rankOf('approval', status))
const isEnabled = IN_VIEW[MailboxView.ENABLED]
const isPaused = IN_VIEW[MailboxView.PAUSED]

/**
 * How many mailboxes a change of the two switches starts or stops being processed (product rules 2.2 and 2.4): those whose
 * kind needs approval before or after it, not both, and that nothing else keeps back (blockers.ts). What is enabled has a
 * method, and succeeded in its test; only what has an address can be pending or rejected. So the counts tell it at once, for
 * any number of mailboxes.
 */
export async function countSwitched(tx: Tx, before: ApprovalSwitches, after: ApprovalSwitches): Promise<SwitchEffect> {
  const effect = { startCount: 0, stopCount: 0 }
  const switched = Object.values(MailboxKind).filter(
    (kind) => needsApproval(kind, before) !== needsApproval(kind, after),
  )
  if (switched.length === 0) return effect
  const waiting = (await readCounts(tx.em, 'profiles')).filter(
    ({ viewClass, facets }) =>
      switched.includes(kindOf(viewClass)) &&
      isEnabled(viewClass) &&
      !isPaused(viewClass) &&
      BLOCKING.includes(facetRank(facets, 'approval')),
  )
  const atWork = await profilesAtWork(tx, [...new Set(waiting.map(({ scope }) => profileOf(scope)))])
  for (const { scope, viewClass, n } of waiting) {
    if (!atWork.has(profileOf(scope))) continue
    effect[needsApproval(kindOf(viewClass), after) ? 'stopCount' : 'startCount'] += n
  }
  return effect
}

const profileOf = (scope: string): string => scope.slice(SCOPE.profile('').length)

async function profilesAtWork(tx: Tx, ids: readonly string[]): Promise<Set<string>> {
  const profiles = await tx.em.find(EmailServerProfile, {
    select: { id: true, active: true, type: true },
    where: { id: In([...ids]) },
  })
  return new Set(profiles.filter(isAtWork).map((profile) => profile.id))
}
