import type { IncomingMessage } from 'node:http'
import { describe, expect, test } from '@jest/globals'
import { newSecret } from './auth/password'
import { bearerSecret, clientAddress, cookieName, cookieOf, isSameOrigin, sessionCookie } from './http-auth'

const COOKIE = cookieName(undefined)

describe('Authorization: Bearer (RFC 6750)', () => {
  const secret = newSecret('mwt')
  test.each<[unknown, string | undefined]>([
    [`Bearer ${secret}`, secret],
    // the scheme is told apart without regard to case (RFC 9110 11.1)
    [`bearer ${secret}`, secret],
    [`BEARER ${secret} `, secret],
    [undefined, undefined],
    ['', undefined],
    ['Bearer', undefined],
    ['Bearer ', undefined],
    [secret, undefined],
    [`Basic ${secret}`, undefined],
    [`Bearer${secret}`, undefined],
    [`Bearer ${secret} ${secret}`, undefined],
    [`Bearer ${secret}\r\nX: y`, undefined],
    [`Bearer "${secret}"`, undefined],
    [`Bearer ${'x'.repeat(200)}`, 'x'.repeat(200)],
    [`Bearer ${'x'.repeat(201)}`, undefined],
    // as connection_init of a websocket may bring it
    [{ toString: () => `Bearer ${secret}` }, undefined],
    [[`Bearer ${secret}`], undefined],
    [42, undefined],
  ])('%p', (header, expected) => {
    expect(bearerSecret(header)).toBe(expected)
  })
})

describe('whether a request with a cookie comes from our own pages', () => {
  const host = 'mail.example:4000'
  test.each<[string, Record<string, string>, string | undefined, boolean]>([
    ['our page', { host, origin: 'http://mail.example:4000' }, undefined, true],
    ['our page behind a proxy that ends TLS', { host, origin: 'https://mail.example:4000' }, undefined, true],
    ['our page by its public URL', { host: 'node-3:4000', origin: 'https://mw.example' }, 'https://mw.example', true],
    ['the public URL has a path', { host: 'node-3', origin: 'https://mw.example' }, 'https://mw.example/app/', true],
    ['another page', { host, origin: 'https://evil.example' }, undefined, false],
    ['another page, public URL set', { host, origin: 'https://evil.example' }, 'https://mw.example', false],
    ['another port', { host, origin: 'http://mail.example:4001' }, undefined, false],
    ['a name that begins like ours', { host: 'mail.example', origin: 'http://mail.example.evil' }, undefined, false],
    ['a name that ends like ours', { host: 'mail.example', origin: 'http://evil-mail.example' }, undefined, false],
    ['ours as the name before an @', { host: 'mail.example', origin: 'http://mail.example@evil' }, undefined, false],
    ['not the scheme of the public URL', { host: 'n3', origin: 'http://mw.example' }, 'https://mw.example', false],
    ['a sandboxed frame or a file', { host, origin: 'null' }, undefined, false],
    ['no URL', { host, origin: 'mail.example:4000' }, undefined, false],
    ['empty', { host, origin: '' }, undefined, false],
    ['no Host', { origin: 'http://mail.example' }, undefined, false],
    ['no browser', { host }, undefined, true],
    ['no Origin, our page', { host, 'sec-fetch-site': 'same-origin' }, undefined, true],
    ['no Origin, typed by a person', { host, 'sec-fetch-site': 'none' }, undefined, true],
    ['no Origin, a neighbouring site', { host, 'sec-fetch-site': 'same-site' }, undefined, false],
    ['no Origin, another site', { host, 'sec-fetch-site': 'cross-site' }, undefined, false],
    ['no Origin, a word unknown', { host, 'sec-fetch-site': 'elsewhere' }, undefined, false],
    // the Origin counts, whatever the other header says
    ['another page that lies', { host, origin: 'https://evil.example', 'sec-fetch-site': 'none' }, undefined, false],
  ])('%s', (_, headers, publicUrl, expected) => {
    expect(isSameOrigin(headers, publicUrl)).toBe(expected)
  })
})

describe('cookies', () => {
  const secret = newSecret('mws')

  test.each<[string | undefined, string | undefined]>([
    [`${COOKIE}=${secret}`, secret],
    [`theme=dark; ${COOKIE}=${secret}; lang=de`, secret],
    [`theme=dark;${COOKIE}=${secret}`, secret],
    [undefined, undefined],
    ['', undefined],
    [COOKIE, undefined],
    [`x${COOKIE}=${secret}`, undefined],
    [`${COOKIE}x=${secret}`, undefined],
    [`theme=${COOKIE}`, undefined],
    [`${COOKIE}=${'x'.repeat(201)}`, undefined],
  ])('%p', (header, expected) => {
    expect(cookieOf(header, COOKIE)).toBe(expected)
  })

  const attributes = (cookie: string) => cookie.split('; ').slice(1).sort()

  test.each<[string, string | undefined, string[]]>([
    ['over plain HTTP', undefined, ['HttpOnly', 'Path=/', 'SameSite=Strict']],
    ['over plain HTTP by name', 'http://mw.example', ['HttpOnly', 'Path=/', 'SameSite=Strict']],
    ['over TLS', 'https://mw.example', ['HttpOnly', 'Path=/', 'SameSite=Strict', 'Secure']],
  ])('the session cookie %s', (_, publicUrl, expected) => {
    const cookie = sessionCookie(secret, publicUrl)
    expect(attributes(cookie)).toEqual(expected)
    const name = cookieName(publicUrl)
    expect(name.startsWith('__Host-')).toBe(expected.includes('Secure'))
    expect(cookieOf(cookie, name)).toBe(secret)
    // signing out has to name the same cookie, or the browser keeps it
    const end = sessionCookie(null, publicUrl)
    expect(attributes(end)).toEqual([...expected, 'Max-Age=0'].sort())
    expect(end.startsWith(`${name}=;`)).toBe(true)
  })
})

describe('who the client is', () => {
  const PROXY = '10.0.0.1'
  const request = (remoteAddress: string | undefined, forwarded: string | undefined) =>
    ({ socket: { remoteAddress }, headers: { 'x-forwarded-for': forwarded } }) as unknown as IncomingMessage

  test.each<[string, number | string[], string | undefined, string | undefined, string]>([
    ['no proxy', 0, '192.0.2.1', undefined, '192.0.2.1'],
    ['no proxy is believed', 0, '192.0.2.1', '198.51.100.1', '192.0.2.1'],
    ['one proxy', 1, PROXY, '192.0.2.1', '192.0.2.1'],
    ['one proxy, and a client that lies', 1, PROXY, '198.51.100.1, 192.0.2.1', '192.0.2.1'],
    ['two proxies', 2, PROXY, '192.0.2.1, 10.0.0.2', '192.0.2.1'],
    ['two proxies, and a client that lies', 2, PROXY, '198.51.100.1,192.0.2.1,10.0.0.2', '192.0.2.1'],
    ['fewer proxies than said', 2, PROXY, '192.0.2.1', '192.0.2.1'],
    ['a proxy that says nothing', 1, PROXY, undefined, PROXY],
    ['a proxy that says no address', 1, PROXY, 'unknown', PROXY],
    ['with ports', 1, PROXY, '192.0.2.1:5731', '192.0.2.1'],
    ['IPv6 with a port', 1, PROXY, '[2001:db8::1]:5731', '2001:db8::1'],
    ['a range', ['10.0.0.0/8'], PROXY, '192.0.2.1', '192.0.2.1'],
    ['a range, and a client that lies', ['10.0.0.0/8'], PROXY, '198.51.100.1, 192.0.2.1', '192.0.2.1'],
    ['a range, and a client that names a proxy', ['10.0.0.0/8'], PROXY, '10.9.9.9, 192.0.2.1', '192.0.2.1'],
    ['a range with two proxies in it', ['10.0.0.0/8'], PROXY, '192.0.2.1, 10.0.0.2', '192.0.2.1'],
    ['who comes past the proxies', ['10.0.0.0/8'], '192.0.2.1', '198.51.100.1', '192.0.2.1'],
    ['one address', [PROXY], PROXY, '192.0.2.1', '192.0.2.1'],
    ['not this address', ['10.0.0.2'], PROXY, '192.0.2.1', PROXY],
    ['an IPv4 proxy on an IPv6 socket', ['10.0.0.0/8'], `::ffff:${PROXY}`, '192.0.2.1', '192.0.2.1'],
    ['an IPv6 proxy', ['fd00::/8'], 'fd00::7', '2001:db8::1', '2001:db8::1'],
    ['a socket that is gone', ['10.0.0.0/8'], undefined, '192.0.2.1', ''],
  ])('%s', (_, trust, remote, forwarded, expected) => {
    expect(clientAddress(trust)(request(remote, forwarded))).toBe(expected)
  })
})
