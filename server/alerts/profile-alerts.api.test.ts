import { createServer, connect as dial, type Server } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { type MailSystem, startMailSystem } from '../demo/mail-system'
import { type Anything, type Caller, DATABASES, Harness } from '../test/harness'
import { type MailFixture, passwordOf, type SetUpMailbox, setUpMail } from '../test/mail-fixture'
import { runToEnd } from '../test/run-to-end'
import { waitFor } from '../test/wait-for'
import { SETTLE_MS } from './notice-step'
import type { ProfileNotices } from './profile-notices'

const ALERTS = `query ($profileId: ID, $mailboxId: ID, $code: String) {
  alerts(profileId: $profileId, mailboxId: $mailboxId, code: $code) {
    nodes { code severity state count message serverResponse profile { id } } } }`
const ACTIVE = `mutation ($ids: [ID!]!, $active: Boolean!) {
  setMailboxesActive(selection: { ids: $ids }, active: $active) { changed } }`
const PASSWORD = `mutation ($ids: [ID!]!, $password: String!) {
  updateMailboxes(selection: { ids: $ids }, changes: { password: $password }) { changed } }`
const OWNER = `mutation ($id: ID!, $input: EmailServerProfileInput!) {
  updateEmailServerProfile(id: $id, input: $input) { userErrors { code path } } }`
const PROVISION = `mutation ($owners: [OwnerInput!]!) {
  provisionOwners(owners: $owners) { owners { id } userErrors { code } } }`
const CAN_MAIL = '{ emailSettings { canMail } }'
const SETTINGS = 'mutation ($input: EmailSettingsInput!) { updateEmailSettings(input: $input) { userErrors { code } } }'

const MINUTE = 60_000
const DAY = 24 * 60 * MINUTE
const OWNER_ADDRESS = 'ada@demo.test'
const SENDER = 'service@demo.test'

/** Two that work, and so many whose password is wrong. */
const members = (wrong: number): SetUpMailbox[] => [
  ...['works0', 'works1'].map((name) => ({ name, address: `${name}@demo.test` })),
  ...Array.from({ length: wrong }, (_, index) => ({
    name: `wrong${index}`,
    address: `wrong${index}@demo.test`,
    password: 'no',
  })),
]

class Profile {
  constructor(
    readonly harness: Harness,
    readonly admin: Caller,
    readonly mail: MailFixture,
  ) {}

  static async start(harness: Harness, wrong: number): Promise<Profile> {
    const admin = await harness.admin()
    return new Profile(harness, admin, await setUpMail(admin, members(wrong)))
  }

  get id(): string {
    return this.mail.profileId
  }

  ids(...names: string[]): string[] {
    return names.map((name) => this.mail.mailboxIds.get(`${name}@demo.test`) ?? '')
  }

  test(...names: string[]) {
    return runToEnd(this.admin, { ids: this.ids(...names) })
  }

  async setRight(isRight: boolean, ...names: string[]): Promise<void> {
    for (const name of names) {
      const password = isRight ? passwordOf(`${name}@demo.test`) : 'no'
      await this.admin.get(PASSWORD, { ids: this.ids(name), password })
    }
    await this.test(...names)
  }

  async said(code: string) {
    const { alerts } = await this.admin.get(ALERTS, { profileId: this.id, code })
    return alerts.nodes
  }
}

describe.each(DATABASES)('the wall of a profile on %s', (database) => {
  let harness: Harness
  let profile: Profile

  beforeAll(async () => {
    harness = await Harness.start({ database })
    profile = await Profile.start(harness, 3)
  })
  afterAll(async () => {
    await profile?.mail.stop()
    await harness?.stop()
  })

  const rollUp = () => profile.said('MAILBOXES_FAILING')

  test('tells how many of its mailboxes fail, as they fail and recover', async () => {
    await profile.test('works0', 'works1')
    expect(await rollUp()).toEqual([])
    await profile.test('wrong0')
    expect(await rollUp()).toMatchObject([{ severity: 'WARNING', state: 'OPEN', count: 1 }])
    await profile.test('wrong0', 'wrong1', 'wrong2')
    // three of five are more than half
    expect(await rollUp()).toMatchObject([{ severity: 'ERROR', state: 'OPEN', count: 3 }])
    await profile.setRight(true, 'wrong0', 'wrong1')
    expect(await rollUp()).toMatchObject([{ severity: 'WARNING', state: 'OPEN', count: 1 }])
    await profile.setRight(true, 'wrong2')
    expect(await rollUp()).toMatchObject([{ severity: 'WARNING', state: 'RESOLVED' }])
  })

  test('stands on the wall of the organisation and of the profile, not on those of its mailboxes', async () => {
    await profile.setRight(false, 'wrong0')
    const codes = async (of: object) =>
      (await profile.admin.get(ALERTS, of)).alerts.nodes
        .filter((alert: Anything) => alert.state === 'OPEN')
        .map((alert: Anything) => alert.code)
        .sort()
    expect(await codes({})).toEqual(['AUTHENTICATION_FAILED', 'MAILBOXES_FAILING'])
    expect(await codes({ profileId: profile.id })).toEqual(['MAILBOXES_FAILING'])
    expect(await codes({ mailboxId: profile.ids('wrong0')[0] })).toEqual(['AUTHENTICATION_FAILED'])
    const wall = '{ mailboxes(filter: { text: "wrong0" }) { nodes { alerts { totalCount nodes { code state } } } } }'
    const [mailbox] = (await profile.admin.get(wall)).mailboxes.nodes
    expect(mailbox.alerts.totalCount).toBe(mailbox.alerts.nodes.length)
    expect(mailbox.alerts.nodes.map((alert: Anything) => alert.code)).not.toContain('MAILBOXES_FAILING')
  })

  test('is an error past the threshold of the settings, and not there while its kind is off', async () => {
    const settings = (input: object) => profile.admin.get(SETTINGS, { input })
    await profile.setRight(false, 'wrong0', 'wrong1', 'wrong2')
    const open = async () => (await rollUp()).find((alert: Anything) => alert.state === 'OPEN')
    expect(await open()).toMatchObject({ severity: 'ERROR', count: 3 })
    await settings({ failureThresholdPercent: 60 })
    await harness.app.services.alerts.reconcile()
    expect(await open()).toMatchObject({ severity: 'WARNING', count: 3 })
    await profile.setRight(true, 'wrong0', 'wrong1', 'wrong2')
    await settings({ failureThresholdPercent: 50, alertWarnings: false })
    await profile.setRight(false, 'wrong0')
    expect(await open()).toBeUndefined()
    await settings({ alertWarnings: true })
    await profile.setRight(true, 'wrong0')
  })

  test('that the service has no mail server to send by is said by the settings, and of no profile', async () => {
    const { notices } = harness.app.services
    const turn = async (minutes: number) => {
      const now = new Date(Date.now() + minutes * MINUTE)
      await notices.look(now)
      return notices.send(now)
    }
    const said = () => profile.said('PROFILE_OWNER_NOT_MAILED')
    await profile.setRight(false, 'wrong0', 'wrong1', 'wrong2')
    await turn(0)
    expect(await turn(2)).toBe(0)
    expect(await profile.admin.get(CAN_MAIL)).toEqual({ emailSettings: { canMail: false } })
    expect(await said()).toEqual([])
    await profile.setRight(true, 'wrong0', 'wrong1', 'wrong2')
    await turn(8)
  })

  test('recounts what no test tells: a failing mailbox that is deactivated', async () => {
    await profile.setRight(false, 'wrong0', 'wrong1')
    expect((await rollUp())[0]).toMatchObject({ state: 'OPEN', count: 2 })
    const deactivate = (name: string) => profile.admin.get(ACTIVE, { ids: profile.ids(name), active: false })
    await deactivate('wrong0')
    await harness.app.services.alerts.reconcile()
    expect((await rollUp())[0]).toMatchObject({ state: 'OPEN', count: 1 })
    await deactivate('wrong1')
    await harness.app.services.alerts.reconcile()
    expect((await rollUp())[0]).toMatchObject({ state: 'RESOLVED' })
  })
})

/** As TypeORM writes it. */
const sqliteTime = (time: Date) => time.toISOString().replace('T', ' ').replace('Z', '')

/** A way to the mail server that can be closed. */
class Way {
  private readonly server: Server
  isOpen = true
  refused = 0
  entered = 0
  private gate = Promise.resolve()

  constructor(to: { host: string; port: number }) {
    this.server = createServer((socket) => {
      socket.on('error', () => {})
      if (!this.isOpen) {
        this.refused += 1
        socket.destroy()
        return
      }
      this.gate.then(() => {
        const beyond = dial(to)
        beyond.on('error', () => socket.destroy())
        socket.on('close', () => beyond.destroy())
        socket.pipe(beyond).pipe(socket)
      })
      this.entered += 1
    })
  }

  /** Who comes now waits until the answered function is called. */
  hold(): () => void {
    let open = () => {}
    this.gate = new Promise((resolve) => {
      open = resolve
    })
    return open
  }

  listen(): Promise<number> {
    return new Promise((resolve) => {
      this.server.listen(0, '127.0.0.1', () => {
        const address = this.server.address()
        resolve(typeof address === 'object' && address ? address.port : 0)
      })
    })
  }

  close(): void {
    this.server.close()
  }
}

describe.each(DATABASES)('the mail to the owner of a profile on %s', (database) => {
  let house: Harness
  let other: Harness | undefined
  let profile: Profile
  let way: Way
  let notices: ProfileNotices
  let start: number
  let system: MailSystem
  let ownerId: string

  beforeAll(async () => {
    system = await startMailSystem({
      users: [
        { address: SENDER, password: 'p@ss/word' },
        { address: OWNER_ADDRESS, password: 'pw' },
      ],
    })
    way = new Way(system.endpoints.smtpPlain)
    const env = {
      MAILWARDEN_SMTP_URL: `smtp://${encodeURIComponent(SENDER)}:${encodeURIComponent('p@ss/word')}@127.0.0.1:${await way.listen()}`,
      MAILWARDEN_MAIL_FROM: `Mailwarden <${SENDER}>`,
      PUBLIC_URL: 'http://mail.house.test',
    }
    house = await Harness.start({ database, env, work: false })
    profile = await Profile.start(house, 3)
    await house.app.startWork()
    if (database === 'mariadb') {
      other = await Harness.start({ database, env, work: false, databaseUrl: house.app.config.databaseUrl })
    }
    notices = house.app.services.notices
    const owner = { kind: 'USER', externalId: 'ada', name: 'Ada', emailAddress: OWNER_ADDRESS }
    const { owners } = (await profile.admin.get(PROVISION, { owners: [owner] })).provisionOwners
    ownerId = owners[0].id
    start = Date.now()
  })
  afterAll(async () => {
    await profile?.mail.stop()
    await other?.stop()
    await house?.stop()
    way?.close()
    await system?.stop()
  })

  const at = (minutes: number) => new Date(start + minutes * MINUTE)
  const nodes = () => [notices, notices, ...(other ? [other.app.services.notices] : [])]
  /** The schedule's turn, on all nodes at once, so many minutes after the start. */
  const turn = async (minutes: number) => {
    await Promise.all(nodes().map((node) => node.look(at(minutes))))
    return notices.send(at(minutes))
  }
  const inbox = () => system.messages(OWNER_ADDRESS).map((message) => message.raw.toString('utf8'))
  const setOwner = (id: string | null) =>
    profile.admin.get(OWNER, { id: profile.id, input: { name: 'The house', type: 'IMAP_SMTP', ownerId: id } })
  const notMailed = () => profile.said('PROFILE_OWNER_NOT_MAILED')

  test('is not sent while few fail, nor at once: a test run may just have begun', async () => {
    await profile.test('works0', 'works1', 'wrong0')
    await turn(0)
    await turn(5)
    await profile.test('wrong1', 'wrong2')
    await turn(6)
    await turn(6 + SETTLE_MS / MINUTE / 2)
    expect(inbox()).toEqual([])
  })

  test('without an owner nobody can be mailed, which is said', async () => {
    expect(await profile.admin.get(CAN_MAIL)).toEqual({ emailSettings: { canMail: true } })
    expect(await turn(8)).toBe(0)
    expect(await notMailed()).toMatchObject([{ severity: 'INFORMATION', state: 'OPEN', count: 1 }])
    await setOwner(ownerId)
  })

  test('is tried again when the server does not take it', async () => {
    way.isOpen = false
    expect(await turn(14)).toBe(0)
    expect(way.refused).toBe(1)
    const [alert] = await notMailed()
    expect(alert).toMatchObject({ severity: 'WARNING', state: 'OPEN', count: 1 })
    expect(alert.serverResponse).not.toBe('')
    // not before its time
    expect(await turn(14.5)).toBe(0)
    expect(way.refused).toBe(1)
    expect(await turn(15.1)).toBe(0)
    expect(way.refused).toBe(2)
    expect(JSON.stringify(await notMailed()) + house.logged.join()).not.toMatch(/p@ss|p%40ss/)
    way.isOpen = true
  })

  test('is sent once, by whichever node is first, and found in the inbox of the owner', async () => {
    const dead = database === 'sqlite' ? sqliteTime(at(21)) : at(21)
    await house.app.db.inTransaction((tx) =>
      tx.em.query("UPDATE profile_notices SET claimed_by = 'a node that died', claimed_until = ?", [dead]),
    )
    expect(await notices.send(at(20))).toBe(0)
    const sent = await Promise.all(nodes().map((node) => node.send(at(22))))
    expect(sent.reduce((sum, count) => sum + count, 0)).toBe(1)
    expect(inbox()).toHaveLength(1)
    const [message = ''] = inbox()
    expect(message).toMatch(/^Subject: 3 of 5 mailboxes of The house fail/m)
    expect(message).toMatch(/^From: Mailwarden <service@demo.test>/m)
    expect(message).toMatch(/^To: ada@demo.test/m)
    expect(message).toMatch(/^Auto-Submitted: auto-generated/m)
    const text = message.replace(/=\r\n/g, '').replace(/=3D/g, '=')
    expect(text).toContain('3 x AUTHENTICATION_FAILED')
    expect(text).toContain(`http://mail.house.test/mailboxes?view=test_and_enable_failed&profile=${profile.id}`)
    expect(message).not.toMatch(/p@ss|pw-/)
    expect(await profile.said('PROFILE_OWNER_MAILED')).toMatchObject([{ severity: 'INFORMATION', state: 'OPEN' }])
    expect(await notMailed()).toMatchObject([{ state: 'RESOLVED' }])
  })

  test('is not sent again while they go on failing', async () => {
    await profile.test('wrong0', 'wrong1', 'wrong2')
    await turn(30)
    await turn(300)
    expect(inbox()).toHaveLength(1)
  })

  test('is sent again when the profile has recovered and fails again', async () => {
    await profile.setRight(true, 'wrong0')
    await turn(310)
    expect(await profile.said('PROFILE_OWNER_MAILED')).toMatchObject([{ state: 'RESOLVED' }])
    await profile.setRight(false, 'wrong0')
    start = Date.now()
    await turn(0)
    expect(inbox()).toHaveLength(1)
    expect(await turn(2)).toBe(1)
    expect(inbox()).toHaveLength(2)
  })

  test('is sent again after a day, but only when the failures are recent', async () => {
    await turn(DAY / MINUTE + 3)
    expect(inbox()).toHaveLength(2)
    await house.app.db.inTransaction((tx) =>
      tx.em.query('UPDATE mailboxes SET last_tested_at = ? WHERE last_tested_at IS NOT NULL', [
        database === 'sqlite'
          ? at(DAY / MINUTE)
              .toISOString()
              .replace('T', ' ')
              .replace('Z', '')
          : at(DAY / MINUTE),
      ]),
    )
    expect(await turn(DAY / MINUTE + 3)).toBe(1)
    expect(inbox()).toHaveLength(3)
  })

  test('that goes out while the profile recovers is not told of as if it had not', async () => {
    await profile.setRight(true, 'wrong0')
    await turn(3 * (DAY / MINUTE))
    await profile.setRight(false, 'wrong0')
    start = Date.now()
    await turn(0)
    await notices.look(at(2))
    const entered = way.entered
    const open = way.hold()
    const sending = notices.send(at(2))
    await waitFor('the mail to be on its way', () => way.entered > entered)
    await profile.setRight(true, 'wrong0')
    await notices.look(at(3))
    open()
    expect(await sending).toBe(1)
    const states = (await profile.said('PROFILE_OWNER_MAILED')).map((alert: Anything) => alert.state)
    expect(states).not.toContain('OPEN')
  })

  test('what a permanent refusal says is shown, and who is not to be mailed is not', async () => {
    const before = inbox().length
    await profile.setRight(false, 'wrong0')
    start = Date.now()
    await turn(0)
    system.setFault(OWNER_ADDRESS, 'recipientRefused')
    expect(await turn(2)).toBe(0)
    const alert = (await notMailed()).find((one: Anything) => one.state === 'OPEN')
    expect(alert).toMatchObject({ severity: 'WARNING', serverResponse: expect.stringMatching(/5\d\d/) })
    system.setFault(OWNER_ADDRESS, undefined)
    await profile.admin.get(SETTINGS, { input: { mailProfileOwner: false } })
    expect(await turn(200)).toBe(0)
    expect((await notMailed()).map((one: Anything) => one.state)).not.toContain('OPEN')
    expect(inbox()).toHaveLength(before)
  })
})
