import { describe, expect, test } from '@jest/globals'
import { createTransport } from 'nodemailer'
import { type MailClients, present, rejection, until } from './mail-server-clients.contract'

export function smtpServerContract(rig: MailClients): void {
  describe('SMTP', () => {
    test.each(['smtps', 'submission', 'smtpPlain'] as const)('%s: what is sent is found in INBOX', async (endpoint) => {
      const subject = `by ${endpoint} ${Date.now()}`
      const { alice, bob } = rig.system.users
      const sent = await rig.transport(rig.system.endpoints[endpoint], alice).sendMail({
        from: alice.address,
        to: bob.address,
        subject,
        text: 'Zürich\r\n.\r\n..dots',
      })
      expect(sent.accepted).toEqual([bob.address])
      const reader = rig.client(rig.system.endpoints.imaps, bob)
      await reader.connect()
      await reader.mailboxOpen('INBOX')
      const uid = await until(async () => {
        const found = await reader.search({ subject }, { uid: true })
        return found ? found[0] : undefined
      })
      const found = present(await reader.fetchOne(String(uid), { source: true }, { uid: true }))
      const source = String(found.source)
      expect(source).toMatch(/^Return-Path: <alice@mail\.test>\r\n/)
      expect(source).toContain('\r\n.\r\n..dots')
      await reader.logout()
    })

    test('refuses a wrong password', async () => {
      const user = { ...rig.system.users.alice, password: 'wrong' }
      expect(await rejection(rig.transport(rig.system.endpoints.smtps, user).verify())).toMatchObject({
        code: 'EAUTH',
        responseCode: 535,
      })
    })

    test('refuses a sender that is another user’s', async () => {
      const { alice, bob } = rig.system.users
      const mail = { from: bob.address, to: bob.address, text: 'x' }
      const error = await rejection(rig.transport(rig.system.endpoints.smtps, alice).sendMail(mail))
      expect(error).toMatchObject({ code: 'EENVELOPE', responseCode: 553 })
    })

    test('relays nothing to other domains', async () => {
      const { alice } = rig.system.users
      const mail = { from: alice.address, to: 'somebody@elsewhere.test', text: 'x' }
      const error = await rejection(rig.transport(rig.system.endpoints.smtps, alice).sendMail(mail))
      expect(error).toMatchObject({ code: 'EENVELOPE', responseCode: 554 })
    })

    test('refuses a message over its size limit', async () => {
      const { alice, bob } = rig.system.users
      const mail = { from: alice.address, to: bob.address, text: 'x'.repeat(11 * 1024 * 1024) }
      const error = await rejection(rig.transport(rig.system.endpoints.smtps, alice).sendMail(mail))
      expect(error).toMatchObject({ responseCode: 552 })
    })

    test('its certificate is not trusted without the authority', async () => {
      const { host, port } = rig.system.endpoints.smtps
      const error = await rejection(createTransport({ host, port, secure: true }).verify())
      expect(error).toMatchObject({ originalCode: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' })
    })
  })
}
