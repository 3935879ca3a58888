import type { Dialect } from './dialect'
import { notThisProtocol, readFirstLine } from './dialect'
import { ProbeFault, ServerRefusal } from './fault'
import { MailErrorCode } from './mail-error'
import { TLS_NOT_NOW } from './reply-text'
import type { Wire } from './wire'

/** More untagged lines than any server sends before it answers. */
const MOST_LINES = 50

/** IMAP before the sign-in (RFC 3501 7.1, 6.2.1). */
export const imapDialect: Dialect = {
  name: 'IMAP',
  greetingAfterTls: '* OK ready\r\n',

  async readGreeting(wire) {
    const line = await readFirstLine(wire, 'IMAP')
    const word = /^\* (OK|BYE|PREAUTH)\b/i.exec(line)?.[1]?.toUpperCase()
    if (word === 'OK') return `${line}\r\n`
    if (word === 'BYE') throw refusalOf(line)
    if (word === 'PREAUTH') {
      throw new ProbeFault(MailErrorCode.AUTHENTICATION_METHOD_UNAVAILABLE, {
        message: 'The server lets everybody in without asking for a password, so the password cannot be tested.',
        serverText: line,
      })
    }
    throw notThisProtocol(line, 'IMAP')
  },

  async askForTls(wire) {
    const answer = await command(wire, 'S1', 'STARTTLS')
    if (/^S1 OK\b/i.test(answer.tagged)) return
    // NO does not tell "not now" from "never": what the server offers does.
    const offers = await command(wire, 'S2', 'CAPABILITY')
    const isOffered = offers.untagged.some((line) => /^\* CAPABILITY\b.*\bSTARTTLS\b/i.test(line))
    throw new ProbeFault(MailErrorCode.TLS_NOT_OFFERED, {
      serverText: answer.tagged.slice(3),
      ...(isOffered && TLS_NOT_NOW),
    })
  },
}

async function command(wire: Wire, tag: string, name: string): Promise<{ tagged: string; untagged: string[] }> {
  wire.send(`${tag} ${name}`)
  const untagged: string[] = []
  while (untagged.length < MOST_LINES) {
    const line = await wire.readLine()
    if (line.startsWith(`${tag} `)) return { tagged: line, untagged }
    if (/^\* BYE\b/i.test(line)) throw refusalOf(line)
    untagged.push(line)
  }
  throw new ProbeFault(MailErrorCode.PROTOCOL_ERROR, { serverText: untagged.at(-1) })
}

function refusalOf(line: string): ServerRefusal {
  const [, responseCode, text] = /^\* BYE\s*(?:\[([^\] ]+)[^\]]*\])?\s*(.*)$/i.exec(line) ?? []
  return new ServerRefusal({
    responseStatus: 'BYE',
    serverResponseCode: responseCode?.toUpperCase(),
    responseText: text,
  })
}
