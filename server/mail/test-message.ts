import { randomUUID } from 'node:crypto'
import { asciiAddress } from './address'
import { TEST_HEADER } from './test-token'

/** A token's alphabet: nothing that could begin a second header. */
const TOKEN = /^[A-Za-z0-9._~+/=-]{1,512}$/

/**
 * The message a mailbox sends to itself (product rule 2.5), in ASCII with CRLF line ends. It says of itself that nobody
 * wrote it (RFC 3834 5, and Exchange's own header), so that no out-of-office reply answers it.
 * @throws Error when the token cannot stand in a header
 */
export function testMessage(options: { address: string; token: string; messageId?: string; at?: Date }): string {
  if (!TOKEN.test(options.token)) throw new Error('the token of a test message has to be URL-safe text')
  const address = asciiAddress(options.address)
  const domain = address.slice(address.lastIndexOf('@') + 1)
  const messageId = (options.messageId ?? `${randomUUID()}@${domain}`).replace(/[<>\s]/g, '')
  return [
    `From: Mailwarden <${address}>`,
    `To: <${address}>`,
    'Subject: Mailwarden test message',
    `Date: ${(options.at ?? new Date()).toUTCString().replace('GMT', '+0000')}`,
    `Message-ID: <${messageId}>`,
    `${TEST_HEADER}: ${options.token}`,
    'Auto-Submitted: auto-generated',
    'X-Auto-Response-Suppress: All',
    'MIME-Version: 1.0',
    'Content-Type: text/plain; charset=us-ascii',
    '',
    'Mailwarden sent this message from this mailbox to itself, to test it.',
    'It is deleted by the test. It can be deleted by hand, too.',
    '',
  ].join('\r\n')
}
