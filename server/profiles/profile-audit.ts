import { X509Certificate } from 'node:crypto'
import { difference, stateOf } from '../db/audit-changes'
import type { AuditState } from '../db/audit-record'
import type { EmailServerProfile } from './profile.entity'

const COLUMNS = [
  ...(['name', 'type', 'active', 'incomingHost', 'incomingPort', 'incomingSecurity'] as const),
  ...(['outgoingHost', 'outgoingPort', 'outgoingSecurity', 'davUrl', 'credentialSource', 'username'] as const),
  ...(['password', 'trustedCertificates', 'verifyCertificates', 'maxConcurrentConnections', 'ownerId'] as const),
]

type Audited = Record<(typeof COLUMNS)[number], string | number | boolean | null>

/** A whole profile as the audit log keeps it, when it is made or deleted. */
export const profileState = (profile: EmailServerProfile): AuditState => stateOf(audited(profile), COLUMNS)

/** What an update changed; undefined when it changed nothing. Both rows with their sealed passwords. */
export function profileDifference(
  before: EmailServerProfile,
  after: EmailServerProfile,
): { before: AuditState; after: AuditState } | undefined {
  const found = difference(audited(before), audited(after), COLUMNS)
  if (before.passwordSealed === after.passwordSealed || after.passwordSealed === null) return found
  const password = { before: shown(before.passwordSealed), after: shown(after.passwordSealed) }
  return {
    before: { ...found?.before, password: password.before },
    after: { ...found?.after, password: password.after },
  }
}

/** Sealed, it is another one each time; of two of them is told that they differ. */
const shown = (sealed: string | null): string | null => (sealed === null ? null : 'changed')

function audited(profile: EmailServerProfile): Audited {
  const { passwordSealed, trustedCertificates, ...rest } = profile
  return {
    ...(rest as Omit<Audited, 'password' | 'trustedCertificates'>),
    password: shown(passwordSealed),
    trustedCertificates: trustedCertificates === null ? null : fingerprints(trustedCertificates),
  }
}

/** A certificate is told by its SHA-256 fingerprint, as browsers and openssl show it: the text of some would not fit. */
function fingerprints(pem: string): string {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? []
  return blocks.map((block) => new X509Certificate(block).fingerprint256).join(' ')
}
