import { X509Certificate } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { connect, createServer, type TLSSocket } from 'node:tls'
import { describe, expect, test } from '@jest/globals'
import { type Certificate, CertificateAuthority } from './certificates'

const authority = CertificateAuthority.create('Test CA')
const leaf = { commonName: 'mail.test', names: ['mail.test', 'localhost', '127.0.0.1'] }

/** What a client that trusts `ca` makes of a server with this certificate: "ok" or the error's code. */
async function handshake(certificate: Certificate, ca: string, servername?: string): Promise<string> {
  const server = createServer({ key: certificate.privateKey, cert: certificate.certificate })
  server.on('tlsClientError', () => {})
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  try {
    return await new Promise<string>((resolve) => {
      const socket: TLSSocket = connect({ host: '127.0.0.1', port, ca, servername }, () => {
        resolve('ok')
        socket.destroy()
      })
      socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
    })
  } finally {
    await new Promise((resolve) => server.close(resolve))
  }
}

describe('certificates', () => {
  test('a leaf is trusted by its authority, for each of its names', async () => {
    const good = authority.issue(leaf)
    expect(await handshake(good, authority.material.certificate)).toBe('ok')
    expect(await handshake(good, authority.material.certificate, 'localhost')).toBe('ok')
    expect(await handshake(good, authority.material.certificate, 'mail.test')).toBe('ok')
    const parsed = new X509Certificate(good.certificate)
    expect(parsed.verify(new X509Certificate(authority.material.certificate).publicKey)).toBe(true)
    expect(parsed.subjectAltName).toBe('DNS:mail.test, DNS:localhost, IP Address:127.0.0.1')
    expect(parsed.ca).toBe(false)
  })

  test('an authority restored from its material signs what the first one is trusted for', async () => {
    const again = CertificateAuthority.restore('Test CA', authority.material)
    expect(await handshake(again.issue(leaf), authority.material.certificate)).toBe('ok')
  })

  test.each([
    ['CERT_HAS_EXPIRED', { ...leaf, notBefore: new Date('2024-01-01'), notAfter: new Date('2024-02-01') }],
    ['CERT_NOT_YET_VALID', { ...leaf, notBefore: new Date('2090-01-01'), notAfter: new Date('2091-01-01') }],
    ['ERR_TLS_CERT_ALTNAME_INVALID', { commonName: 'other.test', names: ['other.test'] }],
  ])('%s', async (code, options) => {
    expect(await handshake(authority.issue(options), authority.material.certificate)).toBe(code)
  })

  test('another authority is not trusted', async () => {
    const other = CertificateAuthority.create('Other CA')
    expect(await handshake(other.issue(leaf), authority.material.certificate)).toBe('UNABLE_TO_VERIFY_LEAF_SIGNATURE')
  })
})
