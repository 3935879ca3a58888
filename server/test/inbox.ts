import { ImapFlow } from 'imapflow'
import { waitFor } from './wait-for'

export interface InboxLogin {
  /** Of a listener that takes logins without TLS. */
  endpoint: { host: string; port: number }
  user: string
  password: string
}

/** How many messages lie in somebody's INBOX. */
export function countMessages(login: InboxLogin): Promise<number> {
  return withImap(login, messages)
}

/** Resolves as soon as a message lies in somebody's INBOX. */
export async function untilMessageArrives(login: InboxLogin): Promise<void> {
  await withImap(login, (client) =>
    waitFor('a message to arrive', async () => (await messages(client)) > 0, { timeoutMs: 60_000, everyMs: 1 }),
  )
}

async function messages(client: ImapFlow): Promise<number> {
  const status = await client.status('INBOX', { messages: true })
  if (!status || status.messages === undefined) throw new Error('The server does not tell how many messages there are')
  return status.messages
}

async function withImap<T>(
  { endpoint, user, password }: InboxLogin,
  work: (client: ImapFlow) => Promise<T>,
): Promise<T> {
  const { host, port } = endpoint
  const auth = { user, pass: password }
  const client = new ImapFlow({ host, port, secure: false, doSTARTTLS: false, auth, logger: false })
  client.on('error', () => {})
  await client.connect()
  try {
    return await work(client)
  } finally {
    client.close()
  }
}
