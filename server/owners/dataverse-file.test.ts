import { describe, expect, test } from '@jest/globals'
import { readDataverse } from './dataverse-file'

const guid = (number: number) => `${String(number).padStart(8, '0')}-1111-4111-8111-111111111111`
const context = (set: string) => `https://x.crm4.dynamics.com/api/data/v9.2/$metadata#${set}`
const MAILBOX = { mailboxid: guid(1), name: 'A' }
const QUEUE = { queueid: guid(2), name: 'Q' }
const answer = (set: string, ...value: object[]) => ({ '@odata.context': context(set), value })

const read = (...contents: unknown[]) =>
  readDataverse(contents.map((content, index) => ({ name: `file${index}`, bytes: bytesOf(content) })))
const bytesOf = (content: unknown) =>
  Buffer.isBuffer(content) ? content : Buffer.from(typeof content === 'string' ? content : JSON.stringify(content))
const codes = (...contents: unknown[]) => read(...contents).faults.map(({ code }) => code)

describe('answers of the Dataverse Web API', () => {
  test.each([
    ['one answer', [answer('mailboxes', MAILBOX)], 0],
    ['an answer with a list of columns', [answer('mailboxes(name,mailboxid)', MAILBOX)], 0],
    ['an answer without context', [{ value: [MAILBOX, QUEUE] }], 1],
    ['a list of answers', [[answer('mailboxes', MAILBOX), answer('queues', QUEUE)]], 1],
    ['files of their own', [answer('mailboxes', MAILBOX), answer('queues', QUEUE)], 1],
    ['an object of answers', [{ mailboxes: answer('mailboxes', MAILBOX), queues: answer('queues', QUEUE) }], 1],
    ['an object of rows', [{ mailboxes: [MAILBOX], queues: [QUEUE] }], 1],
    ['a list of rows', [[MAILBOX, QUEUE]], 1],
    ['one row', [MAILBOX], 0],
    ['the same row twice', [[MAILBOX, MAILBOX]], 0],
    ['a byte order mark', [`\ufeff${JSON.stringify(MAILBOX)}`], 0],
    ['UTF-16, as PowerShell writes it', [Buffer.from(`\ufeff${JSON.stringify(MAILBOX)}`, 'utf16le')], 0],
  ])('%s', (_what, contents, queues) => {
    const { records, faults } = read(...contents)
    expect(faults).toEqual([])
    expect([records.mailboxes.length, records.queues.length]).toEqual([1, queues])
  })

  test('pages of one set make a whole; without the last one it is told', () => {
    const first = { ...answer('mailboxes', MAILBOX), '@odata.nextLink': 'https://x/next' }
    const second = answer('mailboxes', { mailboxid: guid(3), name: 'B' })
    expect(read(first, second)).toMatchObject({ faults: [], records: { mailboxes: [MAILBOX, { name: 'B' }] } })
    expect(codes(first)).toEqual(['INCOMPLETE'])
    expect(codes(first, answer('queues', QUEUE))).toEqual(['INCOMPLETE'])
  })

  test.each([
    ['nothing', '', ['INVALID_JSON']],
    ['half a file', '{"value": [', ['INVALID_JSON']],
    ['what is no UTF-8', Buffer.from([0x7b, 0xff, 0x7d]), ['INVALID_JSON']],
    ['a number', '7', ['INVALID_JSON']],
    ['a value that is no list', { value: 'x' }, ['INVALID_JSON']],
    ['an empty list', [], ['EMPTY']],
    ['another set', answer('accounts', { accountid: guid(1) }), ['UNKNOWN_SET']],
    ['another set beside a known one', { mailboxes: [MAILBOX], teams: [] }, ['UNKNOWN_SET']],
    ['a row without id', { mailboxes: [{ name: 'A' }] }, ['NO_ID']],
    ['an id that is none', { mailboxes: [{ mailboxid: "1' OR '1'='1" }] }, ['NO_ID']],
    ['two rows of one id that differ', [MAILBOX, { ...MAILBOX, name: 'B' }], ['DUPLICATE']],
  ])('%s is refused', (_what, content, expected) => {
    expect(codes(content)).toEqual(expected)
  })
})
