import { describe, expect, test } from '@jest/globals'
import { FAULTS } from './faults'
import type { MailSystem } from './mail-system'
import { FORWARD_MAILBOX, sampleOwners, sampleProfiles, sampleUsers } from './sample-data'

const endpoints = new Proxy({}, { get: () => ({ host: '127.0.0.1', port: 1, security: 'TLS' }) })
const system = { endpoints, trustedCertificates: 'PEM' } as unknown as MailSystem

describe('the sample organisation', () => {
  const owners = sampleOwners()

  test('is the same each time, with unique addresses and ids', () => {
    expect(sampleOwners()).toEqual(owners)
    expect(owners.filter((owner) => owner.kind === 'USER')).toHaveLength(180)
    expect(owners.filter((owner) => owner.kind === 'QUEUE')).toHaveLength(20)
    const addresses = owners.flatMap((owner) => owner.emailAddress ?? [])
    expect(new Set(addresses).size).toBe(addresses.length)
    expect(new Set(owners.map((owner) => owner.externalId)).size).toBe(owners.length)
  })

  test('shows each fault and each profile, and mostly works', () => {
    const tested = owners.filter((owner) => owner.approval === 'APPROVED')
    expect(new Set(tested.flatMap((owner) => owner.fault ?? []))).toEqual(new Set(Object.keys(FAULTS)))
    const profiles = sampleProfiles(system)
    expect(new Set(tested.map((owner) => owner.profile))).toEqual(new Set(profiles.map((profile) => profile.key)))
    expect(profiles.filter((profile) => profile.isDefault)).toHaveLength(1)
    const working = tested.filter(
      (owner) => !owner.fault && ['headOffice', 'subsidiaries', 'archive'].includes(owner.profile),
    )
    expect(working.length).toBeGreaterThan(owners.length / 2)
  })

  test('owners without an address have no account', () => {
    const empty = owners.filter((owner) => owner.approval === 'EMPTY')
    expect(empty.map((owner) => owner.emailAddress)).toEqual([undefined, undefined, undefined, undefined])
    // and the forward mailbox has one
    expect(sampleUsers()).toHaveLength(owners.length - empty.length + 1)
  })

  test('the mail of two users is forwarded, and of a third it was forgotten', () => {
    const forwarded = owners.filter((owner) => owner.forwarding !== undefined)
    expect(forwarded.map((owner) => owner.forwarding)).toEqual(['INSTALLED', 'INSTALLED', 'MISSING'])
    const accounts = new Map(sampleUsers().map((user) => [user.address, user.forwardsTo]))
    const { emailAddress } = FORWARD_MAILBOX
    expect(accounts.has(emailAddress)).toBe(true)
    expect(forwarded.map((owner) => accounts.get(owner.emailAddress ?? ''))).toEqual([
      emailAddress,
      emailAddress,
      undefined,
    ])
  })
})
