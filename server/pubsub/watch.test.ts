import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals'
import { makeMemoryPubSub } from './memory-pubsub'
import { MAX_SIGNAL_IDS, type PubSub, type Topic } from './signals'
import { watch } from './watch'
import type { Changed } from './watch-source'

/** Wide awake: pulls as fast as it is given and remembers when it got what. */
function consume<T>(iterator: AsyncIterableIterator<T>): { got: T[]; at: number[]; ended: Promise<unknown> } {
  const got: T[] = []
  const at: number[] = []
  const pull = async () => {
    for await (const value of iterator) {
      got.push(value)
      at.push(performance.now())
    }
    return 'done'
  }
  return { got, at, ended: pull().catch((error: unknown) => error) }
}

/** A load that the test lets go when it likes. */
function gate(): { load: (changed: Changed) => Promise<string>; calls: Changed[]; open: (value: string) => void } {
  const calls: Changed[] = []
  const doors: ((value: string) => void)[] = []
  return {
    calls,
    load: (changed) => {
      calls.push(changed)
      return new Promise((resolve) => doors.push(resolve))
    },
    open: (value) => doors.shift()?.(value),
  }
}

describe('watch', () => {
  let pubsub: PubSub
  let attached: number
  let loads: Changed[]

  beforeEach(() => {
    jest.useFakeTimers({ doNotFake: ['queueMicrotask', 'nextTick'] })
    const inner = makeMemoryPubSub()
    attached = 0
    loads = []
    pubsub = {
      ...inner,
      subscribe(topic, listener) {
        attached += 1
        const detach = inner.subscribe(topic, listener)
        return () => {
          attached -= 1
          detach()
        }
      },
    }
  })

  afterEach(() => {
    expect(jest.getTimerCount()).toBe(0)
    jest.useRealTimers()
  })

  const pass = (ms: number) => jest.advanceTimersByTimeAsync(ms)
  const change = (...ids: string[]) => pubsub.publish({ topic: 'mailboxes', ids })
  const topics: Topic[] = ['mailboxes']

  /** Sends what it was asked to load. */
  const echo = async (changed: Changed): Promise<Changed | 'first'> => {
    loads.push(changed)
    return changed ?? 'first'
  }

  test('begins with the current state', async () => {
    const iterator = watch({ pubsub, topics, load: echo })
    const { got } = consume(iterator)
    await pass(1000)
    expect(got).toEqual(['first'])
    await iterator.return?.()
  })

  test('does nothing before it is asked', async () => {
    watch({ pubsub, topics, load: echo })
    await pass(1000)
    expect([attached, loads]).toEqual([0, []])
  })

  test('listens before it loads: what happens during the first load is told after it', async () => {
    const { load, calls, open } = gate()
    const iterator = watch({ pubsub, topics, load })
    const { got } = consume(iterator)
    expect(attached).toBe(1)
    change('a')
    await pass(50)
    open('state')
    await pass(50)
    expect(calls).toEqual([undefined, ['a']])
    open('changed a')
    await pass(0)
    expect(got).toEqual(['state', 'changed a'])
    await iterator.return?.()
  })

  test('tells the first of a burst at once and the rest in one event behind it', async () => {
    const iterator = watch({ pubsub, topics, load: echo })
    const { got, at } = consume(iterator)
    await pass(500)
    const start = performance.now()
    change('a')
    await pass(1)
    change('b')
    change('c')
    await pass(20)
    change('b')
    await pass(1000)
    expect(got).toEqual(['first', ['a'], ['b', 'c']])
    expect(at.slice(1).map((time) => time - start)).toEqual([0, 100])
    await iterator.return?.()
  })

  test('signals published in one go are one event', async () => {
    const iterator = watch({ pubsub, topics, load: echo })
    const { got } = consume(iterator)
    await pass(500)
    for (const id of ['a', 'b', 'c']) change(id)
    await pass(1)
    expect(got).toEqual(['first', ['a', 'b', 'c']])
    await iterator.return?.()
  })

  test('sends at most ten events a second, and forgets no id', async () => {
    const iterator = watch({ pubsub, topics, load: echo })
    const { got } = consume(iterator)
    await pass(0)
    for (let i = 0; i < 1000; i++) {
      change(String(i))
      await pass(1)
    }
    expect(got.length).toBeLessThanOrEqual(11)
    expect(got.length).toBeGreaterThanOrEqual(9)
    await pass(100)
    expect(got.slice(1).flat()).toEqual(Array.from({ length: 1000 }, (_, i) => String(i)))
    await iterator.return?.()
  })

  test('more ids than can be named are "all", and so is a signal without ids', async () => {
    const iterator = watch({ pubsub, topics, load: echo })
    const { got } = consume(iterator)
    await pass(500)
    for (let i = 0; i <= MAX_SIGNAL_IDS; i++) change(String(i))
    await pass(500)
    change('a')
    change()
    change('b')
    await pass(500)
    expect(got).toEqual(['first', 'all', 'all'])
    await iterator.return?.()
  })

  test('tells only what matches, and asks nobody about "too many to name"', async () => {
    const asked: string[] = []
    const matches = (topic: Topic, ids: readonly string[]) => {
      asked.push(`${topic}:${ids}`)
      return ids.includes('mine')
    }
    const iterator = watch({ pubsub, topics: ['mailboxes', 'alerts'], matches, load: echo })
    const { got } = consume(iterator)
    await pass(500)
    change('other')
    pubsub.publish({ topic: 'profiles', ids: ['mine'] })
    await pass(500)
    expect(got).toEqual(['first'])
    pubsub.publish({ topic: 'alerts', ids: ['mine'] })
    await pass(500)
    change()
    await pass(500)
    expect(got).toEqual(['first', ['mine'], 'all'])
    expect(asked).toEqual(['mailboxes:other', 'alerts:mine'])
    await iterator.return?.()
  })

  test('a slow consumer finds one event with all that changed, loaded when it asks', async () => {
    const iterator = watch({ pubsub, topics, load: echo })
    await iterator.next()
    for (const id of ['a', 'b', 'c']) {
      change(id)
      await pass(1000)
    }
    expect(loads).toEqual([undefined])
    await expect(iterator.next()).resolves.toEqual({ done: false, value: ['a', 'b', 'c'] })
    await iterator.return?.()
  })

  test('a load that finds nothing to send sends nothing', async () => {
    const iterator = watch({
      pubsub,
      topics,
      load: async (changed) => (changed?.includes('a') ? undefined : (changed ?? 'first')),
    })
    const { got } = consume(iterator)
    await pass(500)
    change('a')
    await pass(500)
    change('b')
    await pass(500)
    expect(got).toEqual(['first', ['b']])
    await iterator.return?.()
  })

  test('ends behind the last value and lets go of the listener', async () => {
    const iterator = watch({ pubsub, topics, load: echo, isLast: (value) => value !== 'first' })
    const { got, ended } = consume(iterator)
    await pass(500)
    change('a')
    await expect(Promise.all([ended, pass(1)])).resolves.toContain('done')
    expect(got).toEqual(['first', ['a']])
    expect(attached).toBe(0)
    await expect(iterator.next()).resolves.toEqual({ done: true, value: undefined })
  })

  test.each([
    ['rejects', () => Promise.reject(new Error('planted'))],
    [
      'throws',
      () => {
        throw new Error('planted')
      },
    ],
  ])('ends with the error of a load that %s', async (_how, load: () => Promise<string>) => {
    const iterator = watch({ pubsub, topics, load })
    await expect(iterator.next()).rejects.toThrow('planted')
    expect(attached).toBe(0)
    await expect(iterator.next()).resolves.toEqual({ done: true, value: undefined })
  })

  test('ends with the error of isLast', async () => {
    const isLast = () => {
      throw new Error('planted')
    }
    const iterator = watch({ pubsub, topics, load: echo, isLast })
    await expect(iterator.next()).rejects.toThrow('planted')
    expect(attached).toBe(0)
  })

  test('return() lets go at once: idle, in the middle of a load, with an event due, and before it began', async () => {
    const idle = watch({ pubsub, topics, load: echo })
    await idle.next()
    const waiting = idle.next()
    await idle.return?.()
    await expect(waiting).resolves.toEqual({ done: true, value: undefined })

    const { load, open } = gate()
    const loading = watch({ pubsub, topics, load })
    const inLoad = loading.next()
    await loading.return?.()
    expect(attached).toBe(0)
    await expect(inLoad).resolves.toEqual({ done: true, value: undefined })
    open('too late')

    const due = watch({ pubsub, topics, load: echo })
    await due.next()
    const never = due.next()
    change('a')
    await due.return?.()
    await expect(never).resolves.toEqual({ done: true, value: undefined })

    const unborn = watch({ pubsub, topics, load: echo })
    await unborn.return?.()
    await expect(unborn.next()).resolves.toEqual({ done: true, value: undefined })
    expect(attached).toBe(0)
  })

  test('throw() ends it with that error', async () => {
    const iterator = watch({ pubsub, topics, load: echo })
    await iterator.next()
    await expect(iterator.throw?.(new Error('planted'))).rejects.toThrow('planted')
    expect(attached).toBe(0)
  })

  test('several questions at once are answered in order', async () => {
    const iterator = watch({ pubsub, topics, load: echo })
    const answers = Promise.all([iterator.next(), iterator.next(), iterator.next()])
    await pass(200)
    change('a')
    await pass(200)
    change('b')
    await pass(200)
    expect((await answers).map(({ value }) => value)).toEqual(['first', ['a'], ['b']])
    await iterator.return?.()
  })

  describe('subscribers with one key', () => {
    const shared = (load: (changed: Changed) => Promise<unknown> = echo) => watch({ pubsub, topics, key: 'k', load })

    test('share a listener and one load per tick', async () => {
      const iterators = Array.from({ length: 50 }, () => shared())
      const consumers = iterators.map((iterator) => consume(iterator))
      await pass(500)
      change('a')
      await pass(10)
      change('b')
      await pass(500)
      expect(attached).toBe(1)
      expect(loads).toEqual([undefined, ['a'], ['b']])
      for (const { got } of consumers) expect(got).toEqual(['first', ['a'], ['b']])
      for (const iterator of iterators) await iterator.return?.()
      expect(attached).toBe(0)
    })

    test('a late joiner gets its own first event, and from then on shares', async () => {
      const early = shared()
      const { got: earlyGot } = consume(early)
      await pass(500)
      change('a')
      await pass(50)
      const late = shared()
      const { got: lateGot } = consume(late)
      await pass(10)
      expect(lateGot).toEqual(['first'])
      for (let i = 0; i < 10; i++) {
        change(`b${i}`)
        await pass(100)
      }
      await pass(500)
      loads.length = 0
      change('c')
      await pass(500)
      expect(loads).toEqual([['c']])
      const ids = Array.from({ length: 10 }, (_, i) => `b${i}`)
      expect(earlyGot.flat()).toEqual(['first', 'a', ...ids, 'c'])
      expect(lateGot.flat()).toEqual(['first', ...ids, 'c'])
      await Promise.all([early.return?.(), late.return?.()])
    })

    test('one that joins during a first load shares it only while nothing has changed', async () => {
      const { load, calls, open } = gate()
      const iterators = [shared(load), shared(load)]
      const answers = iterators.map((iterator) => iterator.next())
      expect(calls).toHaveLength(1)
      change('a')
      const third = shared(load)
      const thirdAnswer = third.next()
      expect(calls).toHaveLength(2)
      open('before')
      open('after')
      expect((await Promise.all(answers)).map(({ value }) => value)).toEqual(['before', 'before'])
      expect((await thirdAnswer).value).toBe('after')
      for (const iterator of [...iterators, third]) await iterator.return?.()
    })

    test('a slow one keeps its own ids and does not hold up a fast one', async () => {
      const [slow, fast] = [shared(), shared()]
      const { got } = consume(fast)
      await slow.next()
      for (const id of ['a', 'b']) {
        await pass(200)
        change(id)
      }
      await pass(200)
      expect(got).toEqual(['first', ['a'], ['b']])
      const answer = slow.next()
      await pass(200)
      expect((await answer).value).toEqual(['a', 'b'])
      await Promise.all([slow.return?.(), fast.return?.()])
    })

    test('the listener stays while one of them stays', async () => {
      const [one, two] = [shared(), shared()]
      await Promise.all([one.next(), two.next()])
      await one.return?.()
      await one.return?.()
      expect(attached).toBe(1)
      await two.return?.()
      expect(attached).toBe(0)
      const again = shared()
      expect((await again.next()).value).toBe('first')
      expect(attached).toBe(1)
      await again.return?.()
    })

    test('other keys and subscribers without a key share nothing', async () => {
      const iterators = [
        shared(),
        watch({ pubsub, topics, key: 'other', load: echo }),
        watch({ pubsub, topics, load: echo }),
        watch({ pubsub, topics, load: echo }),
      ]
      await Promise.all(iterators.map((iterator) => iterator.next()))
      expect([attached, loads.length]).toEqual([4, 4])
      for (const iterator of iterators) await iterator.return?.()
    })
  })
})
