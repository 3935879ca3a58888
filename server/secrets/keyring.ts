import { createCipheriv, createDecipheriv, createSecretKey, hkdfSync, type KeyObject, randomBytes } from 'node:crypto'

/** Keys are 256 bits of AES. */
export const KEY_BYTES = 32

// NIST SP 800-38D: 96-bit nonces may be random for up to 2^32 secrets of one key; the full tag is 128 bits.
const NONCE_BYTES = 12
const TAG_BYTES = 16
const KEY_ID = /^[A-Za-z0-9_-]{1,16}$/
const SEALED = /^v1\.([A-Za-z0-9_-]{1,16})\.([A-Za-z0-9_-]{16})\.([A-Za-z0-9_-]{22,})$/

export interface EncryptionKey {
  /** Up to 16 letters, digits, `_` and `-`; stored beside every secret sealed with the key. */
  id: string
  /** 32 random bytes. */
  key: Buffer
}

/** The one place a secret belongs to: moved anywhere else it cannot be opened. */
export interface SecretPlace {
  table: string
  rowId: string
  field: string
}

/** Encrypts the credentials at rest with AES-256-GCM. */
export interface Keyring {
  /** Encrypts with the current key: `v1.<key id>.<nonce>.<ciphertext and tag>`, the last two in base64url. */
  seal(plaintext: string, place: SecretPlace): string
  /** Decrypts with whichever key sealed it. Throws SecretUnreadable. */
  open(sealed: string, place: SecretPlace): string
  /** Whether it is to be sealed again, because it was not sealed with the current key. */
  needsRotation(sealed: string): boolean
  /**
   * 32 bytes for another purpose (HKDF with SHA-256, RFC 5869), derived from the current key or the one named. Each purpose
   * gets another key, none of which tells anything about the keys it comes from. Throws for an unknown key id.
   */
  deriveKey(purpose: string, keyId?: string): Buffer
  /** The current key's id first. */
  readonly keyIds: readonly string[]
}

export type UnreadableReason =
  /** Sealed with a key that is not configured (any more). */
  | 'UNKNOWN_KEY'
  /** Altered, moved to another place, or sealed with another key of the same id. */
  | 'TAMPERED'
  /** Not something that seal() returned. */
  | 'MALFORMED'

/** A stored secret cannot be opened. Says why, and never a part of it. */
export class SecretUnreadable extends Error {
  constructor(
    readonly reason: UnreadableReason,
    /** Where it is known. */
    readonly keyId?: string,
  ) {
    super(`A stored secret cannot be opened: ${reason}${keyId === undefined ? '' : ` (key ${keyId})`}`)
    this.name = 'SecretUnreadable'
  }
}

/** The first key is the current one; the others only open what they once sealed. Throws when a key is faulty or there is none. */
export function makeKeyring(keys: readonly EncryptionKey[]): Keyring {
  const faults = faultsOf(keys)
  if (faults.length > 0) throw new Error(`The encryption keys have faults: ${faults.join('; ')}`)
  // Key objects print nothing of the key, wherever they end up.
  const byId = new Map<string, KeyObject>(keys.map(({ id, key }) => [id, createSecretKey(key)]))
  const [currentId = ''] = byId.keys()
  const keyOf = (id: string): KeyObject => {
    const key = byId.get(id)
    if (!key) throw new SecretUnreadable('UNKNOWN_KEY', id)
    return key
  }
  return {
    keyIds: [...byId.keys()],
    seal: (plaintext, place) => seal(plaintext, place, currentId, keyOf(currentId)),
    open: (sealed, place) => open(sealed, place, keyOf),
    needsRotation: (sealed) => SEALED.exec(sealed)?.[1] !== currentId,
    deriveKey: (purpose, keyId = currentId) =>
      Buffer.from(hkdfSync('sha256', keyOf(keyId), '', `mailwarden ${purpose}`, KEY_BYTES)),
  }
}

/**
 * Reads the configuration's `k2:BASE64,k1:BASE64` (base64 or base64url, first key current). The keys may be used only when
 * there are no faults; every fault is named, none with a part of a key.
 */
export function parseKeys(text: string): { keys: EncryptionKey[]; faults: string[] } {
  const keys: EncryptionKey[] = []
  const positions: number[] = []
  const faults: string[] = []
  const entries = text
    .split(',')
    .map((entry) => entry.trim())
    .filter(Boolean)
  for (const [index, entry] of entries.entries()) {
    const colon = entry.indexOf(':')
    const bytes = decode(entry.slice(colon + 1))
    // An entry without an id may be a bare key: it is named by its place only.
    if (colon < 0) faults.push(`key ${index + 1} must be written ID:BASE64`)
    else if (!bytes) faults.push(`key ${index + 1} is not base64`)
    else {
      keys.push({ id: entry.slice(0, colon), key: bytes })
      positions.push(index + 1)
    }
  }
  if (keys.length > 0 || faults.length === 0) faults.push(...faultsOf(keys, positions))
  return { keys, faults }
}

function faultsOf(keys: readonly EncryptionKey[], positions = keys.map((_, index) => index + 1)): string[] {
  if (keys.length === 0) return ['there is no key']
  const faults: string[] = []
  for (const [index, { id, key }] of keys.entries()) {
    // A faulty id is not printed: it may be a key in the wrong place.
    const name = KEY_ID.test(id) ? `key ${id}` : `key ${positions[index]}`
    if (!KEY_ID.test(id)) faults.push(`the id of ${name} must be 1 to 16 letters, digits, _ or -`)
    if (key.length !== KEY_BYTES) faults.push(`${name} has ${key.length} bytes instead of ${KEY_BYTES}`)
    const before = keys.slice(0, index)
    if (before.some((other) => other.id === id)) faults.push(`there are two keys with the id of ${name}`)
    else if (before.some((other) => other.key.equals(key))) faults.push(`${name} is the same key as another one`)
  }
  return faults
}

function seal(plaintext: string, place: SecretPlace, keyId: string, key: KeyObject): string {
  const nonce = randomBytes(NONCE_BYTES)
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES })
  cipher.setAAD(boundTo(keyId, place))
  const sealed = Buffer.concat([cipher.update(plaintext, 'utf8'), cipher.final(), cipher.getAuthTag()])
  return `v1.${keyId}.${nonce.toString('base64url')}.${sealed.toString('base64url')}`
}

function open(sealed: string, place: SecretPlace, keyOf: (id: string) => KeyObject): string {
  const [, keyId = '', nonceText = '', text = ''] = SEALED.exec(sealed) ?? []
  const nonce = decode(nonceText)
  const bytes = decode(text)
  if (!nonce || !bytes || bytes.length < TAG_BYTES) throw new SecretUnreadable('MALFORMED')
  const decipher = createDecipheriv('aes-256-gcm', keyOf(keyId), nonce, { authTagLength: TAG_BYTES })
  decipher.setAAD(boundTo(keyId, place))
  decipher.setAuthTag(bytes.subarray(-TAG_BYTES))
  try {
    return Buffer.concat([decipher.update(bytes.subarray(0, -TAG_BYTES)), decipher.final()]).toString('utf8')
  } catch {
    throw new SecretUnreadable('TAMPERED', keyId)
  }
}

/** As JSON, so that no two places read the same. */
function boundTo(keyId: string, { table, rowId, field }: SecretPlace): Buffer {
  return Buffer.from(JSON.stringify(['v1', keyId, table, rowId, field]))
}

/** Buffer.from() skips what it does not understand; here that is a fault. */
function decode(text: string): Buffer | undefined {
  const canonical = text
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replace(/={1,2}$/, '')
  const bytes = Buffer.from(canonical, 'base64url')
  return bytes.toString('base64url') === canonical ? bytes : undefined
}
