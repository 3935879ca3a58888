import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { chunks } from '../db/chunks'
import { newId } from '../db/id'
import { blockersOf } from '../mailboxes/blockers'
import { Mailbox } from '../mailboxes/mailbox.entity'
import { ApprovalStatus, MailboxKind, TestStatus } from '../mailboxes/mailbox.enums'
import { recount } from '../mailboxes/mailbox-counts'
import { EmailServerProfile } from '../profiles/profile.entity'
import { aMailbox } from '../test/builders'
import { type Anything, type Caller, DATABASES, Harness } from '../test/harness'
import { type MailFixture, setUpMail, working } from '../test/mail-fixture'
import { runToEnd } from '../test/run-to-end'
import { EmailSettings } from './email-settings.entity'

const ALL = `defaultProfile { id } defaultIncomingMethod defaultOutgoingMethod defaultActMethod processOnlyApprovedUsers
  processOnlyApprovedQueues notifyMailboxOwner alertErrors alertWarnings alertInformation mailProfileOwner
  failureThresholdPercent failureWindowMinutes`
const READ = `{ emailSettings { ${ALL} } }`
const UPDATE = `mutation ($input: EmailSettingsInput!, $dryRun: Boolean) {
  updateEmailSettings(input: $input, dryRun: $dryRun) {
    settings { ${ALL} } startCount stopCount userErrors { code path } } }`
const REJECT = 'mutation ($ids: [ID!]!) { rejectEmails(selection: { ids: $ids }) { changed } }'
const APPROVE = 'mutation ($ids: [ID!]!) { approveEmails(selection: { ids: $ids }) { changed } }'
const PROVISION = `mutation ($owners: [OwnerInput!]!) {
  provisionOwners(owners: $owners) { owners { mailbox { id } } userErrors { code } } }`
const PROFILE = `mutation ($id: ID!, $input: EmailServerProfileInput!) {
  updateEmailServerProfile(id: $id, input: $input) { userErrors { code path } } }`

const USERS_ON = { processOnlyApprovedUsers: true }
const USERS_OFF = { processOnlyApprovedUsers: false }

/** Each combination of what the blockers look at, as far as the rules of the domain let it be. */
function everyState(profileIds: readonly (string | null)[]): Mailbox[] {
  const { PENDING, REJECTED, APPROVED } = ApprovalStatus
  const { SUCCESS, FAILURE } = TestStatus
  const tests = [
    { incomingEmailStatus: SUCCESS, incomingEnabled: true, outgoingEmailStatus: SUCCESS, outgoingEnabled: true },
    { incomingEmailStatus: FAILURE, incomingEnabled: false, outgoingEmailStatus: SUCCESS, outgoingEnabled: true },
    // disabled by an error while it was processed
    { incomingEmailStatus: SUCCESS, incomingEnabled: false, outgoingEmailStatus: FAILURE, outgoingEnabled: false },
  ]
  const states: Partial<Mailbox>[] = [PENDING, REJECTED, APPROVED]
    .flatMap((approval) => [true, false].map((active) => ({ approval, active })))
    .flatMap((state) => [null, new Date()].map((pausedUntil) => ({ ...state, pausedUntil })))
    .flatMap((state) => profileIds.map((profileId) => ({ ...state, profileId })))
    .flatMap((state) => tests.map((result) => ({ ...state, ...result })))
    .flatMap((state) => Object.values(MailboxKind).map((kind) => ({ ...state, kind })))
  return states.map((state, index) => aMailbox({ ...state, id: newId(), emailAddress: `state${index}@demo.test` }))
}

describe.each(DATABASES)('settings on %s', (database) => {
  let harness: Harness
  let admin: Caller

  beforeAll(async () => {
    harness = await Harness.start({ database })
    admin = await harness.admin()
  })
  afterAll(() => harness?.stop())

  const update = async (input: object, dryRun?: boolean) =>
    (await admin.get(UPDATE, { input, dryRun })).updateEmailSettings
  const settings = async () => (await admin.get(READ)).emailSettings

  /** As blockers.ts says of each mailbox by itself. */
  const processed = async (switches: Partial<EmailSettings>) => {
    const now = await harness.app.services.settings.current()
    const profiles = new Map(
      (await harness.app.db.read.find(EmailServerProfile)).map((profile) => [profile.id, profile]),
    )
    const mailboxes = await harness.app.db.read.find(Mailbox)
    const isProcessed = (mailbox: Mailbox) => {
      const blockers = blockersOf(mailbox, profiles.get(mailbox.profileId ?? '') ?? null, { ...now, ...switches })
      const directions = [mailbox.incomingMethod, mailbox.outgoingMethod, mailbox.actMethod]
      const methods = directions.filter((method) => method !== 'NONE').length
      return blockers.every((one) => one.direction !== null) && blockers.length < methods
    }
    return new Set(mailboxes.filter(isProcessed).map((mailbox) => mailbox.id))
  }
  const effect = async (switches: Partial<EmailSettings>) => {
    const [before, after] = [await processed({}), await processed(switches)]
    return {
      startCount: [...after].filter((id) => !before.has(id)).length,
      stopCount: [...before].filter((id) => !after.has(id)).length,
    }
  }

  test('begin with approval needed, every kind of alert, and a mail at half of the mailboxes within an hour', async () => {
    expect(await settings()).toEqual({
      defaultProfile: null,
      defaultIncomingMethod: 'SERVER_SIDE_SYNC',
      defaultOutgoingMethod: 'SERVER_SIDE_SYNC',
      defaultActMethod: 'NONE',
      processOnlyApprovedUsers: true,
      processOnlyApprovedQueues: true,
      notifyMailboxOwner: false,
      alertErrors: true,
      alertWarnings: true,
      alertInformation: true,
      mailProfileOwner: true,
      failureThresholdPercent: 50,
      failureWindowMinutes: 60,
    })
  })

  test('each field changes alone, and what is left out or null stays', async () => {
    const before = await settings()
    const input = {
      alertWarnings: false,
      alertInformation: false,
      mailProfileOwner: false,
      notifyMailboxOwner: true,
      failureThresholdPercent: 99,
      failureWindowMinutes: 1,
    }
    expect((await update({ ...input, alertErrors: null })).settings).toEqual({ ...before, ...input })
    expect(await settings()).toEqual({ ...before, ...input })
    const back = Object.fromEntries(Object.keys(input).map((name) => [name, before[name]]))
    expect((await update(back)).settings).toEqual(before)
  })

  test.each([
    ['failureThresholdPercent', 0],
    ['failureThresholdPercent', 100],
    ['failureWindowMinutes', 0],
    ['failureWindowMinutes', 10_081],
  ])('%s %i is out of range, and nothing changes', async (field, value) => {
    const before = await settings()
    const { settings: after, userErrors } = await update({ [field]: value, alertErrors: false })
    expect(after).toBeNull()
    expect(userErrors).toEqual([{ code: 'OUT_OF_RANGE', path: ['input', field] }])
    expect(await settings()).toEqual(before)
  })

  test('all faults are told at once', async () => {
    const { userErrors } = await update({
      defaultProfileId: 'nowhere',
      defaultIncomingMethod: 'FORWARD_MAILBOX',
      failureThresholdPercent: 101,
    })
    expect(userErrors.map((fault: Anything) => [fault.code, fault.path[1]]).sort()).toEqual([
      ['NOT_ALLOWED', 'defaultIncomingMethod'],
      ['NOT_FOUND', 'defaultProfileId'],
      ['OUT_OF_RANGE', 'failureThresholdPercent'],
    ])
  })

  test('a change is in the audit log with what was before and after, a change of nothing is not', async () => {
    const entries = async () =>
      (
        await harness.app.db.read.query(
          `SELECT c.\`before\`, c.\`after\` FROM audit_entries e JOIN audit_changes c ON c.entry_id = e.id
           WHERE e.action = 'updateEmailSettings' ORDER BY e.id`,
        )
      ).map((row: Anything) => [JSON.parse(row.before), JSON.parse(row.after)])
    const known = (await entries()).length
    await update({ failureThresholdPercent: 60, alertErrors: true })
    await update({ failureThresholdPercent: 60 })
    await update({ failureThresholdPercent: 50 }, true)
    expect((await entries()).slice(known)).toEqual([[{ failureThresholdPercent: 50 }, { failureThresholdPercent: 60 }]])
    await update({ failureThresholdPercent: 50 })
  })

  describe('the switches of approval', () => {
    let mail: MailFixture
    let queueId: string
    const idOf = (address: string) => mail.mailboxIds.get(address) ?? ''

    beforeAll(async () => {
      mail = await setUpMail(admin, [...working(6), { name: 'Refused', address: 'refused@demo.test', password: 'no' }])
      await runToEnd(admin, { view: 'ACTIVE' })
      const queue = { kind: 'QUEUE', externalId: 'q', name: 'Support', emailAddress: 'support@demo.test' }
      queueId = (await admin.get(PROVISION, { owners: [queue] })).provisionOwners.owners[0].mailbox.id
    })
    afterAll(() => mail?.stop())

    beforeEach(async () => {
      await update({ processOnlyApprovedUsers: true, processOnlyApprovedQueues: true })
      await admin.get(APPROVE, { ids: [...mail.mailboxIds.values()] })
    })

    test('off starts those that only wait for approval, on stops them', async () => {
      await admin.get(REJECT, {
        ids: [idOf('worker0@demo.test'), idOf('worker1@demo.test'), idOf('refused@demo.test')],
      })
      expect(await effect(USERS_OFF)).toEqual({ startCount: 2, stopCount: 0 })
      expect(await update(USERS_OFF)).toMatchObject({ startCount: 2, stopCount: 0 })
      expect(await effect(USERS_ON)).toEqual({ startCount: 0, stopCount: 2 })
      expect(await update(USERS_ON)).toMatchObject({ startCount: 0, stopCount: 2 })
    })

    test('a dry run gives the very same answer and changes nothing', async () => {
      await admin.get(REJECT, { ids: [idOf('worker3@demo.test')] })
      const before = await settings()
      const dry = await update(USERS_OFF, true)
      expect(await settings()).toEqual(before)
      expect(dry).toMatchObject({ startCount: 1, settings: USERS_OFF })
      expect(await update(USERS_OFF)).toEqual(dry)
    })

    test('the switch of queues says nothing of users, nor does a switch that stays', async () => {
      await admin.get(REJECT, { ids: [idOf('worker2@demo.test')] })
      for (const input of [{ processOnlyApprovedQueues: false }, USERS_ON, { alertErrors: true }]) {
        expect(await update(input, true)).toMatchObject({ startCount: 0, stopCount: 0 })
      }
    })

    test('a queue that was tested while approval was off stops with it; an inactive profile starts nothing', async () => {
      await update({ processOnlyApprovedQueues: false })
      mail.system.addUser({ address: 'support@demo.test', password: 'pw' })
      const password = `mutation ($id: ID!) {
        updateMailboxes(selection: { ids: [$id] }, changes: { password: "pw" }) { changed } }`
      await admin.get(password, { id: queueId })
      await runToEnd(admin, { ids: [queueId] })
      const on = { processOnlyApprovedQueues: true }
      expect(await effect(on)).toEqual({ startCount: 0, stopCount: 1 })
      expect(await update(on, true)).toMatchObject({ stopCount: 1 })
      const profile = { name: 'Embedded', type: 'IMAP_SMTP' }
      const active = (to: boolean) =>
        admin.get(PROFILE, { id: mail.profileId, input: { ...profile, active: to, isDefault: to } })
      await active(false)
      expect(await effect(on)).toEqual({ startCount: 0, stopCount: 0 })
      expect(await update(on, true)).toMatchObject({ stopCount: 0 })
      await active(true)
      // one of a type that is not spoken processes nothing either
      const type = (to: string) => admin.get(PROFILE, { id: mail.profileId, input: { ...profile, type: to } })
      await type('POP3_SMTP')
      expect(await effect(on)).toEqual({ startCount: 0, stopCount: 0 })
      expect(await update(on, true)).toMatchObject({ stopCount: 0 })
      await type('IMAP_SMTP')
      expect(await update(on, true)).toMatchObject({ stopCount: 1 })
    })
  })

  test('for every state that a mailbox can be in, the switches count as the blockers of each say', async () => {
    const { db } = harness.app
    const profileIds = await Promise.all([true, false].map(profileThatIs))
    const states = everyState([...profileIds, null])
    await db.inTransaction(async (tx) => {
      for (const chunk of chunks(states, 50)) {
        await tx.em.createQueryBuilder().insert().into(Mailbox).values(chunk).updateEntity(false).execute()
      }
      await recount(tx)
    })
    for (const users of [true, false]) {
      for (const queues of [true, false]) {
        await update({ processOnlyApprovedUsers: users, processOnlyApprovedQueues: queues })
        for (const input of [{ processOnlyApprovedUsers: !users }, { processOnlyApprovedQueues: !queues }]) {
          const expected = await effect(input)
          expect(expected.startCount + expected.stopCount).toBeGreaterThan(0)
          expect(await update(input, true)).toMatchObject(expected)
        }
      }
    }
    await update({ processOnlyApprovedUsers: true, processOnlyApprovedQueues: true })
  })

  const profileThatIs = async (active: boolean): Promise<string> => {
    const server = { host: 'mail.demo.test', port: 993, security: 'TLS' }
    const input = { name: `Profile ${active}`, type: 'IMAP_SMTP', incoming: server, outgoing: server, active }
    const create = `mutation ($input: EmailServerProfileInput!) {
      createEmailServerProfile(input: $input) { profile { id } userErrors { code path } } }`
    return (await admin.get(create, { input })).createEmailServerProfile.profile.id
  }

  test('the default profile is cleared by null', async () => {
    expect((await update({ defaultProfileId: null })).settings.defaultProfile).toBeNull()
    expect((await settings()).defaultProfile).toBeNull()
  })

  test('who may not edit settings changes nothing, dry run or not', async () => {
    const auditor = await harness.auditor()
    for (const dryRun of [true, false]) {
      const { errors } = await auditor.ask(UPDATE, { input: { alertErrors: false }, dryRun })
      expect(errors[0]?.extensions.code).toBe('FORBIDDEN')
    }
    expect((await settings()).alertErrors).toBe(true)
  })
})
