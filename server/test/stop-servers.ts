import { shared, sharedServersKey } from './start-servers'

/** Jest's globalTeardown: the last project to finish stops the servers. */
export default async function stopServers(): Promise<void> {
  const servers = shared[sharedServersKey]
  if (!servers) return
  servers.users -= 1
  if (servers.users > 0) return
  shared[sharedServersKey] = undefined
  const running = await servers.started
  await Promise.all(running.map((server) => server.stop()))
}
