import type { SecureContext } from 'node:tls'
import { createSecureContext } from 'node:tls'

/** Each holds a store of certificates of its own, so their number is bounded. */
const MOST_CONTEXTS = 100

const contexts = new Map<string, SecureContext>()

/**
 * The TLS context that trusts the system's roots and the given PEM certificates. One for each trust setting, made once:
 * making it anew costs a fifth of a whole connection (reference mail-rig.md section 3).
 * @throws Error when the PEM text cannot be read
 */
export function trustContext(trustedCertificates = ''): SecureContext {
  const known = contexts.get(trustedCertificates)
  if (known) return known
  const context = createSecureContext()
  // Added to the default store, not given as `ca`, which would replace the roots, NODE_EXTRA_CA_CERTS among them.
  if (trustedCertificates.trim() !== '') context.context.addCACert(trustedCertificates)
  if (contexts.size >= MOST_CONTEXTS) contexts.clear()
  contexts.set(trustedCertificates, context)
  return context
}
