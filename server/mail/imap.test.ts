import { afterEach, describe, expect, test } from '@jest/globals'
import { waitFor } from '../test/wait-for'
import type { ImapProbeOptions } from './imap'
import { probeImap } from './imap'
import type { ProbeSettings } from './probe'
import { failureOf, loopback, settingsFor, story } from './probe-cases'
import type { Answer, ImapScript, ScriptedServer } from './scripted-servers'
import { imapServer } from './scripted-servers'

const opened = 'DNS ok, CONNECT ok, GREETING ok'

let server: ScriptedServer
afterEach(async () => {
  await waitFor('the connection to be closed', () => server.open() === 0)
  await server.close()
})

async function run(script: ImapScript, changes: Partial<ProbeSettings> = {}, options: Partial<ImapProbeOptions> = {}) {
  server = await imapServer(script)
  return probeImap(settingsFor(server.port, changes), { egress: loopback, ...options })
}

describe('asks for no more than it needs', () => {
  test('LOGIN, SELECT, LOGOUT', async () => {
    const greeting = '* OK ready'
    const login = '{tag} OK [CAPABILITY IMAP4rev1 ID NAMESPACE ENABLE COMPRESS=DEFLATE] in'
    await run({ greeting, capabilities: 'IMAP4rev1 ID NAMESPACE AUTH=PLAIN', answers: { login } })
    await waitFor('the farewell', () => server.lines.some((line) => line.endsWith('LOGOUT')))
    expect(server.lines.map((line) => line.split(' ').slice(1).join(' '))).toEqual([
      'CAPABILITY',
      'LOGIN "ada" "correct horse"',
      'SELECT INBOX',
      'LOGOUT',
    ])
  })

  test('AUTHENTICATE where LOGIN is disabled', async () => {
    const authenticate: Answer = ({ tag, rest, socket }) => {
      if (/^PLAIN \S+/.test(rest)) return `${tag} OK in`
      socket.once('data', () => socket.write(`${tag} OK in\r\n`))
      return '+ '
    }
    const result = await run({ capabilities: 'IMAP4rev1 LOGINDISABLED AUTH=PLAIN', answers: { authenticate } })
    expect(failureOf(result)).toBeUndefined()
    expect(server.lines.join('\n')).toMatch(/AUTHENTICATE PLAIN/)
    expect(server.lines.join('\n')).not.toMatch(/LOGIN "/)
  })

  test('AUTHENTICATE where the password is not ASCII', async () => {
    const sent: string[] = []
    const authenticate: Answer = ({ tag, socket }) => {
      socket.once('data', (chunk: Buffer) => {
        sent.push(Buffer.from(chunk.toString(), 'base64').toString('utf8'))
        socket.write(`${tag} OK in\r\n`)
      })
      return '+ '
    }
    const result = await run(
      { capabilities: 'IMAP4rev1 AUTH=PLAIN', answers: { authenticate } },
      { password: 'Schlüssel' },
    )
    expect(failureOf(result)).toBeUndefined()
    expect(sent).toEqual(['\0ada\0Schlüssel'])
  })
})

describe('at the greeting', () => {
  test.each([
    ['* BYE Maximum number of connections reached, try again later', 'TOO_MANY_CONNECTIONS'],
    ['* BYE [UNAVAILABLE] Server shutting down', 'SERVER_UNAVAILABLE'],
    ['* PREAUTH you are in', 'AUTHENTICATION_METHOD_UNAVAILABLE'],
  ])('%s', async (greeting, code) => {
    const result = await run({ greeting })
    expect(story(result)).toBe(`DNS ok, CONNECT ok, GREETING failed ${code}`)
    expect(failureOf(result)?.serverResponse).toBeDefined()
  })
})

describe('at the sign-in', () => {
  test.each([
    ['{tag} NO [AUTHENTICATIONFAILED] Authentication failed.', 'AUTHENTICATION_FAILED'],
    ['{tag} NO LOGIN failed.', 'AUTHENTICATION_FAILED'],
    ['{tag} NO [ALERT] Application-specific password required: https://x (Failure)', 'APP_PASSWORD_REQUIRED'],
    ['{tag} NO [ALERT] Too many simultaneous connections. (Failure)', 'TOO_MANY_CONNECTIONS'],
    ['{tag} NO [LIMIT] Maximum number of connections from user+IP exceeded', 'TOO_MANY_CONNECTIONS'],
    ['{tag} NO [UNAVAILABLE] Temporary authentication failure.', 'SERVER_UNAVAILABLE'],
    ['{tag} NO [CONTACTADMIN] Account is suspended', 'ACCOUNT_DISABLED'],
    ['{tag} NO [PRIVACYREQUIRED] Plaintext authentication disallowed', 'TLS_REQUIRED'],
    ['* BYE Too many login failures', 'THROTTLED'],
    ['* BYE Fatal error: max atom size too small', 'SERVER_UNAVAILABLE'],
    ['complete nonsense', 'RESPONSE_TIMEOUT'],
  ])('%s', async (login, code) => {
    const timeouts = { responseMs: 300 }
    const result = await run({ answers: { login } }, { timeouts })
    expect(story(result)).toBe(`${opened}, AUTHENTICATE failed ${code}`)
  })

  test('a throttled one is told at once, with the time to wait', async () => {
    const login = '{tag} BAD Request is throttled. Suggested Backoff Time: 60000 milliseconds'
    const result = await run({ answers: { login } })
    expect(story(result)).toBe(`${opened}, AUTHENTICATE failed THROTTLED`)
    expect(result.durationMs).toBeLessThan(5000)
    const waitMs = Date.parse(failureOf(result)?.retryAt ?? '') - Date.now()
    expect(waitMs).toBeGreaterThan(50_000)
    expect(waitMs).toBeLessThanOrEqual(60_000)
  })

  test('disabled without TLS', async () => {
    const result = await run({ capabilities: 'IMAP4rev1 LOGINDISABLED' })
    expect(story(result)).toBe(`${opened}, AUTHENTICATE failed TLS_REQUIRED`)
    expect(failureOf(result)?.field).toBe('incoming.security')
    expect(server.lines.join()).not.toMatch(/LOGIN "/)
  })

  test('silent', async () => {
    const result = await run({ answers: { login: () => undefined } }, { timeouts: { responseMs: 200 } })
    expect(story(result)).toBe(`${opened}, AUTHENTICATE failed RESPONSE_TIMEOUT`)
  })

  test('answered byte by byte', async () => {
    const login: Answer = ({ socket }) => {
      const timer = setInterval(() => socket.write('x'), 20)
      socket.once('close', () => clearInterval(timer))
      return undefined
    }
    const result = await run({ answers: { login } }, { timeouts: { responseMs: 150 } })
    expect(story(result)).toBe(`${opened}, AUTHENTICATE failed RESPONSE_TIMEOUT`)
    expect(result.durationMs).toBeLessThan(3000)
  })

  test('cut off', async () => {
    const login: Answer = ({ socket }) => {
      socket.resetAndDestroy()
      return undefined
    }
    const result = await run({ answers: { login } })
    expect(story(result)).toBe(`${opened}, AUTHENTICATE failed CONNECTION_RESET`)
  })
})

describe('at the inbox', () => {
  const signedIn = `${opened}, AUTHENTICATE ok`
  test.each([
    ['{tag} NO [NONEXISTENT] Unknown Mailbox: INBOX (Failure)', 'INBOX_NOT_FOUND'],
    ['{tag} NO Mailbox does not exist', 'INBOX_NOT_FOUND'],
    ['{tag} NO [INUSE] Mailbox locked', 'SERVER_UNAVAILABLE'],
    ['{tag} NO [NOPERM] Permission denied', 'INBOX_READ_ONLY'],
    ['{tag} NO Permission denied', 'INBOX_READ_ONLY'],
    ['* 3 EXISTS\r\n* OK [UIDVALIDITY 1] x\r\n{tag} OK [READ-ONLY] open', 'INBOX_READ_ONLY'],
    ['{tag} BAD User is authenticated but not connected.', 'SERVER_UNAVAILABLE'],
    ['{tag} OK but nothing is said about the inbox', 'PROTOCOL_ERROR'],
    ['* BYE Server shutting down', 'SERVER_UNAVAILABLE'],
    ['{tag}', 'PROTOCOL_ERROR'],
  ])('%s', async (select, code) => {
    const result = await run({ answers: { select } }, { timeouts: { responseMs: 300 } })
    expect(story(result)).toBe(`${signedIn}, OPEN_INBOX failed ${code}`)
  })

  test('silent', async () => {
    const result = await run({ answers: { select: () => undefined } }, { timeouts: { responseMs: 200 } })
    expect(story(result)).toBe(`${signedIn}, OPEN_INBOX failed RESPONSE_TIMEOUT`)
  })

  test('100 MB in one line are not taken in', async () => {
    let written = 0
    const select: Answer = ({ socket }) => {
      const chunk = Buffer.alloc(64 * 1024, 'x')
      const pump = () => {
        while (written < 100 * 1024 * 1024 && !socket.destroyed) {
          written += chunk.length
          if (!socket.write(chunk)) return
        }
      }
      socket.write('* OK ')
      socket.on('drain', pump)
      pump()
      return undefined
    }
    const result = await run({ answers: { select } })
    expect(story(result)).toBe(`${signedIn}, OPEN_INBOX failed PROTOCOL_ERROR`)
    expect(written).toBeLessThan(16 * 1024 * 1024)
  })

  test('one that wants to know who we are is told', async () => {
    let isKnown = false
    const id: Answer = ({ tag, rest }) => {
      isKnown = /"Mailwarden"/.test(rest)
      return `* ID NIL\r\n${tag} OK done`
    }
    const select: Answer = ({ tag }) =>
      isKnown ? `* 0 EXISTS\r\n${tag} OK open` : `${tag} NO SELECT Unsafe Login. Please contact kefu@188.com for help`
    const result = await run({ answers: { id, select } })
    expect(story(result)).toBe(`${signedIn}, OPEN_INBOX ok`)
  })

  test('a server that hangs up after the farewell is no failure', async () => {
    const result = await run({ answers: { logout: ({ socket }) => void socket.resetAndDestroy() } })
    expect(failureOf(result)).toBeUndefined()
  })
})
