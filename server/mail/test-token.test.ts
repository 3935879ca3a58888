import { describe, expect, test } from '@jest/globals'
import { signTestToken, verifyTestToken } from './test-token'

const key = 'a key'
const at = new Date('2026-11-23T12:00:00Z')
const token = { itemId: '01939b2e-7c1f-7000-8000-000000000001', mailboxId: '01939b2e-7c1f-7000-8000-000000000002', at }
const later = (ms: number) => new Date(at.getTime() + ms)
const DAY = 24 * 60 * 60 * 1000

describe('a test token', () => {
  const text = signTestToken(key, token)

  test('is compact and can stand in a header', () => {
    expect(text).toMatch(/^[A-Za-z0-9_.-]{1,140}$/)
  })

  test('says what was signed', () => {
    expect(verifyTestToken(key, text, later(1000))).toEqual(token)
    expect(verifyTestToken(key, ` ${text}\r\n`, later(1000))).toEqual(token)
  })

  test('is believed for seven days, and a little before its time', () => {
    expect(verifyTestToken(key, text, later(7 * DAY))).toEqual(token)
    expect(verifyTestToken(key, text, later(7 * DAY + 1))).toBeUndefined()
    expect(verifyTestToken(key, text, later(-5 * 60_000))).toEqual(token)
    expect(verifyTestToken(key, text, later(-5 * 60_000 - 1))).toBeUndefined()
  })

  test('is signed with this key', () => {
    expect(verifyTestToken('another key', text, at)).toBeUndefined()
  })

  test.each([0, 1, 2, 3])('with its part %i changed is none', (index) => {
    const parts = text.split('.')
    parts[index] = `${parts[index]?.startsWith('1') ? '2' : '1'}${parts[index]?.slice(1)}`
    expect(verifyTestToken(key, parts.join('.'), at)).toBeUndefined()
  })

  test.each(['', '...', 'a.b.c', 'a.b.c.d', `${text}.x`, `${text}x`, 'x'.repeat(100_000)])('is not %p', (other) => {
    expect(verifyTestToken(key, other, at)).toBeUndefined()
  })

  test('is not made of anything but opaque ids', () => {
    expect(() => signTestToken(key, { ...token, itemId: 'a.b' })).toThrow()
    expect(() => signTestToken(key, { ...token, mailboxId: 'a\r\nb' })).toThrow()
  })
})
