import { randomUUID } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import Redis from 'ioredis'
import { type RedisServer, startRedis } from '../test/redis'
import { waitFor } from '../test/wait-for'
import { makeMemoryPubSub } from './memory-pubsub'
import { describePubSub } from './pubsub.contract'
import { makeRedisPubSub } from './redis-pubsub'
import type { PubSub } from './signals'

const url = process.env.TEST_REDIS_URL ?? ''

describePubSub('in-process', async () => {
  const pubsub = makeMemoryPubSub()
  return { near: pubsub, far: pubsub }
})

describePubSub('Redis', async () => {
  const prefix = randomUUID()
  return { near: makeRedisPubSub({ url, prefix }), far: makeRedisPubSub({ url, prefix }) }
})

describe('Redis pubsub when connections break', () => {
  let server: RedisServer
  let admin: Redis
  let near: PubSub
  let far: PubSub
  let warnings: string[]

  beforeEach(async () => {
    server = await startRedis()
    admin = new Redis(server.url, { disconnectTimeout: 100 })
    warnings = []
    const logger = {
      info: () => {},
      warn: (_detail: unknown, message?: string) => warnings.push(String(message)),
      error: () => {},
    }
    near = makeRedisPubSub({ url: server.url, logger, pingEveryMs: 50 })
    far = makeRedisPubSub({ url: server.url, logger, pingEveryMs: 50 })
    await Promise.all([near.ready(), far.ready()])
  })

  afterEach(async () => {
    admin.disconnect()
    await Promise.all([near.close(), far.close()])
    await server.stop()
  })

  function hear(end: PubSub): (readonly string[])[] {
    const heard: (readonly string[])[] = []
    end.subscribe('mailboxes', (ids) => heard.push(ids))
    return heard
  }

  test('installations with different prefixes do not hear each other', async () => {
    const stranger = makeRedisPubSub({ url: server.url, prefix: 'other' })
    await stranger.ready()
    const strange = hear(stranger)
    const heard = hear(far)
    near.publish({ topic: 'mailboxes', ids: ['a'] })
    await waitFor('the signal', () => heard.length > 0)
    // Redis hands a message to all subscribers of its channel before it takes the next command.
    await admin.ping()
    expect(strange).toEqual([])
    await stranger.close()
  })

  test('a silent connection is kept alive by pings and still hears', async () => {
    const pings = async () => Number(/cmdstat_ping:calls=(\d+)/.exec(await admin.info('commandstats'))?.[1] ?? 0)
    const before = await pings()
    await waitFor('a few pings', async () => (await pings()) > before + 8)
    const heard = hear(far)
    near.publish({ topic: 'mailboxes', ids: ['a'] })
    await waitFor('the signal', () => heard.length > 0)
    expect(heard).toEqual([['a']])
    expect(warnings).toEqual([])
  })

  test('a listener is told "too many to name" when its connection is back', async () => {
    const heard = hear(far)
    await admin.client('KILL', 'TYPE', 'pubsub')
    await waitFor('the notice', () => heard.length > 0)
    expect(heard[0]).toEqual([])
    await far.ready()
    near.publish({ topic: 'mailboxes', ids: ['a'] })
    await waitFor('the signal', () => heard.length > 1)
    expect(heard.at(-1)).toEqual(['a'])
  })

  test('when only the publisher was cut off, with a signal under way, the others are told "too many to name" later', async () => {
    const [here, there] = [hear(near), hear(far)]
    await admin.call('CLIENT', 'PAUSE', '60000', 'WRITE')
    near.publish({ topic: 'mailboxes', ids: ['lost'] })
    expect(here).toEqual([['lost']])
    await waitFor('Redis to hold the signal', async () => String(await admin.client('LIST')).includes('cmd=publish'))
    await admin.client('KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
    await admin.call('CLIENT', 'UNPAUSE')
    await waitFor('the notice', () => there.length > 0)
    expect(there).toEqual([[]])
  })

  test('without Redis: publishing works within the process, nothing throws, all is well when it returns', async () => {
    const port = server.port
    await server.stop()
    await waitFor('the loss to be noticed', () => warnings.length >= 2)
    const here = hear(near)
    for (let i = 0; i < 100; i++) near.publish({ topic: 'mailboxes', ids: ['a'] })
    expect(here).toHaveLength(100)
    expect(warnings.length).toBeLessThan(10)
    server = await startRedis({ port })
    await Promise.all([near.ready(), far.ready()])
    await waitFor('the notice', () => here.some((ids) => ids.length === 0))
    const there = hear(far)
    near.publish({ topic: 'mailboxes', ids: ['b'] })
    await waitFor('the signal', () => there.some((ids) => ids[0] === 'b'))
  })

  test('close() without Redis ends at once and ready() rejects', async () => {
    await server.stop()
    const lonely = makeRedisPubSub({ url: server.url })
    const ready = lonely.ready()
    await lonely.close()
    await expect(ready).rejects.toThrow()
    await expect(lonely.ready()).rejects.toThrow()
  })
})
