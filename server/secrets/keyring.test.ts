import { randomBytes } from 'node:crypto'
import { inspect } from 'node:util'
import { describe, expect, test } from '@jest/globals'
import { KEY_BYTES, makeKeyring, parseKeys, SecretUnreadable } from './keyring'

const place = { table: 'mailbox', rowId: '0190', field: 'password' }
const k1 = { id: 'k1', key: randomBytes(KEY_BYTES) }
const k2 = { id: 'k2', key: randomBytes(KEY_BYTES) }
const keyring = makeKeyring([k1])
const secret = 'correct horse battery staple'

function reasonOf(open: () => unknown): string {
  try {
    open()
  } catch (error) {
    if (error instanceof SecretUnreadable) return error.reason
    throw error
  }
  return 'opened'
}

describe('seal and open', () => {
  test.each([
    ['nothing', ''],
    ['a password', secret],
    ['any character', 'pässwörd 🔑\r\n\0'],
    ['a long token', 'x'.repeat(10_000)],
  ])('%s comes back', (_what, plaintext) => {
    expect(keyring.open(keyring.seal(plaintext, place), place)).toBe(plaintext)
  })

  test('the format names version and key, and shows nothing of the secret', () => {
    const sealed = keyring.seal(secret, place)
    const [version, keyId, nonce, rest, ...more] = sealed.split('.')
    expect([version, keyId, more]).toEqual(['v1', 'k1', []])
    expect(Buffer.from(nonce ?? '', 'base64url')).toHaveLength(12)
    expect(Buffer.from(rest ?? '', 'base64url')).toHaveLength(secret.length + 16)
    expect(Buffer.from(sealed).includes(secret)).toBe(false)
  })

  test('the same secret is never sealed twice alike', () => {
    const sealed = new Set(Array.from({ length: 1000 }, () => keyring.seal(secret, place)))
    expect(sealed.size).toBe(1000)
  })

  test.each([
    ['row', { ...place, rowId: '0191' }],
    ['field', { ...place, field: 'token' }],
    ['table', { ...place, table: 'profile' }],
    ['place that reads alike', { table: 'mailbox","0190', rowId: 'password', field: '' }],
  ])('moved to another %s it cannot be opened', (_what, other) => {
    expect(reasonOf(() => keyring.open(keyring.seal(secret, place), other))).toBe('TAMPERED')
  })

  test('no flipped bit goes unnoticed', () => {
    const sealed = keyring.seal(secret, place)
    for (const [part, from] of [
      ['nonce', sealed.indexOf('.', 3) + 1],
      ['text', sealed.lastIndexOf('.') + 1],
    ] as const) {
      const end = part === 'nonce' ? sealed.lastIndexOf('.') : sealed.length
      const bytes = Buffer.from(sealed.slice(from, end), 'base64url')
      for (let bit = 0; bit < bytes.length * 8; bit++) {
        const flipped = Buffer.from(bytes)
        flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7))
        const altered = sealed.slice(0, from) + flipped.toString('base64url') + sealed.slice(end)
        expect(reasonOf(() => keyring.open(altered, place))).toBe('TAMPERED')
      }
    }
  })

  test('no changed character goes unnoticed', () => {
    const sealed = keyring.seal(secret, place)
    for (let i = 0; i < sealed.length; i++) {
      const altered = sealed.slice(0, i) + (sealed[i] === 'A' ? 'B' : 'A') + sealed.slice(i + 1)
      expect(reasonOf(() => keyring.open(altered, place))).not.toBe('opened')
    }
  })

  test('another key of the same id does not open it', () => {
    const stranger = makeKeyring([{ id: 'k1', key: randomBytes(KEY_BYTES) }])
    expect(reasonOf(() => stranger.open(keyring.seal(secret, place), place))).toBe('TAMPERED')
  })

  test.each([
    '',
    'v1',
    secret,
    'v1.k1.AAAA.AAAA',
    'v2.k1.AAAAAAAAAAAAAAAA.AAAAAAAAAAAAAAAAAAAAAA',
    'v1.k1.AAAAAAAAAAAAAAAA.AAAAAAAAAAAAAAAAAAAAAB',
  ])('%p is malformed', (text) => {
    expect(reasonOf(() => keyring.open(text, place))).toBe('MALFORMED')
  })

  test('neither an error nor the keyring itself gives anything away', () => {
    const sealed = keyring.seal(secret, place)
    try {
      keyring.open(`${sealed.slice(0, -4)}AAAA`, place)
    } catch (error) {
      expect(inspect(error, { depth: 9 })).not.toContain(sealed.slice(10, -4))
    }
    const shown = inspect(keyring, { depth: 9, showHidden: true }) + JSON.stringify(keyring)
    expect(shown).not.toContain(k1.key.toString('base64').slice(0, 8))
  })
})

describe('rotation', () => {
  const rotated = makeKeyring([k2, k1])

  test('the new key seals, the old one still opens', () => {
    const old = keyring.seal(secret, place)
    expect(rotated.open(old, place)).toBe(secret)
    expect(rotated.needsRotation(old)).toBe(true)
    const renewed = rotated.seal(rotated.open(old, place), place)
    expect(renewed.startsWith('v1.k2.')).toBe(true)
    expect(rotated.needsRotation(renewed)).toBe(false)
    expect(rotated.keyIds).toEqual(['k2', 'k1'])
  })

  test('a retired key opens nothing any more', () => {
    const withoutOld = makeKeyring([k2])
    expect(reasonOf(() => withoutOld.open(keyring.seal(secret, place), place))).toBe('UNKNOWN_KEY')
  })

  test('what is malformed is not sealed with the current key', () => {
    expect(rotated.needsRotation('nonsense')).toBe(true)
  })
})

describe('deriveKey', () => {
  test('gives each purpose and each key another one, always the same', () => {
    const rotated = makeKeyring([k2, k1])
    const derived = keyring.deriveKey('test token')
    expect(derived).toHaveLength(32)
    expect(makeKeyring([k1]).deriveKey('test token').equals(derived)).toBe(true)
    expect(rotated.deriveKey('test token', 'k1').equals(derived)).toBe(true)
    expect(rotated.deriveKey('test token').equals(derived)).toBe(false)
    expect(keyring.deriveKey('other').equals(derived)).toBe(false)
    expect(derived.equals(k1.key)).toBe(false)
    expect(reasonOf(() => keyring.deriveKey('test token', 'k9'))).toBe('UNKNOWN_KEY')
  })
})

describe('parseKeys', () => {
  const text = (key: { id: string; key: Buffer }, encoding: 'base64' | 'base64url' = 'base64') =>
    `${key.id}:${key.key.toString(encoding)}`

  test('reads base64 and base64url, first key first', () => {
    expect(parseKeys(` ${text(k2)}, ${text(k1, 'base64url')},`)).toEqual({ keys: [k2, k1], faults: [] })
  })

  test.each([
    ['nothing', '', ['there is no key']],
    ['no id', k1.key.toString('base64url'), ['key 1 must be written ID:BASE64']],
    ['an empty id', `:${k1.key.toString('base64')}`, ['the id of key 1 must be 1 to 16 letters, digits, _ or -']],
    ['no base64', 'k1:not base64!', ['key 1 is not base64']],
    ['a short key', 'k1:AAAA', ['key k1 has 3 bytes instead of 32']],
    ['one id twice', `${text(k1)},k1:${k2.key.toString('base64')}`, ['there are two keys with the id of key k1']],
    ['one key twice', `${text(k1)},k2:${k1.key.toString('base64')}`, ['key k2 is the same key as another one']],
    [
      'several faults',
      `nonsense,k1:AAAA,k1:$$,${'x'.repeat(17)}:AAAAAAAA`,
      [
        'key 1 must be written ID:BASE64',
        'key 3 is not base64',
        'key k1 has 3 bytes instead of 32',
        'the id of key 4 must be 1 to 16 letters, digits, _ or -',
        'key 4 has 6 bytes instead of 32',
      ],
    ],
  ])('%s: names each fault', (_what, value, faults) => {
    expect(parseKeys(value).faults).toEqual(faults)
  })

  test('no fault shows a key', () => {
    const key = k1.key.toString('base64')
    for (const value of [key, `${key}:k1`, `k1:${key}x`, `k1 :${key}`, `${text(k1)},${text(k1)}`]) {
      const { faults } = parseKeys(value)
      expect(faults.length).toBeGreaterThan(0)
      expect(faults.join()).not.toContain(key.slice(0, 8))
    }
  })
})

describe('makeKeyring', () => {
  test.each([
    ['no key', []],
    ['a short key', [{ id: 'k1', key: randomBytes(16) }]],
    ['a faulty id', [{ id: 'k.1', key: randomBytes(32) }]],
    ['one id twice', [k1, { id: 'k1', key: randomBytes(32) }]],
  ])('refuses %s', (_what, keys) => {
    expect(() => makeKeyring(keys)).toThrow('The encryption keys have faults')
  })
})
