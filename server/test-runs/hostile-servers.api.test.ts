import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { EndpointName } from '../demo/mail-system'
import { type Anything, type Caller, Harness } from '../test/harness'
import { type MailFixture, passwordOf, setUpMail } from '../test/mail-fixture'
import { waitFor } from '../test/wait-for'

/** Servers that are none, or no good ones, and what a test makes of each. */
const SERVERS: [EndpointName, string[]][] = [
  ['silent', ['GREETING_TIMEOUT']],
  ['garbage', ['NOT_THIS_PROTOCOL']],
  ['dripping', ['GREETING_TIMEOUT', 'RESPONSE_TIMEOUT']],
  ['endlessLine', ['PROTOCOL_ERROR', 'NOT_THIS_PROTOCOL']],
  ['dead', ['CONNECTION_REFUSED']],
  ['noSuchHost', ['DNS_NOT_FOUND']],
  ['imapsExpired', ['TLS_CERTIFICATE_EXPIRED']],
  ['imapsUntrusted', ['TLS_CERTIFICATE_UNTRUSTED']],
  ['imapsOtherHost', ['TLS_HOSTNAME_MISMATCH']],
]

const PROFILE = `mutation ($input: EmailServerProfileInput!) {
  createEmailServerProfile(input: $input) { profile { id } userErrors { code path } }
}`
const MOVE = `mutation ($ids: [ID!]!, $profileId: ID!) {
  updateMailboxes(selection: { ids: $ids }, changes: { profileId: $profileId }) { changed userErrors { code } }
}`
const START = 'mutation { testAndEnableMailboxes(selection: { view: ACTIVE }) { testRun { id } userErrors { code } } }'
const RUN = `query ($id: ID!) { testRun(id: $id) { state finishedAt succeeded failed items(first: 100) { nodes {
  state startedAt finishedAt errorCode mailbox { name } results { direction steps { name state error { code serverResponse } } }
} } } }`

describe('a run over servers that answer garbage, nothing, one byte at a time, or without end', () => {
  let harness: Harness
  let admin: Caller
  let mail: MailFixture
  let run: Anything

  beforeAll(async () => {
    harness = await Harness.start({ database: 'sqlite' })
    admin = await harness.admin()
    const addresses = SERVERS.map(([name]) => ({ name, address: `${name.toLowerCase()}@demo.test` }))
    mail = await setUpMail(admin, [...addresses, { name: 'good', address: 'good@demo.test' }])
    for (const [name] of SERVERS) {
      const endpoint = mail.system.endpoints[name]
      const input = {
        name,
        type: 'IMAP_SMTP',
        incoming: endpoint,
        outgoing: endpoint,
        trustedCertificates: mail.system.trustedCertificates,
      }
      const { createEmailServerProfile } = await admin.get(PROFILE, { input })
      const ids = [mail.mailboxIds.get(`${name.toLowerCase()}@demo.test`)]
      await admin.get(MOVE, { ids, profileId: createEmailServerProfile.profile.id })
    }
    const { testAndEnableMailboxes } = await admin.get(START)
    run = await waitFor(
      'the run to end',
      async () => {
        const { testRun } = await admin.get(RUN, { id: testAndEnableMailboxes.testRun.id })
        return testRun.finishedAt ? testRun : false
      },
      { timeoutMs: 25_000 },
    )
  })
  afterAll(async () => {
    await mail?.stop()
    await harness?.stop()
  })

  const itemOf = (name: string): Anything => run.items.nodes.find((item: Anything) => item.mailbox.name === name)

  test('ends, and the good mailbox in it works', () => {
    expect(run).toMatchObject({ state: 'COMPLETED', succeeded: 1, failed: SERVERS.length })
    expect(itemOf('good').state).toBe('SUCCEEDED')
  })

  test.each(SERVERS)('%s fails with %j within the deadline', (name, codes) => {
    const item = itemOf(name)
    expect(item.state).toBe('FAILED')
    expect(codes).toContain(item.errorCode)
    expect(Date.parse(item.finishedAt) - Date.parse(item.startedAt)).toBeLessThan(15_000)
  })

  test('no password is in what was answered or logged', () => {
    const said = JSON.stringify(run) + harness.logged.join('\n')
    for (const address of mail.mailboxIds.keys()) {
      expect(said).not.toContain(passwordOf(address))
      expect(said).not.toContain(Buffer.from(passwordOf(address)).toString('base64'))
    }
  })
})
