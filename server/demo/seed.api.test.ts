import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { type Anything, type Caller, DATABASES, Harness } from '../test/harness'
import { runToEnd } from '../test/run-to-end'
import { type MailSystem, startMailSystem } from './mail-system'
import { FORWARD_MAILBOX, sampleOwners, sampleUsers } from './sample-data'
import { seed } from './seed'

const MAILBOXES = `{ mailboxes(view: ALL, first: 500) { totalCount nodes {
  id name kind approval incomingMethod forwardMailbox { name } incomingEmailStatus
  lastTestItem { results { direction steps { name state error { code } } } } } } }`

describe.each(DATABASES)('the sample organisation, on %s,', (database) => {
  let harness: Harness
  let admin: Caller
  let system: MailSystem

  beforeAll(async () => {
    system = await startMailSystem({ users: sampleUsers() })
    harness = await Harness.start({ database })
    admin = await harness.admin()
    await seed(harness.app, system)
  }, 60_000)
  afterAll(async () => {
    await harness?.stop()
    await system?.stop()
  })

  test('shows a forward mailbox: the mail of two users arrives in it, that of a third stays away', async () => {
    const read = async (): Promise<Anything> => (await admin.get(MAILBOXES)).mailboxes
    const { nodes, totalCount } = await read()
    expect(totalCount).toBe(sampleOwners().length + 1)
    const shown = nodes.filter((node: Anything) => node.kind === 'FORWARD' || node.forwardMailbox)
    await runToEnd(admin, { ids: shown.map((node: Anything) => node.id) })
    const byName = new Map((await read()).nodes.map((node: Anything) => [node.name, node]))
    expect(byName.get(FORWARD_MAILBOX.name)).toMatchObject({ approval: 'APPROVED', incomingEmailStatus: 'SUCCESS' })
    const forwarded = sampleOwners().filter((owner) => owner.forwarding !== undefined)
    expect(forwarded.length).toBe(shown.length - 1)
    for (const { name, forwarding } of forwarded) {
      const mailbox: Anything = byName.get(name)
      const arrives = forwarding === 'INSTALLED'
      expect(mailbox).toMatchObject({ incomingEmailStatus: arrives ? 'SUCCESS' : 'FAILURE' })
      const incoming = mailbox.lastTestItem.results.find((result: Anything) => result.direction === 'INCOMING')
      const error = arrives ? null : { code: 'ROUND_TRIP_TIMEOUT' }
      expect(incoming.steps.at(-1)).toMatchObject({ name: 'RECEIVE', error })
    }
  }, 60_000)
})
