import { describe, expect, test } from '@jest/globals'
import { makeEgressPolicy } from './egress'
import { probeImap } from './imap'
import { MailErrorCode } from './mail-error'
import { DEADLINE_MS, type MailClients, type MailUserUnderTest } from './mail-server-clients.contract'
import { type Endpoint, type ProbeResult, type ProbeSettings, StepState } from './probe'
import { probeSmtp } from './smtp'
import { signTestToken, verifyTestToken } from './test-token'

export function mailProbesContract(rig: MailClients): void {
  describe('the product’s probes', () => {
    const egress = makeEgressPolicy({ allow: ['127.0.0.0/8'], deny: [] })
    const KEY = 'the key of the contract suite'
    let item = 0

    const settings = (endpoint: Endpoint, user: MailUserUnderTest): ProbeSettings => ({
      endpoint,
      username: user.address,
      password: user.password,
      emailAddress: user.address,
      trustedCertificates: rig.system.trustedCertificates,
      verifyCertificates: true,
      timeouts: { receiveMs: DEADLINE_MS },
    })

    /** Both directions with a test message, as a test of a mailbox runs them. */
    async function roundTrip(user: MailUserUnderTest, incoming: Endpoint, outgoing: Endpoint) {
      const token = signTestToken(KEY, { itemId: `item-${++item}`, mailboxId: 'mailbox', at: new Date() })
      const verify = (value: string) => verifyTestToken(KEY, value, new Date()) !== undefined
      const sending = probeSmtp(settings(outgoing, user), { egress, testMessage: { token } })
      const sent = sending.then((result) => failureOf(result) === undefined)
      const receiving = probeImap(settings(incoming, user), { egress, roundTrip: { token, verify, sent } })
      const [outgoingResult, incomingResult] = await Promise.all([sending, receiving])
      return { incoming: incomingResult, outgoing: outgoingResult }
    }

    const failureOf = ({ steps }: ProbeResult) => {
      const step = steps.find(({ state }) => state === StepState.FAILED)
      return step && { step: step.name, code: step.error?.code }
    }

    test.each([
      ['imaps', 'smtps'],
      ['imapStartTls', 'submission'],
      ['imapPlain', 'smtpPlain'],
    ] as const)('round trip over %s and %s leaves no message behind', async (incoming, outgoing) => {
      const { limited } = rig.system.users
      const result = await roundTrip(limited, rig.system.endpoints[incoming], rig.system.endpoints[outgoing])
      expect([failureOf(result.outgoing), failureOf(result.incoming)]).toEqual([undefined, undefined])
      expect(result.incoming.steps.at(-1)).toMatchObject({ name: 'RECEIVE', state: StepState.SUCCEEDED })
      const reader = rig.client(rig.system.endpoints.imaps, limited)
      await reader.connect()
      expect(await reader.status('INBOX', { messages: true })).toMatchObject({ messages: 0 })
      await reader.logout()
    })

    test('wrong password', async () => {
      const user = { ...rig.system.users.alice, password: 'wrong' }
      const result = await roundTrip(user, rig.system.endpoints.imaps, rig.system.endpoints.smtps)
      const failure = { step: 'AUTHENTICATE', code: MailErrorCode.AUTHENTICATION_FAILED }
      expect([failureOf(result.outgoing), failureOf(result.incoming)]).toEqual([failure, failure])
    })

    test('untrusted certificate', async () => {
      const known = settings(rig.system.endpoints.imapStartTls, rig.system.users.alice)
      const result = await probeImap({ ...known, trustedCertificates: undefined }, { egress })
      expect(failureOf(result)).toEqual({ step: 'TLS', code: MailErrorCode.TLS_CERTIFICATE_UNTRUSTED })
    })

    test('read-only INBOX', async () => {
      const result = await probeImap(settings(rig.system.endpoints.imaps, rig.system.users.readOnly), { egress })
      expect(failureOf(result)).toEqual({ step: 'OPEN_INBOX', code: MailErrorCode.INBOX_READ_ONLY })
    })

    test('disabled account', async () => {
      const result = await probeImap(settings(rig.system.endpoints.imaps, rig.system.users.disabled), { egress })
      expect(failureOf(result)).toEqual({ step: 'AUTHENTICATE', code: MailErrorCode.ACCOUNT_DISABLED })
    })

    test('no session left', async () => {
      const holders = [1, 2].map(() => rig.client(rig.system.limitedEndpoint, rig.system.users.limited))
      await Promise.all(holders.map((holder) => holder.connect()))
      const result = await probeImap(settings(rig.system.limitedEndpoint, rig.system.users.limited), { egress })
      expect(failureOf(result)).toEqual({ step: 'AUTHENTICATE', code: MailErrorCode.TOO_MANY_CONNECTIONS })
      await Promise.all(holders.map((holder) => holder.logout()))
    })
  })
}
