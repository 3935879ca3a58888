import { startMailSystem } from '../demo/mail-system'
import { type DovecotServer, MAIL_DOMAIN, startDovecot } from '../test/dovecot'
import { startPostfix } from '../test/postfix'
import { mailServerContract } from './mail-server.contract'
import type { MailSystemUnderTest } from './mail-server-clients.contract'

const NAMES = ['alice', 'bob', 'limited', 'readOnly', 'full', 'disabled'] as const

const address = (name: string) => `${name.toLowerCase()}@${MAIL_DOMAIN}`
const users = Object.fromEntries(
  NAMES.map((name) => [name, { address: address(name), password: `pw-${name}` }]),
) as MailSystemUnderTest['users']

async function startEmbedded(): Promise<MailSystemUnderTest> {
  const system = await startMailSystem({
    users: [
      users.alice,
      users.bob,
      { ...users.limited, maxSessions: 2 },
      { ...users.readOnly, fault: 'readOnlyInbox' },
      { ...users.full, quotaBytes: 1024 },
      { ...users.disabled, fault: 'disabled' },
    ],
  })
  const { endpoints, trustedCertificates } = system
  return { endpoints, limitedEndpoint: endpoints.imaps, trustedCertificates, users, stop: () => system.stop() }
}

async function startReal(): Promise<MailSystemUnderTest> {
  const dovecot: DovecotServer = await startDovecot(
    NAMES.map((name) => ({
      name: name.toLowerCase(),
      password: users[name].password,
      isReadOnly: name === 'readOnly',
      isDisabled: name === 'disabled',
      ...(name === 'full' && { quotaKib: 1 }),
    })),
  )
  try {
    const postfix = await startPostfix(dovecot)
    return {
      endpoints: { ...dovecot.endpoints, ...postfix.endpoints },
      limitedEndpoint: dovecot.limited,
      trustedCertificates: dovecot.trustedCertificates,
      users,
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

mailServerContract('embedded', startEmbedded)
mailServerContract('Dovecot and Postfix', startReal)
