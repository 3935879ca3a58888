import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { waitFor } from '../test/wait-for'
import { MAX_SIGNAL_IDS, type PubSub, type Signal } from './signals'

/** Two ends that hear each other: for the in-process pubsub both are the same object. */
export interface PubSubPair {
  near: PubSub
  far: PubSub
}

/** What every pubsub must do (signals.ts). */
export function describePubSub(name: string, makePair: () => Promise<PubSubPair>): void {
  describe(`${name} pubsub`, () => {
    let near: PubSub
    let far: PubSub

    beforeEach(async () => {
      const pair = await makePair()
      near = pair.near
      far = pair.far
      await Promise.all([near.ready(), far.ready()])
    })

    afterEach(async () => {
      await Promise.all([near.close(), far.close()])
    })

    /** Everything that `end` hears of mailboxes from now on. */
    function hear(end: PubSub): { heard: (readonly string[])[]; detach: () => void } {
      const heard: (readonly string[])[] = []
      return { heard, detach: end.subscribe('mailboxes', (ids) => heard.push(ids)) }
    }

    /** Signals keep their order: when this one is heard, all before it were. */
    async function settle(): Promise<void> {
      const heard: string[] = []
      const detach = [
        near.subscribe('sessions', () => heard.push('near')),
        far.subscribe('sessions', () => heard.push('far')),
      ]
      near.publish({ topic: 'sessions', ids: ['last'] })
      far.publish({ topic: 'sessions', ids: ['last'] })
      await waitFor('both signals at both ends', () => heard.length >= 4)
      for (const each of detach) each()
    }

    test('a signal reaches the listeners of its topic at both ends, once each', async () => {
      const [here, there] = [hear(near), hear(far)]
      const others: unknown[] = []
      far.subscribe('alerts', (ids) => others.push(ids))
      near.publish({ topic: 'mailboxes', ids: ['a', 'b'] })
      await settle()
      expect(here.heard).toEqual([['a', 'b']])
      expect(there.heard).toEqual([['a', 'b']])
      expect(others).toEqual([])
    })

    test('signals keep their order', async () => {
      const there = hear(far)
      const ids = Array.from({ length: 500 }, (_, i) => String(i))
      for (const id of ids) near.publish({ topic: 'mailboxes', ids: [id] })
      await settle()
      expect(there.heard.flat()).toEqual(ids)
    })

    test('a detached listener hears nothing more, the others do', async () => {
      const [gone, stays] = [hear(far), hear(far)]
      gone.detach()
      gone.detach()
      near.publish({ topic: 'mailboxes', ids: ['a'] })
      await settle()
      expect(gone.heard).toEqual([])
      expect(stays.heard).toEqual([['a']])
    })

    test('one function attached twice is two listeners', async () => {
      let calls = 0
      const listener = () => {
        calls += 1
      }
      const detach = far.subscribe('mailboxes', listener)
      far.subscribe('mailboxes', listener)
      detach()
      near.publish({ topic: 'mailboxes', ids: ['a'] })
      await settle()
      expect(calls).toBe(1)
    })

    test('a listener that throws hurts neither the publisher nor the other listeners', async () => {
      const attach = (end: PubSub) => {
        end.subscribe('mailboxes', () => {
          throw new Error('planted')
        })
        return hear(end)
      }
      const [here, there] = [attach(near), attach(far)]
      expect(() => near.publish({ topic: 'mailboxes', ids: ['a'] })).not.toThrow()
      await settle()
      expect(here.heard).toEqual([['a']])
      expect(there.heard).toEqual([['a']])
    })

    test('more ids than the limit are sent as "too many to name", as many as the limit are not', async () => {
      const there = hear(far)
      const many = Array.from({ length: MAX_SIGNAL_IDS + 1 }, (_, i) => String(i))
      near.publish({ topic: 'mailboxes', ids: many })
      near.publish({ topic: 'mailboxes', ids: many.slice(1) })
      await settle()
      expect(there.heard).toEqual([[], many.slice(1)])
    })

    test('after close() nothing is heard and nothing throws', async () => {
      const here = hear(near)
      const signal: Signal = { topic: 'mailboxes', ids: ['a'] }
      await near.close()
      expect(() => near.publish(signal)).not.toThrow()
      await expect(near.close()).resolves.toBeUndefined()
      expect(here.heard).toEqual([])
    })
  })
}
