import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import type { Viewer } from '../auth/auth.service'
import { Role, rightsOf } from '../auth/rights'
import { makeMemoryPubSub } from '../pubsub/memory-pubsub'
import type { PubSub } from '../pubsub/signals'
import { waitFor } from '../test/wait-for'
import type { TestRun, TestRunItem } from './test-run.entity'
import type { ItemCursor, TestRunService } from './test-run.service'
import { TestRunWatch } from './test-run-watch'

const RUN = 'run'
const viewerOf = (role: Role): Viewer => ({
  ...{ id: 'v', name: 'v', ip: null, roles: [role], ownerId: 'anna', credentialId: 'c', expiresAt: null },
  rights: rightsOf([role], { ownerId: 'anna' }),
})

/** A run whose items are in reach or not, and what is asked of it. */
class FakeRuns {
  readonly run = { id: RUN, changeNumber: 1, finishedAt: null as Date | null }
  readonly items: { id: string; changeNumber: number }[] = []
  readonly asked = { whole: 0, standing: 0, after: [] as ItemCursor[] }

  async get(): Promise<TestRun> {
    this.asked.whole++
    return { ...this.run } as TestRun
  }

  async standing() {
    this.asked.standing++
    return { ...this.run }
  }

  async changedItems(_viewer: Viewer, _id: string, after: ItemCursor, most: number): Promise<TestRunItem[]> {
    this.asked.after.push(after)
    const past = this.items.filter(
      (item) =>
        item.changeNumber > after.changeNumber || (item.changeNumber === after.changeNumber && item.id > after.id),
    )
    return past.slice(0, most) as TestRunItem[]
  }

  change(...ids: string[]): void {
    this.run.changeNumber++
    for (const id of ids) this.items.push({ id, changeNumber: this.run.changeNumber })
  }
}

describe('a run that is watched', () => {
  let runs: FakeRuns
  let pubsub: PubSub
  let ended: AsyncIterator<unknown>[] = []

  beforeEach(() => {
    runs = new FakeRuns()
    pubsub = makeMemoryPubSub()
    ended = []
  })
  afterEach(async () => {
    for (const events of ended) await events.return?.()
    await pubsub.close()
  })

  const watching = async (role: Role) => {
    const watch = new TestRunWatch(runs as unknown as TestRunService, pubsub)
    const events = (await watch.progress(viewerOf(role), RUN))[Symbol.asyncIterator]()
    ended.push(events)
    await events.next()
    return events
  }
  const tell = () => pubsub.publish({ topic: 'test-runs', ids: [RUN] })
  const idsOf = (items: readonly { id: string }[]) => items.map(({ id }) => id)

  test('is counted for a part of it only when that part has changed', async () => {
    const events = await watching(Role.MAILBOX_USER)
    const whole = runs.asked.whole
    const next = events.next()
    for (const round of [1, 2]) {
      runs.change()
      tell()
      await waitFor('the change to be looked at', async () => runs.asked.standing === round)
    }
    expect(runs.asked.whole).toBe(whole)
    runs.change('item of anna')
    tell()
    expect(idsOf((await next).value.items)).toEqual(['item of anna'])
    expect(runs.asked.whole).toBe(whole + 1)
    // what was looked through is not looked through again
    expect(runs.asked.after.at(-1)?.changeNumber).toBe(4)
  })

  test('tells a part, too, that it has ended, and of what changed until then', async () => {
    const events = await watching(Role.MAILBOX_USER)
    runs.change('last')
    runs.run.finishedAt = new Date()
    tell()
    const { value } = await events.next()
    expect([idsOf(value.items), value.run.finishedAt]).toEqual([['last'], runs.run.finishedAt])
    expect((await events.next()).done).toBe(true)
  })

  test('is read as a whole at once by who sees all of it', async () => {
    const events = await watching(Role.AUDITOR)
    runs.change()
    tell()
    expect(idsOf((await events.next()).value.items)).toEqual([])
    expect(runs.asked.standing).toBe(0)
  })
})
