import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { ENTITIES, MIGRATIONS } from '../../app'
import { Mailbox } from '../../mailboxes/mailbox.entity'
import { Owner, OwnerKind } from '../../owners/owner.entity'
import { aMailbox } from '../../test/builders'
import { DATABASES, makeDatabase } from '../../test/harness'
import { Database } from '../database'
import { newId } from '../id'
import { AddressKeys1791000000700 } from './1791000000700-address-keys'

describe.each(DATABASES)('keys of internationalised addresses on %s', (kind) => {
  const ends: (() => unknown)[] = []
  let db: Database

  beforeAll(async () => {
    const folder = mkdtempSync(join(tmpdir(), 'mailwarden-test-'))
    const url = await makeDatabase(kind, folder, ends)
    const nothing = () => undefined
    const outlets = {
      enqueue: async () => undefined,
      audit: async () => undefined,
      publish: nothing,
      onLostNudge: nothing,
    }
    db = await Database.open({ url, entities: ENTITIES, migrations: MIGRATIONS, outlets })
    ends.unshift(() => db.close())
    ends.push(() => rmSync(folder, { recursive: true, force: true }))
  })
  afterAll(async () => {
    for (const end of ends) await end()
  })

  const insert = async (emailAddress: string, active = true) => {
    const [ownerId, at, addressKey] = [newId(), new Date(), emailAddress.toLowerCase()]
    const of = { name: 'A', nameKey: 'a', emailAddress, addressKey, active, createdAt: at, updatedAt: at }
    const owner = { ...of, id: ownerId, kind: OwnerKind.USER, externalId: null, deletedAt: null }
    await db.inTransaction(async (tx) => {
      await tx.em.insert(Owner, owner)
      await tx.em.insert(Mailbox, aMailbox({ emailAddress, active, id: newId(), ownerId, profileId: null }))
    })
    return ownerId
  }

  test('become A-labels, of the owner too; of two that are one address then, the second stays as it is', async () => {
    const [first, second, inactive, plain] = [
      await insert('Ada@bücher.example'),
      await insert('ada@xn--bcher-kva.example'),
      await insert('ada@bücher.example', false),
      await insert('ada@x.example'),
    ]
    const other = await insert('bob@bücher.example')
    const runner = db.source.createQueryRunner()
    await runner.connect()
    await new AddressKeys1791000000700().up(runner)
    const rows = (await runner.query(
      `SELECT m.owner_id AS owner, m.address_key AS addressKey, m.active_address AS active, o.address_key AS ownerKey, m.email_address AS email
       FROM mailboxes m JOIN owners o ON o.id = m.owner_id`,
    )) as { owner: string }[]
    const counts = (await runner.query(
      "SELECT scope, SUM(n) AS n FROM mailbox_counts WHERE scope > 'd:' AND scope < 'd;' GROUP BY scope ORDER BY scope",
    )) as { scope: string; n: unknown }[]
    await runner.release()
    const rowOf = (id: string) => rows.find(({ owner }) => owner === id)
    const [kept, key] = ['ada@bücher.example', 'ada@xn--bcher-kva.example']
    expect(rowOf(first)).toMatchObject({ addressKey: kept, active: kept, ownerKey: kept })
    expect(rowOf(second)).toMatchObject({ addressKey: key, active: key, ownerKey: key })
    expect(rowOf(inactive)).toMatchObject({ addressKey: key, active: null, ownerKey: key })
    expect(rowOf(plain)).toMatchObject({ addressKey: 'ada@x.example', active: 'ada@x.example' })
    const bob = 'bob@xn--bcher-kva.example'
    expect(rowOf(other)).toMatchObject({ addressKey: bob, active: bob, ownerKey: bob, email: 'bob@bücher.example' })
    expect(counts.map(({ scope, n }) => [scope, Number(n)])).toEqual([
      ['d:bücher.example', 1],
      ['d:x.example', 1],
      ['d:xn--bcher-kva.example', 3],
    ])
  })
})
