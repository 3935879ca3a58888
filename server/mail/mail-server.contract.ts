import { afterAll, beforeAll, describe } from '@jest/globals'
import { MailClients, type MailSystemUnderTest } from './mail-server-clients.contract'
import { imapServerContract } from './mail-server-imap.contract'
import { mailProbesContract } from './mail-server-probes.contract'
import { smtpServerContract } from './mail-server-smtp.contract'

const START_TIMEOUT_MS = 60_000

/**
 * What the product relies on in a mail system, as its own clients see it. The embedded system of the demo and real
 * servers pass the same suite, so that what is tested against the one holds for the other.
 */
export function mailServerContract(name: string, start: () => Promise<MailSystemUnderTest>): void {
  describe(`mail server contract: ${name}`, () => {
    const rig = new MailClients()
    beforeAll(() => rig.start(start), START_TIMEOUT_MS)
    afterAll(() => rig.stop(), START_TIMEOUT_MS)

    imapServerContract(rig)
    smtpServerContract(rig)
    mailProbesContract(rig)
  })
}
