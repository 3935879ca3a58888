import type { Endpoint } from '../mail/probe'
import type { Caller } from './harness'

export interface MailServers {
  incoming: Endpoint
  outgoing: Endpoint
  /** PEM. */
  trustedCertificates: string
  maxConcurrentConnections: number
}

export interface Member {
  name: string
  address: string
  password: string
  /** False: the address stays unapproved. */
  approved?: boolean
}

const PROFILE = `mutation ($input: EmailServerProfileInput!) {
  createEmailServerProfile(input: $input) { profile { id } userErrors { code path } }
}`
const OWNERS = `mutation ($owners: [OwnerInput!]!) {
  provisionOwners(owners: $owners) { owners { mailbox { id } } userErrors { code path } }
}`
const PASSWORD = `mutation ($id: ID!, $password: String!) {
  updateMailboxes(selection: { ids: [$id] }, changes: { password: $password }) { userErrors { code path } }
}`
const APPROVE = 'mutation ($ids: [ID!]!) { approveEmails(selection: { ids: $ids }) { changed userErrors { code } } }'

/** So many requests are under way at once. */
const TOGETHER = 8

/** Sets an organisation up as an integrator does, through the public API. Answers the mailboxes' ids by address. */
export async function setUpOrganisation(
  admin: Caller,
  servers: MailServers,
  members: readonly Member[],
): Promise<Map<string, string>> {
  const { createEmailServerProfile } = await admin.get(PROFILE, {
    input: { name: 'Mail system', type: 'IMAP_SMTP', isDefault: true, ...servers },
  })
  if (!createEmailServerProfile.profile) throw new Error(JSON.stringify(createEmailServerProfile.userErrors))
  const { provisionOwners } = await admin.get(OWNERS, {
    owners: members.map(({ name, address }) => ({ kind: 'USER', externalId: address, name, emailAddress: address })),
  })
  const ids: string[] = provisionOwners.owners.map((owner: { mailbox: { id: string } }) => owner.mailbox.id)
  const mailboxIds = new Map(members.map(({ address }, index) => [address, ids[index] ?? '']))
  await setPasswords(
    admin,
    members.map(({ address, password }) => [mailboxIds.get(address) ?? '', password]),
  )
  const approved = members.filter((member) => member.approved ?? true).map(({ address }) => mailboxIds.get(address))
  await admin.get(APPROVE, { ids: approved })
  return mailboxIds
}

export async function setPasswords(admin: Caller, passwords: readonly (readonly [id: string, password: string])[]) {
  const waiting = [...passwords]
  const work = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const [id, password] = next
      const { updateMailboxes } = await admin.get(PASSWORD, { id, password })
      if (updateMailboxes.userErrors.length > 0) throw new Error(JSON.stringify(updateMailboxes.userErrors))
    }
  }
  await Promise.all(Array.from({ length: TOGETHER }, work))
}
