import { expect, test } from '@jest/globals'
import { resolveHost } from './resolve'

test('an address is its own answer', async () => {
  expect(await resolveHost('192.0.2.1')).toEqual(['192.0.2.1'])
  expect(await resolveHost('2001:db8::1')).toEqual(['2001:db8::1'])
})

test('callers at the same time share one question, and the answer is kept for a few seconds', async () => {
  const now = Date.now()
  const first = resolveHost('localhost', now)
  expect(resolveHost('localhost', now)).toBe(first)
  expect(await first).toContain('127.0.0.1')
  expect(resolveHost('localhost', now + 9000)).toBe(first)
  expect(resolveHost('localhost', now + 11_000)).not.toBe(first)
})

test('a failure is not kept', async () => {
  const first = resolveHost('nowhere.invalid')
  await expect(first).rejects.toThrow()
  const second = resolveHost('nowhere.invalid')
  expect(second).not.toBe(first)
  await expect(second).rejects.toThrow()
})
