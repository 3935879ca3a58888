import { randomUUID } from 'node:crypto'
import { expect } from '@jest/globals'
import fc from 'fast-check'
import { Mailbox } from '../mailboxes/mailbox.entity'
import { ApprovalStatus, Direction, MailboxView, TestStatus } from '../mailboxes/mailbox.enums'
import { recount } from '../mailboxes/mailbox-counts'
import { MailboxTestService } from '../mailboxes/mailbox-test.service'
import { wordsOf } from '../mailboxes/mailbox-words'
import { DIRECTION_COLUMNS, DIRECTIONS, hasMethod } from '../mailboxes/reset-rules'
import { makeKeyring, parseKeys } from '../secrets/keyring'
import { aMailError } from './builders'
import { type Anything, type Caller, ENCRYPTION_KEYS, type Harness } from './harness'

const BULK =
  '{ matched changed refusedCount refused { mailbox { id } code } mailboxes { id } userErrors { code path } }'
const BULK_ARGUMENTS = '$selection: MailboxSelection!, $dryRun: Boolean'
const DOCUMENTS = {
  approve: `mutation (${BULK_ARGUMENTS}) { bulk: approveEmails(selection: $selection, dryRun: $dryRun) ${BULK} }`,
  reject: `mutation (${BULK_ARGUMENTS}) { bulk: rejectEmails(selection: $selection, reason: "No", dryRun: $dryRun) ${BULK} }`,
  defaults: `mutation (${BULK_ARGUMENTS}) { bulk: applyDefaultEmailSettings(selection: $selection, dryRun: $dryRun) ${BULK} }`,
  update: `mutation (${BULK_ARGUMENTS}, $changes: MailboxChanges!) {
    bulk: updateMailboxes(selection: $selection, changes: $changes, dryRun: $dryRun) ${BULK} }`,
  setActive: `mutation (${BULK_ARGUMENTS}, $active: Boolean!) {
    bulk: setMailboxesActive(selection: $selection, active: $active, dryRun: $dryRun) ${BULK} }`,
  provision: `mutation ($owners: [OwnerInput!]!) { provisionOwners(owners: $owners) { userErrors { code path } } }`,
  deleteOwners: `mutation ($keys: [OwnerKey!]!) { deleteOwners(selection: { keys: $keys }) { userErrors { code path } } }`,
  createForward: `mutation ($input: CreateForwardMailboxInput!) { createForwardMailbox(input: $input) { mailbox { id } userErrors { code path } } }`,
  deleteForward: `mutation ($id: ID!, $to: ID) { deleteForwardMailbox(id: $id, moveForwardedTo: $to) { userErrors { code path } } }`,
  createProfile: `mutation ($input: EmailServerProfileInput!) {
    createEmailServerProfile(input: $input) { profile { id } userErrors { code path } } }`,
  updateProfile: `mutation ($id: ID!, $input: EmailServerProfileInput!) {
    updateEmailServerProfile(id: $id, input: $input) { userErrors { code path } } }`,
  deleteProfile: `mutation ($id: ID!, $to: ID) {
    deleteEmailServerProfile(id: $id, moveMailboxesTo: $to) { userErrors { code path } } }`,
  settings: `mutation ($input: EmailSettingsInput!) { updateEmailSettings(input: $input) { userErrors { code path } } }`,
} as const

const number = (below: number) => fc.nat({ max: below - 1 })
const selection = fc.oneof(
  fc.record({ of: fc.constant('ids' as const), picks: fc.array(fc.nat(), { minLength: 1, maxLength: 6 }) }),
  fc.record({ of: fc.constant('view' as const), view: fc.constantFrom(...Object.values(MailboxView)) }),
)
const owner = fc.record({
  number: number(8),
  address: fc.option(number(8), { freq: 5 }),
  name: fc.constantFrom('Ada', 'Bob', 'ADA'),
  active: fc.option(fc.boolean(), { freq: 3 }),
})
const method = fc.constantFrom('NONE', 'SERVER_SIDE_SYNC')
const changes = fc.record(
  {
    profile: number(2),
    outgoingMethod: method,
    incomingMethod: fc.constantFrom('NONE', 'SERVER_SIDE_SYNC', 'FORWARD_MAILBOX'),
    actMethod: method,
    forward: fc.nat(),
    username: fc.constantFrom('', 'ada', 'bob'),
    password: fc.constantFrom('', 'secret'),
    name: fc.constantFrom('Renamed', 'Another'),
    deleteAfterProcessing: fc.boolean(),
  },
  { requiredKeys: [] },
)
const outcome = fc.record({
  pick: fc.nat(),
  statuses: fc.tuple(fc.boolean(), fc.boolean()),
})

const side = fc.constantFrom('incoming' as const, 'outgoing' as const)

export const command = fc.oneof(
  fc.record({ kind: fc.constantFrom('approve' as const, 'reject' as const, 'defaults' as const), selection }),
  fc.record({ kind: fc.constant('update' as const), selection, changes }),
  fc.record({ kind: fc.constant('setActive' as const), selection, active: fc.boolean() }),
  fc.record({ kind: fc.constant('provision' as const), owners: fc.array(owner, { minLength: 1, maxLength: 4 }) }),
  fc.record({
    kind: fc.constant('deleteOwners' as const),
    numbers: fc.array(number(8), { minLength: 1, maxLength: 2 }),
  }),
  fc.record({ kind: fc.constant('createForward' as const), address: number(8) }),
  fc.record({ kind: fc.constant('deleteForward' as const), pick: fc.nat(), to: fc.option(fc.nat()) }),
  fc.record({ kind: fc.constant('settings' as const), profile: number(2), incoming: method, outgoing: method }),
  fc.record({
    kind: fc.constant('changeProfile' as const),
    profile: number(2),
    side,
    port: fc.integer({ min: 1, max: 9 }),
  }),
  fc.record({ kind: fc.constant('deleteProfile' as const), selection, to: number(2) }),
  fc.record({ kind: fc.constant('tested' as const), outcomes: fc.array(outcome, { minLength: 1, maxLength: 4 }) }),
)
export type Command = typeof command extends fc.Arbitrary<infer T> ? T : never
type Picked = typeof selection extends fc.Arbitrary<infer T> ? T : never

/** One sequence's part of the organisation: its owners' addresses are in a domain of its own. */
export class Playground {
  private constructor(
    private readonly harness: Harness,
    private readonly admin: Caller,
    private readonly profileIds: readonly string[],
    private readonly tests: MailboxTestService,
    private readonly domain: string,
  ) {}

  /** With four users, who have addresses. */
  static async open(harness: Harness, admin: Caller, profileIds: readonly string[], domain: string) {
    const { db, services } = harness.app
    const keyring = makeKeyring(parseKeys(ENCRYPTION_KEYS).keys)
    const tests = new MailboxTestService(db, services.profiles, services.settings, keyring)
    const playground = new Playground(harness, admin, profileIds, tests, domain)
    const owners = [0, 1, 2, 3].map((n) => ({ number: n, address: n, name: 'Ada' as const, active: null }))
    await playground.run({ kind: 'provision', owners })
    return playground
  }

  /** The same part, by way of somebody else at another node. */
  seenBy(harness: Harness, admin: Caller): Playground {
    return new Playground(harness, admin, this.profileIds, this.tests, this.domain)
  }

  /** `foretell`: a bulk command's dry run comes first, and has to tell what it does. */
  async run(command: Command, { foretell = false } = {}): Promise<void> {
    const bulk = foretell ? this.foretold : this.ask
    switch (command.kind) {
      case 'approve':
      case 'reject':
      case 'defaults':
        return bulk(DOCUMENTS[command.kind], { selection: await this.select(command.selection) })
      case 'setActive': {
        const { active } = command
        return bulk(DOCUMENTS.setActive, { selection: await this.select(command.selection), active })
      }
      case 'update': {
        const { profile, forward, ...plain } = command.changes
        const wanted = {
          ...plain,
          ...(profile !== undefined && { profileId: this.profileIds[profile] }),
          ...(forward !== undefined && { forwardMailboxId: await this.forward(forward) }),
        }
        return bulk(DOCUMENTS.update, { selection: await this.select(command.selection), changes: wanted })
      }
      case 'provision':
        return this.ask(DOCUMENTS.provision, { owners: command.owners.map((each) => this.ownerInput(each)) })
      case 'deleteOwners': {
        const keys = command.numbers.map((n) => this.ownerKey(n))
        return this.ask(DOCUMENTS.deleteOwners, { keys })
      }
      case 'createForward': {
        const emailAddress = this.address(command.address)
        return this.ask(DOCUMENTS.createForward, {
          input: { name: 'Forward', emailAddress, profileId: this.profileIds[0] },
        })
      }
      case 'deleteForward': {
        const [id, to] = [await this.forward(command.pick), command.to === null ? null : await this.forward(command.to)]
        return id === undefined ? undefined : this.ask(DOCUMENTS.deleteForward, { id, to })
      }
      case 'settings': {
        const { profile, incoming, outgoing } = command
        const defaultProfileId = this.profileIds[profile]
        const input = { defaultProfileId, defaultIncomingMethod: incoming, defaultOutgoingMethod: outgoing }
        return this.ask(DOCUMENTS.settings, { input })
      }
      case 'changeProfile': {
        const { profile, side: changed, port } = command
        const input = { ...SHARED, name: NAMES[profile], [changed]: { ...ENDPOINTS[changed], port } }
        return this.ask(DOCUMENTS.updateProfile, { id: this.profileIds[profile], input })
      }
      case 'deleteProfile': {
        const input = { ...SHARED, ...ENDPOINTS, name: `Passing ${randomUUID()}` }
        const { createEmailServerProfile } = await this.ask(DOCUMENTS.createProfile, { input })
        const { id } = createEmailServerProfile.profile
        const changes = { profileId: id }
        await bulk(DOCUMENTS.update, { selection: await this.select(command.selection), changes })
        return this.ask(DOCUMENTS.deleteProfile, { id, to: this.profileIds[command.to] })
      }
      case 'tested':
        return this.tested(command.outcomes)
    }
  }

  private async tested(outcomes: readonly { pick: number; statuses: readonly [boolean, boolean] }[]): Promise<void> {
    const ids = (await this.mailboxes()).map((mailbox) => mailbox.id)
    const wanted = new Map(outcomes.map(({ pick, statuses }) => [ids[pick % ids.length] ?? '', statuses]))
    const targets = await this.tests.targets([...wanted.keys()])
    const results = targets.flatMap(({ mailboxId, basis, ...directions }) => {
      const tested = [Direction.INCOMING, Direction.OUTGOING] as const
      const found = tested.flatMap((direction, index) => {
        if ('absent' in directions[direction]) return []
        const isFine = wanted.get(mailboxId)?.[index] ?? false
        const status = isFine ? TestStatus.SUCCESS : TestStatus.FAILURE
        return [{ direction, status, ...(!isFine && { error: aMailError() }) }]
      })
      return { mailboxId, profileId: basis.profileId, enabling: true, directions: found, basis }
    })
    await this.harness.app.db.inTransaction((tx) => this.tests.applyTestResults(tx, results, new Date()))
  }

  /** The dry run first: it changes nothing and answers what the call then answers. */
  private readonly foretold = async (document: string, variables: object): Promise<void> => {
    const before = await everything(this.harness)
    const { bulk: foretold } = await this.ask(document, { ...variables, dryRun: true })
    expect(await everything(this.harness)).toBe(before)
    const { bulk } = await this.ask(document, { ...variables, dryRun: false })
    expect(known(bulk)).toEqual(known(foretold))
    if (bulk.changed === 0) expect(await everything(this.harness)).toBe(before)
  }

  /** Mistakes are userErrors; anything else is thrown, with what the server logged of it. */
  private readonly ask = async (document: string, variables: object): Promise<Anything> => {
    const { data, errors } = await this.admin.ask(document, variables)
    if (errors.length > 0) throw new Error(`${JSON.stringify(errors)} ${this.harness.logged.at(-1)}`)
    return data
  }

  private ownerKey(n: number) {
    return { kind: n < 6 ? 'USER' : 'QUEUE', externalId: `${this.domain} ${n}` }
  }

  private ownerInput(of: { number: number; address: number | null; name: string; active: boolean | null }) {
    const emailAddress = of.address === null ? null : this.address(of.address)
    return {
      ...this.ownerKey(of.number),
      name: of.name,
      emailAddress,
      ...(of.active !== null && { active: of.active }),
    }
  }

  private address(n: number): string {
    return `${n % 2 ? 'a' : 'A'}${n}@${this.domain}`
  }

  private async select(picked: Picked): Promise<object> {
    if (picked.of === 'view') return { view: picked.view, filter: { domain: this.domain } }
    const mailboxes = await this.mailboxes()
    const ids = picked.picks.flatMap((pick) => mailboxes[pick % mailboxes.length]?.id ?? [])
    return { ids: [...new Set(ids)] }
  }

  private async forward(pick: number): Promise<string | undefined> {
    const forwards = (await this.mailboxes()).filter((mailbox) => mailbox.kind === 'FORWARD')
    return forwards[pick % Math.max(forwards.length, 1)]?.id
  }

  /** Those without address too, which no domain finds. */
  private mailboxes(): Promise<{ id: string; kind: string }[]> {
    return this.harness.app.db.read.query(
      `SELECT m.id, m.kind FROM mailboxes m LEFT JOIN owners o ON o.id = m.owner_id
       WHERE m.deleted_at IS NULL AND (m.address_domain = ? OR o.external_id LIKE ?) ORDER BY m.id`,
      [this.domain, `${this.domain} %`],
    )
  }
}

/** An answer without the order of its lists. */
const known = ({ refused, mailboxes, ...rest }: Anything) => ({
  ...rest,
  refused: refused.map((each: Anything) => `${each.mailbox.id} ${each.code}`).sort(),
  mailboxes: mailboxes.map(({ id }: { id: string }) => id).sort(),
})

const everything = async ({ app }: Harness): Promise<string> => {
  const rows = await app.db.read.query('SELECT * FROM mailboxes ORDER BY id')
  return JSON.stringify([rows, await counts(app), await app.db.read.query('SELECT COUNT(*) AS n FROM audit_entries')])
}

const counts = (app: Harness['app']): Promise<Anything[]> =>
  app.db.read.query('SELECT * FROM mailbox_counts WHERE n <> 0 ORDER BY scope, view_class, facets')

/** Each sentence names a mailbox or owner for which an invariant does not hold. */
export async function broken({ app }: Harness): Promise<string[]> {
  const mailboxes = await app.db.read.find(Mailbox)
  const owned = mailboxes.flatMap(({ ownerId }) => ownerId ?? [])
  const owners: { id: string }[] = await app.db.read.query('SELECT id FROM owners')
  const forwards = new Set(mailboxes.filter((m) => m.kind === 'FORWARD' && m.active && !m.deletedAt).map((m) => m.id))
  const rules: [string, (mailbox: Mailbox) => boolean][] = [
    [
      'has a forward mailbox exactly by its method',
      (m) => (m.forwardMailboxId !== null) === (m.incomingMethod === 'FORWARD_MAILBOX'),
    ],
    ['has a forward mailbox that is at work', (m) => m.forwardMailboxId === null || forwards.has(m.forwardMailboxId)],
    ['has an owner unless it is a forward mailbox', (m) => (m.ownerId === null) === (m.kind === 'FORWARD')],
    ['is EMPTY exactly without address', (m) => (m.approval === ApprovalStatus.EMPTY) === (m.emailAddress === null)],
    [
      'is APPROVED exactly with approver and time',
      (m) => [m.approvedBy, m.approvedAt].every((by) => (by !== null) === (m.approval === ApprovalStatus.APPROVED)),
    ],
    ['holds its address while it is active', (m) => m.activeAddress === (m.active ? m.addressKey : null)],
    ...DIRECTIONS.map((direction): [string, (mailbox: Mailbox) => boolean] => {
      const { enabled, status } = DIRECTION_COLUMNS[direction]
      return [
        `has ${direction} enabled only by SUCCESS, and untested without method`,
        (m) =>
          (!m[enabled] || m[status] === TestStatus.SUCCESS) &&
          (hasMethod(m, direction) || m[status] === TestStatus.NOT_RUN),
      ]
    }),
  ]
  return [
    ...(await wrongWords(app, mailboxes)),
    ...owners
      .filter(({ id }) => owned.filter((of) => of === id).length !== 1)
      .map(({ id }) => `owner ${id} has not one mailbox`),
    ...owned.filter((id) => !owners.some((row) => row.id === id)).map((id) => `owner ${id} is gone`),
    ...mailboxes.flatMap((mailbox) =>
      rules.filter(([, holds]) => !holds(mailbox)).map(([rule]) => `${mailbox.id}: not ${rule}`),
    ),
  ]
}

/** Those that are not found by just the words of their names and addresses. */
async function wrongWords({ db }: Harness['app'], mailboxes: readonly Mailbox[]): Promise<string[]> {
  const kept = new Map<string, string[]>()
  const rows: { word: string; id: string }[] = await db.read.query('SELECT word, mailbox_id AS id FROM mailbox_words')
  for (const { word, id } of rows) kept.set(id, [...(kept.get(id) ?? []), word])
  const wrong = mailboxes.filter(({ id, nameKey, addressKey, deletedAt }) => {
    const words = deletedAt ? [] : wordsOf(nameKey, addressKey)
    return [...words].sort().join(' ') !== (kept.get(id) ?? []).sort().join(' ')
  })
  return wrong.map(({ id }) => `${id}: not found by its words`)
}

/** Counts as kept and as counted anew; each view's count and what its list holds. */
export async function checkCounts(harness: Harness, admin: Caller): Promise<void> {
  const kept = await counts(harness.app)
  await harness.app.db.inTransaction(recount)
  expect(kept).toEqual(await counts(harness.app))
  const { mailboxViewCounts } = await admin.get('{ mailboxViewCounts { view count } }')
  for (const { view, count } of mailboxViewCounts) {
    const query = 'query ($view: MailboxView!) { mailboxes(view: $view, first: 500) { nodes { id } totalCount } }'
    const { mailboxes } = await admin.get(query, { view })
    expect({ view, listed: mailboxes.nodes.length, total: mailboxes.totalCount }).toEqual({
      view,
      listed: count,
      total: count,
    })
  }
}

const ENDPOINTS = {
  incoming: { host: 'imap.example.com', port: 993, security: 'TLS' },
  outgoing: { host: 'smtp.example.com', port: 465, security: 'TLS' },
}

/** The profiles' own credentials, entered anew with every change: they go to no server but the one they were entered for. */
const SHARED = { type: 'IMAP_SMTP', credentialSource: 'PROFILE', username: 'all', password: 'secret' }
const NAMES = ['One', 'Two'] as const

async function createProfile(admin: Caller, name: string): Promise<string> {
  const input = { name, ...SHARED, ...ENDPOINTS }
  return (await admin.get(DOCUMENTS.createProfile, { input })).createEmailServerProfile.profile.id
}

/** The two that commands choose from. */
export async function createProfiles(admin: Caller): Promise<string[]> {
  const ids: string[] = []
  for (const name of NAMES) ids.push(await createProfile(admin, name))
  return ids
}
