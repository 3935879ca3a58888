import { setTimeout as pause } from 'node:timers/promises'
import { afterEach, describe, expect, test } from '@jest/globals'
import { waitFor } from '../test/wait-for'
import type { ImapProbeOptions } from './imap'
import { probeImap } from './imap'
import { ErrorActor } from './mail-error'
import type { ProbeSettings } from './probe'
import { StepState } from './probe'
import { failureOf, loopback, settingsFor, story } from './probe-cases'
import type { Answer, ImapScript, ScriptedServer } from './scripted-servers'
import { imapServer } from './scripted-servers'
import { signTestToken, TEST_HEADER, verifyTestToken } from './test-token'

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

  test('a server that hangs up after the farewell is no failure', async () => {
    const result = await run({ answers: { logout: ({ socket }) => void socket.resetAndDestroy() } })
    expect(failureOf(result)).toBeUndefined()
  })
})

describe('the round trip', () => {
  const key = 'key'
  const newToken = (itemId = 'item', at = new Date()) => signTestToken(key, { itemId, mailboxId: 'mailbox', at })
  const verify = (text: string) => verifyTestToken(key, text, new Date()) !== undefined
  const before = `${opened}, AUTHENTICATE ok, OPEN_INBOX ok`
  const token = newToken()

  /** An inbox in which messages can be put and that obeys what the test of it says. */
  function inboxOf(messages: { uid: number; header?: string; deleted?: boolean }[], capabilities = 'UIDPLUS') {
    const numbered = () => messages.map((message, index) => ({ ...message, seq: index + 1 }))
    let announced = messages.length
    const inRange = (uid: number, set: string) =>
      set.split(',').some((part) => {
        const [from, to = from] = part.split(':')
        return uid >= Number(from) && (to === '*' || uid <= Number(to))
      })
    const headerOf = (header?: string) => (header ? `${TEST_HEADER}: ${header}\r\n\r\n` : '\r\n')
    const rows = (chosen: ReturnType<typeof numbered>) =>
      chosen
        .map(({ seq, uid, header }) => {
          const text = headerOf(header)
          return `* ${seq} FETCH (UID ${uid} BODY[HEADER.FIELDS (X-MAILWARDEN-TEST)] {${text.length}}\r\n${text})\r\n`
        })
        .join('')
    const search: Answer = ({ tag, rest }) => {
      const isForDeleted = /DELETED/.test(rest)
      const found = messages.filter((message) => (isForDeleted ? message.deleted : message.header !== undefined))
      return `* SEARCH ${found.map(({ uid }) => uid).join(' ')}\r\n${tag} OK done`.replace('SEARCH \r', 'SEARCH\r')
    }
    const expunge = (isDoomed: (uid: number) => boolean) => {
      const gone = numbered().filter(({ uid, deleted }) => deleted && isDoomed(uid))
      for (const { uid } of gone)
        messages.splice(
          messages.findIndex((message) => message.uid === uid),
          1,
        )
      announced = messages.length
      return gone
        .reverse()
        .map(({ seq }) => `* ${seq} EXPUNGE\r\n`)
        .join('')
    }
    const answers: ImapScript['answers'] = {
      select: ({ tag }) =>
        `* ${announced} EXISTS\r\n* OK [UIDVALIDITY 1] x\r\n* OK [UIDNEXT ${(messages.at(-1)?.uid ?? 0) + 1}] x\r\n${tag} OK [READ-WRITE] open`,
      noop: ({ tag }) => {
        const news = announced === messages.length ? '' : `* ${messages.length} EXISTS\r\n`
        announced = messages.length
        return `${news}${tag} OK done`
      },
      fetch: ({ tag, rest }) => {
        const set = rest.split(' ')[0] ?? ''
        return `${rows(numbered().filter(({ seq }) => inRange(seq, set)))}${tag} OK done`
      },
      'uid fetch': ({ tag, rest }) => {
        const set = rest.split(' ')[0] ?? ''
        return `${rows(numbered().filter(({ uid }) => inRange(uid, set)))}${tag} OK done`
      },
      'uid search': search,
      'uid store': ({ tag, rest }) => {
        for (const message of messages) if (inRange(message.uid, rest.split(' ')[0] ?? '')) message.deleted = true
        return `${tag} OK done`
      },
      'uid expunge': ({ tag, rest }) => `${expunge((uid) => inRange(uid, rest))}${tag} OK done`,
      expunge: ({ tag }) => `${expunge(() => true)}${tag} OK done`,
    }
    return { answers, capabilities: `IMAP4rev1 AUTH=PLAIN ${capabilities}` }
  }

  test('finds the message that came before, and removes it', async () => {
    const messages = [{ uid: 4 }, { uid: 9, header: token }]
    const result = await run(inboxOf(messages), {}, { roundTrip: { token, verify, sent: Promise.resolve(true) } })
    expect(story(result)).toBe(`${before}, RECEIVE ok`)
    expect(messages.map(({ uid }) => uid)).toEqual([4])
  })

  test('waits for the message that comes after', async () => {
    const messages: { uid: number; header?: string }[] = [{ uid: 4 }]
    const script = inboxOf(messages)
    const noop = script.answers?.noop as Answer
    let asked = 0
    script.answers = {
      ...script.answers,
      noop: (command) => {
        asked += 1
        if (asked === 2) messages.push({ uid: 5 })
        if (asked === 3) messages.push({ uid: 6, header: token }, { uid: 7 })
        return noop(command)
      },
    }
    const result = await run(script, {}, { roundTrip: { token, verify, sent: Promise.resolve(true) } })
    expect(story(result)).toBe(`${before}, RECEIVE ok`)
    expect(messages.map(({ uid }) => uid)).toEqual([4, 5, 7])
  })

  test('removes what earlier runs left behind, and nothing that only looks like it', async () => {
    const old = newToken('earlier', new Date(Date.now() - 24 * 60 * 60 * 1000))
    const expired = newToken('ancient', new Date(Date.now() - 8 * 24 * 60 * 60 * 1000))
    const forged = signTestToken('another key', { itemId: 'x', mailboxId: 'y', at: new Date() })
    const messages = [
      { uid: 1, header: expired },
      { uid: 2, header: old },
      { uid: 3, header: forged },
      ...Array.from({ length: 30 }, (_, index) => ({ uid: 10 + index })),
      { uid: 90, header: token },
    ]
    const result = await run(inboxOf(messages), {}, { roundTrip: { token, verify, sent: Promise.resolve(true) } })
    expect(story(result)).toBe(`${before}, RECEIVE ok`)
    const left = messages.map(({ uid }) => uid)
    expect(left).toHaveLength(32)
    expect(left.slice(0, 2)).toEqual([1, 3])
  })

  test('without UIDPLUS leaves alone what the owner has only marked', async () => {
    const messages = [
      { uid: 4, deleted: true },
      { uid: 9, header: token, deleted: false },
    ]
    const result = await run(inboxOf(messages, ''), {}, { roundTrip: { token, verify, sent: Promise.resolve(true) } })
    expect(story(result)).toBe(`${before}, RECEIVE ok`)
    expect(messages).toEqual([
      { uid: 4, deleted: true },
      { uid: 9, header: token, deleted: true },
    ])
  })

  test('without UIDPLUS expunges when nothing else is marked', async () => {
    const messages = [{ uid: 4 }, { uid: 9, header: token }]
    const result = await run(inboxOf(messages, ''), {}, { roundTrip: { token, verify, sent: Promise.resolve(true) } })
    expect(story(result)).toBe(`${before}, RECEIVE ok`)
    expect(messages.map(({ uid }) => uid)).toEqual([4])
  })

  test('does not take a forged message for it', async () => {
    const messages = [{ uid: 9, header: 'forged' }]
    const roundTrip = { token: 'forged', verify, sent: Promise.resolve(true) }
    const result = await run(inboxOf(messages), { timeouts: { receiveMs: 150 } }, { roundTrip })
    expect(story(result)).toBe(`${before}, RECEIVE failed ROUND_TRIP_TIMEOUT`)
    expect(messages).toHaveLength(1)
  })

  test('gives up when nothing comes', async () => {
    const roundTrip = { token, verify, sent: Promise.resolve(true) }
    const result = await run(inboxOf([]), { timeouts: { receiveMs: 200 } }, { roundTrip })
    expect(story(result)).toBe(`${before}, RECEIVE failed ROUND_TRIP_TIMEOUT`)
    expect(failureOf(result)?.actor).toBe(ErrorActor.ADMINISTRATOR)
  })

  test('waits in silence until the message is sent', async () => {
    const messages = [{ uid: 9, header: token }]
    const sent = pause(600).then(() => true)
    const result = await run(
      inboxOf(messages),
      { timeouts: { responseMs: 200 } },
      { roundTrip: { token, verify, sent } },
    )
    expect(story(result)).toBe(`${before}, RECEIVE ok`)
  })

  test.each([
    ['was refused', Promise.resolve(false)],
    ['could not be sent', Promise.reject(new Error('no'))],
  ])('is skipped when the message %s', async (_why, sent) => {
    sent.catch(() => undefined)
    const messages = [{ uid: 9, header: token }]
    const result = await run(inboxOf(messages), {}, { roundTrip: { token, verify, sent } })
    expect(story(result)).toBe(before)
    expect(result.steps.at(-1)).toMatchObject({ name: 'RECEIVE', state: StepState.SKIPPED })
    expect(messages).toHaveLength(1)
  })

  test('fails when the connection breaks while the message is on its way', async () => {
    const script = inboxOf([])
    const select = script.answers?.select as Answer
    script.answers = {
      ...script.answers,
      select: (command) => {
        setImmediate(() => command.socket.end('* BYE Autologout; idle for too long\r\n'))
        return select(command)
      },
    }
    const sent = new Promise<boolean>(() => undefined)
    const result = await run(script, {}, { roundTrip: { token, verify, sent } })
    expect(story(result)).toBe(`${before}, RECEIVE failed SERVER_UNAVAILABLE`)
  })

  test('fails when the message cannot be removed', async () => {
    const script = inboxOf([{ uid: 9, header: token }])
    script.answers = { ...script.answers, 'uid store': '{tag} NO [NOPERM] no' }
    const result = await run(script, {}, { roundTrip: { token, verify, sent: Promise.resolve(true) } })
    expect(story(result)).toBe(`${before}, RECEIVE failed INBOX_READ_ONLY`)
  })

  test('fails when the server falls silent', async () => {
    const script = inboxOf([])
    script.answers = { ...script.answers, noop: () => undefined }
    const roundTrip = { token, verify, sent: Promise.resolve(true) }
    const result = await run(script, { timeouts: { responseMs: 200 } }, { roundTrip })
    expect(story(result)).toBe(`${before}, RECEIVE failed RESPONSE_TIMEOUT`)
  })
})
