import { createTransport } from 'nodemailer'
import { asciiAddress } from '../mail/address'
import { redact, secretForms } from '../mail/failure'

/** Where the organisation's own mail leaves, as MAILWARDEN_SMTP_URL and MAILWARDEN_MAIL_FROM say. */
export interface MailOutlet {
  /** smtp://user:password@host:port, or smtps:// for TLS from the first byte. */
  url: string
  from: string
}

export interface NoticeMail {
  /** Makes the Message-ID: the same mail, sent twice, can be told for one. */
  id: string
  to: string
  subject: string
  text: string
}

/** The mail was not taken. Its message may be shown and stored. */
export class NotSent extends Error {
  constructor(
    readonly serverResponse: string,
    /** The server will not take it later either, unless somebody changes something. */
    readonly isPermanent: boolean,
  ) {
    super(serverResponse)
  }
}

const CONNECT_MS = 10_000
const SILENCE_MS = 20_000
const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[?::1\]?)$/

/** Sends one mail. Rejects with NotSent within `limitMs`, whatever the server does. */
export async function sendNotice(outlet: MailOutlet, mail: NoticeMail, limitMs = 60_000): Promise<void> {
  const { host, port, secure, user, password } = read(outlet.url)
  // whoever could read what goes to a relay on this machine can read this process, too: its certificate need not be known
  const isHere = LOOPBACK.test(host)
  const transport = createTransport({
    host: host.replace(/^\[|\]$/g, ''),
    port,
    secure,
    requireTLS: !secure && !isHere && user !== '',
    ...(user && { auth: { user, pass: password } }),
    tls: { rejectUnauthorized: !isHere },
    connectionTimeout: CONNECT_MS,
    greetingTimeout: CONNECT_MS,
    dnsTimeout: CONNECT_MS,
    socketTimeout: SILENCE_MS,
    disableFileAccess: true,
    disableUrlAccess: true,
  })
  let timer: NodeJS.Timeout | undefined
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`The server took longer than ${limitMs / 1000} seconds`)), limitMs)
  })
  try {
    const to = asciiAddress(mail.to)
    await Promise.race([
      transport.sendMail({
        from: outlet.from,
        to,
        subject: mail.subject,
        text: mail.text,
        messageId: `<${mail.id}@${outlet.from.slice(outlet.from.lastIndexOf('@') + 1).replace(/>$/, '')}>`,
        // RFC 3834: no answering machine answers it
        headers: { 'Auto-Submitted': 'auto-generated' },
      }),
      tooLate,
    ])
  } catch (error) {
    const { message, responseCode } = error as Error & { responseCode?: number }
    throw new NotSent(redact(message, secretForms(user, password)), (responseCode ?? 0) >= 500)
  } finally {
    clearTimeout(timer)
    transport.close()
  }
}

const STANDARD_PORTS = { 'smtp:': 587, 'smtps:': 465 } as const

function read(url: string) {
  const { protocol, hostname, port, username, password } = new URL(url)
  return {
    host: hostname,
    port: port === '' ? STANDARD_PORTS[protocol as keyof typeof STANDARD_PORTS] : Number(port),
    secure: protocol === 'smtps:',
    user: decodeURIComponent(username),
    password: decodeURIComponent(password),
  }
}
