import { expect, test } from '@jest/globals'
import type { Viewer } from '../auth/auth.service'
import { Role, rightsOf } from '../auth/rights'
import { makeMemoryPubSub } from '../pubsub/memory-pubsub'
import { waitFor } from '../test/wait-for'
import type { MailboxService } from './mailbox.service'
import { MailboxWatch } from './mailbox-watch'

const OWN = '01a20894-98d9-76d5-8880-179c368a8386'
const OTHER = '01a20894-98d9-76d5-8880-179c368a8387'

const viewerOf = (role: Role): Viewer => ({
  ...{ id: 'v', name: 'v', ip: null, roles: [role], ownerId: 'anna', credentialId: 'c', expiresAt: null },
  rights: rightsOf([role], { ownerId: 'anna' }),
})

async function watched(role: Role, ids: string[] | null) {
  const asked: string[][] = []
  const mailboxes = {
    getMany: async (_viewer: Viewer, wanted: string[]) => {
      asked.push([...wanted])
      return wanted.filter((id) => id === OWN).map((id) => ({ id }))
    },
  }
  const pubsub = makeMemoryPubSub()
  const watch = new MailboxWatch(mailboxes as unknown as MailboxService, pubsub)
  const events = watch.changes(viewerOf(role), ids)[Symbol.asyncIterator]()
  await events.next()
  const change = async (id: string) => {
    pubsub.publish({ topic: 'mailboxes', ids: [id] })
    await waitFor('the change to be looked at', async () => asked.some((wanted) => wanted.join() === id))
  }
  return { events, change, end: () => Promise.all([events.return?.(), pubsub.close()]) }
}

test.each([[null], [[OWN, OTHER]]])('who sees a part is not told that others have changed (of %j)', async (ids) => {
  const { events, change, end } = await watched(Role.MAILBOX_USER, ids)
  const next = events.next()
  await change(OTHER)
  await change(OWN)
  expect((await next).value.mailboxes).toEqual([{ id: OWN }])
  await end()
})

test('who sees all is told of each change, also of what is not there to be shown', async () => {
  const { events, change, end } = await watched(Role.AUDITOR, null)
  const next = events.next()
  await change(OTHER)
  expect((await next).value).toEqual({ kind: 'CHANGED', mailboxes: [] })
  await end()
})
