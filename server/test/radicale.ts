import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startPrivateServer } from './private-server'

/** A CalDAV and CardDAV server of our own. A user has no collections until somebody makes them. */
export interface RadicaleServer {
  /** http://127.0.0.1:PORT, without TLS. */
  url: string
  stop(): Promise<void>
}

const configuration = (folder: string, port: number) => `
[server]
hosts = 127.0.0.1:${port}
timeout = 30
[auth]
type = htpasswd
htpasswd_filename = ${folder}/users
htpasswd_encryption = plain
delay = 0
[rights]
type = owner_only
[storage]
filesystem_folder = ${folder}/collections
[web]
type = none
[logging]
level = warning
`

/** Starts a private Radicale on 127.0.0.1. Throws with its last words when it does not come up. */
export async function startRadicale(users: { name: string; password: string }[]): Promise<RadicaleServer> {
  const server = await startPrivateServer({
    name: 'radicale',
    prepare: (folder) => {
      mkdirSync(join(folder, 'collections'))
      writeFileSync(join(folder, 'users'), users.map(({ name, password }) => `${name}:${password}\n`).join(''))
    },
    command: (folder, port) => {
      writeFileSync(join(folder, 'radicale.conf'), configuration(folder, port))
      return ['radicale', '--config', join(folder, 'radicale.conf')]
    },
    check: asksForLogin,
  })
  return { url: `http://127.0.0.1:${server.port}`, stop: () => server.stop() }
}

async function asksForLogin(port: number): Promise<void> {
  const response = await fetch(`http://127.0.0.1:${port}/somebody/`, { method: 'PROPFIND' })
  await response.body?.cancel()
  if (response.status !== 401) throw new Error(`answered ${response.status}`)
}
