import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'
import { parse } from 'csv-parse/sync'
import type { AuditChange } from './db/audit-record'
import { newId } from './db/id'
import { type Anything, type Caller, DATABASES, Harness, PASSWORD } from './test/harness'

const OWNERS = `mutation ($owners: [OwnerInput!]!) {
  provisionOwners(owners: $owners) { owners { id mailbox { id } } userErrors { code path } }
}`
const NAMES = ['=cmd|calc', '+31 20', '-x', '@all', 'Bell, "Ann"', 'Zoë 李 😀', "O'Neil; x"]
const MANY = 3_000

describe.each(DATABASES)('exports on %s', (database) => {
  let harness: Harness
  let admin: Caller

  beforeAll(async () => {
    harness = await Harness.start({ database })
    admin = await harness.admin()
    const owners = Array.from({ length: MANY }, (_, n) => ({
      kind: n % 10 === 0 ? 'QUEUE' : 'USER',
      externalId: `e${n}`,
      name: NAMES[n] ?? `Person ${n}`,
      emailAddress: n % 7 === 3 ? null : `p${n}@${n % 2 === 0 ? 'even' : 'odd'}.test`,
    }))
    await admin.get(
      'mutation { createEmailServerProfile(input: { name: "Main, office", type: IMAP_SMTP, isDefault: true, incoming: { host: "a.test", port: 993, security: TLS } }) { userErrors { code } } }',
    )
    expect((await admin.get(OWNERS, { owners })).provisionOwners.userErrors).toEqual([])
  })
  afterAll(() => harness?.stop())

  const download = async (path: string, headers: Record<string, string> = { cookie: admin.sessionCookie }) => {
    const response = await fetch(`${harness.url}/export/${path}`, { headers })
    const bytes = Buffer.from(await response.arrayBuffer())
    return { status: response.status, headers: response.headers, bytes, text: bytes.toString('utf8') }
  }
  const rowsOf = (text: string): Record<string, string>[] =>
    parse(text, { bom: true, columns: true, recordDelimiter: '\r\n' })
  const idsOf = async (args: string): Promise<string[]> => {
    const ids: string[] = []
    for (let after: string | null = null; ; ) {
      const query = `query ($after: String) { mailboxes(first: 500, after: $after, ${args}) { nodes { id } pageInfo { hasNextPage endCursor } } }`
      const { mailboxes }: Anything = await admin.get(query, { after })
      ids.push(...mailboxes.nodes.map((node: Anything) => node.id))
      if (!mailboxes.pageInfo.hasNextPage) return ids
      after = mailboxes.pageInfo.endCursor
    }
  }

  test('a file of all mailboxes, in the order of the list, each once', async () => {
    const { status, headers, bytes, text } = await download('mailboxes.csv?view=ALL')
    expect(status).toBe(200)
    expect(headers.get('content-type')).toBe('text/csv; charset=utf-8; header=present')
    expect(headers.get('content-disposition')).toMatch(/^attachment; filename="mailboxes-\d{4}-\d\d-\d\d\.csv"$/)
    expect(headers.get('cache-control')).toBe('no-store')
    expect(headers.get('x-content-type-options')).toBe('nosniff')
    expect([...bytes.subarray(0, 3)]).toEqual([0xef, 0xbb, 0xbf])
    expect(text.split('\r\n')).toHaveLength(MANY + 2)
    expect(text.replaceAll('\r\n', '')).not.toMatch(/[\r\n]/)
    const rows = rowsOf(text)
    expect(rows.map((row) => row.id)).toEqual(await idsOf('view: ALL'))
    expect(new Set(rows.map((row) => row.id)).size).toBe(MANY)
  })

  test('each cell is what the list answers; no cell is a formula', async () => {
    const rows = rowsOf((await download('mailboxes.csv?sort=name&direction=ASC&text=p4%40')).text)
    const fields = `id kind name emailAddress active health approval approvedBy approvedAt incomingMethod incomingEmailStatus
      incomingEnabled outgoingMethod outgoingEmailStatus actMethod username hasPassword deleteAfterProcessing lastTestedAt
      createdAt updatedAt`
    const query = `{ mailboxes(filter: { text: "p4@" }) { nodes { ${fields} profile { id name } owner { id externalId } blockers { code } } } }`
    const [node] = (await admin.get(query)).mailboxes.nodes
    const { profile, owner, blockers, ...own } = node
    const expected: Record<string, string> = {
      ...Object.fromEntries(Object.entries(own).map(([field, value]) => [field, value === null ? '' : String(value)])),
      ...{ profileId: profile.id, profile: profile.name, ownerId: owner.id, ownerExternalId: owner.externalId },
      blockers: [...new Set(blockers.map((blocker: Anything) => blocker.code))].join(' '),
    }
    expect(rows.find((row) => row.id === node.id)).toMatchObject(expected)
    const names = rowsOf((await download('mailboxes.csv?view=ALL')).text).map((row) => row.name)
    for (const name of NAMES) expect(names).toContain(/^[=+\-@]/.test(name) ? `'${name}` : name)
  })

  test.each([
    [
      'view=QUEUE_MAILBOXES&sort=createdAt&direction=DESC',
      'view: QUEUE_MAILBOXES, sort: { field: "createdAt", direction: DESC }',
    ],
    [
      'domain=odd.test&sort=emailAddress',
      'filter: { domain: "odd.test" }, sort: { field: "emailAddress", direction: ASC }',
    ],
    ['text=person+29&kind=USER', 'filter: { text: "person 29", kind: USER }'],
    ['approval=EMPTY', 'filter: { approval: EMPTY }'],
    [
      'incomingEmailStatus=FAILURE&outgoingMethod=NONE',
      'filter: { incomingEmailStatus: FAILURE, outgoingMethod: NONE }',
    ],
    [
      'incomingMethod=SERVER_SIDE_SYNC&actStatus=NOT_RUN',
      'filter: { incomingMethod: SERVER_SIDE_SYNC, actStatus: NOT_RUN }',
    ],
    ['errorCode=CONNECT_TIMEOUT', 'filter: { errorCode: "CONNECT_TIMEOUT" }'],
    ['text=', 'filter: { text: "" }'],
  ])('%s selects and sorts as the list does', async (query, args) => {
    const { text } = await download(`mailboxes.csv?${query}`)
    expect(rowsOf(text).map((row) => row.id)).toEqual(await idsOf(args))
    expect(text).toMatch(/^\ufeffid,kind,name,/)
  })

  test.each([
    ['viev=ALL', 'viev'],
    ['view=all', 'view'],
    ['view=', 'view'],
    ['view=ALL&view=ACTIVE', 'view'],
    ['kind=ROBOT', 'kind'],
    ['sort=password', 'sort'],
    ['direction=ASC', 'direction'],
    ['sort=name&direction=UP', 'direction'],
    ['domain=a%0d%0ab', 'domain'],
    ['domain=', 'domain'],
  ])('mailboxes.csv?%s is refused by name', async (query, field) => {
    const { status, text, headers } = await download(`mailboxes.csv?${query}`)
    expect(status).toBe(400)
    expect(headers.get('content-disposition')).toBeNull()
    expect(JSON.parse(text)).toEqual({ error: { code: 'BAD_USER_INPUT', message: expect.any(String), field } })
  })

  test.each([
    ['subjectType=HOUSE', 'subjectType'],
    ['from=yesterday', 'from'],
    ['actor=a%0ab', 'actor'],
    ['id=1', 'id'],
  ])('audit.csv?%s is refused by name', async (query, field) => {
    const { status, text } = await download(`audit.csv?${query}`)
    expect([status, JSON.parse(text).error.field]).toEqual([400, field])
  })

  describe('who may', () => {
    const bearerOf = async (scopes: string[], name = 'export') => {
      const { createApiToken } = await admin.get(
        'mutation ($name: String!, $scopes: [String!]!) { createApiToken(input: { name: $name, scopes: $scopes }) { secret } }',
        { name, scopes },
      )
      return { authorization: `Bearer ${createApiToken.secret}` }
    }
    const answer = async (path: string, headers: Record<string, string>) => {
      const { status, text } = await download(path, headers)
      return status === 200 ? 200 : [status, JSON.parse(text).error.code]
    }

    test('a token that is revoked meanwhile gets no further page', async () => {
      const headers = await bearerOf(['read'], 'revoked meanwhile')
      const { mailboxes } = harness.app.services
      const list = mailboxes.list.bind(mailboxes)
      const pages = jest.spyOn(mailboxes, 'list').mockImplementation(async (...args) => {
        const page = await list(...args)
        const { apiTokens } = await admin.get('{ apiTokens(first: 500) { nodes { id name } } }')
        for (const { id } of apiTokens.nodes.filter((token: Anything) => token.name === 'revoked meanwhile')) {
          await admin.get('mutation ($id: ID!) { revokeApiToken(id: $id) { userErrors { code } } }', { id })
        }
        return page
      })
      await expect(download('mailboxes.csv?view=ALL', headers)).rejects.toThrow()
      expect(pages).toHaveBeenCalledTimes(2)
      pages.mockRestore()
    })

    test('nobody without a session, and none led here by another site', async () => {
      const cookie = admin.sessionCookie
      for (const path of ['mailboxes.csv', 'audit.csv', 'mailboxes.csv?viev=ALL']) {
        expect(await answer(path, {})).toEqual([401, 'UNAUTHENTICATED'])
        expect(await answer(path, { authorization: 'Bearer mwt_nobody' })).toEqual([401, 'UNAUTHENTICATED'])
        expect(await answer(path, { cookie, 'sec-fetch-site': 'cross-site' })).toEqual([401, 'UNAUTHENTICATED'])
        expect(await answer(path, { cookie, origin: 'https://evil.test' })).toEqual([401, 'UNAUTHENTICATED'])
      }
    })

    const signInAs = async (input: object) => {
      const create = 'mutation ($input: CreateUserInput!) { createUser(input: $input) { userErrors { code } } }'
      const name = `export ${newId()}`
      const { createUser } = await admin.get(create, { input: { name, password: PASSWORD, ...input } })
      expect(createUser.userErrors).toEqual([])
      return { cookie: (await harness.anonymous().signIn(name, PASSWORD)).sessionCookie }
    }

    test('an approver exports the mailboxes of its domains, and no audit log', async () => {
      const headers = await signInAs({ roles: ['MAILBOX_APPROVER'], domains: ['odd.test'] })
      const addresses = rowsOf((await download('mailboxes.csv?view=ALL', headers)).text).map((row) => row.emailAddress)
      expect(addresses).toHaveLength((await idsOf('view: ALL, filter: { domain: "odd.test" }')).length)
      expect(addresses.every((address) => address?.endsWith('@odd.test'))).toBe(true)
      expect(await answer('audit.csv', headers)).toEqual([403, 'FORBIDDEN'])
    })

    test('whoever has a mailbox exports this one', async () => {
      const { mailboxes } = await admin.get('{ mailboxes(filter: { text: "p8@" }) { nodes { id owner { id } } } }')
      const [{ id, owner }] = mailboxes.nodes
      const headers = await signInAs({ roles: ['MAILBOX_USER'], ownerId: owner.id })
      for (const query of ['', '?view=ALL', '?domain=even.test', '?sort=emailAddress&direction=DESC']) {
        const rows = rowsOf((await download(`mailboxes.csv${query}`, headers)).text)
        expect(rows.map((row) => row.id)).toEqual([id])
      }
      expect(rowsOf((await download('mailboxes.csv?text=p9%40', headers)).text)).toEqual([])
      expect(await answer('audit.csv', headers)).toEqual([403, 'FORBIDDEN'])
    })

    test('an auditor may export both', async () => {
      const { sessionCookie: cookie } = await harness.auditor()
      expect(await answer('mailboxes.csv?text=p1%40', { cookie, 'sec-fetch-site': 'same-origin' })).toBe(200)
      expect(await answer('audit.csv', { cookie })).toBe(200)
    })

    test('a token with its scope', async () => {
      expect(await answer('mailboxes.csv?text=p1%40', await bearerOf(['read']))).toBe(200)
      expect(await answer('mailboxes.csv', await bearerOf(['approve']))).toEqual([403, 'FORBIDDEN'])
      expect(await answer('audit.csv', await bearerOf(['read', 'write']))).toEqual([403, 'FORBIDDEN'])
    })
  })

  test('the audit log: a row for each change, with all of its subjects', async () => {
    const ids = Array.from({ length: 1_200 }, newId)
    const actor = { id: newId(), name: '=evil', ip: '192.0.2.7' }
    await harness.app.db.inTransaction(async (tx) => {
      const changes: AuditChange[] = [
        { subjectIds: ids, before: { approval: 'PENDING' }, after: { approval: 'APPROVED' } },
        { subjectIds: ids.slice(0, 1), before: { note: 'a,"b"' }, after: null },
      ]
      tx.record(actor, { action: 'exported', subject: 'MAILBOX', changes, details: { selection: { view: 'ALL' } } })
      tx.record(actor, { action: 'told nothing', subject: 'ALERT', changes: changes.slice(1), details: {} })
    })
    const [untold] = rowsOf((await download(`audit.csv?action=told+nothing&actorId=${actor.id}`)).text)
    expect(untold).toMatchObject({ action: 'told nothing', details: '' })
    const rows = rowsOf((await download(`audit.csv?action=exported&actorId=${actor.id}`)).text)
    expect(rows.map((row) => row.subjectIds?.split(' ').length)).toEqual([500, 500, 200, 1])
    expect(rows.slice(0, 3).flatMap((row) => row.subjectIds?.split(' '))).toEqual(ids)
    expect(rows[0]).toMatchObject({
      ...{
        action: 'exported',
        actorName: "'=evil",
        actorAddress: '192.0.2.7',
        subjectType: 'MAILBOX',
        subjectCount: '1200',
      },
      ...{
        details: '{"selection":{"view":"ALL"}}',
        before: '{"approval":"PENDING"}',
        after: '{"approval":"APPROVED"}',
      },
    })
    expect(rows[3]).toMatchObject({ before: '{"note":"a,\\"b\\""}', after: '' })
    expect(rowsOf((await download(`audit.csv?subjectId=${ids[700]}&action=exported`)).text)).toHaveLength(4)
    expect(rowsOf((await download(`audit.csv?action=exported&to=2020-01-01T00:00:00Z`)).text)).toEqual([])
  })

  test('the audit log over many pages', async () => {
    const entries = 1_100
    await harness.app.db.inTransaction(async (tx) => {
      for (let n = 0; n < entries; n++) {
        tx.record(null, {
          action: 'many',
          subject: 'ALERT',
          changes: [{ subjectIds: [newId()], before: null, after: { n } }],
        })
      }
    })
    const rows = rowsOf((await download('audit.csv?action=many')).text)
    expect(rows.map((row) => JSON.parse(row.after ?? '').n)).toEqual(
      Array.from({ length: entries }, (_, n) => entries - 1 - n),
    )
  })
})
