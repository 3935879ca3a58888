import { describe, expect, test } from '@jest/globals'
import { isId, newId } from './id'

test('ids are unique, and ordered by the time they were made, within a millisecond too', () => {
  const ids = Array.from({ length: 5_000 }, newId)
  expect(new Set(ids).size).toBe(ids.length)
  expect([...ids].sort()).toEqual(ids)
  expect(ids.every(isId)).toBe(true)
})

test('an id tells when it was made (RFC 9562 5.7)', () => {
  const before = Date.now()
  const at = Number.parseInt(newId().replace('-', '').slice(0, 12), 16)
  expect(at).toBeGreaterThanOrEqual(before)
  expect(at).toBeLessThanOrEqual(Date.now())
})

describe('what cannot be an id', () => {
  test.each([
    '',
    'x',
    '1',
    '01900000-0000-7000-8000-00000000000', // too short
    '01900000-0000-7000-8000-0000000000011', // too long
    '01900000000070008000000000000001',
    '01900000-0000-7000-8000-00000000000g',
    '01900000-0000-4000-8000-000000000001', // version 4
    '01900000-0000-7000-c000-000000000001', // another variant
    '01900000-0000-7000-8000-000000000001\n',
    ' 01900000-0000-7000-8000-000000000001',
    "01900000-0000-7000-8000-000000000001' OR '1'='1",
    // one spelling for one row: SQLite tells them apart, MariaDB does not
    '01900000-0000-7000-8000-00000000000A',
  ])('%j', (text) => {
    expect(isId(text)).toBe(false)
  })
})
