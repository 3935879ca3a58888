import type { Socket } from 'node:net'
import { isIPv6 } from 'node:net'
import { hostname } from 'node:os'
import { hostProblem } from './address'
import type { Dialect } from './dialect'
import { notThisProtocol, readFirstLine } from './dialect'
import { ProbeFault, ServerRefusal } from './fault'
import { MailErrorCode } from './mail-error'
import { TLS_NOT_NOW } from './reply-text'
import type { Wire } from './wire'

/** More lines than any reply has. */
const MOST_LINES = 200

export interface SmtpReply {
  code: number
  /** All lines with their codes, joined by \n. */
  text: string
}

/** SMTP before the sign-in (RFC 5321 4.2, RFC 3207). */
export const smtpDialect: Dialect = {
  name: 'SMTP',
  greetingAfterTls: '220 ready\r\n',

  async readGreeting(wire) {
    const first = await readFirstLine(wire, 'SMTP')
    if (!/^\d{3}([ -]|$)/.test(first)) throw notThisProtocol(first, 'SMTP')
    const reply = await readReply(wire, first)
    if (reply.code !== 220) throw refusalOf(reply, 'CONN')
    return `${reply.text.replaceAll('\n', '\r\n')}\r\n`
  },

  async askForTls(wire) {
    const offers = await converse(wire, `EHLO ${ehloName(wire.socket)}`)
    if (offers.code === 421) throw refusalOf(offers, 'EHLO')
    if (!/^250[ -]STARTTLS\b/im.test(offers.text)) {
      throw new ProbeFault(MailErrorCode.TLS_NOT_OFFERED, { serverText: offers.code === 250 ? undefined : offers.text })
    }
    const answer = await converse(wire, 'STARTTLS')
    if (answer.code === 220) return
    if (answer.code === 421) throw refusalOf(answer, 'STARTTLS')
    throw new ProbeFault(MailErrorCode.TLS_NOT_OFFERED, {
      serverText: answer.text,
      ...(answer.code < 500 && TLS_NOT_NOW),
    })
  },
}

/** Sends a command and reads its reply. */
export async function converse(wire: Wire, command: string): Promise<SmtpReply> {
  wire.send(command)
  return readReply(wire, await wire.readLine())
}

/** The error of a reply that ends the conversation, in the form that the mail library gives it too. */
export function refusalOf(reply: SmtpReply, command: string): ServerRefusal {
  return new ServerRefusal({ responseCode: reply.code, response: reply.text, command })
}

/**
 * How we introduce ourselves: the machine's full name, or the address we come from when it has none (RFC 5321 4.1.4).
 */
export function ehloName(socket: Socket): string {
  const name = hostname()
  if (name.includes('.') && hostProblem(name) === undefined) return name
  const address = (socket.localAddress ?? '127.0.0.1').replace(/^::ffff:(?=\d+\.)/, '')
  return isIPv6(address) ? `[IPv6:${address}]` : `[${address}]`
}

async function readReply(wire: Wire, first: string): Promise<SmtpReply> {
  const lines = [first]
  for (;;) {
    const line = lines.at(-1) ?? ''
    const [, code, mark] = /^(\d{3})([ -]|$)/.exec(line) ?? []
    if (code === undefined || lines.length > MOST_LINES) {
      throw new ProbeFault(MailErrorCode.PROTOCOL_ERROR, { serverText: line })
    }
    if (mark !== '-') return { code: Number(code), text: lines.join('\n') }
    lines.push(await wire.readLine())
  }
}
