import type { App } from '../app'
import { operator } from '../auth/auth.service'
import type { MailboxSelection } from '../mailboxes/mailbox.inputs'
import { OwnerKind } from '../owners/owner.entity'
import { CredentialSource, ProfileType } from '../profiles/profile.entity'
import { IncomingMethod } from '../settings/email-settings.entity'
import type { MailSystem } from './mail-system'
import { FORWARD_MAILBOX, type SampleOwner, sampleOwners, sampleProfiles } from './sample-data'

const SEEDER = operator('demo')

/** Fills an empty installation with the sample organisation, by the services that an administrator's clicks go through. */
export async function seed(app: App, system: MailSystem): Promise<void> {
  const { profiles, owners, mailboxes, mailboxCommands, forwardMailboxes } = app.services
  const profileIds = new Map<string, string>()
  for (const { key, ...profile } of sampleProfiles(system)) {
    const input = { ...profile, type: ProfileType.IMAP_SMTP, credentialSource: CredentialSource.MAILBOX }
    profileIds.set(key, (await profiles.create(SEEDER, input)).id)
  }
  const samples = sampleOwners()
  const provisioned = await owners.provision(
    SEEDER,
    samples.map(({ kind, externalId, name, emailAddress }) => ({
      kind: OwnerKind[kind],
      externalId,
      name,
      emailAddress,
    })),
  )
  const mailboxOf = new Map(
    (await mailboxes.byOwners(provisioned.map((owner) => owner.id))).map((row) => [row.ownerId, row.id]),
  )
  const idOf = (index: number) => mailboxOf.get(provisioned[index]?.id ?? '') ?? ''
  const select = (wanted: (sample: SampleOwner) => boolean): MailboxSelection => ({
    ids: samples.flatMap((sample, index) => (wanted(sample) ? [idOf(index)] : [])),
  })
  for (const [key, profileId] of profileIds) {
    const selection = select((sample) => sample.profile === key)
    if (selection.ids?.length) await mailboxCommands.update(SEEDER, selection, { profileId }, false)
  }
  for (const [index, { password }] of samples.entries()) {
    if (password) await mailboxCommands.update(SEEDER, { ids: [idOf(index)] }, { password }, false)
  }
  const collector = await forwardMailboxes.create(SEEDER, FORWARD_MAILBOX)
  const forwarded = select((sample) => sample.forwarding !== undefined)
  const changes = { incomingMethod: IncomingMethod.FORWARD_MAILBOX, forwardMailboxId: collector.id }
  await mailboxCommands.update(SEEDER, forwarded, changes, false)
  const approved = select((sample) => sample.approval === 'APPROVED')
  await mailboxCommands.approve(SEEDER, { ids: [...(approved.ids ?? []), collector.id] }, false)
  const rejected = select((sample) => sample.approval === 'REJECTED')
  if (rejected.ids?.length) await mailboxCommands.reject(SEEDER, rejected, 'Not a business address', false)
}

/** The mail system takes other ports when its own were taken meanwhile: the sample profiles follow it, if they are still there. */
export async function followPorts(app: App, system: MailSystem): Promise<void> {
  const { profiles } = app.services
  const known = new Map((await profiles.list(SEEDER, { first: 500 })).nodes.map((profile) => [profile.name, profile]))
  for (const { name, incoming, outgoing } of sampleProfiles(system)) {
    const profile = known.get(name)
    // one that somebody gave a password of its own asks for it anew when its server changes: left to them
    if (profile?.credentialSource !== CredentialSource.MAILBOX) continue
    const isLeft = profile.incomingPort === incoming.port && profile.outgoingPort === outgoing.port
    if (!isLeft) await profiles.update(SEEDER, profile.id, { name, type: ProfileType.IMAP_SMTP, incoming, outgoing })
  }
}
