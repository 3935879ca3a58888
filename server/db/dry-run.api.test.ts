import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { DATABASES, Harness } from '../test/harness'
import { newId } from './id'
import type { Tx } from './transaction'

describe.each(DATABASES)('a dry run, on %s', (database) => {
  let harness: Harness
  const told: unknown[] = []

  beforeAll(async () => {
    harness = await Harness.start({ database, work: false })
    harness.app.pubsub.subscribe('alerts', (ids) => told.push(ids))
  })
  afterAll(() => harness?.stop())

  const failures = async () =>
    Number((await harness.app.db.read.query('SELECT COUNT(*) AS n FROM sign_in_failures'))[0].n)
  const recorded = async () => Number((await harness.app.db.read.query('SELECT COUNT(*) AS n FROM audit_entries'))[0].n)

  const insert = async (tx: Tx) => {
    const id = newId()
    await tx.em.query(`INSERT INTO sign_in_failures (id, failures, since) VALUES ('${id}', 1, '2026-01-01')`)
    tx.signal('alerts', [id])
    tx.record(null, { action: 'test', subject: 'USER', changes: [{ subjectIds: [id], before: null, after: { a: 1 } }] })
    const [{ n }] = await tx.em.query('SELECT COUNT(*) AS n FROM sign_in_failures')
    return Number(n)
  }

  test('answers what the real one answers, and leaves no row, no audit entry and no signal', async () => {
    const before = await recorded()
    expect(await harness.app.db.inTransaction(insert, { dryRun: true })).toBe(1)
    expect([await failures(), await recorded(), told]).toEqual([0, before, []])
    expect(await harness.app.db.inTransaction(insert)).toBe(1)
    expect([await failures(), await recorded(), told.length]).toEqual([1, before + 1, 1])
  })

  test('that fails, fails', async () => {
    const fail = async (tx: Tx) => {
      await insert(tx)
      throw new Error('as the real one')
    }
    const before = await failures()
    await expect(harness.app.db.inTransaction(fail, { dryRun: true })).rejects.toThrow('as the real one')
    expect(await failures()).toBe(before)
  })

  test('one after the other, each on its own', async () => {
    const before = await failures()
    const both = await Promise.all([1, 2].map(() => harness.app.db.inTransaction(insert, { dryRun: true })))
    expect(both).toEqual([before + 1, before + 1])
  })
})
