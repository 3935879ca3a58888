import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'
import { type Anything, DATABASES, Harness } from '../test/harness'
import { countsAndRecount, MailboxCommands } from '../test/mailbox-commands'
import { waitFor } from '../test/wait-for'

const DELETE = `mutation ($id: ID!, $moveForwardedTo: ID) {
  deleteForwardMailbox(id: $id, moveForwardedTo: $moveForwardedTo) { mailbox { id } userErrors { code } } }`
const DELETE_PROFILE =
  'mutation ($id: ID!) { deleteEmailServerProfile(id: $id) { profile { id } userErrors { code } } }'
const CREATE = `mutation ($input: CreateForwardMailboxInput!) {
  createForwardMailbox(input: $input) { mailbox { id } userErrors { code } } }`

/** What must never be found, whoever did what at once: each query answers the rows that are wrong. */
const WRONG: Record<string, string> = {
  'active though the owner is not': `SELECT m.id FROM mailboxes m JOIN owners o ON o.id = m.owner_id
    WHERE m.active = 1 AND o.active = 0`,
  'forwarded to what collects nothing': `SELECT m.id FROM mailboxes m LEFT JOIN mailboxes f ON f.id = m.forward_mailbox_id
    WHERE m.forward_mailbox_id IS NOT NULL AND (f.id IS NULL OR f.active = 0 OR f.deleted_at IS NOT NULL)`,
  'method and forward mailbox disagree': `SELECT id FROM mailboxes
    WHERE (incoming_method = 'FORWARD_MAILBOX') <> (forward_mailbox_id IS NOT NULL)`,
  'of a profile that is gone': `SELECT m.id FROM mailboxes m LEFT JOIN email_server_profiles p ON p.id = m.profile_id
    WHERE m.profile_id IS NOT NULL AND p.id IS NULL AND m.deleted_at IS NULL`,
  'another address than its owner': `SELECT m.id FROM mailboxes m JOIN owners o ON o.id = m.owner_id
    WHERE COALESCE(m.address_key, '') <> COALESCE(o.address_key, '')`,
  'approved by nobody': `SELECT id FROM mailboxes
    WHERE (approval = 'APPROVED') <> (approved_by IS NOT NULL AND approved_at IS NOT NULL)`,
  'holds another address': `SELECT id FROM mailboxes
    WHERE COALESCE(active_address, '') <> CASE WHEN active = 1 THEN COALESCE(address_key, '') ELSE '' END`,
}

/** MariaDB reads INNODB_TRX anew only when nobody has read it for 100 ms. */
const LOOK_EVERY_MS = 120

type Doing = () => Promise<Anything>

describe.each(DATABASES)('two administrators on %s', (database) => {
  let nodes: [Harness, Harness]
  let one: MailboxCommands
  let other: MailboxCommands
  let made = 0

  beforeAll(async () => {
    const first = await Harness.start({ database, work: false })
    const { databaseUrl } = first.app.config
    // SQLite belongs to one process
    const second = database === 'sqlite' ? first : await Harness.start({ database, databaseUrl, work: false })
    nodes = [first, second]
    one = new MailboxCommands(await first.admin())
    other = new MailboxCommands(await second.admin())
    await one.profile('Plain', { isDefault: true })
  })
  afterAll(async () => {
    for (const node of new Set(nodes?.toReversed())) await node.stop()
  })

  const query = (sql: string): Promise<Anything[]> => nodes[0].app.db.read.query(sql)

  const expectSound = async () => {
    for (const [what, sql] of Object.entries(WRONG)) expect([what, await query(sql)]).toEqual([what, []])
    const [kept, recounted] = await countsAndRecount(nodes[0])
    expect(kept).toEqual(recounted)
  }

  /** How many transactions of this database wait for a lock of another one. */
  const waiting = async (): Promise<number> => {
    const [row] = await query(`SELECT COUNT(*) AS n FROM information_schema.INNODB_TRX t
      JOIN information_schema.PROCESSLIST p ON p.id = t.trx_mysql_thread_id
      WHERE t.trx_state = 'LOCK WAIT' AND p.db = DATABASE()`)
    return Number(row.n)
  }

  /**
   * The first has done all but its commit when the second begins, and commits when the second has ended or waits for it.
   * Answers what each of them was answered.
   */
  const overlapping = async (first: Doing, second: Doing): Promise<[Anything, Anything]> => {
    const [{ app }] = nodes
    const outlets: { audit(...args: unknown[]): Promise<void> } = Reflect.get(app.db, 'outlets')
    const audit = outlets.audit
    const gate = { isReached: false, open: () => {} }
    const opened = new Promise<void>((resolve) => {
      gate.open = resolve
    })
    const spy = jest.spyOn(outlets, 'audit').mockImplementationOnce(async (...args) => {
      await audit(...args)
      gate.isReached = true
      await opened
    })
    const begun = jest.spyOn(nodes[1].app.db, 'inTransaction')
    try {
      const firstAnswer = first()
      await waitFor('the first to come to its commit', () => gate.isReached)
      const before = begun.mock.calls.length
      let hasEnded = false
      const secondAnswer = second().finally(() => {
        hasEnded = true
      })
      const isHeld = async () => (database === 'sqlite' ? begun.mock.calls.length > before : (await waiting()) > 0)
      await waitFor('the second to end or to wait', async () => hasEnded || (await isHeld()), {
        everyMs: LOOK_EVERY_MS,
      })
      gate.open()
      return await Promise.all([firstAnswer, secondAnswer])
    } finally {
      gate.open()
      spy.mockRestore()
      begun.mockRestore()
    }
  }

  /** A user and two forward mailboxes, known to both. */
  const cast = async () => {
    const n = made++
    const names = { user: `User ${n}`, forward: `Forward ${n}`, next: `Next ${n}` }
    const address = (name: string) => `${name.replace(' ', '').toLowerCase()}@both.test`
    await one.provision([{ name: names.user, emailAddress: address(names.user) }])
    await one.forwardMailbox(names.forward, address(names.forward))
    await one.forwardMailbox(names.next, address(names.next))
    for (const [name, id] of one.ids) other.ids.set(name, id)
    const { user, forward, next } = names
    const selection = one.select(user)
    const forwarded = (to: string) => ({ incomingMethod: 'FORWARD_MAILBOX', forwardMailboxId: one.idOf(to) })
    const remove = (by: MailboxCommands, name: string, moveForwardedTo?: string) => async () =>
      (await by.admin.get(DELETE, { id: one.idOf(name), moveForwardedTo })).deleteForwardMailbox
    return {
      ...names,
      selection,
      address: address(user),
      forwarded,
      remove,
      ids: [user, forward, next].map((name) => one.idOf(name)),
    }
  }

  test('approval, then another address: the approval is of the old one', async () => {
    const { user, selection } = await cast()
    const emailAddress = `moved-${made}@both.test`
    const [approved] = await overlapping(
      () => one.bulk('approve', { selection }),
      () => other.provision([{ name: user, emailAddress }]),
    )
    expect(approved).toMatchObject({ changed: 1 })
    const expected = { emailAddress, approval: 'PENDING', approvedBy: null }
    expect(await one.read(user, 'emailAddress approval approvedBy')).toEqual(expected)
    await expectSound()
  })

  test('another address, then approval: the approval is of the new one', async () => {
    const { user, selection } = await cast()
    const emailAddress = `moved-${made}@both.test`
    await one.bulk('approve', { selection })
    const [, approved] = await overlapping(
      () => one.provision([{ name: user, emailAddress }]),
      () => other.bulk('approve', { selection }),
    )
    expect(approved).toMatchObject({ matched: 1, changed: 1 })
    const expected = { emailAddress, approval: 'APPROVED', approvedBy: 'admin' }
    expect(await one.read(user, 'emailAddress approval approvedBy')).toEqual(expected)
    await expectSound()
  })

  test('two edits of the same mailboxes: neither loses what the other one did', async () => {
    const { selection, user } = await cast()
    const [first, second] = await overlapping(
      () => one.bulk('update', { selection, changes: { username: 'one' } }),
      () => other.bulk('update', { selection, changes: { outgoingMethod: 'NONE' } }),
    )
    expect([first.changed, second.changed]).toEqual([1, 1])
    expect(await one.read(user, 'username outgoingMethod')).toEqual({ username: 'one', outgoingMethod: 'NONE' })
    await expectSound()
  })

  test("a mailbox is activated, then its owner deactivated: it is the owner's that counts", async () => {
    const { user, address, selection } = await cast()
    await one.bulk('setActive', { selection, active: false })
    const [activated] = await overlapping(
      () => one.bulk('setActive', { selection, active: true }),
      () => other.provision([{ name: user, emailAddress: address, active: false }]),
    )
    expect(activated).toMatchObject({ changed: 1 })
    expect(await one.read(user, 'active')).toEqual({ active: false })
    await expectSound()
  })

  test('an owner is deactivated, then its mailbox activated: that is refused', async () => {
    const { user, address, selection } = await cast()
    await one.bulk('setActive', { selection, active: false })
    const [, activated] = await overlapping(
      () => one.provision([{ name: user, emailAddress: address, active: false }]),
      () => other.bulk('setActive', { selection, active: true }),
    )
    expect(activated).toMatchObject({ changed: 0, refused: [{ code: 'OWNER_INACTIVE' }] })
    await expectSound()
  })

  describe('a forward mailbox', () => {
    test('is chosen, then deleted: it is in use', async () => {
      const { selection, forward, forwarded, remove } = await cast()
      const [chosen, deleted] = await overlapping(
        () => one.bulk('update', { selection, changes: forwarded(forward) }),
        remove(other, forward),
      )
      expect(chosen).toMatchObject({ changed: 1 })
      expect(deleted.userErrors).toEqual([{ code: 'IN_USE' }])
      await expectSound()
    })

    test('is deleted, then chosen: it is not there', async () => {
      const { selection, forward, forwarded, remove } = await cast()
      const [deleted, chosen] = await overlapping(remove(one, forward), () =>
        other.bulk('update', { selection, changes: forwarded(forward) }),
      )
      expect(deleted.userErrors).toEqual([])
      expect(chosen.userErrors).toMatchObject([{ code: 'NOT_FOUND', path: ['changes', 'forwardMailboxId'] }])
      await expectSound()
    })

    test('is deactivated, then chosen: it is inactive', async () => {
      const { selection, forward, forwarded } = await cast()
      const [, chosen] = await overlapping(
        () => one.bulk('setActive', { selection: one.select(forward), active: false }),
        () => other.bulk('update', { selection, changes: forwarded(forward) }),
      )
      expect(chosen.userErrors).toMatchObject([{ code: 'INACTIVE', path: ['changes', 'forwardMailboxId'] }])
      await expectSound()
    })

    test('loses its user, then moves its users: who left stays away', async () => {
      const { user, selection, forward, next, forwarded, remove } = await cast()
      await one.bulk('update', { selection, changes: forwarded(forward) })
      const [left, deleted] = await overlapping(
        () => one.bulk('update', { selection, changes: { incomingMethod: 'SERVER_SIDE_SYNC' } }),
        remove(other, forward, one.idOf(next)),
      )
      expect(left).toMatchObject({ changed: 1 })
      expect(deleted.userErrors).toEqual([])
      const expected = { incomingMethod: 'SERVER_SIDE_SYNC', forwardMailbox: null }
      expect(await one.read(user, 'incomingMethod forwardMailbox { id }')).toEqual(expected)
      await expectSound()
    })

    test('moves its users, then loses one: who leaves is gone', async () => {
      const { user, selection, forward, next, forwarded, remove } = await cast()
      await one.bulk('update', { selection, changes: forwarded(forward) })
      const [deleted, left] = await overlapping(remove(one, forward, one.idOf(next)), () =>
        other.bulk('update', { selection, changes: { incomingMethod: 'SERVER_SIDE_SYNC' } }),
      )
      expect(deleted.userErrors).toEqual([])
      expect(left).toMatchObject({ changed: 1 })
      expect(await one.read(user, 'forwardMailbox { id }')).toEqual({ forwardMailbox: null })
      await expectSound()
    })

    test('hands its users to one that is deleted at the same time: nobody is left behind', async () => {
      const { user, selection, forward, next, forwarded, remove } = await cast()
      await one.bulk('update', { selection, changes: forwarded(forward) })
      const [first, second] = await overlapping(remove(one, forward, one.idOf(next)), remove(other, next))
      expect([first.userErrors, second.userErrors]).toEqual([[], [{ code: 'IN_USE' }]])
      expect(await one.read(user, 'forwardMailbox { name }')).toEqual({ forwardMailbox: { name: next } })
      await expectSound()
    })

    test('goes, then others hand their users to it: they keep them', async () => {
      const { selection, forward, next, forwarded, remove } = await cast()
      await one.bulk('update', { selection, changes: forwarded(forward) })
      const [first, second] = await overlapping(remove(one, next), remove(other, forward, one.idOf(next)))
      expect([first.userErrors, second.userErrors]).toEqual([[], [{ code: 'NOT_FOUND' }]])
      await expectSound()
    })
  })

  test('one address for two new forward mailboxes: the second is refused', async () => {
    const input = { name: 'Twin', emailAddress: `twin${made++}@both.test` }
    const create = (by: MailboxCommands) => async () => (await by.admin.get(CREATE, { input })).createForwardMailbox
    const [first, second] = await overlapping(create(one), create(other))
    expect([first.userErrors, second.userErrors]).toEqual([[], [{ code: 'ADDRESS_TAKEN' }]])
    await expectSound()
  })

  test('one address for two that are activated: the second is refused', async () => {
    const { user, address, selection } = await cast()
    await one.bulk('setActive', { selection, active: false })
    const twin = { ids: [await one.forwardMailbox(`Twin of ${user}`, address)] }
    await one.bulk('setActive', { selection: twin, active: false })
    const [first, second] = await overlapping(
      () => one.bulk('setActive', { selection, active: true }),
      () => other.bulk('setActive', { selection: twin, active: true }),
    )
    expect(first).toMatchObject({ changed: 1, refusedCount: 0 })
    expect(second).toMatchObject({ changed: 0, refused: [{ code: 'ADDRESS_TAKEN' }] })
    await expectSound()
  })

  test('a profile is deleted, then chosen: it is not there', async () => {
    const { selection } = await cast()
    const id = await one.profile(`Contested ${made}`)
    const [deleted, chosen] = await overlapping(
      async () => (await one.admin.get(DELETE_PROFILE, { id })).deleteEmailServerProfile,
      () => other.bulk('update', { selection, changes: { profileId: id } }),
    )
    expect(deleted.userErrors).toEqual([])
    expect(chosen.userErrors).toMatchObject([{ code: 'NOT_FOUND', path: ['changes', 'profileId'] }])
    await expectSound()
  })

  test('many at once in opposite orders: deadlocks are tried again, and all of it has happened', async () => {
    const count = 240
    await one.provisionMany('Crowd', count, (index) => `crowd${index}@crowd.test`)
    await one.forwardMailbox('Crowd in', 'in@crowd.test')
    await one.forwardMailbox('Crowd too', 'too@crowd.test')
    const ids = Array.from({ length: count }, (_, index) => one.idOf(`Crowd ${index}`))
    const [early, late] = [ids.slice(0, 180), ids.slice(60).reverse()]
    const crowd = { view: 'ALL', filter: { domain: 'crowd.test', kind: 'USER' } }
    const to = (name: string) => ({ incomingMethod: 'FORWARD_MAILBOX', forwardMailboxId: one.idOf(name) })
    for (let round = 0; round < 6; round++) {
      const [username, outgoingMethod] = [`round${round}`, round % 2 ? 'NONE' : 'SERVER_SIDE_SYNC']
      const [first, second] = [one.idOf('Crowd in'), one.idOf('Crowd too')]
      const answers = await Promise.all([
        one.bulk('update', { selection: crowd, changes: { username } }),
        other.bulk('update', { selection: { ids: late }, changes: { outgoingMethod } }),
        one.bulk(round % 2 ? 'approve' : 'reject', { selection: { ids: early } }),
        other.bulk('update', { selection: { ids: early }, changes: to(round % 2 ? 'Crowd in' : 'Crowd too') }),
      ])
      expect(answers.map((answer) => answer.userErrors)).toEqual([[], [], [], []])
      expect(answers.slice(0, 2).map((answer) => answer.changed)).toEqual([count, round === 0 ? 0 : late.length])
      const moved = await other.bulk('setActive', {
        ...{ selection: { ids: [round % 2 ? first : second] }, active: false },
        moveForwardedTo: round % 2 ? second : first,
      })
      expect(moved).toMatchObject({ changed: 1, userErrors: [] })
      await one.bulk('setActive', { selection: { ids: [first, second] }, active: true })
      const rows = await query(
        `SELECT COUNT(*) AS n FROM mailboxes WHERE address_domain = 'crowd.test' AND username = '${username}'`,
      )
      expect(Number(rows[0].n)).toBe(count)
    }
    await expectSound()
  })
})
