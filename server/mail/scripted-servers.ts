import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import type { AddressInfo, Socket } from 'node:net'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TlsOptions } from 'node:tls'
import { createServer as createTlsServer, TLSSocket } from 'node:tls'

/**
 * Mail servers for tests that say what a test wants them to say, faults included, on ports of the system's choice at
 * 127.0.0.1. Test support: nothing of the product imports this.
 */
export interface ScriptedServer {
  port: number
  /** How many connections were opened. */
  connections: number
  /** Every line that clients sent, in order. */
  lines: string[]
  /** How many connections are open now. */
  open(): number
  close(): Promise<void>
}

export interface Pair {
  key: string
  cert: string
}

export interface Certificates {
  /** PEM of the authority that issued all but `selfSigned`. */
  authority: string
  /** For localhost and 127.0.0.1. */
  good: Pair
  expired: Pair
  /** For other.example only. */
  otherHost: Pair
  selfSigned: Pair
}

/** Issues certificates with the openssl command in a temporary folder, which is gone when this returns. */
export function makeCertificates(): Certificates {
  const folder = mkdtempSync(join(tmpdir(), 'mailwarden-certificates-'))
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' })
  const read = (name: string) => readFileSync(join(folder, name), 'utf8')
  const newKey = (name: string) => openssl('ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', `${name}.key`)
  const issue = (name: string, names: string, from: string, to: string): Pair => {
    newKey(name)
    openssl('req', '-new', '-key', `${name}.key`, '-subj', `/CN=${name}`, '-out', `${name}.csr`)
    writeFileSync(join(folder, 'ca.cnf'), authorityConfig(names))
    const paths = ['-in', `${name}.csr`, '-out', `${name}.crt`, '-cert', 'ca.crt', '-keyfile', 'ca.key']
    openssl('ca', '-batch', '-notext', '-config', 'ca.cnf', ...paths, '-startdate', from, '-enddate', to)
    return { key: read(`${name}.key`), cert: read(`${name}.crt`) }
  }
  try {
    newKey('ca')
    openssl('req', '-x509', '-new', '-key', 'ca.key', '-days', '30', '-subj', '/CN=Test authority', '-out', 'ca.crt')
    writeFileSync(join(folder, 'index.txt'), '')
    writeFileSync(join(folder, 'serial'), '01')
    newKey('self')
    const selfNames = ['-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1', '-out', 'self.crt']
    openssl('req', '-x509', '-new', '-key', 'self.key', '-days', '30', '-subj', '/CN=self', ...selfNames)
    const here = 'DNS:localhost,IP:127.0.0.1'
    const [past, future] = ['20240101000000Z', '20400101000000Z']
    return {
      authority: read('ca.crt'),
      good: issue('good', here, past, future),
      expired: issue('expired', here, past, '20240201000000Z'),
      otherHost: issue('other', 'DNS:other.example', past, future),
      selfSigned: { key: read('self.key'), cert: read('self.crt') },
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function authorityConfig(names: string): string {
  return [
    '[ca]\ndefault_ca=authority',
    '[authority]\ndatabase=index.txt\nserial=serial\nnew_certs_dir=.\ndefault_md=sha256\npolicy=policy',
    'unique_subject=no\nx509_extensions=extensions',
    '[policy]\ncommonName=supplied',
    `[extensions]\nsubjectAltName=${names}`,
    '',
  ].join('\n')
}

/** Listens and hands every connection to `onConnection`; with `tls` from the first byte. */
export async function listen(
  onConnection: (socket: Socket, server: ScriptedServer) => void,
  tls?: TlsOptions,
): Promise<ScriptedServer> {
  const sockets = new Set<Socket>()
  const accept = (socket: Socket) => {
    socket.setNoDelay(true)
    socket.on('error', () => undefined)
    onConnection(socket, scripted)
  }
  const server = tls ? createTlsServer(tls, accept) : createServer(accept)
  server.on('tlsClientError', () => undefined)
  server.on('connection', (socket: Socket) => {
    scripted.connections += 1
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.once('close', () => sockets.delete(socket))
  })
  const scripted: ScriptedServer = {
    port: 0,
    connections: 0,
    lines: [],
    open: () => sockets.size,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const socket of sockets) socket.destroy()
      }),
  }
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  scripted.port = (server.address() as AddressInfo).port
  return scripted
}

/** What a command is answered with: lines, nothing (`undefined`), or whatever is written to the socket meanwhile. */
export type Answer = (command: { tag: string; rest: string; socket: Socket }) => string | undefined

export interface ImapScript {
  greeting?: string
  capabilities?: string
  /** By command in small letters; UID commands as `uid fetch`. `{tag}` stands for the tag. Others are answered as by a good server. */
  answers?: Record<string, string | Answer>
  /** Certificate for STARTTLS, or with `implicitTls` from the first byte. */
  tls?: TlsOptions
  implicitTls?: boolean
}

const CAPABILITIES = 'IMAP4rev1 SASL-IR ID NAMESPACE IDLE UIDPLUS AUTH=PLAIN AUTH=LOGIN'

/** An IMAP server with one empty inbox, but for what the script says. */
export function imapServer(script: ImapScript = {}): Promise<ScriptedServer> {
  const capabilities = script.capabilities ?? `${CAPABILITIES}${script.tls && !script.implicitTls ? ' STARTTLS' : ''}`
  const usual: Record<string, string> = {
    CAPABILITY: `* CAPABILITY ${capabilities}\r\n{tag} OK done`,
    LOGIN: '{tag} OK signed in',
    STARTTLS: script.tls ? '{tag} OK begin' : '{tag} BAD unknown command',
    SELECT:
      '* FLAGS (\\Seen \\Deleted)\r\n* 0 EXISTS\r\n* OK [UIDVALIDITY 1] valid\r\n* OK [UIDNEXT 1] next\r\n{tag} OK [READ-WRITE] open',
    LOGOUT: '* BYE bye\r\n{tag} OK done',
    'UID SEARCH': '* SEARCH\r\n{tag} OK done',
  }
  const serve = (socket: Socket, server: ScriptedServer, greeting?: string) => {
    if (greeting) socket.write(`${greeting}\r\n`)
    const stop = onLines(socket, (line) => {
      server.lines.push(line)
      const [, tag = '', word = '', rest = ''] = /^(\S+) ((?:UID )?\S+) ?(.*)$/i.exec(line) ?? []
      const command = word.toUpperCase()
      const answer = script.answers?.[command.toLowerCase()] ?? usual[command] ?? '{tag} OK done'
      const text = typeof answer === 'string' ? answer : answer({ tag, rest, socket })
      if (text !== undefined) socket.write(`${text.replaceAll('{tag}', tag)}\r\n`)
      if (command === 'LOGOUT') socket.end()
      if (command === 'STARTTLS' && script.tls && /OK/.test(text ?? '')) {
        stop()
        serve(upgrade(socket, script.tls), server)
      }
    })
  }
  const greeting = script.greeting ?? `* OK [CAPABILITY ${capabilities}] ready`
  return listen((socket, server) => serve(socket, server, greeting), script.implicitTls ? script.tls : undefined)
}

export interface SmtpScript {
  greeting?: string
  /** What EHLO offers, without codes. */
  offers?: string[]
  /** By the verb in small letters (mail, rcpt, data, auth ...); `message` answers the end of the message. */
  answers?: Record<string, string | Answer>
  tls?: TlsOptions
  implicitTls?: boolean
}

/** An SMTP server that accepts everything, but for what the script says. */
export function smtpServer(script: SmtpScript = {}): Promise<ScriptedServer> {
  const serve = (socket: Socket, server: ScriptedServer, isPlain: boolean, greeting?: string) => {
    if (greeting) socket.write(`${greeting}\r\n`)
    let isMessage = false
    const offers = script.offers ?? [
      'AUTH PLAIN LOGIN',
      'SIZE 10000000',
      ...(script.tls && isPlain ? ['STARTTLS'] : []),
    ]
    const lines = ['test', ...offers]
    const usual: Record<string, string> = {
      EHLO: lines.map((line, index) => `250${index === lines.length - 1 ? ' ' : '-'}${line}`).join('\r\n'),
      AUTH: '235 2.7.0 welcome',
      DATA: '354 go on',
      MESSAGE: '250 2.0.0 queued',
      STARTTLS: script.tls ? '220 begin' : '502 5.5.1 not implemented',
      QUIT: '221 bye',
    }
    const stop = onLines(socket, (line) => {
      server.lines.push(line)
      if (isMessage && line !== '.') return
      const verb = isMessage ? 'MESSAGE' : (line.split(/[ :]/)[0] ?? '').toUpperCase()
      const answer = script.answers?.[verb.toLowerCase()] ?? usual[verb] ?? '250 2.0.0 ok'
      const text = typeof answer === 'string' ? answer : answer({ tag: '', rest: line.slice(verb.length + 1), socket })
      if (text !== undefined) socket.write(`${text}\r\n`)
      isMessage = verb === 'DATA' && (text ?? '').startsWith('354')
      if (verb === 'QUIT') socket.end()
      if (verb === 'STARTTLS' && script.tls && text?.startsWith('220')) {
        stop()
        serve(upgrade(socket, script.tls), server, false)
      }
    })
  }
  const greeting = script.greeting ?? '220 test ESMTP'
  const { implicitTls = false } = script
  return listen((socket, server) => serve(socket, server, !implicitTls, greeting), implicitTls ? script.tls : undefined)
}

/** Calls back for every line; returns what stops it. */
export function onLines(socket: Socket, onLine: (line: string) => void): () => void {
  let rest = ''
  const onData = (chunk: Buffer) => {
    const parts = (rest + chunk.toString('latin1')).split('\r\n')
    rest = parts.pop() ?? ''
    for (const line of parts) onLine(line)
  }
  socket.on('data', onData)
  return () => socket.off('data', onData)
}

function upgrade(socket: Socket, tls: TlsOptions): TLSSocket {
  const secure = new TLSSocket(socket, { ...tls, isServer: true })
  secure.on('error', () => undefined)
  return secure
}
