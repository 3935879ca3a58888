import { randomUUID } from 'node:crypto'
import Redis, { type RedisOptions } from 'ioredis'
import { LocalListeners, type PubSubLogger, withoutTooManyIds } from './local-listeners'
import type { PubSub, Signal, Topic } from './signals'

export interface RedisPubSubOptions {
  /** redis://[user:password@]host:port[/db], or rediss:// for TLS. */
  url: string
  /** Keeps installations that share one Redis apart. */
  prefix?: string
  logger?: PubSubLogger
  /** How often a silent connection is asked whether it still lives. */
  pingEveryMs?: number
}

const PING_EVERY_MS = 10_000
const PONG_WITHIN_MS = 5_000

/**
 * Signals between processes by Redis PUBLISH/SUBSCRIBE. Each process has one subscribed connection and delivers what it hears
 * to its own listeners; its own signals reach them directly, so a process alone works on while Redis is away. Redis keeps
 * nothing for those who are away: after every (re)connect each listener is told "too many to name".
 */
export function makeRedisPubSub(options: RedisPubSubOptions): PubSub {
  return new RedisPubSub(options)
}

class RedisPubSub implements PubSub {
  private readonly nodeId = randomUUID()
  private readonly channel: string
  private readonly logger?: PubSubLogger
  private readonly listeners: LocalListeners
  private readonly publisher: Redis
  private readonly subscriber: Redis
  private readonly pingTimer: NodeJS.Timeout
  /** Topics of signals that could not be sent. */
  private readonly missed = new Set<Topic>()
  private waiters: { resolve(): void; reject(error: Error): void }[] = []
  private isSubscribed = false
  private isClosed = false

  constructor({ url, prefix = 'mailwarden', logger, pingEveryMs = PING_EVERY_MS }: RedisPubSubOptions) {
    this.channel = `${prefix}:signals`
    this.logger = logger
    this.listeners = new LocalListeners(logger)
    this.publisher = this.connect(url, 'publisher')
    this.publisher.on('ready', () => this.sendMissed())
    this.subscriber = this.connect(url, 'subscriber')
    this.subscriber.on('ready', () => void this.hear())
    this.subscriber.on('close', () => {
      this.isSubscribed = false
    })
    this.subscriber.on('message', (_channel: string, message: string) => this.receive(message))
    this.pingTimer = setInterval(() => void this.checkThatTheyLive(), pingEveryMs)
    this.pingTimer.unref()
  }

  publish(signal: Signal): void {
    if (this.isClosed) return
    const named = withoutTooManyIds(signal)
    this.listeners.deliver(named)
    this.send(named)
  }

  subscribe(topic: Topic, listener: (ids: readonly string[]) => void): () => void {
    return this.listeners.add(topic, listener)
  }

  ready(): Promise<void> {
    if (this.isSubscribed) return Promise.resolve()
    if (this.isClosed) return Promise.reject(new Error('The pubsub is closed'))
    return new Promise((resolve, reject) => this.waiters.push({ resolve, reject }))
  }

  async close(): Promise<void> {
    if (this.isClosed) return
    this.isClosed = true
    this.isSubscribed = false
    clearInterval(this.pingTimer)
    this.listeners.clear()
    for (const waiter of this.waiters.splice(0)) waiter.reject(new Error('The pubsub is closed'))
    // QUIT comes after the signals that are on their way.
    if (this.publisher.status === 'ready') await within(PONG_WITHIN_MS, this.publisher.quit()).catch(() => undefined)
    await Promise.all([hangUp(this.publisher), hangUp(this.subscriber)])
  }

  private connect(url: string, role: string): Redis {
    const settings: RedisOptions = {
      connectionName: `mailwarden-${role}`,
      keepAlive: 10_000,
      connectTimeout: 5_000,
      // A connection that does not say goodbye is torn down after this long.
      disconnectTimeout: 250,
      retryStrategy: (attempt) => Math.min(attempt * 100, 2_000),
      // Nothing waits in memory for Redis to come back; what is missed is made good by "too many to name". With no retries
      // a command that is under way when the connection breaks fails at once; otherwise it would never settle.
      enableOfflineQueue: false,
      maxRetriesPerRequest: 0,
      autoResendUnfulfilledCommands: false,
      autoResubscribe: false,
    }
    const redis = new Redis(url, settings)
    let isDown = false
    redis.on('error', (error) => {
      // An outage is one line in the log, however often the connection is tried.
      if (!isDown) this.logger?.warn({ err: error, role }, 'the Redis connection for signals is down')
      isDown = true
    })
    redis.on('ready', () => {
      if (isDown) this.logger?.info({ role }, 'the Redis connection for signals is back')
      isDown = false
    })
    return redis
  }

  private async hear(): Promise<void> {
    try {
      await this.subscriber.subscribe(this.channel)
    } catch (error) {
      if (this.isClosed) return
      this.logger?.warn({ err: error }, 'could not subscribe to signals')
      if (this.subscriber.status === 'ready') this.subscriber.disconnect(true)
      return
    }
    if (this.isClosed) return
    this.isSubscribed = true
    for (const waiter of this.waiters.splice(0)) waiter.resolve()
    this.listeners.deliverTooManyToName()
  }

  private receive(message: string): void {
    const heard = parseMessage(message)
    if (!heard) this.logger?.warn('an unreadable signal was dropped')
    else if (heard.from !== this.nodeId) this.listeners.deliver(heard.signal)
  }

  private send(signal: Signal): void {
    const message = JSON.stringify({ from: this.nodeId, topic: signal.topic, ids: signal.ids })
    this.publisher.publish(this.channel, message).catch((error) => {
      if (this.isClosed) return
      if (!this.missed.has(signal.topic)) {
        this.logger?.warn({ err: error, topic: signal.topic }, 'signals of this topic are dropped until Redis is back')
      }
      this.missed.add(signal.topic)
      // The connection may have come back between the loss and this notice of it.
      if (this.publisher.status === 'ready') setTimeout(() => this.sendMissed(), 100).unref()
    })
  }

  /** The others' connections may have been up all the time, so only this process knows that something was missed. */
  private sendMissed(): void {
    if (this.isClosed || this.publisher.status !== 'ready') return
    const topics = [...this.missed]
    this.missed.clear()
    for (const topic of topics) this.send({ topic, ids: [] })
  }

  /** A connection whose other end vanished without a word would stay silent for ever. */
  private async checkThatTheyLive(): Promise<void> {
    await Promise.all(
      [this.publisher, this.subscriber].map(async (redis) => {
        if (redis.status !== 'ready') return
        try {
          await within(PONG_WITHIN_MS, redis.ping())
        } catch {
          if (!this.isClosed && redis.status === 'ready') redis.disconnect(true)
        }
      }),
    )
  }
}

function parseMessage(message: string): { from: string; signal: Signal } | undefined {
  try {
    const { from, topic, ids } = JSON.parse(message)
    const isSignal = typeof from === 'string' && typeof topic === 'string' && Array.isArray(ids)
    return isSignal ? { from, signal: { topic: topic as Topic, ids } } : undefined
  } catch {
    return undefined
  }
}

async function hangUp(redis: Redis): Promise<void> {
  if (redis.status === 'end') return
  const isConnected = redis.status !== 'reconnecting'
  const ended = new Promise((resolve) => redis.once('end', resolve))
  redis.disconnect()
  // One that only waited for its next try has nothing left to end, and never says so.
  if (isConnected) await ended
}

async function within<T>(ms: number, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const tooLate = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`No answer within ${ms} ms`)), ms)
  })
  try {
    return await Promise.race([promise, tooLate])
  } finally {
    clearTimeout(timer)
  }
}
