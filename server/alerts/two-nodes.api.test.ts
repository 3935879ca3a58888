import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { MailErrorCode } from '../mail/mail-error'
import { Direction, TestStatus } from '../mailboxes/mailbox.enums'
import { aMailError } from '../test/builders'
import { type Anything, type Caller, Harness } from '../test/harness'

const PROVISION = `mutation ($owners: [OwnerInput!]!) {
  provisionOwners(owners: $owners) { owners { mailbox { id } } userErrors { code } } }`
const CHANGES = `subscription ($mailboxId: ID) {
  alertChanges(mailboxId: $mailboxId) { kind alert { code state count } } }`
const PROFILE = '01900000-0000-7000-8000-0000000000aa'

let one: Harness
let other: Harness
let admin: Caller
let mailboxId: string

beforeAll(async () => {
  const env = { REDIS_URL: process.env.TEST_REDIS_URL ?? '' }
  one = await Harness.start({ database: 'mariadb', env, work: false })
  other = await Harness.start({ database: 'mariadb', databaseUrl: one.app.config.databaseUrl, env, work: false })
  admin = await one.admin()
  const owners = [{ kind: 'USER', name: 'Ada', emailAddress: 'ada@demo.test' }]
  mailboxId = (await admin.get(PROVISION, { owners })).provisionOwners.owners[0].mailbox.id
})
afterAll(async () => {
  await other?.stop()
  await one?.stop()
})

const failsOn = ({ app }: Harness) =>
  app.db.inTransaction((tx) => {
    const directions = [{ direction: Direction.INCOMING, status: TestStatus.FAILURE, error: aMailError() }]
    const outcome = { mailboxId, profileId: PROFILE, enabling: true, directions }
    return app.services.alerts.observe(tx, [outcome], new Date())
  })

test('what one node finds out is told to those who watch the other', async () => {
  const watching = (await other.admin()).watch(CHANGES, { mailboxId })
  expect((await watching.next())?.alertChanges).toEqual({ kind: 'RESYNC', alert: null })
  await failsOn(one)
  const isOpen = ({ alertChanges: { alert } }: Anything) => alert?.state === 'OPEN'
  expect((await watching.until(isOpen)).alertChanges.alert).toMatchObject({ code: MailErrorCode.AUTHENTICATION_FAILED })
  const all = 'mutation { dismissAlertsBy(filter: { state: OPEN }) { changed } }'
  expect((await admin.get(all)).dismissAlertsBy.changed).toBe(1)
  await watching.until(({ alertChanges: { alert } }: Anything) => alert?.state === 'DISMISSED')
  await watching.end()
})

test('both meet one error at the same time: one alert, counted by both', async () => {
  const nodes = [one, other, one, other, one, other]
  await Promise.all(nodes.map((node) => failsOn(node)))
  const query = 'query ($id: ID) { alerts(mailboxId: $id, state: OPEN) { nodes { count } } }'
  expect((await admin.get(query, { id: mailboxId })).alerts.nodes).toEqual([{ count: nodes.length }])
})
