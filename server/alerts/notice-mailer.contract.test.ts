import { createServer, type Server } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { startMailSystem } from '../demo/mail-system'
import type { Endpoint } from '../mail/probe'
import { MAIL_DOMAIN, startDovecot } from '../test/dovecot'
import { countMessages } from '../test/inbox'
import { startPostfix } from '../test/postfix'
import { waitFor } from '../test/wait-for'
import { NotSent, sendNotice } from './notice-mailer'

interface Under {
  endpoints: Record<'smtps' | 'submission' | 'imapPlain', Endpoint>
  service: string
  ada: string
  stop(): Promise<void>
}

const PASSWORD = 'p@ss/word'

async function startEmbedded(): Promise<Under> {
  const [service, ada] = ['service@demo.test', 'ada@demo.test']
  const system = await startMailSystem({ users: [service, ada].map((address) => ({ address, password: PASSWORD })) })
  return { endpoints: system.endpoints, service, ada, stop: () => system.stop() }
}

async function startReal(): Promise<Under> {
  const dovecot = await startDovecot(['service', 'ada'].map((name) => ({ name, password: PASSWORD })))
  try {
    const postfix = await startPostfix(dovecot)
    return {
      endpoints: { ...dovecot.endpoints, ...postfix.endpoints },
      service: `service@${MAIL_DOMAIN}`,
      ada: `ada@${MAIL_DOMAIN}`,
      stop: async () => {
        await postfix.stop()
        await dovecot.stop()
      },
    }
  } catch (error) {
    await dovecot.stop()
    throw error
  }
}

describe.each([
  ['the embedded mail system', startEmbedded],
  ['Postfix and Dovecot', startReal],
])('a notice goes out by %s', (_, start) => {
  let under: Under
  beforeAll(async () => {
    under = await start()
  }, 60_000)
  afterAll(() => under?.stop())

  const outlet = ({ host, port }: Endpoint, scheme: string, password = PASSWORD) => ({
    url: `${scheme}://${encodeURIComponent(under.service)}:${encodeURIComponent(password)}@${host}:${port}`,
    from: `Mailwarden <${under.service}>`,
  })
  const mail = (to = under.ada) => ({ id: 'an-id', to, subject: 'Prüfung', text: 'Drei von fünf.\n.\nEnde.\n' })
  const inbox = () => countMessages({ endpoint: under.endpoints.imapPlain, user: under.ada, password: PASSWORD })

  test.each(['smtps', 'submission'] as const)('%s, and arrives', async (name) => {
    const before = await inbox()
    await sendNotice(outlet(under.endpoints[name], name === 'smtps' ? 'smtps' : 'smtp'), mail())
    await waitFor('the mail to arrive', async () => (await inbox()) === before + 1)
  })

  test('a wrong password is refused for good, and not told', async () => {
    const error = await sendNotice(outlet(under.endpoints.smtps, 'smtps', 's3cr3t-w'), mail()).catch((one) => one)
    expect(error).toBeInstanceOf(NotSent)
    expect(error).toMatchObject({ isPermanent: true, serverResponse: expect.stringContaining('535') })
    expect(error.serverResponse).not.toContain('s3cr3t')
  })

  test('a recipient of elsewhere is refused for good', async () => {
    const sent = sendNotice(outlet(under.endpoints.smtps, 'smtps'), mail('ada@elsewhere.test'))
    await expect(sent).rejects.toMatchObject({ isPermanent: true, serverResponse: expect.stringMatching(/5\d\d/) })
  })
})

describe('a server that is no good', () => {
  let silent: Server
  let port: number

  beforeAll(async () => {
    silent = createServer((socket) => void socket.on('error', () => {}))
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
    const address = silent.address()
    port = typeof address === 'object' && address ? address.port : 0
  })
  afterAll(() => void silent?.close())

  const to = (at: number, limitMs?: number) => {
    const outlet = { url: `smtp://u:p@127.0.0.1:${at}`, from: 'service@demo.test' }
    return sendNotice(outlet, { id: 'x', to: 'ada@demo.test', subject: 's', text: 't' }, limitMs)
  }

  test('that says nothing is given up, and may be tried again', async () => {
    await expect(to(port, 100)).rejects.toMatchObject({ isPermanent: false })
  })

  test('that is not there may be tried again', async () => {
    // TCP port service multiplexer: served nowhere
    await expect(to(1)).rejects.toMatchObject({ isPermanent: false })
  })
})
