import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { newId } from '../db/id'
import { EmailServerProfile, ProfileType } from '../profiles/profile.entity'
import { type Anything, type Caller, DATABASES, Harness } from '../test/harness'

const OWNER = `id kind externalId name emailAddress active deletedAt
  mailbox { id name emailAddress active approval approvedBy approvedAt }`
const PROVISION = `mutation ($owners: [OwnerInput!]!) { provisionOwners(owners: $owners) {
  owners { ${OWNER} } userErrors { code path message } } }`
const DELETE = `mutation ($selection: OwnerSelection!) { deleteOwners(selection: $selection) {
  owners { ${OWNER} } userErrors { code path message } } }`
const OWNERS = `query ($first: Int, $after: String, $filter: OwnerFilter) { owners(first: $first, after: $after, filter: $filter) {
  totalCount nodes { ${OWNER} } pageInfo { hasNextPage endCursor } } }`
const AUDIT =
  'SELECT e.action, e.subject_type AS subject, c.subject_ids AS ids, c.`before`, c.`after` FROM audit_changes c JOIN audit_entries e ON e.id = c.entry_id ORDER BY c.id'

describe.each(DATABASES)('the life of an owner on %s', (database) => {
  let harness: Harness
  let admin: Caller

  beforeAll(async () => {
    harness = await Harness.start({ database })
    admin = await harness.admin()
  })
  afterAll(() => harness?.stop())

  const provision = async (...owners: object[]): Promise<Anything> =>
    (await admin.get(PROVISION, { owners })).provisionOwners
  const remove = async (selection: object): Promise<Anything> => (await admin.get(DELETE, { selection })).deleteOwners
  const user = (externalId: string | null, name: string, emailAddress: string | null, rest: object = {}) => ({
    ...{ kind: 'USER', externalId, name, emailAddress },
    ...rest,
  })
  const approve = (mailboxId: string) =>
    admin.get('mutation ($ids: [ID!]!) { approveEmails(selection: { ids: $ids }) { changed } }', { ids: [mailboxId] })

  /** What the audit log keeps of one subject, in order. */
  const audited = async (id: string): Promise<Anything[]> => {
    const rows = (await harness.app.db.read.query(AUDIT)) as Record<string, string>[]
    return rows
      .filter((row) => JSON.parse(row.ids ?? '[]').includes(id))
      .map(({ action, subject, before, after }) => ({
        ...{ action, subject },
        before: JSON.parse(before ?? 'null'),
        after: JSON.parse(after ?? 'null'),
      }))
  }

  test('an inactive owner has an inactive mailbox and no claim to its address; an active one has both', async () => {
    const { owners } = await provision(user('a1', 'Ann', 'ann@life.test'))
    await approve(owners[0].mailbox.id)
    const gone = await provision(user('a1', 'Ann', 'ann@life.test', { active: false }))
    expect(gone.owners[0]).toMatchObject({ active: false, mailbox: { active: false, approval: 'APPROVED' } })
    // left out, it stays as it is
    expect((await provision(user('a1', 'Anna', 'ann@life.test'))).owners[0]).toMatchObject({
      name: 'Anna',
      active: false,
    })
    const heir = await provision(user('a2', 'Heir', 'ann@life.test'))
    expect(heir.userErrors).toEqual([])
    const back = await provision(user('a1', 'Ann', 'ann@life.test', { active: true }))
    expect(back).toEqual({
      owners: [],
      userErrors: [
        {
          code: 'ADDRESS_TAKEN',
          path: ['owners', '0', 'emailAddress'],
          message: 'Ann (externalId a1) and Heir (externalId a2) cannot both have ann@life.test',
        },
      ],
    })
    await provision(user('a2', 'Heir', 'heir@life.test'))
    const again = await provision(user('a1', 'Ann', 'ann@life.test', { active: true }))
    expect(again.owners[0]).toMatchObject({ active: true, mailbox: { active: true, approval: 'APPROVED' } })
  })

  test('one call may deactivate who has an address and give it to another', async () => {
    await provision(user('b1', 'Old', 'shared@life.test'))
    const { owners, userErrors } = await provision(
      user('b2', 'New', 'shared@life.test'),
      user('b1', 'Old', 'shared@life.test', { active: false }),
    )
    expect(userErrors).toEqual([])
    expect(owners.map((owner: Anything) => owner.mailbox.active)).toEqual([true, false])
  })

  test('a new owner may come inactive', async () => {
    const { owners } = await provision(user('b3', 'Not yet', 'not.yet@life.test', { active: false }))
    expect(owners[0]).toMatchObject({ active: false, mailbox: { active: false, approval: 'PENDING' } })
  })

  test('who has the address already is not the one that is refused', async () => {
    await provision(user('b4', 'Holder', 'held@life.test'))
    const { userErrors } = await provision(
      user('b5', 'Comer', 'held@life.test'),
      user('b4', 'Holder', 'held@life.test'),
    )
    expect(userErrors).toEqual([
      {
        code: 'ADDRESS_TAKEN',
        path: ['owners', '0', 'emailAddress'],
        message: 'Comer (externalId b5) and Holder (externalId b4) cannot both have held@life.test',
      },
    ])
  })

  test('a deleted owner keeps its mailbox, inactive, and comes back with it', async () => {
    const { owners } = await provision(user('c1', 'Carl', 'carl@life.test'))
    const [carl] = owners
    const deleted = await remove({ keys: [{ kind: 'USER', externalId: 'c1' }] })
    expect(deleted).toEqual({
      owners: [
        expect.objectContaining({
          id: carl.id,
          active: false,
          deletedAt: expect.any(String),
          mailbox: expect.objectContaining({ id: carl.mailbox.id, active: false }),
        }),
      ],
      userErrors: [],
    })
    expect(await remove({ ids: [carl.id] })).toEqual(deleted)
    const found = async (filter: object) =>
      (await admin.get(OWNERS, { filter })).owners.nodes.map((owner: Anything) => owner.name)
    expect(await found({ text: 'carl' })).toEqual([])
    expect(await found({ text: 'carl', deleted: true })).toEqual(['Carl'])
    expect((await provision(user('c2', 'Carla', 'carl@life.test'))).userErrors).toEqual([])
    const back = await provision(user('c1', 'Carl', 'carl.2@life.test'))
    expect(back.owners[0]).toMatchObject({
      id: carl.id,
      active: true,
      deletedAt: null,
      mailbox: { id: carl.mailbox.id, active: true, emailAddress: 'carl.2@life.test' },
    })
  })

  test('a deleted owner that was known by its address alone is met by that, and not by who has an externalId', async () => {
    const { owners } = await provision(user(null, 'Dora', 'dora@life.test'))
    await remove({ ids: [owners[0].id] })
    const other = await provision(user('d2', 'Dora the second', 'dora@life.test'))
    expect(other.owners[0].id).not.toBe(owners[0].id)
    await provision(user('d2', 'Dora the second', 'dora.2@life.test'))
    const back = await provision(user(null, 'Dora', 'dora@life.test'))
    expect(back.owners[0]).toMatchObject({ id: owners[0].id, active: true })
  })

  test('an owner provisioned by its address is adopted by who names it by externalId and the same address', async () => {
    const { owners } = await provision(user(null, 'Emma', 'emma@life.test'))
    const adopted = await provision(user('e1', 'Emma', 'EMMA@life.test'))
    expect(adopted).toMatchObject({ userErrors: [], owners: [{ id: owners[0].id, externalId: 'e1' }] })
    const moved = await provision(user('e1', 'Emma', 'emma.new@life.test'))
    expect(moved.owners[0].id).toBe(owners[0].id)
    // a queue of the same address is somebody else
    const queue = await provision({ kind: 'QUEUE', externalId: 'e1', name: 'Q', emailAddress: 'emma.new@life.test' })
    expect(queue.userErrors).toEqual([expect.objectContaining({ code: 'ADDRESS_TAKEN' })])
  })

  test.each([
    ['nobody', {}, 'EXACTLY_ONE', ['selection']],
    ['both', { ids: [newId()], keys: [{ kind: 'USER', externalId: 'x' }] }, 'EXACTLY_ONE', ['selection']],
    ['an empty list', { ids: [] }, 'EMPTY', ['selection', 'ids']],
    ['an unknown id', { ids: [newId()] }, 'NOT_FOUND', ['selection', 'ids', '0']],
    ['what is no id', { ids: ["' OR 1 = 1 --"] }, 'NOT_FOUND', ['selection', 'ids', '0']],
    ['an unknown key', { keys: [{ kind: 'QUEUE', externalId: 'e1' }] }, 'NOT_FOUND', ['selection', 'keys', '0']],
  ])('deleting %s is refused by name', async (_what, selection, code, path) => {
    expect(await remove(selection)).toEqual({ owners: [], userErrors: [expect.objectContaining({ code, path })] })
  })

  test('deleting somebody and nobody deletes nobody', async () => {
    const { owners } = await provision(user('f1', 'Fred', 'fred@life.test'))
    const { userErrors } = await remove({ ids: [owners[0].id, newId()] })
    expect(userErrors).toEqual([expect.objectContaining({ code: 'NOT_FOUND', path: ['selection', 'ids', '1'] })])
    expect((await admin.get(OWNERS, { filter: { text: 'fred@' } })).owners.nodes[0].active).toBe(true)
  })

  test('what an administrator decided about the mailbox alone stays when the owner is renamed', async () => {
    const { owners } = await provision(user('g1', 'Gina', 'gina@life.test'))
    const id = owners[0].mailbox.id
    await harness.app.db.inTransaction((tx) =>
      tx.em.query('UPDATE mailboxes SET active = 0, active_address = NULL WHERE id = ?', [id]),
    )
    expect((await provision(user('g2', 'Other', 'gina@life.test'))).userErrors).toEqual([])
    const renamed = await provision(user('g1', 'Gina B.', 'gina@life.test'), user('g2', 'Other', 'gina@life.test'))
    expect(renamed).toMatchObject({ userErrors: [], owners: [{ mailbox: { name: 'Gina B.', active: false } }, {}] })
  })

  test('every step is in the audit log, of the owner and of its mailbox', async () => {
    const first = await provision(user('h1', 'Hans', 'hans@life.test'))
    const { id, mailbox } = first.owners[0]
    await approve(mailbox.id)
    await provision(user('h1', 'Hans', 'hans@life.test'))
    await provision(user('h1', 'Hans', 'hans.new@life.test'))
    await remove({ ids: [id] })
    expect(await audited(id)).toEqual([
      {
        ...{ action: 'provisionOwners', subject: 'OWNER', before: null },
        after: { kind: 'USER', externalId: 'h1', name: 'Hans', emailAddress: 'hans@life.test', active: true },
      },
      {
        ...{ action: 'provisionOwners', subject: 'OWNER' },
        before: { emailAddress: 'hans@life.test' },
        after: { emailAddress: 'hans.new@life.test' },
      },
      {
        ...{ action: 'deleteOwners', subject: 'OWNER' },
        before: { active: true, deletedAt: null },
        after: { active: false, deletedAt: expect.any(String) },
      },
    ])
    const steps = (await audited(mailbox.id)).filter((step) => step.action !== 'approveEmails')
    expect(steps).toEqual([
      {
        ...{ action: 'provisionOwners', subject: 'MAILBOX', before: null },
        after: expect.objectContaining({ kind: 'USER', ownerId: id, approval: 'PENDING', active: true }),
      },
      {
        ...{ action: 'provisionOwners', subject: 'MAILBOX' },
        before: expect.objectContaining({ emailAddress: 'hans@life.test', approval: 'APPROVED', approvedBy: 'admin' }),
        after: expect.objectContaining({ emailAddress: 'hans.new@life.test', approval: 'PENDING', approvedBy: null }),
      },
      {
        ...{ action: 'deleteOwners', subject: 'MAILBOX' },
        ...{ before: { active: true }, after: { active: false } },
      },
    ])
  })

  test('owners are listed by name, in pages, by text, kind and activity', async () => {
    const domain = '@listed.test'
    const names = ['ärger', 'Zeta', 'alpha', 'Beta']
    await provision(...names.map((name, index) => user(`l${index}`, name, `l${index}${domain}`)), {
      kind: 'QUEUE',
      externalId: 'lq',
      name: 'gamma',
      emailAddress: `lq${domain}`,
      active: false,
    })
    const list = async (variables: Anything) =>
      (await admin.get(OWNERS, { ...variables, filter: { text: domain, ...variables.filter } })).owners
    const first = await list({ first: 3 })
    expect(first).toMatchObject({ totalCount: 5, pageInfo: { hasNextPage: true } })
    const second = await list({ first: 3, after: first.pageInfo.endCursor })
    const all = [...first.nodes, ...second.nodes].map((owner) => owner.name)
    expect(all).toEqual(['alpha', 'Beta', 'gamma', 'Zeta', 'ärger'])
    expect((await list({ filter: { kind: 'QUEUE' } })).nodes).toHaveLength(1)
    expect((await list({ filter: { active: true } })).totalCount).toBe(4)
    const { owner } = await admin.get('query ($id: ID!) { owner(id: $id) { name } }', { id: first.nodes[0].id })
    expect(owner).toEqual({ name: 'alpha' })
    for (const id of [newId(), 'x']) {
      expect((await admin.get('query ($id: ID!) { owner(id: $id) { name } }', { id })).owner).toBeNull()
    }
  })

  test('a search text is taken as it is written', async () => {
    const { owners } = await admin.get(OWNERS, { filter: { text: '%' } })
    expect(owners.totalCount).toBe(0)
    const { errors } = await admin.ask(OWNERS, { filter: { text: 'a\nb' } })
    expect(errors.map((error) => error.extensions.code)).toEqual(['BAD_USER_INPUT'])
  })

  test('a search text finds the whole externalId, as it is written, and both spellings of a domain', async () => {
    await provision(user('CRM-0042', 'Keyed', 'keyed@bücher.example'))
    const found = async (text: string) =>
      (await admin.get(OWNERS, { filter: { text } })).owners.nodes.map((owner: Anything) => owner.name)
    for (const text of [' CRM-0042 ', 'keyed@bücher.example', 'KEYED@xn--bcher'])
      expect(await found(text)).toEqual(['Keyed'])
    for (const text of ['CRM-004', 'crm-0042']) expect(await found(text)).toEqual([])
  })

  test('whoever cannot have an address is named with the other, both with their ids, by every command', async () => {
    const { owners } = await provision(user('n1', 'John Smith', 'john@name.test'))
    const ids = [owners[0].mailbox.id]
    const setActive = async (active: boolean) =>
      (
        await admin.get(
          'mutation ($ids: [ID!]!, $active: Boolean!) { setMailboxesActive(selection: { ids: $ids }, active: $active) { refused { code message } } }',
          { ids, active },
        )
      ).setMailboxesActive.refused
    expect(await setActive(false)).toEqual([])
    await provision(user('n2', 'John Smith', 'john@name.test'))
    const code = 'ADDRESS_TAKEN'
    const [one, other] = ['John Smith (externalId n1)', 'John Smith (externalId n2)']
    expect(await setActive(true)).toEqual([{ code, message: `${one} and ${other} cannot both have john@name.test` }])
    const { createForwardMailbox } = await admin.get(
      `mutation { createForwardMailbox(input: { name: "Collector", emailAddress: "john@name.test" }) { userErrors { code message } } }`,
    )
    expect(createForwardMailbox.userErrors).toEqual([
      { code, message: `Collector and ${other} cannot both have john@name.test` },
    ])
  })

  test('two calls at once that make the same owner make one', async () => {
    const one = () => provision(user('twin', 'Twin', 'twin@life.test'))
    const [first, second] = await Promise.all([one(), one()])
    expect([...first.userErrors, ...second.userErrors]).toEqual([])
    expect(first.owners[0].id).toBe(second.owners[0].id)
  })

  describe('with a default profile of type EXCHANGE_ONLINE', () => {
    beforeAll(async () => {
      const id = newId()
      const now = new Date()
      await harness.app.db.inTransaction(async (tx) => {
        await tx.em.insert(EmailServerProfile, {
          ...{ id, name: 'Microsoft 365', nameKey: 'microsoft 365', type: ProfileType.EXCHANGE_ONLINE, active: true },
          ...{ credentialSource: 'OAUTH_CLIENT_CREDENTIALS' as never, verifyCertificates: true },
          ...{ maxConcurrentConnections: 10, createdAt: now, updatedAt: now },
        })
        await tx.em.query('UPDATE email_settings SET default_profile_id = ?', [id])
      })
    })

    test("a new user's address is approved, a queue's is not, and no changed one", async () => {
      const { owners } = await provision(
        user('x1', 'Xenia', 'xenia@online.test'),
        { kind: 'QUEUE', externalId: 'xq', name: 'Queue', emailAddress: 'queue@online.test' },
        user('x2', 'No address', null),
      )
      expect(owners.map((owner: Anything) => owner.mailbox)).toEqual([
        expect.objectContaining({
          approval: 'APPROVED',
          approvedBy: 'Exchange Online',
          approvedAt: expect.any(String),
        }),
        expect.objectContaining({ approval: 'PENDING', approvedBy: null }),
        expect.objectContaining({ approval: 'EMPTY', approvedBy: null }),
      ])
      const moved = await provision(user('x1', 'Xenia', 'xenia.2@online.test'), user('x2', 'Now', 'now@online.test'))
      expect(moved.owners.map((owner: Anything) => owner.mailbox.approval)).toEqual(['PENDING', 'PENDING'])
    })
  })
})
