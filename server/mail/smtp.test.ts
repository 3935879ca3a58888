import { afterEach, describe, expect, test } from '@jest/globals'
import { waitFor } from '../test/wait-for'
import { ErrorNature } from './mail-error'
import type { ProbeSettings } from './probe'
import { failureOf, loopback, PASSWORD, settingsFor, story } from './probe-cases'
import type { Answer, ScriptedServer, SmtpScript } from './scripted-servers'
import { smtpServer } from './scripted-servers'
import type { SmtpProbeOptions } from './smtp'
import { probeSmtp } from './smtp'
import { TEST_HEADER } from './test-token'

const opened = 'DNS ok, CONNECT ok, GREETING ok'
const signedIn = `${opened}, AUTHENTICATE ok`
const testMessage = { token: 'item.mailbox.time.signature', messageId: '<fixed@example.org>' }

let server: ScriptedServer
afterEach(async () => {
  await waitFor('the connection to be closed', () => server.open() === 0)
  await server.close()
})

async function run(script: SmtpScript, options: Partial<SmtpProbeOptions> = {}, changes: Partial<ProbeSettings> = {}) {
  server = await smtpServer(script)
  return probeSmtp(settingsFor(server.port, changes), { egress: loopback, ...options })
}

const lines = () => server.lines.join('\n')

describe('without a test message', () => {
  test('offers the envelope and withdraws it', async () => {
    const result = await run({})
    expect(story(result)).toBe(`${signedIn}, SEND ok`)
    await waitFor('the farewell', () => server.lines.includes('QUIT'))
    expect(server.lines.slice(1)).toEqual([
      `AUTH PLAIN ${Buffer.from(`\0ada\0${PASSWORD}`).toString('base64')}`,
      'MAIL FROM:<ada@example.org>',
      'RCPT TO:<ada@example.org>',
      'QUIT',
    ])
  })

  test('finds a refused sender and a refused recipient', async () => {
    expect(story(await run({ answers: { mail: '550 5.7.1 Sender refused' } }))).toBe(
      `${signedIn}, SEND failed SENDER_REFUSED`,
    )
    await server.close()
    expect(story(await run({ answers: { rcpt: '550 5.1.1 No such user' } }))).toBe(
      `${signedIn}, SEND failed RECIPIENT_REFUSED`,
    )
    expect(lines()).not.toMatch(/DATA/)
  })
})

describe('with a test message', () => {
  test('sends one that says what it is', async () => {
    const result = await run({}, { testMessage })
    expect(story(result)).toBe(`${signedIn}, SEND ok`)
    expect(server.lines).toEqual(
      expect.arrayContaining([
        'From: Mailwarden <ada@example.org>',
        'To: <ada@example.org>',
        'Message-ID: <fixed@example.org>',
        `${TEST_HEADER}: ${testMessage.token}`,
        'Auto-Submitted: auto-generated',
        '.',
      ]),
    )
    expect(lines()).toMatch(/MAIL FROM:<ada@example.org> SIZE=\d+\nRCPT TO:<ada@example.org>\nDATA\n/)
  })

  test('also with PIPELINING', async () => {
    const result = await run({ offers: ['AUTH PLAIN', 'PIPELINING'] }, { testMessage })
    expect(story(result)).toBe(`${signedIn}, SEND ok`)
  })

  test('to an internationalised domain', async () => {
    const result = await run({}, { testMessage }, { emailAddress: 'ada@bücher.example' })
    expect(story(result)).toBe(`${signedIn}, SEND ok`)
    expect(lines()).toContain('MAIL FROM:<ada@xn--bcher-kva.example>')
  })

  test.each<[string, SmtpScript['answers'], string]>([
    ['sender refused', { mail: '550 5.7.1 Sender refused' }, 'SENDER_REFUSED'],
    ['sender not owned', { rcpt: '553 5.7.1 <a@b>: Sender address rejected: not owned by user u' }, 'SENDER_REFUSED'],
    ['send as denied', { message: '554 5.2.252 SendAsDenied; u not allowed to send as a' }, 'SENDER_REFUSED'],
    ['greylisted', { rcpt: '450 4.2.0 <b@x>: Recipient address rejected: Greylisted' }, 'GREYLISTED'],
    ['local error', { rcpt: '451 4.3.0 Temporary lookup failure' }, 'SERVER_UNAVAILABLE'],
    ['closing', { rcpt: '421 4.3.2 shutting down' }, 'SERVER_UNAVAILABLE'],
    ['no such user', { rcpt: '550 5.1.1 No such user' }, 'RECIPIENT_REFUSED'],
    ['too big', { mail: '552 5.3.4 Message size exceeds fixed limit' }, 'MESSAGE_TOO_LARGE'],
    ['full', { message: '552 5.2.2 Mailbox full' }, 'QUOTA_EXCEEDED'],
    ['spam', { message: '554 5.7.1 Message refused: spam' }, 'MESSAGE_REFUSED'],
    ['DATA refused', { data: '554 5.7.1 no' }, 'MESSAGE_REFUSED'],
    ['TLS wanted', { mail: '530 5.7.0 Must issue a STARTTLS command first' }, 'TLS_REQUIRED'],
    ['concurrency', { mail: '432 4.3.2 Concurrent connections limit exceeded' }, 'TOO_MANY_CONNECTIONS'],
    ['nonsense', { mail: 'hello there' }, 'PROTOCOL_ERROR'],
    ['cut off', { message: ({ socket }) => void socket.resetAndDestroy() }, 'CONNECTION_RESET'],
    ['hung up', { message: ({ socket }) => void socket.end() }, 'CONNECTION_RESET'],
    ['silent', { message: () => undefined }, 'RESPONSE_TIMEOUT'],
  ])('%s', async (_what, answers, code) => {
    const result = await run({ answers }, { testMessage }, { timeouts: { responseMs: 300 } })
    expect(story(result)).toBe(`${signedIn}, SEND failed ${code}`)
  })

  test('not with an address that is none', async () => {
    const emailAddress = 'ada@example.org>\r\nRCPT TO:<eve@example.org'
    const result = await run({}, { testMessage }, { emailAddress })
    expect(story(result)).toBe(`${signedIn}, SEND failed SENDER_REFUSED`)
    expect(failureOf(result)?.field).toBe('emailAddress')
    expect(lines()).not.toMatch(/MAIL|eve/)
  })

  test('not with a token that could begin a header', async () => {
    const result = await run({}, { testMessage: { token: 'x\r\nBcc: eve@example.org' } })
    expect(story(result)).toBe(`${signedIn}, SEND failed UNKNOWN`)
    expect(lines()).not.toMatch(/MAIL|eve/)
  })
})

describe('at the greeting', () => {
  test.each([
    ['421 4.3.2 Service not available, too many connections', 'TOO_MANY_CONNECTIONS', ErrorNature.TRANSIENT],
    ['421 4.3.2 not now', 'SERVER_UNAVAILABLE', ErrorNature.TRANSIENT],
    ['554 5.7.1 You are not allowed to connect', 'SERVER_UNAVAILABLE', ErrorNature.PERMANENT],
    ['250 strange', 'PROTOCOL_ERROR', ErrorNature.TRANSIENT],
  ])('%s', async (greeting, code, nature) => {
    const result = await run({ greeting })
    expect(story(result)).toBe(`DNS ok, CONNECT ok, GREETING failed ${code}`)
    expect(failureOf(result)?.nature).toBe(nature)
  })

  test('of several lines', async () => {
    const result = await run({ greeting: '220-mail.example.org\r\n220-be nice\r\n220 ready' })
    expect(failureOf(result)).toBeUndefined()
  })
})

describe('at the sign-in', () => {
  test('not offered', async () => {
    const result = await run({ offers: ['SIZE 1000'] })
    expect(story(result)).toBe(`${opened}, AUTHENTICATE failed AUTHENTICATION_METHOD_UNAVAILABLE`)
    expect(lines()).not.toMatch(/^AUTH/m)
  })

  test('of a kind that has no password', async () => {
    const answers = { auth: '504 5.7.4 Unrecognized authentication type' }
    const result = await run({ offers: ['AUTH GSSAPI'], answers })
    expect(story(result)).toBe(`${opened}, AUTHENTICATE failed AUTHENTICATION_METHOD_UNAVAILABLE`)
  })

  test('in two parts', async () => {
    const auth: Answer = ({ socket }) => {
      socket.once('data', () => {
        socket.write('334 UGFzc3dvcmQ6\r\n')
        socket.once('data', () => socket.write('235 in\r\n'))
      })
      return '334 VXNlcm5hbWU6'
    }
    const answers = { auth, [Buffer.from('ada').toString('base64').toLowerCase()]: () => undefined }
    const withPassword = { ...answers, [Buffer.from(PASSWORD).toString('base64').toLowerCase()]: () => undefined }
    const result = await run({ offers: ['AUTH LOGIN'], answers: withPassword })
    expect(failureOf(result)).toBeUndefined()
  })

  test.each([
    ['535 5.7.8 Error: authentication failed', 'AUTHENTICATION_FAILED'],
    ['534-5.7.9 Application-specific password required.\r\n534 5.7.9  https://x', 'APP_PASSWORD_REQUIRED'],
    ['535 5.7.139 Authentication unsuccessful, basic authentication is disabled.', 'AUTHENTICATION_METHOD_UNAVAILABLE'],
    ['454 4.7.0 Temporary authentication failure', 'SERVER_UNAVAILABLE'],
    ['421 4.7.0 Too many login attempts', 'THROTTLED'],
    ['538 5.7.11 Encryption required for requested authentication mechanism', 'TLS_REQUIRED'],
    ['nonsense', 'PROTOCOL_ERROR'],
  ])('%s', async (auth, code) => {
    const result = await run({ answers: { auth } })
    expect(story(result)).toBe(`${opened}, AUTHENTICATE failed ${code}`)
  })

  test.each(['ehlo', 'auth'])('silent at %s', async (verb) => {
    const result = await run({ answers: { [verb]: () => undefined } }, {}, { timeouts: { responseMs: 200 } })
    expect(story(result)).toBe(`${opened}, AUTHENTICATE failed RESPONSE_TIMEOUT`)
  })

  test('answered byte by byte', async () => {
    const ehlo: Answer = ({ socket }) => {
      const timer = setInterval(() => socket.write('2'), 20)
      socket.once('close', () => clearInterval(timer))
      return undefined
    }
    const result = await run({ answers: { ehlo } }, {}, { timeouts: { responseMs: 150 } })
    expect(story(result)).toBe(`${opened}, AUTHENTICATE failed RESPONSE_TIMEOUT`)
    expect(result.durationMs).toBeLessThan(3000)
  })

  test('100 MB in one line are not taken in', async () => {
    let written = 0
    const ehlo: Answer = ({ socket }) => {
      const chunk = Buffer.alloc(64 * 1024, 'x')
      const pump = () => {
        while (written < 100 * 1024 * 1024 && !socket.destroyed) {
          written += chunk.length
          if (!socket.write(chunk)) return
        }
      }
      socket.on('drain', pump)
      pump()
      return undefined
    }
    const result = await run({ answers: { ehlo } })
    expect(story(result)).toBe(`${opened}, AUTHENTICATE failed PROTOCOL_ERROR`)
    expect(written).toBeLessThan(16 * 1024 * 1024)
  })
})
