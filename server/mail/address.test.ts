import { describe, expect, test } from '@jest/globals'
import { addressProblem, asciiAddress, hostProblem, normalizeAddress } from './address'

describe('addressProblem', () => {
  test.each([
    'ada@example.org',
    "o'hara+tag@sub.example.co.uk",
    '#42/x=y@example.org',
    'ada@bücher.example',
    'ada@xn--bcher-kva.example',
    'ada@localhost',
    `${'a'.repeat(64)}@example.org`,
  ])('%s can be used', (address) => expect(addressProblem(address)).toBeUndefined())

  test.each([
    '',
    'ada',
    '@example.org',
    'ada@',
    'ada@@example.org',
    'ada@b@example.org',
    'ada@example.org\r\nRCPT TO:<eve@example.org>',
    'ada\n@example.org',
    'ada\0@example.org',
    'ada\u2028@example.org',
    'ada lovelace@example.org',
    ' ada@example.org',
    'ada@example.org ',
    '<ada@example.org>',
    'ada,eve@example.org',
    'ada;@example.org',
    '"ada"@example.org',
    '.ada@example.org',
    'ada.@example.org',
    'a..b@example.org',
    'ädä@example.org',
    `${'a'.repeat(65)}@example.org`,
    `${'a'.repeat(60)}@${`${'b'.repeat(60)}.`.repeat(3)}${'c'.repeat(20)}`,
    'ada@exa mple.org',
    'ada@-example.org',
    'ada@example-.org',
    'ada@example..org',
    'ada@.example.org',
    'ada@example.org.',
    `ada@${'a'.repeat(64)}.org`,
    'ada@[127.0.0.1]',
    'ada@example.org%0d%0a',
    'x'.repeat(10_000),
  ])('%p is refused', (address) => expect(addressProblem(address)).toEqual(expect.any(String)))
})

describe('hostProblem', () => {
  test.each([
    'mail.example.org',
    'localhost',
    'mail.example.org.',
    'mail_1.internal',
    '192.0.2.1',
    '2001:db8::1',
    'bücher.example',
  ])('%s can be used', (host) => expect(hostProblem(host)).toBeUndefined())

  test.each([
    '',
    ' ',
    'mail example',
    'mail.example.org\r\nx',
    'mail\0',
    'https://mail.example.org',
    'imap://mail.example.org',
    'mail.example.org/inbox',
    'mail.example.org:993',
    '[2001:db8::1]',
    'ada@example.org',
    '1.2.3',
    '1.2.3.4.5',
    '256.1.1.1',
    '-mail.example.org',
    'mail..example.org',
    '%6dail.example.org',
    `${'a'.repeat(64)}.org`,
    'a.'.repeat(200),
    'x'.repeat(10_000),
  ])('%p is refused', (host) => expect(hostProblem(host)).toEqual(expect.any(String)))
})

test('addresses are compared without regard to case and surrounding space', () => {
  expect(normalizeAddress('  Ada@Example.ORG ')).toBe('ada@example.org')
})

test.each(['Ada@bücher.example', 'ada@BÜCHER.example', 'ada@xn--bcher-kva.example', 'ADA@XN--BCHER-KVA.EXAMPLE'])(
  '%s is compared by the A-labels of its domain',
  (address) => expect(normalizeAddress(address)).toBe('ada@xn--bcher-kva.example'),
)

test('what is no address stays apart from others that are none', () => {
  expect([normalizeAddress('ö@'), normalizeAddress('ö'), normalizeAddress('Ä@\ud800')]).toEqual([
    'ö@',
    expect.stringMatching(/./),
    'ä@\ud800',
  ])
})

test('an internationalised domain goes over the wire in ASCII', () => {
  expect(asciiAddress('ada@bücher.example')).toBe('ada@xn--bcher-kva.example')
})
