import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { ENTITIES, MIGRATIONS } from '../app'
import { Database } from './database'

const folder = mkdtempSync(join(tmpdir(), 'mailwarden-test-'))
const nothing = () => undefined
const outlets = { enqueue: async () => undefined, audit: async () => undefined, publish: nothing, onLostNudge: nothing }
const open = () =>
  Database.open({ url: `sqlite:${join(folder, 'test.sqlite')}`, entities: ENTITIES, migrations: MIGRATIONS, outlets })
const failure = (id: string) => `INSERT INTO sign_in_failures (id, failures, since) VALUES ('${id}', 1, '2026-01-01')`

let service: Database
let commandLine: Database

beforeAll(async () => {
  service = await open()
  commandLine = await open()
})
afterAll(async () => {
  await service?.close()
  await commandLine?.close()
  rmSync(folder, { recursive: true, force: true })
})

test('on SQLite a transaction that read before another process wrote is tried again', async () => {
  let tries = 0
  await commandLine.inTransaction(async (tx) => {
    tries++
    await tx.em.query('SELECT COUNT(*) FROM sign_in_failures')
    if (tries === 1) await service.inTransaction((other) => other.em.query(failure('service')))
    await tx.em.query(failure('command line'))
  })
  expect(tries).toBe(2)
  const rows = (await service.read.query('SELECT id FROM sign_in_failures ORDER BY id')) as { id: string }[]
  expect(rows.map(({ id }) => id)).toEqual(['command line', 'service'])
})

test('on SQLite a transaction waits for another process that writes, and stops nobody else of its own meanwhile', async () => {
  const done: string[] = []
  let letGo = () => {}
  const held = new Promise<void>((resolve) => {
    letGo = resolve
  })
  let holds = () => {}
  const isHeld = new Promise<void>((resolve) => {
    holds = resolve
  })
  const long = commandLine.inTransaction(async (tx) => {
    await tx.em.query(failure('long'))
    holds()
    await held
    done.push('long')
  })
  await isHeld
  const waiting = service.inTransaction(async (tx) => {
    await tx.em.query(failure('waiting'))
    done.push('waiting')
  })
  // many turns of the event loop, all while the other one is waited for
  for (let turn = 0; turn < 5; turn++) {
    await new Promise((resolve) => setImmediate(resolve))
    expect(await service.read.query('SELECT 1 AS one')).toEqual([{ one: 1 }])
  }
  letGo()
  await Promise.all([long, waiting])
  expect(done).toEqual(['long', 'waiting'])
})
