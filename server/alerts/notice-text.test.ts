import { expect, test } from '@jest/globals'
import { ConnectionSecurity } from '../mail/probe'
import { MEANINGS } from '../mail/remedy'
import { noticeText } from './notice-text'

const ABOUT = {
  ownerName: 'Ada',
  profileName: 'Mail of the house',
  profileId: '01900000-0000-7000-8000-0000000000aa',
  scenes: [
    { protocol: 'IMAP' as const, endpoint: { host: 'imap.test', port: 993, security: ConnectionSecurity.TLS } },
    { protocol: 'SMTP' as const, endpoint: { host: 'smtp.test', port: 465, security: ConnectionSecurity.TLS } },
  ],
}
const FACTS = {
  tested: 40,
  failing: 25,
  recent: 21,
  causes: [
    { code: 'CONNECTION_REFUSED', count: 12 },
    { code: 'AUTHENTICATION_FAILED', count: 4 },
    ...['A', 'B', 'C', 'D', 'E'].map((code) => ({ code, count: 1 })),
  ],
  windowMinutes: 90,
}

test('tells how many of how many fail, with what most of them, and no more', () => {
  const { subject, text } = noticeText(ABOUT, FACTS, undefined)
  expect(subject).toBe('25 of 40 mailboxes of Mail of the house fail')
  expect(text).toContain('Hello Ada,')
  expect(text).toContain('21 of them failed within the last 90 minutes')
  expect(text).toContain('12 x CONNECTION_REFUSED')
  expect(text).toContain('2 x other causes')
  expect(text).not.toContain('http')
})

test('says what happened, where it is the same for both servers, and what helps', () => {
  const { text } = noticeText(ABOUT, FACTS, undefined)
  const { message, remedy } = MEANINGS.AUTHENTICATION_FAILED
  for (const scene of ABOUT.scenes) {
    expect(text).toContain(message(scene))
    expect(text.split(remedy(scene))).toHaveLength(2)
    expect(text).not.toContain(MEANINGS.CONNECTION_REFUSED.message(scene))
    expect(text).toContain(MEANINGS.CONNECTION_REFUSED.remedy(scene))
  }
})

test.each([
  ['https://mail.example.com', 'https://mail.example.com/mailboxes?'],
  ['https://example.com/mailwarden/', 'https://example.com/mailwarden/mailboxes?'],
])('leads from %s to the failed mailboxes of the profile', (publicUrl, expected) => {
  const { text } = noticeText(ABOUT, FACTS, publicUrl)
  expect(text).toContain(`${expected}view=test_and_enable_failed&profile=${ABOUT.profileId}`)
})
