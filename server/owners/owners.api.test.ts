import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { type Anything, type Caller, DATABASES, Harness } from '../test/harness'

const PROVISION = `mutation ($owners: [OwnerInput!]!) { provisionOwners(owners: $owners) {
  owners { id kind externalId name emailAddress active
    mailbox { id kind name emailAddress approval approvedBy incomingMethod outgoingMethod actMethod incomingEmailStatus profile { name } owner { id } } }
  userErrors { code path message }
} }`
const ALL = '{ mailboxes(view: ALL, first: 500) { totalCount nodes { name } } }'
const APPROVE = 'mutation ($ids: [ID!]!) { approveEmails(selection: { ids: $ids }) { changed } }'

describe.each(DATABASES)('owners on %s', (database) => {
  let harness: Harness
  let admin: Caller

  beforeAll(async () => {
    harness = await Harness.start({ database })
    admin = await harness.admin()
  })
  afterAll(() => harness?.stop())

  const provision = async (...owners: object[]): Promise<Anything> =>
    (await admin.get(PROVISION, { owners })).provisionOwners
  const user = (externalId: string, name: string, emailAddress?: string | null) => ({
    kind: 'USER',
    externalId,
    name,
    emailAddress,
  })

  test('a new owner gets its mailbox, set up by the defaults; without an address its approval is EMPTY', async () => {
    const { owners, userErrors } = await provision(
      user('u1', 'Ada Lovelace', 'Ada@Demo.test'),
      { kind: 'QUEUE', externalId: 'q1', name: 'Support', emailAddress: 'support@demo.test' },
      user('u2', 'Nobody Yet'),
    )
    expect(userErrors).toEqual([])
    const [ada, support, nobody] = owners
    expect(ada).toMatchObject({
      active: true,
      emailAddress: 'Ada@Demo.test',
      mailbox: {
        kind: 'USER',
        name: 'Ada Lovelace',
        emailAddress: 'Ada@Demo.test',
        approval: 'PENDING',
        incomingMethod: 'SERVER_SIDE_SYNC',
        outgoingMethod: 'SERVER_SIDE_SYNC',
        actMethod: 'NONE',
        incomingEmailStatus: 'NOT_RUN',
        owner: { id: ada.id },
      },
    })
    expect(support.mailbox.kind).toBe('QUEUE')
    expect(nobody.mailbox.approval).toBe('EMPTY')
  })

  test('the same call again changes nothing; by externalId the owner is found and renamed', async () => {
    const first = await provision(user('u3', 'Grace Hopper', 'grace@demo.test'))
    const again = await provision(user('u3', 'Grace Hopper', 'grace@demo.test'))
    expect(again.owners).toEqual(first.owners)
    const renamed = await provision(user('u3', 'Grace B. Hopper', 'grace@demo.test'))
    expect(renamed.owners[0]).toMatchObject({
      id: first.owners[0].id,
      mailbox: { id: first.owners[0].mailbox.id, name: 'Grace B. Hopper' },
    })
  })

  test('an owner without externalId is found again by its address, whatever its case', async () => {
    const first = await provision({ kind: 'USER', name: 'Alan', emailAddress: 'alan@demo.test' })
    const again = await provision({ kind: 'USER', name: 'Alan Turing', emailAddress: 'ALAN@demo.test' })
    expect(again.owners[0].id).toBe(first.owners[0].id)
  })

  test.each([
    ['case', '001A000001ABC', '001a000001abc'],
    ['accents', 'Jose', 'José'],
  ])('externalIds that differ only by %s are two owners', async (_what, one, other) => {
    const { owners, userErrors } = await provision(user(one, 'One'), user(other, 'Other'))
    expect(userErrors).toEqual([])
    const again = await provision(user(other, 'Other'), user(one, 'One'))
    expect(again.owners).toEqual([owners[1], owners[0]])
    expect(new Set(owners.map((owner: Anything) => owner.id)).size).toBe(2)
  })

  test('a name is changed to another spelling of itself', async () => {
    await provision(user('jose', 'Jose'))
    const { owners } = await provision(user('jose', 'José'))
    expect(owners[0]).toMatchObject({ name: 'José', mailbox: { name: 'José' } })
  })

  test('who names an owner by its address does not take its externalId away', async () => {
    const { owners } = await provision(user('42', 'Ada', 'ada.42@demo.test'))
    const byAddress = await provision({ kind: 'USER', name: 'Ada L.', emailAddress: 'ada.42@demo.test' })
    expect(byAddress.owners).toEqual([expect.objectContaining({ id: owners[0].id, externalId: '42', name: 'Ada L.' })])
    const again = await provision(user('42', 'Ada', 'ada.42@demo.test'))
    expect(again).toEqual({ owners, userErrors: [] })
  })

  test('one owner named twice in a call, by externalId and by the address it has, is refused', async () => {
    await provision(user('43', 'Twice', 'twice.43@demo.test'))
    const { owners, userErrors } = await provision(user('43', 'Twice', 'new.43@demo.test'), {
      kind: 'USER',
      name: 'Twice again',
      emailAddress: 'twice.43@demo.test',
    })
    expect(owners).toEqual([])
    expect(userErrors).toEqual([expect.objectContaining({ code: 'DUPLICATE', path: ['owners', '1'] })])
  })

  test('a changed address takes the approval back; another spelling of it does not', async () => {
    const { owners } = await provision(user('u4', 'Edith', 'edith@demo.test'))
    const approve = () => admin.get(APPROVE, { ids: [owners[0].mailbox.id] })
    await approve()
    const spelled = await provision(user('u4', 'Edith', 'EDITH@demo.test'))
    expect(spelled.owners[0].mailbox).toMatchObject({
      approval: 'APPROVED',
      approvedBy: 'admin',
      emailAddress: 'EDITH@demo.test',
    })
    const moved = await provision(user('u4', 'Edith', 'edith.clarke@demo.test'))
    expect(moved.owners[0].mailbox).toMatchObject({ approval: 'PENDING', approvedBy: null })
    const removed = await provision(user('u4', 'Edith', null))
    expect(removed.owners[0].mailbox).toMatchObject({ approval: 'EMPTY', emailAddress: null })
  })

  test('an address that is left out stays with its approval, of an owner that comes back too; null removes it', async () => {
    const { owners } = await provision(user('u5', 'Mary', 'mary@demo.test'))
    await admin.get(APPROVE, { ids: [owners[0].mailbox.id] })
    const renamed = await provision({ kind: 'USER', externalId: 'u5', name: 'Mary Keller' })
    expect(renamed.owners[0]).toMatchObject({
      ...{ name: 'Mary Keller', emailAddress: 'mary@demo.test' },
      mailbox: { approval: 'APPROVED', emailAddress: 'mary@demo.test' },
    })
    await admin.get(
      'mutation { deleteOwners(selection: { keys: [{ kind: USER, externalId: "u5" }] }) { userErrors { code } } }',
    )
    const back = await provision({ kind: 'USER', externalId: 'u5', name: 'Mary' })
    expect(back.owners[0]).toMatchObject({ id: owners[0].id, active: true, emailAddress: 'mary@demo.test' })
    for (const none of [null, ' ']) {
      await provision(user('u5', 'Mary', 'mary@demo.test'))
      const removed = await provision(user('u5', 'Mary', none))
      expect(removed.owners[0]).toMatchObject({
        emailAddress: null,
        mailbox: { approval: 'EMPTY', emailAddress: null },
      })
    }
  })

  test('both spellings of an internationalised domain are one address, kept as it was typed', async () => {
    const { owners } = await provision(user('i1', 'Ina', 'Ina@bücher.example'))
    expect(owners[0].emailAddress).toBe('Ina@bücher.example')
    const twin = await provision(user('i2', 'Twin', 'ina@xn--bcher-kva.example'))
    expect(twin.userErrors).toEqual([expect.objectContaining({ code: 'ADDRESS_TAKEN' })])
    await admin.get(APPROVE, { ids: [owners[0].mailbox.id] })
    const spelled = await provision({ kind: 'USER', name: 'Ina', emailAddress: 'ina@xn--bcher-kva.example' })
    expect(spelled.owners[0]).toMatchObject({
      ...{ id: owners[0].id, emailAddress: 'ina@xn--bcher-kva.example' },
      mailbox: { approval: 'APPROVED' },
    })
    for (const filter of [{ domain: 'xn--bcher-kva.example' }, { domain: 'Bücher.example' }, { text: 'ina@bücher' }]) {
      const { mailboxes } = await admin.get(
        'query ($filter: MailboxFilter) { mailboxes(view: ALL, filter: $filter) { nodes { name } } }',
        { filter },
      )
      expect(mailboxes.nodes).toEqual([{ name: 'Ina' }])
    }
  })

  test('two owners may swap their addresses in one call', async () => {
    await provision(user('s1', 'One', 'one@demo.test'), user('s2', 'Two', 'two@demo.test'))
    const { owners, userErrors } = await provision(
      user('s1', 'One', 'two@demo.test'),
      user('s2', 'Two', 'one@demo.test'),
    )
    expect(userErrors).toEqual([])
    expect(owners.map((owner: Anything) => owner.mailbox.emailAddress)).toEqual(['two@demo.test', 'one@demo.test'])
  })

  test('an address that another mailbox has is refused with both named', async () => {
    await provision(user('d1', 'First', 'taken@demo.test'))
    const stored = await provision(user('d2', 'Second', 'TAKEN@demo.test'))
    expect(stored.userErrors).toEqual([
      {
        code: 'ADDRESS_TAKEN',
        path: ['owners', '0', 'emailAddress'],
        message: 'Second (externalId d2) and First (externalId d1) cannot both have TAKEN@demo.test',
      },
    ])
    const inBatch = await provision(user('d3', 'Third', 'twice@demo.test'), user('d4', 'Fourth', 'twice@demo.test'))
    expect(inBatch.userErrors).toEqual([
      expect.objectContaining({ code: 'ADDRESS_TAKEN', path: ['owners', '1', 'emailAddress'] }),
    ])
  })

  test.each([
    [
      'an address with a line break',
      user('x', 'X', 'x@demo.test\r\nRCPT TO:<y@demo.test>'),
      'INVALID_ADDRESS',
      'emailAddress',
    ],
    ['an address without a host', user('x', 'X', 'x@'), 'INVALID_ADDRESS', 'emailAddress'],
    ['an address with a space', user('x', 'X', 'x y@demo.test'), 'INVALID_ADDRESS', 'emailAddress'],
    ['a name of 10,000 characters', user('x', 'x'.repeat(10_000)), 'TOO_LONG', 'name'],
    ['a name that is too long in lower case', user('x', 'İ'.repeat(200)), 'TOO_LONG', 'name'],
    [
      'an address with more letters than its domain name has',
      user('x', 'X', `x@a${'\ufe0f'.repeat(300)}.test`),
      'TOO_LONG',
      'emailAddress',
    ],
    ['half of a character', user('x', 'X\ud800'), 'INVALID_TEXT', 'name'],
    ['a name with a line break', user('x', 'X\r\nSubject: y'), 'CONTROL_CHARACTER', 'name'],
    ['an empty name', user('x', '  '), 'REQUIRED', 'name'],
    ['neither externalId nor address', { kind: 'USER', name: 'X' }, 'REQUIRED', 'externalId'],
  ])('%s is refused by name, and nothing of the call is stored', async (_what, bad, code, field) => {
    const before = (await admin.get(ALL)).mailboxes.totalCount
    const { owners, userErrors } = await provision(user('good', 'Good', 'good@demo.test'), bad)
    expect(owners).toEqual([])
    expect(userErrors).toEqual([expect.objectContaining({ code, path: ['owners', '1', field] })])
    expect((await admin.get(ALL)).mailboxes.totalCount).toBe(before)
  })

  test('no owners, and 10,001 of them, are refused', async () => {
    expect((await provision()).userErrors[0]).toMatchObject({ code: 'EMPTY', path: ['owners'] })
    const many = Array.from({ length: 10_001 }, (_, index) => user(`m${index}`, 'M'))
    expect((await provision(...many)).userErrors).toEqual([
      expect.objectContaining({ code: 'TOO_MANY', path: ['owners'] }),
    ])
  })

  test('while very many owners change, others get their answers', async () => {
    const many = (name: string) =>
      Array.from({ length: 1_500 }, (_, index) => user(`calm${index}`, `${name} ${index}`, `calm${index}@calm.test`))
    for (const name of ['Come', 'Renamed']) {
      const work = { isDone: false }
      const provisioned = provision(...many(name)).finally(() => {
        work.isDone = true
      })
      let answers = 0
      while (!work.isDone) {
        await admin.get('{ viewer { name } }')
        answers++
      }
      expect((await provisioned).userErrors).toEqual([])
      expect(answers).toBeGreaterThan(3)
    }
    const { mailboxes } = await admin.get(
      '{ mailboxes(filter: { domain: "calm.test", text: "renamed" }) { totalCount nodes { name emailAddress owner { name emailAddress } } } }',
    )
    expect(mailboxes.totalCount).toBe(1_500)
    for (const { name, emailAddress, owner } of mailboxes.nodes) expect({ name, emailAddress }).toEqual(owner)
  })

  test('2,000 owners come and change in one call each', async () => {
    const many = (suffix: string) =>
      Array.from({ length: 2_000 }, (_, index) =>
        user(`bulk${index}`, `Bulk ${index}`, `bulk${index}${suffix}@bulk.test`),
      )
    expect((await provision(...many(''))).userErrors).toEqual([])
    const { owners } = await provision(...many('.new'))
    expect(owners).toHaveLength(2_000)
    const filtered = await admin.get('{ mailboxes(filter: { domain: "bulk.test", text: ".NEW" }) { totalCount } }')
    expect(filtered.mailboxes.totalCount).toBe(2_000)
  })
})
