import { describe, expect, test } from '@jest/globals'
import { classifyImap, classifySmtp, redact, secretForms } from './failure'
import samples from './failure-samples.json'
import type { FaultContext } from './fault'
import { ProbeFault } from './fault'
import { ErrorScope, MailErrorCode } from './mail-error'
import type { StepName } from './probe'
import { ConnectionSecurity } from './probe'
import { MEANINGS } from './remedy'

const context: FaultContext = {
  endpoint: { host: 'mail.example.org', port: 993, security: ConnectionSecurity.TLS },
  secured: false,
  username: 'ada',
  password: 'correct horse',
  now: new Date('2026-11-23T12:00:00Z'),
}

describe('what libraries and servers were seen to report', () => {
  test.each(samples)('$protocol at $step: $case', ({ protocol, step, error, expected }) => {
    const classify = protocol === 'imap' ? classifyImap : classifySmtp
    expect(classify(error, step as StepName, context)).toMatchObject(expected)
  })
})

describe('a mail error', () => {
  test('names the field of its direction', () => {
    const refused = Object.assign(new Error('connect'), { code: 'ECONNREFUSED' })
    expect(classifyImap(refused, 'CONNECT', context).field).toBe('incoming.port')
    expect(classifySmtp(refused, 'CONNECT', context).field).toBe('outgoing.port')
    const denied = { responseStatus: 'NO', responseText: 'no' }
    expect(classifyImap(denied, 'AUTHENTICATE', context).field).toBe('password')
  })

  test('says when to try again if the server said so', () => {
    const throttled = {
      code: 'ETHROTTLE',
      responseStatus: 'BAD',
      responseText: 'Request is throttled. Suggested Backoff Time: 1200 milliseconds',
      throttleReset: 1200,
    }
    expect(classifyImap(throttled, 'AUTHENTICATE', context).retryAt).toBe('2026-11-23T12:00:01.200Z')
    const greylisted = { responseCode: 451, response: '451 4.7.1 try again in 5 minutes', command: 'RCPT TO' }
    expect(classifySmtp(greylisted, 'SEND', context).retryAt).toBeUndefined()
    const busy = { responseCode: 421, response: '421 4.7.0 Rate limit, try again in 5 minutes', command: 'AUTH PLAIN' }
    expect(classifySmtp(busy, 'AUTHENTICATE', context).retryAt).toBe('2026-11-23T12:05:00.000Z')
  })

  test('takes LOGINDISABLED for a demand of TLS only where there is none', () => {
    const disabled = { message: 'Login is disabled', authenticationFailed: true }
    expect(classifyImap(disabled, 'AUTHENTICATE', { ...context, secured: true }).code).toBe(
      MailErrorCode.AUTHENTICATION_METHOD_UNAVAILABLE,
    )
  })

  test('keeps what the probe saw itself', () => {
    const fault = new ProbeFault(MailErrorCode.NOT_THIS_PROTOCOL, { serverText: 'SSH-2.0-OpenSSH' })
    expect(classifyImap(fault, 'GREETING', context)).toMatchObject({
      code: MailErrorCode.NOT_THIS_PROTOCOL,
      scope: ErrorScope.PROFILE,
      serverResponse: 'SSH-2.0-OpenSSH',
    })
  })

  test.each([undefined, null, 'text', 42, new Error('bug')])('is made of %p too', (thrown) => {
    expect(classifyImap(thrown, 'OPEN_INBOX', context).code).toBe(MailErrorCode.UNKNOWN)
    expect(classifySmtp(thrown, 'SEND', context).code).toBe(MailErrorCode.UNKNOWN)
  })

  test('does not show the OpenSSL address', () => {
    const error = { code: 'ERR_SSL_SOMETHING', message: '80CCCC69917F0000:error:0A00042E:SSL routines:x:y' }
    expect(classifyImap(error, 'TLS', context).serverResponse).toBe('SSL routines:x:y')
  })

  test.each(Object.values(MailErrorCode))('%s has two sentences', (code) => {
    const error = classifyImap(new ProbeFault(code), 'CONNECT', context)
    expect(error.message).toMatch(/^[A-Z].*\.$/)
    expect(error.remedy).toMatch(/^[A-Z].*\.$/)
    expect(MEANINGS[code]).toBeDefined()
  })
})

describe('redact', () => {
  const password = 'p"w\\1 ü'
  const secrets = secretForms('ada', password)
  test.each([
    ['plain', `LOGIN ada ${password} failed`],
    ['quoted', 'LOGIN "ada" "p\\"w\\\\1 ü" failed'],
    ['base64', `334 ${Buffer.from(password).toString('base64')} failed`],
    ['SASL PLAIN', `AUTH PLAIN ${Buffer.from(`\0ada\0${password}`).toString('base64')} failed`],
  ])('removes the password: %s', (_form, text) => {
    const shown = redact(text, secrets)
    expect(shown).toContain('***')
    expect(shown).not.toContain('1 ü')
    expect(shown).not.toMatch(/[A-Za-z0-9+/]{8,}=/)
  })

  test('makes one line without control characters', () => {
    expect(redact('535-5.7.8 no\r\n535 5.7.8 \u0007really\u202e \u0000\u2028no\t', [])).toBe(
      '535-5.7.8 no 535 5.7.8 really no',
    )
  })

  test('keeps 500 characters and no half of one', () => {
    expect(redact('x'.repeat(10_000), [])).toHaveLength(500)
    expect(redact(`${'x'.repeat(499)}😀`, [])).toBe('x'.repeat(499))
  })

  test('removes the longest form first', () => {
    expect(redact('a secretive word', ['secret', 'secretive', ''])).toBe('a *** word')
  })

  test('goes into the mail error', () => {
    const denied = { responseStatus: 'NO', responseText: 'ada/correct horse is wrong' }
    expect(classifyImap(denied, 'AUTHENTICATE', context).serverResponse).toBe('ada/*** is wrong')
  })
})

test.each([
  ['GREETING', ErrorScope.PROFILE],
  ['AUTHENTICATE', ErrorScope.MAILBOX],
  ['SEND', ErrorScope.MAILBOX],
] as const)('a server that falls silent at %s: the alert is for the %s', (step, scope) => {
  const endpoint = { host: 'mail.example.org', port: 993, security: ConnectionSecurity.TLS }
  const context = { endpoint, secured: true, username: 'u', password: 'p' }
  expect(classifySmtp(new ProbeFault(MailErrorCode.RESPONSE_TIMEOUT), step, context).scope).toBe(scope)
})
