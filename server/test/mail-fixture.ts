import type { FaultName } from '../demo/faults'
import { type MailSystem, startMailSystem } from '../demo/mail-system'
import type { Caller } from './harness'

export interface SetUpMailbox {
  name: string
  address: string
  fault?: FaultName
  /** What the product is told, when it is not what the server knows. */
  password?: string
  /** False: the address stays unapproved. */
  approved?: boolean
}

export interface MailFixture {
  system: MailSystem
  profileId: string
  /** By address. */
  mailboxIds: Map<string, string>
  stop(): Promise<void>
}

const PROFILE = `mutation ($input: EmailServerProfileInput!) {
  createEmailServerProfile(input: $input) { profile { id } userErrors { code path } }
}`
const OWNERS = `mutation ($owners: [OwnerInput!]!) {
  provisionOwners(owners: $owners) { owners { emailAddress mailbox { id } } userErrors { code path } }
}`
const UPDATE = `mutation ($ids: [ID!]!, $changes: MailboxChanges!) {
  updateMailboxes(selection: { ids: $ids }, changes: $changes) { changed userErrors { code path } }
}`
const APPROVE = `mutation ($ids: [ID!]!) { approveEmails(selection: { ids: $ids }) { changed userErrors { code } } }`

/** An embedded mail system, a default profile that leads to it, and mailboxes on it, set up through the public API. */
export async function setUpMail(
  admin: Caller,
  mailboxes: readonly SetUpMailbox[],
  options: { maxConcurrentConnections?: number; latencyMs?: number } = {},
): Promise<MailFixture> {
  const users = mailboxes.map(({ address, fault }) => ({ address, password: passwordOf(address), fault }))
  const system = await startMailSystem({ users, latencyMs: options.latencyMs })
  const { createEmailServerProfile } = await admin.get(PROFILE, {
    input: {
      name: `Embedded ${Math.random()}`,
      type: 'IMAP_SMTP',
      incoming: system.endpoints.imaps,
      outgoing: system.endpoints.smtps,
      trustedCertificates: system.trustedCertificates,
      maxConcurrentConnections: options.maxConcurrentConnections ?? 20,
      isDefault: true,
    },
  })
  const { provisionOwners } = await admin.get(OWNERS, {
    owners: mailboxes.map(({ name, address }) => ({ kind: 'USER', externalId: address, name, emailAddress: address })),
  })
  const mailboxIds = new Map<string, string>(
    provisionOwners.owners.map((owner: { emailAddress: string; mailbox: { id: string } }) => [
      owner.emailAddress,
      owner.mailbox.id,
    ]),
  )
  const idOf = (address: string) => mailboxIds.get(address) ?? ''
  for (const { address, password } of mailboxes) {
    await admin.get(UPDATE, { ids: [idOf(address)], changes: { password: password ?? passwordOf(address) } })
  }
  const approved = mailboxes.filter((mailbox) => mailbox.approved ?? true).map(({ address }) => idOf(address))
  if (approved.length > 0) await admin.get(APPROVE, { ids: approved })
  return { system, profileId: createEmailServerProfile.profile.id, mailboxIds, stop: () => system.stop() }
}

export const passwordOf = (address: string): string => `pw-${address}`

/** Mailboxes that work, for tests that need many. */
export const working = (count: number): SetUpMailbox[] =>
  Array.from({ length: count }, (_, index) => ({
    name: `Worker ${String(index).padStart(3, '0')}`,
    address: `worker${index}@demo.test`,
  }))
