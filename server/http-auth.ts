import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { BlockList, isIP } from 'node:net'

const COOKIE = 'mailwarden_session'

const isHttps = (publicUrl: string | undefined): boolean => publicUrl?.startsWith('https:') ?? false

/** Over TLS browsers take the cookie from this host alone and over TLS alone (`__Host-`, RFC 6265bis 4.1.3.2). */
export const cookieName = (publicUrl: string | undefined): string => (isHttps(publicUrl) ? `__Host-${COOKIE}` : COOKIE)

/** The Set-Cookie header (RFC 6265) of a session, or of its end. A secret needs no escaping: it is base64url. */
export function sessionCookie(secret: string | null, publicUrl: string | undefined): string {
  const parts = [`${cookieName(publicUrl)}=${secret ?? ''}`, 'Path=/', 'HttpOnly', 'SameSite=Strict']
  if (isHttps(publicUrl)) parts.push('Secure')
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

/**
 * Answers who the client of a request is. Each proxy puts the address it was called from at the end of X-Forwarded-For, so the
 * list is read from its end, and no further than the proxies that are believed: what stands before is the client's own word.
 * @param trust how many proxies there are, or the ranges they are in
 */
export function clientAddress(trust: number | readonly string[]): (request: IncomingMessage) => string {
  const isProxy = typeof trust === 'number' ? (_address: string, hop: number) => hop < trust : inRanges(trust)
  return ({ socket, headers }) => {
    let client = socket.remoteAddress ?? ''
    const forwarded = [headers['x-forwarded-for'] ?? []].flat().join(',').split(',').reverse()
    for (const [hop, entry] of forwarded.entries()) {
      const address = bareAddress(entry)
      if (address === undefined || !isProxy(client, hop)) break
      client = address
    }
    return client
  }
}

/** Some proxies add the port: `192.0.2.1:80`, `[2001:db8::1]:80`. */
function bareAddress(entry: string): string | undefined {
  const text = entry.trim()
  const bare = /^\[([^\]]+)\](?::\d+)?$/.exec(text)?.[1] ?? /^([\d.]+):\d+$/.exec(text)?.[1] ?? text
  return isIP(bare) === 0 ? undefined : bare
}

function inRanges(ranges: readonly string[]): (address: string) => boolean {
  const list = new BlockList()
  for (const range of ranges) {
    const [address = '', width] = range.split('/')
    const isOld = isIP(address) === 4
    list.addSubnet(address, Number(width ?? (isOld ? 32 : 128)), isOld ? 'ipv4' : 'ipv6')
  }
  return (address) => {
    // a socket that listens on IPv6 tells an IPv4 client so
    const bare = address.replace(/^::ffff:(?=\d+\.)/i, '').replace(/%.*$/, '')
    return isIP(bare) !== 0 && list.check(bare, isIP(bare) === 4 ? 'ipv4' : 'ipv6')
  }
}
