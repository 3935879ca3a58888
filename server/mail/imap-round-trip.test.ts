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

  test('moves it to the trash at Gmail, where expunging would only archive it', async () => {
    const script = inboxOf([{ uid: 9, header: token }], 'UIDPLUS X-GM-EXT-1')
    const result = await run(script, {}, { roundTrip: { token, verify, sent: Promise.resolve(true) } })
    expect(story(result)).toBe(`${before}, RECEIVE ok`)
    expect(server.lines.join('\n')).toMatch(/UID STORE 9 \+X-GM-LABELS \(\\Trash\)/)
    expect(server.lines.join('\n')).not.toMatch(/EXPUNGE/)
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
