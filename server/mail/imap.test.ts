import { afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { makeEgressPolicy } from './egress'
import type { ImapProbeOptions } from './imap'
import { probeImap } from './imap'
import { MailErrorCode } from './mail-error'
import type { ProbeResult, ProbeSettings } from './probe'
import { ConnectionSecurity } from './probe'
import type { Certificates, ScriptedServer } from './scripted-servers'
import { imapServer, makeCertificates } from './scripted-servers'

const egress = makeEgressPolicy({ allow: ['127.0.0.0/8'], deny: [] })
let certificates: Certificates
beforeAll(() => {
  certificates = makeCertificates()
})

test('happy', async () => {
  for (const [security, script] of [
    [ConnectionSecurity.NONE, {}],
    [ConnectionSecurity.TLS, { tls: certificates.good, implicitTls: true }],
    [ConnectionSecurity.STARTTLS, { tls: certificates.good }],
  ] as const) {
    const server = await imapServer(script)
    const result = await probeImap(
      {
        endpoint: { host: 'localhost', port: server.port, security },
        username: 'ada',
        password: 'secret',
        emailAddress: 'ada@example.org',
        verifyCertificates: true,
        trustedCertificates: certificates.authority,
      },
      { egress },
    )
    console.log(JSON.stringify(result), server.lines, server.connections)
    await server.close()
  }
})
