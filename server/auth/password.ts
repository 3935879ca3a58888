import { createHash, randomBytes, scrypt, timingSafeEqual } from 'node:crypto'
import type { FaultList } from '../errors'

/** OWASP's second choice of scrypt parameters: N 2^16, r 8, p 2 (64 MiB a hash). */
export const PASSWORD_COST = { N: 2 ** 16, r: 8, p: 2, maxmem: 160 * 1024 * 1024 } as const

export interface PasswordCost {
  N: number
  r: number
  p: number
  /** Bytes that a derivation may take. */
  maxmem: number
}
const KEY_BYTES = 32
const MIN_PASSWORD = 12
export const MAX_PASSWORD = 1_000

/** A new password, of a person. */
export function checkNewPassword(faults: FaultList, path: readonly string[], password: string): void {
  if (password.length >= MIN_PASSWORD && password.length <= MAX_PASSWORD) return
  faults.add('INVALID', path, `A password has ${MIN_PASSWORD} to ${MAX_PASSWORD} characters`)
}

function derive(password: string, salt: Buffer, cost: PasswordCost): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(password.normalize('NFKC'), salt, KEY_BYTES, cost, (error, key) => (error ? reject(error) : resolve(key)))
  })
}

/** `scrypt$N$r$p$salt$key`, base64url. */
export async function hashPassword(password: string, cost: PasswordCost = PASSWORD_COST): Promise<string> {
  const salt = randomBytes(16)
  const key = await derive(password, salt, cost)
  return ['scrypt', cost.N, cost.r, cost.p, salt.toString('base64url'), key.toString('base64url')].join('$')
}

/** Takes the same time whether or not there is such a user: without a hash it derives all the same, and answers false. */
export async function verifyPassword(
  password: string,
  hash: string | undefined,
  usual: PasswordCost = PASSWORD_COST,
): Promise<boolean> {
  const [, n, r, p, salt, key] = (hash ?? '').split('$')
  const cost = hash ? { ...usual, N: Number(n), r: Number(r), p: Number(p), maxmem: PASSWORD_COST.maxmem } : usual
  const derived = await derive(password, salt ? Buffer.from(salt, 'base64url') : randomBytes(16), cost)
  const expected = key ? Buffer.from(key, 'base64url') : Buffer.alloc(KEY_BYTES)
  return derived.length === expected.length && timingSafeEqual(derived, expected) && hash !== undefined
}

/** 256 random bits: what stands in the database is their digest, for which one hash is enough. */
export const newSecret = (prefix: string): string => `${prefix}_${randomBytes(32).toString('base64url')}`

export const digest = (...parts: string[]): string => createHash('sha256').update(parts.join('\0')).digest('hex')
