import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto'

/** OWASP's second choice of scrypt parameters: N 2^16, r 8, p 2 (64 MiB a hash). */
const COST = { N: 2 ** 16, r: 8, p: 2, maxmem: 160 * 1024 * 1024 }
const KEY_BYTES = 32

function derive(password: string, salt: Buffer, cost: typeof COST): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(password.normalize('NFKC'), salt, KEY_BYTES, cost, (error, key) => (error ? reject(error) : resolve(key)))
  })
}

/** `scrypt$N$r$p$salt$key`, base64url. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(16)
  const key = await derive(password, salt, COST)
  return ['scrypt', COST.N, COST.r, COST.p, salt.toString('base64url'), key.toString('base64url')].join('$')
}

/** Takes the same time whether or not there is such a user: without a hash it derives all the same, and answers false. */
export async function verifyPassword(password: string, hash: string | undefined): Promise<boolean> {
  const [, n, r, p, salt, key] = (hash ?? '').split('$')
  const cost = hash ? { ...COST, N: Number(n), r: Number(r), p: Number(p) } : COST
  const derived = await derive(password, salt ? Buffer.from(salt, 'base64url') : randomBytes(16), cost)
  const expected = key ? Buffer.from(key, 'base64url') : Buffer.alloc(KEY_BYTES)
  return derived.length === expected.length && timingSafeEqual(derived, expected) && hash !== undefined
}

/** What stands in the database for a session's or an API token's secret: both have 256 random bits, so one hash is enough. */
export const newSecret = (prefix: string): string => `${prefix}_${randomBytes(32).toString('base64url')}`
