import { ImapFlow } from 'imapflow'
import nodemailer from 'nodemailer'
import type { Endpoint } from '../server/mail/probe'

/** The floor of bench:test, in a process of its own: imapflow's verifyOnly and nodemailer's verify, and nothing around them. */
export interface PlainOrder {
  incoming: Endpoint
  outgoing: Endpoint
  trustedCertificates: string
  accounts: { user: string; pass: string }[]
  concurrency: number
}

export interface PlainAnswer {
  seconds: number
  cpuMs: number
  failures: number
}

async function verify(order: PlainOrder, auth: { user: string; pass: string }): Promise<void> {
  const { incoming, outgoing, trustedCertificates: ca } = order
  const imap = new ImapFlow({
    host: incoming.host,
    port: incoming.port,
    secure: true,
    auth,
    logger: false,
    verifyOnly: true,
    tls: { ca },
  })
  imap.on('error', () => undefined)
  const smtp = nodemailer.createTransport({ host: outgoing.host, port: outgoing.port, secure: true, auth, tls: { ca } })
  await Promise.all([imap.connect(), smtp.verify()])
}

async function run(order: PlainOrder): Promise<PlainAnswer> {
  const queue = [...order.accounts]
  let failures = 0
  const begun = process.hrtime.bigint()
  const cpu = process.cpuUsage()
  const lane = async () => {
    for (let auth = queue.pop(); auth; auth = queue.pop()) {
      await verify(order, auth).catch(() => {
        failures += 1
      })
    }
  }
  await Promise.all(Array.from({ length: order.concurrency }, lane))
  const used = process.cpuUsage(cpu)
  return {
    seconds: Number(process.hrtime.bigint() - begun) / 1e9,
    cpuMs: (used.user + used.system) / 1000,
    failures,
  }
}

process.on('message', (order: PlainOrder) => {
  void run(order).then((answer) => process.send?.(answer))
})
process.on('disconnect', () => process.exit(0))
