import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import Redis from 'ioredis'
import { createConnection } from 'mysql2/promise'
import { startMariadb } from './mariadb'
import { startRedis } from './redis'
import { waitFor } from './wait-for'

const root = join(__dirname, '../..')

function isOpen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

describe('a private server', () => {
  test('stop() ends the server and removes its folder', async () => {
    const servers = [await startRedis(), await startMariadb()]
    for (const server of servers) expect(await isOpen(server.port)).toBe(true)
    await Promise.all(servers.map((server) => server.stop()))
    for (const server of servers) {
      expect(await isOpen(server.port)).toBe(false)
      expect(existsSync(server.folder)).toBe(false)
    }
  })

  test.each(['SIGINT', 'SIGKILL'] as const)('dies with the process that started it: %s', async (signal) => {
    const script = `
      require('esbuild-register/dist/node').register({ target: 'node20' })
      const { startRedis } = require('./server/test/redis')
      startRedis().then((server) => process.stdout.write(JSON.stringify([server.port, server.folder])))
      setInterval(() => {}, 1000)`
    const owner = spawn(process.execPath, ['-e', script], { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] })
    const [output] = (await once(owner.stdout, 'data')) as [Buffer]
    const [port, folder] = JSON.parse(output.toString()) as [number, string]
    expect(await isOpen(port)).toBe(true)
    owner.kill(signal)
    await once(owner, 'exit')
    await waitFor('the server to be gone', async () => !existsSync(folder) && !(await isOpen(port)))
  })
})

describe('the servers of this run', () => {
  test('are found by environment variables', async () => {
    const connection = await createConnection({ uri: `${process.env.TEST_MARIADB_URL}/mysql` })
    const [rows] = await connection.query('SELECT @@character_set_server AS charset')
    await connection.end()
    expect(rows).toEqual([{ charset: 'utf8mb4' }])
    const redis = new Redis(process.env.TEST_REDIS_URL ?? '')
    const kept = await redis.config('GET', 'appendonly')
    redis.disconnect()
    expect(kept).toEqual(['appendonly', 'no'])
  })
})
