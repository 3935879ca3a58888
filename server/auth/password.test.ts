import { randomBytes, scryptSync } from 'node:crypto'
import { expect, test } from '@jest/globals'
import { hashPassword, newSecret, verifyPassword } from './password'

/** As an earlier version might have stored it, at a lower cost. */
function cheapHash(password: string): string {
  const salt = randomBytes(16)
  const key = scryptSync(password, salt, 32, { N: 1024, r: 4, p: 1 })
  return ['scrypt', 1024, 4, 1, salt.toString('base64url'), key.toString('base64url')].join('$')
}

test('a password is found right, and any other wrong', async () => {
  const hash = await hashPassword('correct horse')
  expect(await verifyPassword('correct horse', hash)).toBe(true)
  expect(await verifyPassword('Correct horse', hash)).toBe(false)
})

test('the hash fits its column, names its cost, has a salt of its own and not the password', async () => {
  const one = await hashPassword('secret word')
  expect(await hashPassword('secret word')).not.toBe(one)
  expect(one).toMatch(/^scrypt\$65536\$8\$2\$[\w-]{22}\$[\w-]{43}$/)
  expect(one.length).toBeLessThanOrEqual(200)
  expect(one).not.toContain('secret')
})

test.each([
  ['word', true],
  ['word ', false],
  ['Word', false],
  ['', false],
])('a hash says at what cost it was made, so the cost may rise (%j: %s)', async (password, expected) => {
  expect(await verifyPassword(password, cheapHash('word'))).toBe(expected)
})

test('a password is the same in whatever form the keyboard composes its letters', async () => {
  expect(await verifyPassword('Gr\u0075\u0308\u00dfe', cheapHash('Gr\u00fc\u00dfe'))).toBe(true)
})

test('without such a user it answers false after the same work', async () => {
  const hash = await hashPassword('word')
  const work = async (of: string | undefined) => {
    const before = process.cpuUsage()
    expect(await verifyPassword('wrong', of)).toBe(false)
    return process.cpuUsage(before).user
  }
  const known = await work(hash)
  expect(await work(undefined)).toBeGreaterThan(known / 4)
})

test.each(['', 'scrypt', 'scrypt$1024$4$1', 'scrypt$1024$4$1$AA$', 'plain$word'])(
  'a broken hash (%j) lets nobody in',
  async (hash) => {
    expect(await verifyPassword('', hash).catch(() => false)).toBe(false)
  },
)

test('a secret has 256 random bits behind its prefix, in letters that a header and a cookie take as they are', () => {
  const secrets = Array.from({ length: 100 }, () => newSecret('mw'))
  for (const secret of secrets) expect(secret).toMatch(/^mw_[\w-]{43}$/)
  expect(new Set(secrets).size).toBe(100)
})
