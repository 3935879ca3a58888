import { createServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import type { Certificate } from './certificates'
import { folderRules } from './imap-folders'
import { capabilities, loginRules } from './imap-login'
import { messageRules } from './imap-messages'
import { type CommandRule, type ImapOptions, ImapSession } from './imap-session'

const rules: ReadonlyMap<string, CommandRule> = new Map(
  Object.entries({ ...loginRules, ...folderRules, ...messageRules }),
)

const HANDSHAKE_TIMEOUT_MS = 20_000

/** An IMAP4rev1 server (RFC 3501) over the mailboxes of `accounts`. The caller listens and closes. */
export function createImapServer(options: ImapOptions, certificate: Certificate): Server {
  const serve = (socket: Socket) => void new ImapSession(socket, options, rules, capabilities).serve()
  if (options.security !== 'tls') return createServer({ noDelay: true }, serve)
  const server = createTlsServer(
    {
      key: certificate.privateKey,
      cert: certificate.certificate,
      noDelay: true,
      handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
    },
    serve,
  )
  // A client that does not trust the certificate, or speaks no TLS, is its own affair.
  server.on('tlsClientError', () => {})
  return server
}
