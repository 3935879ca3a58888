import type { AddressInfo } from 'node:net'
import { createConnection, type Socket } from 'node:net'
import { Readable } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals'
import Fastify, { type FastifyInstance } from 'fastify'
import type { App } from './app'
import type { Viewer } from './auth/auth.service'
import { serveExports } from './http-export'
import { waitFor } from './test/wait-for'

/** A log without end: only what is read of it is made. */
class EndlessLog {
  pages = 0
  failsAt = Number.POSITIVE_INFINITY

  async list() {
    this.pages += 1
    if (this.pages >= this.failsAt) throw new Error('The database is gone: secret-host')
    const at = new Date()
    const nodes = Array.from({ length: 500 }, (_, n) => ({ id: `${this.pages}-${n}`, at, action: 'x'.repeat(500) }))
    return { nodes, pageInfo: { hasNextPage: true, endCursor: `${this.pages}` } }
  }

  async *changesOf(_viewer: unknown, entries: object[]) {
    for (const entry of entries) yield { entry, subjectIds: ['s'], before: null, after: null }
  }
}

describe('an export', () => {
  let http: FastifyInstance
  let log: EndlessLog
  let port: number
  let streams: Readable[]
  let client: Socket | undefined

  beforeEach(async () => {
    log = new EndlessLog()
    streams = []
    const from = Readable.from.bind(Readable)
    jest.spyOn(Readable, 'from').mockImplementation((...args) => {
      const stream = from(...args)
      streams.push(stream)
      return stream
    })
    http = Fastify()
    serveExports(http, { services: { audit: log } } as unknown as App, async () => ({}) as Viewer)
    await http.listen({ port: 0, host: '127.0.0.1' })
    port = (http.server.address() as AddressInfo).port
  })
  afterEach(async () => {
    jest.restoreAllMocks()
    client?.destroy()
    http.server.closeAllConnections()
    await http.close()
  })

  const ask = () => {
    client = createConnection(port, '127.0.0.1')
    client.write('GET /export/audit.csv HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n')
    return client
  }

  test('reads no further than its client does', async () => {
    ask().pause()
    await waitFor('the export to begin', () => streams.length === 1)
    let before = -1
    // the client takes nothing: once the buffers between are full, no page more is read however long it lasts
    await waitFor('the export to pause', async () => {
      for (let n = 0; n < 50; n++) await turn()
      const isStill = before === log.pages
      before = log.pages
      return isStill
    })
    expect(log.pages * 500 * 500).toBeLessThan(64 * 1024 * 1024)
    expect(streams[0]?.destroyed).toBe(false)
  })

  test('ends when its client has gone', async () => {
    const socket = ask()
    await new Promise((resolve) => socket.once('data', resolve))
    socket.destroy()
    await waitFor('the export to end', () => streams[0]?.destroyed === true)
    const { pages } = log
    for (let n = 0; n < 50; n++) await turn()
    expect(log.pages).toBeLessThanOrEqual(pages + 1)
  })

  test('that fails on its way is cut off, so that nobody takes a part for all of it', async () => {
    log.failsAt = 5
    const response = await fetch(`http://127.0.0.1:${port}/export/audit.csv`)
    expect(response.status).toBe(200)
    await expect(response.text()).rejects.toThrow()
  })

  test('that fails before its first byte says so, and not why', async () => {
    log.failsAt = 1
    const response = await fetch(`http://127.0.0.1:${port}/export/audit.csv`)
    expect(response.status).toBe(500)
    expect(response.headers.get('content-type')).toContain('application/json')
    const text = await response.text()
    expect(JSON.parse(text)).toMatchObject({ error: { code: 'INTERNAL_SERVER_ERROR', field: null } })
    expect(text).not.toContain('secret-host')
  })
})
