import { bad, ImapRefusal, no } from './imap-parser'
import type { CommandRule, ImapSession } from './imap-session'

/** Commands of any state, and those that lead to a login (RFC 3501 6.1, 6.2). */

const AFTER_LOGIN =
  'IMAP4rev1 LITERAL+ ID ENABLE IDLE NAMESPACE UIDPLUS MOVE UNSELECT CHILDREN SPECIAL-USE LIST-EXTENDED LIST-STATUS QUOTA'

export function capabilities(session: ImapSession): string {
  if (session.account) return AFTER_LOGIN
  const before = 'IMAP4rev1 LITERAL+ SASL-IR ID ENABLE'
  if (!canLogIn(session)) return `${before} STARTTLS LOGINDISABLED`
  return `${before} AUTH=PLAIN AUTH=LOGIN`
}

const canLogIn = (session: ImapSession) => session.isSecure || session.options.security === 'plain'

async function logIn(session: ImapSession, login: string, password: string): Promise<string> {
  if (!canLogIn(session)) {
    throw no('[PRIVACYREQUIRED] Plaintext authentication disallowed on non-secure (SSL/TLS) connections.')
  }
  const account = session.options.accounts.find(login)
  const verdict = account?.checkLogin(password) ?? 'refused'
  if (verdict === 'hangs') return session.hang()
  if (verdict === 'drops') {
    session.drop()
    return ''
  }
  if (!account || verdict === 'refused') throw no('[AUTHENTICATIONFAILED] Authentication failed.')
  if (account.fault.imapLogin) throw new ImapRefusal(account.fault.imapLogin)
  if (account.sessions >= account.maxSessions) {
    throw no(
      `[LIMIT] Maximum number of connections from user+IP exceeded (mail_max_userip_connections=${account.maxSessions})`,
    )
  }
  session.logIn(account)
  return `OK [CAPABILITY ${capabilities(session)}] Logged in`
}

const fromBase64 = (text: string) => Buffer.from(text, 'base64').toString('utf8')

async function authenticate(session: ImapSession, mechanism: string, initial: string | undefined): Promise<string> {
  /** The client's next word, decoded; "*" cancels (RFC 3501 6.2.2). */
  const next = async (prompt: string) => {
    const line = initial ?? (await session.ask(prompt))
    initial = undefined
    if (line === undefined || line === '*') throw bad('Authentication cancelled')
    return line === '=' ? '' : fromBase64(line)
  }
  if (mechanism === 'PLAIN') {
    const [actsAs, login, password, more] = (await next('')).split('\0')
    if (login === undefined || password === undefined || more !== undefined) throw bad('Invalid PLAIN response')
    if (actsAs && actsAs.toLowerCase() !== login.toLowerCase()) throw no('[AUTHORIZATIONFAILED] Not permitted')
    return logIn(session, login, password)
  }
  if (mechanism !== 'LOGIN') throw no('[CANNOT] Unsupported authentication mechanism.')
  const login = await next(Buffer.from('Username:').toString('base64'))
  return logIn(session, login, await next(Buffer.from('Password:').toString('base64')))
}

export const loginRules: Record<string, CommandRule> = {
  CAPABILITY: {
    stage: 'any',
    run: (session, { args }) => {
      args.end()
      session.send(`* CAPABILITY ${capabilities(session)}`)
      return 'OK Capability completed'
    },
  },
  NOOP: { stage: 'any', run: () => 'OK NOOP completed' },
  LOGOUT: {
    stage: 'any',
    run: (session) => {
      session.isOver = true
      session.send('* BYE Logging out')
      return 'OK Logout completed'
    },
  },
  ID: {
    stage: 'any',
    run: (session) => {
      session.send('* ID ("name" "Mailwarden demo mail system")')
      return 'OK ID completed'
    },
  },
  STARTTLS: {
    stage: 'before login',
    run: async (session, { tag, args }) => {
      args.end()
      if (session.options.security !== 'starttls' || session.isSecure) throw bad('TLS is not available')
      await session.startTls(tag)
      return ''
    },
  },
  LOGIN: {
    stage: 'before login',
    run: (session, { args }) => {
      const [login, password] = [args.astring('user name'), args.astring('password')]
      args.end()
      const [user, secret] = [login, password].map((text) => Buffer.from(text, 'latin1').toString('utf8'))
      return logIn(session, user ?? '', secret ?? '')
    },
  },
  AUTHENTICATE: {
    stage: 'before login',
    run: (session, { args }) => {
      const mechanism = args.atom('mechanism').toUpperCase()
      const initial = args.isAtEnd ? undefined : args.astring('initial response')
      args.end()
      return authenticate(session, mechanism, initial)
    },
  },
  ENABLE: {
    stage: 'after login',
    run: (session, { args }) => {
      args.atom('capability')
      session.send('* ENABLED')
      return 'OK Nothing to enable'
    },
  },
}
