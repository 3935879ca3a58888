import { describe, expect, test } from '@jest/globals'
import { makeEgressPolicy } from './egress'

const usual = makeEgressPolicy({ allow: [], deny: [] })

describe('without settings', () => {
  test.each([
    '127.0.0.1',
    '127.255.255.255',
    '0.0.0.0',
    '169.254.169.254',
    '224.0.0.1',
    '239.255.255.255',
    '255.255.255.255',
    '::',
    '::1',
    'fe80::1',
    'fe80::1%eth0',
    'ff02::1',
    'fd00:ec2::254',
    '100.100.100.200',
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
    '::ffff:169.254.169.254',
    '::127.0.0.1',
    '64:ff9b::127.0.0.1',
    '64:ff9b::a9fe:a9fe',
  ])('%s is refused', (address) => expect(usual.allows(address)).toBe(false))

  test.each(['192.0.2.1', '10.1.2.3', '172.16.0.1', '192.168.1.1', '2001:db8::1', 'fd12:3456::1', '::ffff:192.0.2.1'])(
    '%s is allowed',
    (address) => expect(usual.allows(address)).toBe(true),
  )

  test.each(['', 'localhost', '127.1', '0x7f000001', '2130706433'])('%p is no address', (text) =>
    expect(usual.allows(text)).toBe(false),
  )
})

describe('with settings', () => {
  test('allow wins over the built-in ranges and over deny', () => {
    const policy = makeEgressPolicy({ allow: ['127.0.0.0/8', ' ::1 '], deny: ['127.0.0.1', '10.0.0.0/8'] })
    expect(policy.allows('127.0.0.1')).toBe(true)
    expect(policy.allows('::ffff:127.0.0.1')).toBe(true)
    expect(policy.allows('::1')).toBe(true)
    expect(policy.allows('10.1.1.1')).toBe(false)
    expect(policy.allows('169.254.169.254')).toBe(false)
  })

  test('deny adds to the built-in ranges', () => {
    const policy = makeEgressPolicy({ allow: ['10.9.0.0/16'], deny: ['10.0.0.0/8', 'fc00::/7'] })
    expect(policy.allows('10.8.0.1')).toBe(false)
    expect(policy.allows('::ffff:10.8.0.1')).toBe(false)
    expect(policy.allows('10.9.0.1')).toBe(true)
    expect(policy.allows('fd12::1')).toBe(false)
    expect(policy.allows('127.0.0.1')).toBe(false)
  })

  test.each(['', '10.0.0.0/33', '::/129', 'example.org', '10.0.0/8', '10.0.0.0/-1', '10.0.0.0/8/8'])(
    'the range %p cannot be read',
    (range) => expect(() => makeEgressPolicy({ allow: [], deny: [range] })).toThrow(range),
  )
})
