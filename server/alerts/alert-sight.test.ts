import { describe, expect, test } from '@jest/globals'
import { type Onlooker, visibleAlerts } from './alert-sight'

const onlooker = (differences: Partial<Onlooker>): Onlooker => ({
  reach: { domains: [], ownerIds: [] },
  own: [],
  ownedProfileIds: [],
  notifyMailboxOwner: false,
  ...differences,
})
const own = [{ id: 'mine', profileId: 'shared' }]

describe('which alerts somebody sees', () => {
  test('who reads all mailboxes: all', () => {
    expect(visibleAlerts(onlooker({ reach: 'ALL' })).sql).toBe('1 = 1')
  })

  test('who has no mailbox, no domain and no profile: none', () => {
    expect(visibleAlerts(onlooker({})).sql).toBe('1 = 0')
  })

  test("a mailbox owner: its mailbox's, and the profile's errors only when that is wanted", () => {
    const without = visibleAlerts(onlooker({ own }))
    expect(without.parameters.sightOwn).toEqual(['mine'])
    expect(without.sql).not.toContain('profile_id')
    const wanted = visibleAlerts(onlooker({ own, notifyMailboxOwner: true }))
    expect(wanted.parameters.sightProfiles).toEqual(['shared'])
    // what tells of other people's mailboxes stays away
    expect(wanted.sql).toContain('a.code NOT IN')
  })

  test('a profile owner: all that is about the profile', () => {
    expect(visibleAlerts(onlooker({ ownedProfileIds: ['theirs'] }))).toMatchObject({
      sql: '(a.profile_id IN (:...sightOwned))',
      parameters: { sightOwned: ['theirs'] },
    })
  })
})
