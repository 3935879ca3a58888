import { startMariadb } from './mariadb'
import type { PrivateServer } from './private-server'
import { startRedis } from './redis'

/** The servers of this Jest run. Jest may call setup and teardown once for each project, and loads each file anew. */
export interface SharedServers {
  users: number
  started: Promise<PrivateServer[]>
}

const key = Symbol.for('mailwarden.test-servers')

/** Where both halves, which Jest loads apart, find what is running. */
export const shared = globalThis as unknown as { [key]: SharedServers | undefined }
export { key as sharedServersKey }

/**
 * Jest's globalSetup of every project with real servers: starts one MariaDB and one Redis for all of them. The tests, which
 * Jest forks afterwards, find them by TEST_MARIADB_URL (mysql://root@127.0.0.1:PORT) and TEST_REDIS_URL.
 */
export default async function startServers(): Promise<void> {
  let servers = shared[key]
  if (!servers) {
    servers = { users: 0, started: startBoth() }
    shared[key] = servers
  }
  servers.users += 1
  await servers.started
}

async function startBoth(): Promise<PrivateServer[]> {
  const results = await Promise.allSettled([startMariadb(), startRedis()])
  const [mariadb, redis] = results
  if (mariadb.status === 'rejected' || redis.status === 'rejected') {
    // Half of them is of no use: stop that half, say why.
    await Promise.all(results.map((result) => (result.status === 'fulfilled' ? result.value.stop() : undefined)))
    throw mariadb.status === 'rejected' ? mariadb.reason : (redis as PromiseRejectedResult).reason
  }
  process.env.TEST_MARIADB_URL = mariadb.value.url
  process.env.TEST_REDIS_URL = redis.value.url
  return [mariadb.value, redis.value]
}
