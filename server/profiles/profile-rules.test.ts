import { describe, expect, test } from '@jest/globals'
import { CertificateAuthority } from '../demo/certificates'
import { FaultList, UserFaults } from '../errors'
import { ConnectionSecurity } from '../mail/probe'
import { CredentialSource, EmailServerProfile, ProfileType } from './profile.entity'
import type { EmailServerProfileInput } from './profile.inputs'
import { checkServers, endpointDirections, profileColumns } from './profile-rules'

const ca = CertificateAuthority.create('Test CA')
const leaf = ca.issue({ commonName: 'imap.example.com', names: ['imap.example.com'] })
const IMAP = { host: 'imap.example.com', port: 993, security: ConnectionSecurity.TLS }
const SMTP = { host: 'smtp.example.com', port: 587, security: ConnectionSecurity.STARTTLS }

function read(differences: Partial<EmailServerProfileInput>) {
  const faults = new FaultList()
  const columns = profileColumns(faults, { name: 'Office', type: ProfileType.IMAP_SMTP, ...differences })
  return { columns, faults: codes(faults) }
}

function codes(faults: FaultList): string[] {
  try {
    faults.check()
    return []
  } catch (error) {
    return (error as UserFaults).faults.map(({ code, path }) => `${path.join('.')} ${code}`)
  }
}

describe('what an input sets', () => {
  test.each<[string, Partial<EmailServerProfileInput>, Partial<EmailServerProfile>]>([
    [
      'name, trimmed, and what it is compared by',
      { name: ' Head Office ' },
      { name: 'Head Office', nameKey: 'head office' },
    ],
    [
      'the incoming server, its name in lower case',
      { incoming: { ...IMAP, host: 'IMAP.Example.com' } },
      { incomingHost: 'imap.example.com', incomingPort: 993, incomingSecurity: ConnectionSecurity.TLS },
    ],
    [
      'the outgoing server',
      { outgoing: { ...SMTP, host: '192.0.2.7' } },
      { outgoingHost: '192.0.2.7', outgoingPort: 587, outgoingSecurity: ConnectionSecurity.STARTTLS },
    ],
    ['the DAV address', { davUrl: 'https://dav.example.com/x' }, { davUrl: 'https://dav.example.com/x' }],
    ['an empty DAV address removes it', { davUrl: '' }, { davUrl: null }],
    ['no DAV address removes it', { davUrl: null }, { davUrl: null }],
    ['the limit of connections, lowest', { maxConcurrentConnections: 1 }, { maxConcurrentConnections: 1 }],
    ['the limit of connections, highest', { maxConcurrentConnections: 300 }, { maxConcurrentConnections: 300 }],
    [
      'credentials of the mailbox',
      { credentialSource: CredentialSource.MAILBOX },
      { credentialSource: CredentialSource.MAILBOX },
    ],
    [
      'credentials of the profile',
      { credentialSource: CredentialSource.PROFILE },
      { credentialSource: CredentialSource.PROFILE },
    ],
    ['the name to sign in with', { username: ' robot ' }, { username: 'robot' }],
    ['an empty name removes it', { username: '' }, { username: null }],
    ['no name removes it', { username: null }, { username: null }],
    ['verification switched off', { verifyCertificates: false }, { verifyCertificates: false }],
    ['deactivation', { active: false }, { active: false }],
    ['no certificates', { trustedCertificates: ' \n' }, { trustedCertificates: null }],
  ])('%s', (_, input, expected) => {
    const { columns, faults } = read(input)
    expect(faults).toEqual([])
    const name = { name: 'Office', nameKey: 'office', type: ProfileType.IMAP_SMTP }
    expect(columns).toEqual({ ...name, ...expected })
  })

  test('what is left out, or null where there is no nothing, stays as it is', () => {
    const input = {
      incoming: null,
      outgoing: null,
      credentialSource: null,
      maxConcurrentConnections: null,
      verifyCertificates: null,
      active: null,
      password: null,
    }
    expect(Object.keys(read(input).columns)).toEqual(['name', 'type', 'nameKey'])
  })

  test('of certificates only the certificates: a key or words pasted along are not stored', () => {
    const pasted = `my servers:\r\n${leaf.certificate}\n${leaf.privateKey}\n${ca.material.certificate}`
    const { columns, faults } = read({ trustedCertificates: pasted })
    expect(faults).toEqual([])
    expect(columns.trustedCertificates?.match(/BEGIN CERTIFICATE/g)).toHaveLength(2)
    expect(columns.trustedCertificates).not.toMatch(/PRIVATE KEY|my servers/)
  })

  test('no password ever: it is sealed elsewhere', () => {
    expect(JSON.stringify(read({ password: 's3cr3t' }))).not.toContain('s3cr3t')
  })
})

describe('what is refused', () => {
  const cutShort = leaf.certificate.replace(/\n[^\n-]+\n-----END/, '\n-----END')
  test.each<[string, Partial<EmailServerProfileInput>, string]>([
    ['no name', { name: ' ' }, 'input.name REQUIRED'],
    ['a name of two lines', { name: 'a\nb' }, 'input.name CONTROL_CHARACTER'],
    ['too long a name', { name: 'x'.repeat(201) }, 'input.name TOO_LONG'],
    ...[
      '',
      'imap example.com',
      ' imap.example.com',
      'imap.example.com:993',
      'imaps://imap.example.com',
      'a\r\nb',
      '999.1.1.1',
    ].map((host): [string, Partial<EmailServerProfileInput>, string] => [
      `the incoming host ${JSON.stringify(host)}`,
      { incoming: { ...IMAP, host } },
      'input.incoming.host INVALID_HOST',
    ]),
    ['the outgoing host', { outgoing: { ...SMTP, host: 'smtp .example.com' } }, 'input.outgoing.host INVALID_HOST'],
    ...[0, -1, 65_536].map((port): [string, Partial<EmailServerProfileInput>, string] => [
      `port ${port}`,
      { incoming: { ...IMAP, port } },
      'input.incoming.port OUT_OF_RANGE',
    ]),
    ['the outgoing port', { outgoing: { ...SMTP, port: 0 } }, 'input.outgoing.port OUT_OF_RANGE'],
    ...[
      'dav.example.com',
      'ftp://dav.example.com',
      'javascript:alert(1)',
      'https://user:word@dav.example.com',
      'https://user@dav.example.com',
      'https://',
    ].map((davUrl): [string, Partial<EmailServerProfileInput>, string] => [
      `the DAV address ${davUrl}`,
      { davUrl },
      'input.davUrl INVALID_URL',
    ]),
    ['a DAV address of two lines', { davUrl: 'https://dav.example\r\nX: y' }, 'input.davUrl CONTROL_CHARACTER'],
    ['too long a DAV address', { davUrl: `https://d.example/${'x'.repeat(1000)}` }, 'input.davUrl TOO_LONG'],
    ['no connection', { maxConcurrentConnections: 0 }, 'input.maxConcurrentConnections OUT_OF_RANGE'],
    ['301 connections', { maxConcurrentConnections: 301 }, 'input.maxConcurrentConnections OUT_OF_RANGE'],
    [
      'OAuth by client',
      { credentialSource: CredentialSource.OAUTH_CLIENT_CREDENTIALS },
      'input.credentialSource NOT_SUPPORTED',
    ],
    [
      'OAuth by consent',
      { credentialSource: CredentialSource.OAUTH_MAILBOX_CONSENT },
      'input.credentialSource NOT_SUPPORTED',
    ],
    ['a name to sign in with of two lines', { username: 'a\r\nb' }, 'input.username CONTROL_CHARACTER'],
    ['too long a name to sign in with', { username: 'x'.repeat(321) }, 'input.username TOO_LONG'],
    ['a password of two lines', { password: 'a\r\nb' }, 'input.password CONTROL_CHARACTER'],
    [
      'certificates that are none',
      { trustedCertificates: 'trust me' },
      'input.trustedCertificates INVALID_CERTIFICATE',
    ],
    [
      'a key for a certificate',
      { trustedCertificates: leaf.privateKey },
      'input.trustedCertificates INVALID_CERTIFICATE',
    ],
    [
      'a certificate that was cut short',
      { trustedCertificates: `${ca.material.certificate}\n${cutShort}` },
      'input.trustedCertificates INVALID_CERTIFICATE',
    ],
    [
      'more certificates than fit',
      { trustedCertificates: ca.material.certificate.repeat(200) },
      'input.trustedCertificates INVALID_CERTIFICATE',
    ],
  ])('%s', (_, input, fault) => {
    expect(read(input).faults).toEqual([fault])
  })

  test('everything at once', () => {
    const wrong = { host: '', port: 0, security: ConnectionSecurity.NONE }
    expect(read({ name: '', incoming: wrong, outgoing: wrong, davUrl: 'x' }).faults).toHaveLength(6)
  })
})

describe('the servers a profile needs', () => {
  const [incoming, outgoing] = [{ incomingHost: IMAP.host }, { outgoingHost: SMTP.host }]
  test.each<[string, ProfileType, Partial<EmailServerProfile>, string[]]>([
    ['IMAP_SMTP without any', ProfileType.IMAP_SMTP, {}, ['input.incoming REQUIRED']],
    ['IMAP_SMTP with one for incoming mail', ProfileType.IMAP_SMTP, incoming, []],
    ['IMAP_SMTP with one for outgoing mail', ProfileType.IMAP_SMTP, outgoing, []],
    ['POP3_SMTP without any', ProfileType.POP3_SMTP, {}, ['input.incoming REQUIRED']],
    ['EXCHANGE_ONLINE without any', ProfileType.EXCHANGE_ONLINE, {}, []],
    ['GMAIL without any', ProfileType.GMAIL, {}, []],
  ])('%s', (_, type, servers, expected) => {
    const faults = new FaultList()
    checkServers(faults, { type, ...servers })
    expect(codes(faults)).toEqual(expected)
  })
})

describe('which directions a change of the profile touches (product rule 2.3)', () => {
  const before = Object.assign(new EmailServerProfile(), {
    ...{ name: 'Office', type: ProfileType.IMAP_SMTP },
    ...{ incomingHost: IMAP.host, incomingPort: IMAP.port, incomingSecurity: IMAP.security },
    ...{ outgoingHost: SMTP.host, outgoingPort: SMTP.port, outgoingSecurity: SMTP.security },
    ...{ trustedCertificates: null, verifyCertificates: true, davUrl: null, maxConcurrentConnections: 10 },
  })
  test.each<[string, Partial<EmailServerProfile>, string[]]>([
    ['incoming host', { incomingHost: 'other.example.com' }, ['INCOMING']],
    ['incoming port', { incomingPort: 143 }, ['INCOMING']],
    ['incoming security', { incomingSecurity: ConnectionSecurity.NONE }, ['INCOMING']],
    ['outgoing host', { outgoingHost: 'other.example.com' }, ['OUTGOING']],
    ['outgoing port', { outgoingPort: 25 }, ['OUTGOING']],
    ['outgoing security', { outgoingSecurity: ConnectionSecurity.TLS }, ['OUTGOING']],
    ['both hosts', { incomingHost: 'a.example', outgoingHost: 'a.example' }, ['INCOMING', 'OUTGOING']],
    ['type', { type: ProfileType.POP3_SMTP }, ['INCOMING', 'OUTGOING']],
    ['trusted certificates', { trustedCertificates: ca.material.certificate }, ['INCOMING', 'OUTGOING']],
    ['verification of certificates', { verifyCertificates: false }, ['INCOMING', 'OUTGOING']],
    ['the same endpoint again', { incomingHost: IMAP.host, incomingPort: IMAP.port }, []],
    ['name', { name: 'Other', nameKey: 'other' }, []],
    ['limit of connections', { maxConcurrentConnections: 1 }, []],
    ['activation', { active: false }, []],
    ['nothing', {}, []],
  ])('%s', (_, after, expected) => {
    expect(endpointDirections(before, after)).toEqual(expected)
  })
})
