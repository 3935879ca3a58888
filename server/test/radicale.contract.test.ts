import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { type RadicaleServer, startRadicale } from './radicale'

let radicale: RadicaleServer

beforeAll(async () => {
  radicale = await startRadicale([{ name: 'alice', password: 'pw-alice' }])
})

afterAll(() => radicale.stop())

const ask = async (method: string, path: string, password: string) => {
  const authorization = `Basic ${Buffer.from(`alice:${password}`).toString('base64')}`
  const response = await fetch(radicale.url + path, { method, headers: { authorization, depth: '0' } })
  return { status: response.status, body: await response.text() }
}

describe('the private Radicale', () => {
  test('keeps a collection for who is signed in, and for nobody else', async () => {
    expect((await ask('MKCALENDAR', '/alice/work/', 'pw-alice')).status).toBe(201)
    const found = await ask('PROPFIND', '/alice/work/', 'pw-alice')
    expect(found.status).toBe(207)
    expect(found.body).toContain('/alice/work/')
    expect((await ask('PROPFIND', '/alice/work/', 'wrong')).status).toBe(401)
    expect((await ask('PROPFIND', '/bob/', 'pw-alice')).status).toBe(403)
  })
})
