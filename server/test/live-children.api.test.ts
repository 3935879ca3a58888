import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { type Anything, type Caller, Harness } from './harness'
import { type MailFixture, setUpMail, working } from './mail-fixture'

const CHANGES = `subscription ($ids: [ID!]) { mailboxChanges(ids: $ids) {
  mailboxes { health lastTestItem { id state } }
} }`
const TEST = `mutation ($ids: [ID!]!) {
  testAndEnableMailboxes(selection: { ids: $ids }) { testRun { items { nodes { id } } } }
}`

let harness: Harness
let admin: Caller
let mail: MailFixture

beforeAll(async () => {
  harness = await Harness.start({ database: 'sqlite' })
  admin = await harness.admin()
  mail = await setUpMail(admin, working(1))
})
afterAll(async () => {
  await mail?.stop()
  await harness?.stop()
})

test('every event reads what hangs on its mailboxes anew', async () => {
  const ids = [...mail.mailboxIds.values()]
  const watching = admin.watch(CHANGES, { ids })
  const first = await watching.next()
  expect(first.mailboxChanges.mailboxes).toEqual([expect.objectContaining({ lastTestItem: null })])
  for (const _attempt of [1, 2]) {
    const { testAndEnableMailboxes } = await admin.get(TEST, { ids })
    const [item] = testAndEnableMailboxes.testRun.items.nodes
    const event = await watching.until(({ mailboxChanges }) =>
      mailboxChanges.mailboxes.some((row: Anything) => row.health === 'HEALTHY' && row.lastTestItem?.id === item.id),
    )
    expect(event.mailboxChanges.mailboxes[0].lastTestItem.state).toBe('SUCCEEDED')
  }
  await watching.end()
})
