import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { Role } from '../auth/rights'
import { newId } from '../db/id'
import { type Anything, type Caller, DATABASES, Harness } from '../test/harness'

const RULES = 'query ($id: ID!) { forwardRuleText(mailboxId: $id) { system title text installation notes } }'
const CHOOSE = `mutation ($id: ID!, $forward: ID!) { updateMailboxes(selection: { ids: [$id] },
  changes: { incomingMethod: FORWARD_MAILBOX, forwardMailboxId: $forward }) { changed userErrors { code } } }`

describe.each(DATABASES)('the rules that forward, on %s', (database) => {
  let harness: Harness
  let admin: Caller
  let anna: Anything
  let ben: Anything
  let carl: Anything
  let forwardId: string

  beforeAll(async () => {
    harness = await Harness.start({ database, work: false })
    admin = await harness.admin()
    const profile = `mutation { createEmailServerProfile(input: { name: "All", type: IMAP_SMTP, isDefault: true,
      incoming: { host: "imap.example.com", port: 993, security: TLS } }) { profile { id } } }`
    await admin.get(profile)
    const owners = `mutation { provisionOwners(owners: [
      { kind: USER, externalId: "1", name: "Anna O'Hara", emailAddress: "o'hara@bücher.example" },
      { kind: USER, externalId: "2", name: "Ben", emailAddress: "ben@example.com" },
      { kind: USER, externalId: "3", name: "Carl" }]) { owners { id mailbox { id } } } }`
    ;[anna, ben, carl] = (await admin.get(owners)).provisionOwners.owners
    const forward = `mutation { createForwardMailbox(input: { name: "All mail", emailAddress: "all@example.com" }) { mailbox { id } } }`
    forwardId = (await admin.get(forward)).createForwardMailbox.mailbox.id
    const { updateMailboxes } = await admin.get(CHOOSE, { id: anna.mailbox.id, forward: forwardId })
    expect(updateMailboxes).toEqual({ changed: 1, userErrors: [] })
  })
  afterAll(() => harness?.stop())

  const askedBy = async (caller: Caller, id: string) => {
    const { data, errors } = await caller.ask(RULES, { id })
    return { rules: data?.forwardRuleText, codes: errors.map(({ extensions }) => extensions.code), errors }
  }

  test('name the mailbox and the forward mailbox it chose, in each language', async () => {
    const { forwardRuleText } = await admin.get(RULES, { id: anna.mailbox.id })
    expect(forwardRuleText.map((rule: Anything) => rule.system)).toEqual(['SIEVE', 'EXCHANGE', 'EXCHANGE', 'GMAIL'])
    const [sieve, inbox, transport, gmail] = forwardRuleText.map((rule: Anything) => rule.text)
    expect(sieve).toContain('redirect :copy "all@example.com";')
    expect(inbox).toContain("New-InboxRule -Mailbox 'o''hara@xn--bcher-kva.example'")
    expect(inbox).toContain("-ForwardAsAttachmentTo 'all@example.com'")
    expect(transport).toContain("-SentTo 'o''hara@xn--bcher-kva.example'")
    expect(gmail).toContain('<apps:property name="forwardTo" value="all@example.com"/>')
  })

  test('are not for the owner of the mailbox, who may not see the forward mailbox that they name', async () => {
    const owner = await harness.newUser('anna', { roles: [Role.MAILBOX_USER], ownerId: anna.id })
    const { codes, errors } = await askedBy(owner, anna.mailbox.id)
    expect(codes).toEqual(['FORBIDDEN'])
    expect(JSON.stringify(errors)).not.toMatch(/All mail|all@example/)
    expect(await askedBy(owner, ben.mailbox.id)).toMatchObject({ codes: ['NOT_FOUND'] })
    expect(await askedBy(owner, forwardId)).toMatchObject({ codes: ['NOT_FOUND'] })
  })

  test('are for who reaches the forward mailbox too', async () => {
    const reaching = (name: string, domains: string[]) =>
      harness.newUser(name, { roles: [Role.MAILBOX_APPROVER, Role.MAILBOX_USER], ownerId: anna.id, domains })
    expect(await askedBy(await reaching('both', ['example.com']), anna.mailbox.id)).toMatchObject({ codes: [] })
    expect(await askedBy(await reaching('one', ['example.org']), anna.mailbox.id)).toMatchObject({
      codes: ['FORBIDDEN'],
    })
  })

  test('say which of the two mailboxes has no address', async () => {
    const { updateMailboxes } = await admin.get(CHOOSE, { id: carl.mailbox.id, forward: forwardId })
    expect(updateMailboxes).toEqual({ changed: 1, userErrors: [] })
    const { codes, errors } = await askedBy(admin, carl.mailbox.id)
    expect(codes).toEqual(['BAD_USER_INPUT'])
    expect(errors[0]?.message).toMatch(/^The mailbox /)
  })

  test.each([
    ['that is not there', () => newId(), 'NOT_FOUND'],
    ['whose id is none', () => 'x', 'NOT_FOUND'],
    ['of another method', () => ben.mailbox.id, 'BAD_USER_INPUT'],
    ['that is a forward mailbox itself', () => forwardId, 'BAD_USER_INPUT'],
  ])('are refused for a mailbox %s', async (_, id, code) => {
    const { errors } = await askedBy(admin, id())
    expect(errors.map(({ extensions }) => extensions)).toEqual([{ code, argument: ['mailboxId'] }])
  })

  test('need the right to read mailboxes', async () => {
    const provisioner = await harness.newToken('provision')
    expect(await askedBy(provisioner, anna.mailbox.id)).toMatchObject({ codes: ['FORBIDDEN'] })
  })
})
