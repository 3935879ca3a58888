import { createServer } from 'node:net'
import { folderRules } from './imap-folders'
import { capabilities, loginRules } from './imap-login'
import { messageRules } from './imap-messages'
import { type CommandRule, type ImapOptions, ImapSession } from './imap-session'
import type { MailListener } from './listeners'

const rules: ReadonlyMap<string, CommandRule> = new Map(
  Object.entries({ ...loginRules, ...folderRules, ...messageRules }),
)

/** An IMAP4rev1 server (RFC 3501) over the mailboxes of `options.accounts`. */
export function createImapListener(options: ImapOptions): MailListener {
  const sessions = new Set<ImapSession>()
  const server = createServer({ noDelay: true }, (socket) => {
    const session = new ImapSession(socket, options, rules, capabilities)
    sessions.add(session)
    void session.serve().finally(() => sessions.delete(session))
  })
  return {
    server,
    closeClients: () => {
      for (const session of sessions) session.close()
    },
  }
}
