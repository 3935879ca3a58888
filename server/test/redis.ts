import Redis from 'ioredis'
import { type PrivateServer, startPrivateServer } from './private-server'

/** A Redis of our own that keeps nothing on disk. */
export interface RedisServer extends PrivateServer {
  /** redis://127.0.0.1:PORT */
  url: string
}

export async function startRedis(options: { port?: number } = {}): Promise<RedisServer> {
  const server = await startPrivateServer({
    ...options,
    name: 'redis',
    command: (folder, port) => [
      'redis-server',
      ...['--port', String(port), '--bind', '127.0.0.1', '--dir', folder],
      ...['--save', '', '--appendonly', 'no', '--daemonize', 'no'],
    ],
    check: answersPing,
  })
  return { ...server, url: `redis://127.0.0.1:${server.port}` }
}

async function answersPing(port: number): Promise<void> {
  const redis = new Redis({
    host: '127.0.0.1',
    port,
    lazyConnect: true,
    retryStrategy: () => null,
    connectTimeout: 2000,
  })
  redis.on('error', () => {})
  try {
    await redis.connect()
    await redis.ping()
  } finally {
    // Hanging up what never came up leaves a timer of two seconds behind.
    if (redis.status !== 'end') redis.disconnect()
  }
}
