import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'
import { type Anything, type Caller, DATABASES, Harness } from '../test/harness'

const LIST = `query ($view: MailboxView, $filter: MailboxFilter, $sort: MailboxSort, $first: Int, $after: String) {
  mailboxes(view: $view, filter: $filter, sort: $sort, first: $first, after: $after) {
    totalCount pageInfo { hasNextPage endCursor } nodes { id name emailAddress approval lastTestedAt }
  }
}`
const BULK =
  'matched changed refusedCount refused { code mailbox { name } } mailboxes { id name approval approvedBy } userErrors { code path }'
const APPROVE = `mutation ($selection: MailboxSelection!, $dryRun: Boolean) { approveEmails(selection: $selection, dryRun: $dryRun) { ${BULK} } }`
const REJECT = `mutation ($selection: MailboxSelection!, $reason: String) { rejectEmails(selection: $selection, reason: $reason) { ${BULK} } }`
const UPDATE = `mutation ($selection: MailboxSelection!, $changes: MailboxChanges!, $dryRun: Boolean) {
  updateMailboxes(selection: $selection, changes: $changes, dryRun: $dryRun) { ${BULK} }
}`
const PROVISION =
  'mutation ($owners: [OwnerInput!]!) { provisionOwners(owners: $owners) { owners { mailbox { id name } } userErrors { code } } }'
const UNKNOWN = '01a20894-98d9-76d5-8880-179c368a8386'

/** Names whose order differs between byte and letter order, with and without addresses. */
const OWNERS = [
  ...['alpha', 'Beta', 'gamma', 'Delta', 'épsilon', 'ZETA', 'eta', 'Theta', 'iota', 'Kappa'].map((name, index) => ({
    kind: index % 2 ? 'QUEUE' : 'USER',
    externalId: `e${index}`,
    name,
    emailAddress: `${index}@${index < 5 ? 'one' : 'two'}.test`,
  })),
  { kind: 'USER', externalId: 'x1', name: 'no address 1' },
  { kind: 'USER', externalId: 'x2', name: 'no address 2' },
  { kind: 'USER', externalId: 'p', name: '100% real_name', emailAddress: 'percent@one.test' },
]

describe.each(DATABASES)('mailboxes on %s', (database) => {
  let harness: Harness
  let admin: Caller
  const ids = new Map<string, string>()

  beforeAll(async () => {
    harness = await Harness.start({ database })
    admin = await harness.admin()
    const { provisionOwners } = await admin.get(PROVISION, { owners: OWNERS })
    for (const { mailbox } of provisionOwners.owners) ids.set(mailbox.name, mailbox.id)
  })
  afterAll(() => harness?.stop())

  const idOf = (name: string) => ids.get(name) ?? ''
  const list = async (variables: object): Promise<Anything> => (await admin.get(LIST, variables)).mailboxes
  const names = async (variables: object) => (await list(variables)).nodes.map((node: Anything) => node.name)
  const count = async (view: string) => {
    const { mailboxViewCounts } = await admin.get('{ mailboxViewCounts { view count } }')
    return mailboxViewCounts.find((row: Anything) => row.view === view).count
  }

  test.each([
    ['name', 'ASC'],
    ['name', 'DESC'],
    ['emailAddress', 'ASC'],
    ['emailAddress', 'DESC'],
    ['approval', 'ASC'],
    ['lastTestedAt', 'DESC'],
    ['createdAt', 'ASC'],
  ])('pages by %s %s have every mailbox once, in one order', async (field, direction) => {
    const sort = { field, direction }
    const whole = (await list({ view: 'ALL', sort })).nodes.map((node: Anything) => node.id)
    expect(new Set(whole).size).toBe(OWNERS.length)
    const paged: string[] = []
    let after: string | null = null
    do {
      const page: Anything = await list({ view: 'ALL', sort, first: 3, after })
      expect(page.totalCount).toBe(OWNERS.length)
      paged.push(...page.nodes.map((node: Anything) => node.id))
      after = page.pageInfo.hasNextPage ? page.pageInfo.endCursor : null
    } while (after)
    expect(paged).toEqual(whole)
  })

  test('names are in the order of letters, not of bytes', async () => {
    const sorted = await names({ filter: { kind: 'QUEUE' } })
    expect(sorted).toEqual(['Beta', 'Delta', 'Kappa', 'Theta', 'ZETA'])
  })

  test.each([
    [{ text: 'ETA' }, ['eta']],
    [{ text: '10% na_re' }, ['100% real_name']],
    [{ text: 'e\u0301P' }, ['épsilon']],
    [{ text: 'one alph' }, ['alpha']],
    [{ text: 'percent@one.t' }, ['100% real_name']],
    [{ text: 'percent@ne.test' }, []],
    [{ text: '%' }, []],
    [{ domain: 'ONE.test', kind: 'QUEUE' }, ['Beta', 'Delta']],
    [{ approval: 'EMPTY' }, ['no address 1', 'no address 2']],
    [{ errorCode: 'AUTHENTICATION_FAILED' }, []],
    [{ profileId: UNKNOWN }, []],
  ])('filter %j finds %j', async (filter, expected) => {
    expect(await names({ filter })).toEqual(expected)
  })

  test.each([
    ['a cursor of another order', { sort: { field: 'name', direction: 'DESC' }, after: 'CURSOR' }, ['after']],
    ['a cursor that is none', { after: 'hello' }, ['after']],
    ['no rows', { first: 0 }, ['first']],
    ['501 rows', { first: 501 }, ['first']],
    ['an unknown column', { sort: { field: 'passwordSealed', direction: 'ASC' } }, ['sort', 'field']],
    ['a text with control characters', { filter: { text: 'a\u0000b' } }, ['filter', 'text']],
    ['an empty domain', { filter: { domain: '' } }, ['filter', 'domain']],
  ])('%s is bad input', async (_what, variables, argument) => {
    const { endCursor } = (await list({ first: 1 })).pageInfo
    const given = 'after' in variables && variables.after === 'CURSOR' ? { ...variables, after: endCursor } : variables
    const { errors } = await admin.ask(LIST, given)
    expect(errors).toEqual([expect.objectContaining({ extensions: { code: 'BAD_USER_INPUT', argument } })])
  })

  test('approving in a dry run answers the same as the real call and changes nothing', async () => {
    const selection = { view: 'ACTIVE', filter: { kind: 'USER' } }
    const dry = (await admin.get(APPROVE, { selection, dryRun: true })).approveEmails
    expect(await count('PENDING_EMAIL_APPROVAL')).toBe(11)
    const real = (await admin.get(APPROVE, { selection })).approveEmails
    expect(dry).toEqual(real)
    expect(real).toMatchObject({ matched: 8, changed: 6, refusedCount: 2, userErrors: [] })
    expect(real.refused.map((row: Anything) => [row.code, row.mailbox.name]).sort()).toEqual([
      ['NO_ADDRESS', 'no address 1'],
      ['NO_ADDRESS', 'no address 2'],
    ])
    expect(real.mailboxes[0]).toMatchObject({ approval: 'APPROVED', approvedBy: 'admin' })
    expect(await count('PENDING_EMAIL_APPROVAL')).toBe(5)
    const again = (await admin.get(APPROVE, { selection })).approveEmails
    expect(again).toMatchObject({ matched: 8, changed: 0, refusedCount: 2 })
  })

  test('rejecting takes the approval back', async () => {
    const { rejectEmails } = await admin.get(REJECT, { selection: { ids: [idOf('alpha')] }, reason: 'Left' })
    expect(rejectEmails.mailboxes).toEqual([expect.objectContaining({ approval: 'REJECTED', approvedBy: null })])
    const { mailbox } = await admin.get(
      'query ($id: ID!) { mailbox(id: $id) { health blockers { code } rejectionReason } }',
      { id: idOf('alpha') },
    )
    expect(mailbox).toMatchObject({ health: 'BLOCKED', rejectionReason: 'Left' })
    expect(mailbox.blockers.map((blocker: Anything) => blocker.code)).toContain('APPROVAL_REJECTED')
  })

  test('rejecting anew with another reason is a change; with the same, or none, it is none', async () => {
    const reject = async (reason: string | null) =>
      (await admin.get(REJECT, { selection: { ids: [idOf('alpha')] }, reason })).rejectEmails.changed
    const query = 'query ($id: ID!) { mailbox(id: $id) { rejectionReason } }'
    const stored = async () => (await admin.get(query, { id: idOf('alpha') })).mailbox.rejectionReason
    await reject('Left')
    expect([await reject('Left'), await reject(null), await stored()]).toEqual([0, 0, 'Left'])
    expect([await reject('On leave'), await stored()]).toEqual([1, 'On leave'])
  })

  test.each([
    ['nothing', {}],
    ['null', { profileId: null, username: null }],
  ])('an edit that names %s is a mistake', async (_what, changes) => {
    const query = `mutation ($ids: [ID!]!, $changes: MailboxChanges!) {
      updateMailboxes(selection: { ids: $ids }, changes: $changes) { matched userErrors { code path } } }`
    const { updateMailboxes } = await admin.get(query, { ids: [idOf('alpha')], changes })
    expect(updateMailboxes).toEqual({ matched: 0, userErrors: [{ code: 'EMPTY', path: ['changes'] }] })
  })

  describe('an API token of one scope', () => {
    const tokenOf = async (scope: string) => {
      const { createApiToken } = await admin.get(
        'mutation ($input: ApiTokenInput!) { createApiToken(input: $input) { secret } }',
        { input: { name: scope, scopes: [scope] } },
      )
      return harness.withToken(createApiToken.secret)
    }

    test('approve: learns how many mailboxes it changed, and not which', async () => {
      const approver = await tokenOf('approve')
      const selection = { ids: [idOf('Kappa'), idOf('no address 1')] }
      const blind = { mailboxes: [], refused: [], refusedCount: 1, matched: 2, changed: 1, userErrors: [] }
      const answer = (await approver.get(APPROVE, { selection, dryRun: true })).approveEmails
      expect(answer).toEqual(blind)
      expect((await approver.get(APPROVE, { selection })).approveEmails).toEqual(blind)
      expect((await approver.get(REJECT, { selection })).rejectEmails).toEqual(blind)
    })

    test('write: neither', async () => {
      const writer = await tokenOf('write')
      const changes = { selection: { ids: [idOf('Kappa')] }, changes: { username: 'kappa' } }
      expect((await writer.get(UPDATE, changes)).updateMailboxes).toMatchObject({ changed: 1, mailboxes: [] })
    })

    test('provision: sees the mailboxes it made, and nothing around them', async () => {
      const provisioner = await tokenOf('provision')
      const provision = (fields: string) =>
        provisioner.ask(
          `mutation ($owners: [OwnerInput!]!) { provisionOwners(owners: $owners) { owners { mailbox { id approval ${fields} } } } }`,
          { owners: [OWNERS[9]] },
        )
      const { data, errors } = await provision('')
      expect(errors).toEqual([])
      expect(data.provisionOwners.owners[0].mailbox.id).toBe(idOf('Kappa'))
      for (const field of [
        'profile { name }',
        'blockers { code }',
        'health',
        'alerts { totalCount }',
        'owner { id }',
      ]) {
        expect((await provision(field)).errors[0]?.extensions.code).toBe('FORBIDDEN')
      }
    })
  })

  test('one unknown id refuses the whole call', async () => {
    const before = await count('PENDING_EMAIL_APPROVAL')
    const { approveEmails } = await admin.get(APPROVE, { selection: { ids: [idOf('Beta'), UNKNOWN] } })
    expect(approveEmails).toMatchObject({
      changed: 0,
      userErrors: [{ code: 'NOT_FOUND', path: ['selection', 'ids', '1'] }],
    })
    expect(await count('PENDING_EMAIL_APPROVAL')).toBe(before)
  })

  test('credentials are stored sealed for their own row, and answered as a flag', async () => {
    const password = 'mailbox-secret-0815'
    const selection = { ids: [idOf('gamma'), idOf('Delta')] }
    const { updateMailboxes } = await admin.get(UPDATE, { selection, changes: { username: 'shared', password } })
    expect(updateMailboxes).toMatchObject({ matched: 2, changed: 2, userErrors: [] })
    const rows = await harness.app.db.read.query('SELECT password_sealed FROM mailboxes WHERE has_password = 1')
    expect(rows).toHaveLength(2)
    expect(rows[0].password_sealed).not.toBe(rows[1].password_sealed)
    expect(JSON.stringify(rows)).not.toContain(password)
    const { mailbox } = await admin.get(
      'query ($id: ID!) { mailbox(id: $id) { hasPassword username incomingChangedSinceTest } }',
      { id: idOf('gamma') },
    )
    expect(mailbox).toEqual({ hasPassword: true, username: 'shared', incomingChangedSinceTest: true })
    await admin.get(UPDATE, { selection, changes: { password: '' } })
    expect(await harness.app.db.read.query('SELECT id FROM mailboxes WHERE has_password = 1')).toEqual([])
  })

  test.each([
    ['username', 'ada', 'ADA'],
    ['username', 'jose', 'josé'],
    ['name', 'Jose', 'José'],
  ])('%s %s is changed to %s', async (field, before, after) => {
    const selection = { ids: [idOf('100% real_name')] }
    await admin.get(UPDATE, { selection, changes: { [field]: before } })
    expect((await admin.get(UPDATE, { selection, changes: { [field]: after } })).updateMailboxes.changed).toBe(1)
    const { mailbox } = await admin.get(`query ($id: ID!) { mailbox(id: $id) { ${field} } }`, { id: selection.ids[0] })
    expect(mailbox).toEqual({ [field]: after })
    await admin.get(UPDATE, { selection, changes: { name: '100% real_name', username: '' } })
  })

  test('a method that is switched off takes no part any more', async () => {
    await admin.get(UPDATE, {
      selection: { ids: [idOf('iota')] },
      changes: { incomingMethod: 'NONE', outgoingMethod: 'NONE' },
    })
    const { mailbox } = await admin.get('query ($id: ID!) { mailbox(id: $id) { incomingMethod blockers { code } } }', {
      id: idOf('iota'),
    })
    expect(mailbox.incomingMethod).toBe('NONE')
    expect(mailbox.blockers.map((blocker: Anything) => blocker.code)).toContain('NO_METHOD')
  })

  test.each([
    ['a name of 10,000 characters', { name: 'x'.repeat(10_000) }, 'TOO_LONG', 'name'],
    ['a name that is too long in lower case', { name: 'İ'.repeat(200) }, 'TOO_LONG', 'name'],
    ['a user name with a line break', { username: 'a\r\nLOGOUT' }, 'CONTROL_CHARACTER', 'username'],
    ['a password with a line break', { password: 'a\r\nLOGOUT' }, 'CONTROL_CHARACTER', 'password'],
    ['an unknown profile', { profileId: UNKNOWN }, 'NOT_FOUND', 'profileId'],
    ['a profile id that is none', { profileId: "' OR 1=1" }, 'NOT_FOUND', 'profileId'],
  ])('%s is refused by name, and nothing is stored', async (_what, changes, code, field) => {
    const before = JSON.stringify(await harness.app.db.read.query('SELECT * FROM mailboxes ORDER BY id'))
    const { updateMailboxes } = await admin.get(UPDATE, {
      selection: { view: 'ALL' },
      changes: { deleteAfterProcessing: false, ...changes },
    })
    expect(updateMailboxes).toMatchObject({ changed: 0, userErrors: [{ code, path: ['changes', field] }] })
    expect(JSON.stringify(await harness.app.db.read.query('SELECT * FROM mailboxes ORDER BY id'))).toBe(before)
  })

  test('who watches a text that is no id does not take the changes from those who watch the mailboxes', async () => {
    const [one, two] = [idOf('alpha'), idOf('Beta')]
    const watch = (watched: string[]) =>
      admin.watch('subscription ($ids: [ID!]) { mailboxChanges(ids: $ids) { mailboxes { id } } }', { ids: watched })
    const wrong = watch([[one, two].sort().join()])
    expect((await wrong.next()).mailboxChanges.mailboxes).toEqual([])
    const right = watch([one, two])
    expect((await right.next()).mailboxChanges.mailboxes).toHaveLength(2)
    await admin.get(UPDATE, { selection: { ids: [one] }, changes: { username: 'watched' } })
    expect((await right.next()).mailboxChanges.mailboxes).toEqual([{ id: one }])
    await Promise.all([wrong.end(), right.end()])
  })

  test('view counts come at once, and then at most once a second', async () => {
    const counts = admin.watch('subscription { mailboxViewCounts { count } }')
    const first = performance.now()
    await counts.next()
    await admin.get(UPDATE, { selection: { ids: [idOf('alpha')] }, changes: { username: 'counted' } })
    await counts.next()
    expect(performance.now() - first).toBeGreaterThan(800)
    await counts.end()
  })

  test('many mailboxes asked for one by one in a query are read together', async () => {
    const getMany = jest.spyOn(harness.app.services.mailboxes, 'getMany')
    const named = ['alpha', 'Beta', 'gamma', 'Delta']
    const fields = named.map((name, index) => `m${index}: mailbox(id: "${idOf(name)}") { name }`)
    const answer = await admin.get(`{ ${fields.join(' ')} none: mailbox(id: "${UNKNOWN}") { name } }`)
    const found = Object.fromEntries(named.map((name, index) => [`m${index}`, { name }]))
    expect(answer).toEqual({ ...found, none: null })
    expect(getMany).toHaveBeenCalledTimes(1)
    getMany.mockRestore()
  })

  test('no mailbox, an unknown one and a text that is no id are no error', async () => {
    for (const id of [UNKNOWN, 'x', "' OR 1=1"]) {
      expect((await admin.get('query ($id: ID!) { mailbox(id: $id) { id } }', { id })).mailbox).toBeNull()
    }
  })
})
