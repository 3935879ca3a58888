import type { IncomingHttpHeaders } from 'node:http'

export const COOKIE = 'mailwarden_session'

/** The Set-Cookie header (RFC 6265) of a session, or of its end. A secret needs no escaping: it is base64url. */
export function sessionCookie(secret: string | null, publicUrl: string | undefined): string {
  const parts = [`${COOKIE}=${secret ?? ''}`, 'Path=/', 'HttpOnly', 'SameSite=Strict']
  if (publicUrl?.startsWith('https:')) parts.push('Secure')
  if (secret === null) parts.push('Max-Age=0')
  return parts.join('; ')
}

const MAX_SECRET = 200

/** The secret of `Authorization: Bearer SECRET` (RFC 6750). */
export function bearerSecret(header: unknown): string | undefined {
  const match = typeof header === 'string' ? /^Bearer ([\w-]+)$/i.exec(header.trim()) : null
  const secret = match?.[1]
  return secret !== undefined && secret.length <= MAX_SECRET ? secret : undefined
}

/**
 * Whether a request with a cookie comes from our own pages. Browsers name the page's origin on every websocket handshake and
 * every POST; a client without Origin is no browser and cannot be led astray by a foreign page.
 */
export function isSameOrigin(headers: IncomingHttpHeaders, publicUrl: string | undefined): boolean {
  const { origin, host } = headers
  if (origin === undefined)
    return (
      headers['sec-fetch-site'] === undefined ||
      headers['sec-fetch-site'] === 'same-origin' ||
      headers['sec-fetch-site'] === 'none'
    )
  if (!URL.canParse(origin)) return false
  if (publicUrl && new URL(publicUrl).origin === origin) return true
  return new URL(origin).host === host
}

/** The value of a cookie in a Cookie header. */
export function cookieOf(header: string | undefined, name: string): string | undefined {
  for (const pair of (header ?? '').split(';')) {
    const [key, value] = pair.trim().split('=')
    if (key === name && value !== undefined && value.length <= MAX_SECRET) return value
  }
  return undefined
}
