import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Certificate, CertificateAuthority } from './certificates'

/** What the mail system's data folder keeps from one start to the next. */
export interface MailSystemMemory {
  /** By the listener's name. */
  ports: Record<string, number | undefined>
  authority: Certificate
}

/** The common name must stay: a restored authority signs by it. */
export const AUTHORITY_NAME = 'Mailwarden demo CA'

export function readMemory(dataFolder: string | undefined): MailSystemMemory {
  const fresh = () => ({ ports: {}, authority: CertificateAuthority.create(AUTHORITY_NAME).material })
  if (!dataFolder) return fresh()
  try {
    return JSON.parse(readFileSync(join(dataFolder, 'mail-system.json'), 'utf8'))
  } catch (error) {
    // Cut short by a crash or not there yet: the demo's mail system is made anew, nothing in it is worth keeping.
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === 'ENOENT') return fresh()
    throw error
  }
}

export function writeMemory(dataFolder: string, memory: MailSystemMemory): void {
  mkdirSync(dataFolder, { recursive: true })
  const file = join(dataFolder, 'mail-system.json')
  writeFileSync(`${file}.new`, JSON.stringify(memory, null, 2), { mode: 0o600 })
  renameSync(`${file}.new`, file)
}
