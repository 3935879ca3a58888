import type { Socket } from 'node:net'
import { connect } from 'node:net'
import { Worker } from 'node:worker_threads'
import { afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { waitFor } from '../test/wait-for'
import { makeEgressPolicy } from './egress'
import { ErrorActor, ErrorNature } from './mail-error'
import type { ProbeSettings, ProbeStep } from './probe'
import { ConnectionSecurity, StepState } from './probe'
import { failureOf, PASSWORD, protocols, settingsFor, story } from './probe-cases'
import type { Certificates, ScriptedServer } from './scripted-servers'
import { imapServer, listen, makeCertificates, onLines, smtpServer } from './scripted-servers'

const { TLS, STARTTLS, NONE } = ConnectionSecurity

let certificates: Certificates
const servers: ScriptedServer[] = []

beforeAll(() => {
  certificates = makeCertificates()
})
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()))
})

/** Closes the server after the test. */
async function started(server: Promise<ScriptedServer>): Promise<ScriptedServer> {
  servers.push(await server)
  return server
}

function settings(port: number, security: ConnectionSecurity, changes: Partial<ProbeSettings> = {}): ProbeSettings {
  const endpoint = { host: 'localhost', port, security }
  return settingsFor(port, { endpoint, trustedCertificates: certificates.authority, ...changes })
}

const soon = { connectMs: 300, greetingMs: 200, responseMs: 300, receiveMs: 300, totalMs: 5000 }

/** Answers nothing but what looks like a line to it, as a web server does. */
const webServer = (socket: Socket) => {
  socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n'))
}

describe.each(protocols)('$name', ({ name, probe, serve, last, field }) => {
  const rest = last === 'SEND' ? 'AUTHENTICATE ok, SEND ok' : 'AUTHENTICATE ok, OPEN_INBOX ok'

  describe('opens one connection', () => {
    test('without TLS', async () => {
      const server = await started(serve())
      const result = await probe(settings(server.port, NONE))
      expect(story(result)).toBe(`DNS ok, CONNECT ok, GREETING ok, ${rest}`)
      expect(server.connections).toBe(1)
      await waitFor('the connection to be closed', () => server.open() === 0)
    })

    test('with TLS from the first byte', async () => {
      const server = await started(serve(certificates.good, true))
      const result = await probe(settings(server.port, TLS))
      expect(story(result)).toBe(`DNS ok, CONNECT ok, TLS ok, GREETING ok, ${rest}`)
      expect(server.connections).toBe(1)
      await waitFor('the connection to be closed', () => server.open() === 0)
    })

    test('with STARTTLS', async () => {
      const server = await started(serve(certificates.good))
      const result = await probe(settings(server.port, STARTTLS))
      expect(story(result)).toBe(`DNS ok, CONNECT ok, GREETING ok, TLS ok, ${rest}`)
      expect(server.connections).toBe(1)
      await waitFor('the connection to be closed', () => server.open() === 0)
    })

    test('to an address instead of a name', async () => {
      const server = await started(serve(certificates.good, true))
      const endpoint = { host: '127.0.0.1', port: server.port, security: TLS }
      const result = await probe(settings(server.port, TLS, { endpoint }))
      expect(failureOf(result)).toBeUndefined()
    })

    test('and tells each step when it starts and ends, with a copy', async () => {
      const server = await started(serve())
      const told: ProbeStep[] = []
      const result = await probe(settings(server.port, NONE), { onStep: (step) => told.push(step) })
      const names = result.steps.flatMap(({ name: step }) => [`${step} RUNNING`, `${step} SUCCEEDED`])
      expect(told.map((step) => `${step.name} ${step.state}`)).toEqual(names)
      expect(result.steps.every((step) => typeof step.durationMs === 'number')).toBe(true)
      expect(told).not.toContain(result.steps[0])
    })
  })

  describe('fails at DNS', () => {
    test('for a name that cannot be one, without asking', async () => {
      const endpoint = { host: 'mail.example.org\r\nNOOP', port: 143, security: NONE }
      const result = await probe(settings(143, NONE, { endpoint }))
      expect(story(result)).toBe('DNS failed DNS_NOT_FOUND')
      expect(failureOf(result)?.field).toBe(`${field}.host`)
    })

    test('for a name that is nowhere', async () => {
      const endpoint = { host: 'nowhere.invalid', port: 143, security: NONE }
      const result = await probe(settings(143, NONE, { endpoint }))
      expect(story(result)).toMatch(/^DNS failed DNS_(NOT_FOUND|TEMPORARY)$/)
    })

    test('for an address that may not be reached, without connecting', async () => {
      const server = await started(serve())
      const egress = makeEgressPolicy({ allow: [], deny: [] })
      const result = await probe(settings(server.port, NONE), { egress })
      expect(story(result)).toBe('DNS failed HOST_NOT_ALLOWED')
      expect(server.connections).toBe(0)
    })
  })

  describe('fails at CONNECT', () => {
    test('when nothing listens', async () => {
      const server = await serve()
      await server.close()
      const result = await probe(settings(server.port, NONE))
      expect(story(result)).toBe('DNS ok, CONNECT failed CONNECTION_REFUSED')
      expect(failureOf(result)?.field).toBe(`${field}.port`)
    })

    test('when nobody answers', async () => {
      const hole = await blackHole()
      const result = await probe(settings(hole.port, NONE, { timeouts: soon }))
      expect(story(result)).toBe('DNS ok, CONNECT failed CONNECT_TIMEOUT')
      await hole.close()
    })

    test('for a port that is none', async () => {
      const result = await probe(settings(70_000, NONE))
      expect(story(result)).toBe('DNS ok, CONNECT failed CONNECTION_REFUSED')
    })
  })

  describe.each([TLS, STARTTLS])('checks the certificate with %s', (security) => {
    const before = security === TLS ? 'DNS ok, CONNECT ok' : 'DNS ok, CONNECT ok, GREETING ok'

    test.each([
      ['expired', 'TLS_CERTIFICATE_EXPIRED'],
      ['selfSigned', 'TLS_CERTIFICATE_UNTRUSTED'],
      ['otherHost', 'TLS_HOSTNAME_MISMATCH'],
    ] as const)('%s', async (pair, code) => {
      const server = await started(serve(certificates[pair], security === TLS))
      const result = await probe(settings(server.port, security))
      expect(story(result)).toBe(`${before}, TLS failed ${code}`)
      expect(server.connections).toBe(1)
      await waitFor('the connection to be closed', () => server.open() === 0)
    })

    test('of an authority nobody named', async () => {
      const server = await started(serve(certificates.good, security === TLS))
      const result = await probe(settings(server.port, security, { trustedCertificates: undefined }))
      expect(story(result)).toBe(`${before}, TLS failed TLS_CERTIFICATE_UNTRUSTED`)
    })

    test('against each of several trusted ones', async () => {
      const server = await started(serve(certificates.good, security === TLS))
      const trustedCertificates = `${certificates.selfSigned.cert}\n${certificates.authority}`
      const result = await probe(settings(server.port, security, { trustedCertificates }))
      expect(failureOf(result)).toBeUndefined()
    })

    test('only if the profile wants it', async () => {
      const server = await started(serve(certificates.expired, security === TLS))
      const result = await probe(settings(server.port, security, { verifyCertificates: false }))
      expect(failureOf(result)).toBeUndefined()
    })

    test('and says when what is trusted cannot be read', async () => {
      const server = await started(serve(certificates.good, security === TLS))
      const trustedCertificates = '-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----'
      const result = await probe(settings(server.port, security, { trustedCertificates }))
      expect(story(result)).toBe(`${before}, TLS failed TLS_CERTIFICATE_UNTRUSTED`)
    })

    test('with a version of TLS that both know', async () => {
      const old = { ...certificates.good, minVersion: 'TLSv1' as const, maxVersion: 'TLSv1.1' as const }
      const tls = { ...old, ciphers: 'ALL:@SECLEVEL=0' }
      const script = { tls, implicitTls: security === TLS }
      const server = await started(name === 'IMAP' ? imapServer(script) : smtpServer(script))
      const result = await probe(settings(server.port, security))
      expect(story(result)).toBe(`${before}, TLS failed TLS_PROTOCOL`)
    })
  })

  describe('finds the wrong mode', () => {
    test('TLS to a port without', async () => {
      const server = await started(serve())
      const result = await probe(settings(server.port, TLS))
      expect(story(result)).toBe('DNS ok, CONNECT ok, TLS failed TLS_WRONG_MODE')
      expect(failureOf(result)?.field).toBe(`${field}.security`)
      expect(server.connections).toBe(2)
      await waitFor('the connections to be closed', () => server.open() === 0)
    })

    test.each([NONE, STARTTLS])('%s to a port with TLS', async (security) => {
      const server = await started(serve(certificates.good, true))
      const result = await probe(settings(server.port, security, { timeouts: soon }))
      expect(story(result)).toBe('DNS ok, CONNECT ok, GREETING failed TLS_WRONG_MODE')
      expect(failureOf(result)?.field).toBe(`${field}.security`)
      expect(server.connections).toBe(1)
    })

    test('when the server for TLS loses its patience first', async () => {
      const server = await started(listen((socket) => socket.end(Buffer.from([0x15, 3, 1, 0, 2, 2, 40]))))
      const result = await probe(settings(server.port, NONE))
      expect(story(result)).toBe('DNS ok, CONNECT ok, GREETING failed TLS_WRONG_MODE')
    })
  })

  describe('finds another protocol', () => {
    const otherMailServer = name === 'IMAP' ? '220 mail.example.org ESMTP\r\n' : '* OK IMAP4rev1 ready\r\n'
    const banners: [string, string][] = [
      ['SSH', 'SSH-2.0-OpenSSH_9.2p1\r\n'],
      ['POP3', '+OK ready\r\n'],
      ['the other mail protocol', otherMailServer],
      ['an error page', 'HTTP/1.1 400 Bad Request\r\n\r\n'],
      ['garbage', '\u0001\u0002garbage\u0003\r\n'],
    ]

    test.each(banners)('%s', async (_what, banner) => {
      const server = await started(listen((socket) => socket.write(banner, 'latin1')))
      const result = await probe(settings(server.port, NONE))
      expect(story(result)).toBe('DNS ok, CONNECT ok, GREETING failed NOT_THIS_PROTOCOL')
      expect(failureOf(result)).toMatchObject({ nature: ErrorNature.PERMANENT, field: `${field}.port` })
    })

    test.each(banners)('%s where TLS was expected', async (_what, banner) => {
      const server = await started(listen((socket) => socket.write(banner, 'latin1')))
      const result = await probe(settings(server.port, TLS))
      expect(story(result)).toBe('DNS ok, CONNECT ok, TLS failed NOT_THIS_PROTOCOL')
    })

    test('half a line, then nothing', async () => {
      const server = await started(listen((socket) => socket.end('SSH-2.0')))
      const result = await probe(settings(server.port, NONE))
      expect(story(result)).toBe('DNS ok, CONNECT ok, GREETING failed NOT_THIS_PROTOCOL')
    })

    test('behind TLS', async () => {
      const server = await started(listen((socket) => socket.write(otherMailServer), certificates.good))
      const result = await probe(settings(server.port, TLS))
      expect(story(result)).toBe('DNS ok, CONNECT ok, TLS ok, GREETING failed NOT_THIS_PROTOCOL')
    })

    test('a web server, which waits to be asked', async () => {
      const server = await started(listen(webServer))
      const result = await probe(settings(server.port, NONE, { timeouts: soon }))
      expect(story(result)).toBe('DNS ok, CONNECT ok, GREETING failed NOT_THIS_PROTOCOL')
    })

    test('a web server where TLS was expected', async () => {
      const server = await started(listen(webServer))
      const result = await probe(settings(server.port, TLS, { timeouts: soon }))
      expect(story(result)).toBe('DNS ok, CONNECT ok, TLS failed NOT_THIS_PROTOCOL')
    })
  })

  describe('ends', () => {
    test('when the server is silent', async () => {
      const server = await started(listen((socket) => socket.resume()))
      const result = await probe(settings(server.port, NONE, { timeouts: soon }))
      expect(story(result)).toBe('DNS ok, CONNECT ok, GREETING failed GREETING_TIMEOUT')
      await waitFor('the connection to be closed', () => server.open() === 0)
    })

    test('when the server greets byte by byte', async () => {
      const server = await started(listen(byteByByte('* OK a greeting that takes a long time to come to its end')))
      const result = await probe(settings(server.port, NONE, { timeouts: soon }))
      expect(story(result)).toBe('DNS ok, CONNECT ok, GREETING failed GREETING_TIMEOUT')
    })

    test('when the server is silent behind TLS', async () => {
      const server = await started(listen(() => undefined, certificates.good))
      const result = await probe(settings(server.port, TLS, { timeouts: soon }))
      expect(story(result)).toBe('DNS ok, CONNECT ok, TLS ok, GREETING failed GREETING_TIMEOUT')
    })

    test('when the handshake never comes', async () => {
      const server = await started(listen((socket) => socket.resume()))
      const result = await probe(settings(server.port, TLS, { timeouts: soon }))
      expect(story(result)).toBe('DNS ok, CONNECT ok, TLS failed RESPONSE_TIMEOUT')
      await waitFor('the connection to be closed', () => server.open() === 0)
    })

    test('when the server hangs up at once', async () => {
      const server = await started(listen((socket) => socket.end()))
      const result = await probe(settings(server.port, NONE))
      expect(story(result)).toBe('DNS ok, CONNECT ok, GREETING failed CONNECTION_RESET')
    })

    test('when the server resets the connection', async () => {
      const server = await started(listen((socket) => socket.resetAndDestroy()))
      const result = await probe(settings(server.port, NONE))
      expect(story(result)).toMatch(/(CONNECT|GREETING) failed CONNECTION_RESET$/)
    })

    test('when the server hangs up in the handshake', async () => {
      const server = await started(listen((socket) => socket.once('data', () => socket.end())))
      const result = await probe(settings(server.port, TLS, { timeouts: soon }))
      expect(story(result)).toBe('DNS ok, CONNECT ok, TLS failed CONNECTION_RESET')
    })

    test.each([NONE, TLS])('when a line has no end (%s), and does not take it in', async (security) => {
      const flood = floods(100 * 1024 * 1024, name === 'IMAP' ? '* OK ' : '220 ')
      const server = await started(listen(flood.start, security === TLS ? certificates.good : undefined))
      const result = await probe(settings(server.port, security))
      expect(failureOf(result)?.code).toBe('PROTOCOL_ERROR')
      await waitFor('the connection to be closed', () => server.open() === 0)
      expect(flood.written()).toBeLessThan(16 * 1024 * 1024)
    })

    test('when its own time is up, whatever it is doing', async () => {
      const server = await started(listen(byteByByte('* OK '.repeat(1000))))
      const timeouts = { ...soon, greetingMs: 5000, totalMs: 150 }
      const result = await probe(settings(server.port, NONE, { timeouts }))
      expect(story(result)).toBe('DNS ok, CONNECT ok, GREETING failed GREETING_TIMEOUT')
      expect(result.durationMs).toBeLessThan(2000)
    })
  })

  describe('needs STARTTLS', () => {
    test('offered', async () => {
      const server = await started(serve())
      const result = await probe(settings(server.port, STARTTLS))
      expect(story(result)).toBe('DNS ok, CONNECT ok, GREETING ok, TLS failed TLS_NOT_OFFERED')
      expect(failureOf(result)?.nature).toBe(ErrorNature.PERMANENT)
      expect(server.lines.join()).not.toMatch(/LOGIN|AUTH/)
    })

    test('to start now', async () => {
      const answers = { starttls: name === 'IMAP' ? '{tag} NO not now' : '454 4.7.0 TLS not available' }
      const script = { tls: certificates.good, answers }
      const server = await started(name === 'IMAP' ? imapServer(script) : smtpServer(script))
      const result = await probe(settings(server.port, STARTTLS))
      expect(story(result)).toBe('DNS ok, CONNECT ok, GREETING ok, TLS failed TLS_NOT_OFFERED')
      expect(failureOf(result)).toMatchObject({ nature: ErrorNature.TRANSIENT, actor: ErrorActor.NOBODY })
    })

    test('to be followed by a handshake', async () => {
      const answers = { starttls: name === 'IMAP' ? '{tag} OK begin' : '220 begin' }
      const script = {
        ...(name === 'IMAP' ? { capabilities: 'IMAP4rev1 STARTTLS' } : { offers: ['STARTTLS'] }),
        answers,
      }
      const server = await started(name === 'IMAP' ? imapServer(script) : smtpServer(script))
      const result = await probe(settings(server.port, STARTTLS, { timeouts: soon }))
      expect(story(result)).toMatch(/GREETING ok, TLS failed (RESPONSE_TIMEOUT|TLS_WRONG_MODE)$/)
    })

    test('not to be followed by anything in plain text', async () => {
      const ok = name === 'IMAP' ? '{tag} OK begin\r\n* OK injected' : '220 begin\r\n250 injected'
      const script = { tls: certificates.good, answers: { starttls: ok } }
      const server = await started(name === 'IMAP' ? imapServer(script) : smtpServer(script))
      const result = await probe(settings(server.port, STARTTLS))
      expect(story(result)).toBe('DNS ok, CONNECT ok, GREETING ok, TLS failed PROTOCOL_ERROR')
    })
  })

  describe('does not send', () => {
    test.each([
      ['a password with a line break', { password: 'x\r\nA1 DELETE INBOX' }, 'CREDENTIALS_UNREADABLE'],
      ['a user name with a line break', { username: 'ada\nx' }, 'CREDENTIALS_UNREADABLE'],
      ['a NUL', { password: 'x\0y' }, 'CREDENTIALS_UNREADABLE'],
      ['an empty password', { password: '' }, 'CREDENTIALS_MISSING'],
      ['an empty user name', { username: '' }, 'CREDENTIALS_MISSING'],
    ])('%s', async (_what, changes, code) => {
      const server = await started(serve())
      const result = await probe(settings(server.port, NONE, changes))
      expect(failureOf(result)?.code).toBe(code)
      expect(result.steps.filter((step) => step.state === StepState.SKIPPED)).toHaveLength(result.steps.length - 1)
      expect(server.connections).toBe(0)
    })
  })

  describe('stops at once by its signal', () => {
    test('before it starts', async () => {
      const server = await started(serve())
      const result = await probe(settings(server.port, NONE), { signal: AbortSignal.abort() })
      expect(story(result)).toBe('DNS failed RESPONSE_TIMEOUT')
      expect(server.connections).toBe(0)
    })

    test.each(['CONNECT', 'GREETING', 'AUTHENTICATE', last])('at %s, and leaves nothing open', async (step) => {
      const server = await started(serve())
      const timersBefore = timers()
      const stop = new AbortController()
      const onStep = ({ name: current, state }: ProbeStep) => {
        if (current === step && state === StepState.RUNNING) stop.abort()
      }
      const result = await probe(settings(server.port, NONE), { signal: stop.signal, onStep })
      expect(story(result)).toMatch(new RegExp(`${step} failed RESPONSE_TIMEOUT$`))
      await waitFor('the connection to be closed', () => server.open() === 0)
      await waitFor('its timers to be gone', () => timers() <= timersBefore, { timeoutMs: 1000 })
    })

    test('while the server is silent', async () => {
      const stop = new AbortController()
      const server = await started(listen(() => stop.abort()))
      const result = await probe(settings(server.port, NONE), { signal: stop.signal })
      expect(story(result)).toMatch(/failed RESPONSE_TIMEOUT$/)
      await waitFor('the connection to be closed', () => server.open() === 0)
    })
  })

  test('never shows the password, even if the server does', async () => {
    const answer = name === 'IMAP' ? `{tag} NO wrong: ${PASSWORD}` : `535 5.7.8 wrong: ${PASSWORD}`
    const answers = { login: answer, auth: answer }
    const server = await started(name === 'IMAP' ? imapServer({ answers }) : smtpServer({ answers }))
    const result = await probe(settings(server.port, NONE))
    expect(story(result)).toMatch(/AUTHENTICATE failed AUTHENTICATION_FAILED$/)
    expect(JSON.stringify(result)).not.toContain(PASSWORD)
    expect(failureOf(result)?.serverResponse).toContain('***')
  })
})

function timers(): number {
  return process.getActiveResourcesInfo().filter((resource) => resource === 'Timeout').length
}

function byteByByte(text: string) {
  return (socket: Socket) => {
    let index = 0
    const timer = setInterval(() => socket.write(text[index++] ?? ' '), 20)
    socket.once('close', () => clearInterval(timer))
    onLines(socket, () => undefined)
  }
}

/** Sends `bytes` without a line break, as fast as they are taken. */
function floods(bytes: number, start: string) {
  let written = 0
  const chunk = Buffer.alloc(64 * 1024, 'x')
  return {
    written: () => written,
    start(socket: Socket) {
      socket.write(start)
      const pump = () => {
        while (written < bytes && !socket.destroyed) {
          written += chunk.length
          if (!socket.write(chunk)) return
        }
      }
      socket.on('drain', pump)
      pump()
    },
  }
}

/** A port whose queue of connections is full: further ones are not answered at all. */
async function blackHole(): Promise<{ port: number; close(): Promise<void> }> {
  const program = `
    const { parentPort } = require('node:worker_threads')
    const server = require('node:net').createServer()
    server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
      parentPort.postMessage(server.address().port)
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
    })`
  const worker = new Worker(program, { eval: true })
  const port = await new Promise<number>((resolve) => worker.once('message', resolve))
  const fillers = [1, 2, 3].map(() => connect(port, '127.0.0.1').on('error', () => undefined))
  await waitFor('the queue to be full', () => fillers.filter((socket) => !socket.connecting).length >= 2)
  return {
    port,
    async close() {
      for (const socket of fillers) socket.destroy()
      await worker.terminate()
    },
  }
}
