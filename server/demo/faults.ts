/**
 * What can be wrong with one mailbox of the embedded mail system. Each fault is data: the answers that differ from
 * those of a mailbox that works, in the words real servers use.
 */
export interface SmtpReply {
  /** 4xx or 5xx; after 421 the connection is closed (RFC 5321 3.8). */
  code: number
  text: string
}

export interface Fault {
  /** For people who look at the demo. */
  summary: string
  /** The server knows another password than the one the user was given. */
  refusesPassword?: boolean
  /** IMAP: answers LOGIN and AUTHENTICATE in place of OK: "NO [CODE] text" or "BAD text". */
  imapLogin?: string
  /** IMAP: answers SELECT, EXAMINE and STATUS of INBOX in place of OK. */
  imapInbox?: string
  /** IMAP: INBOX opens, but only for reading, and takes no message. */
  isInboxReadOnly?: boolean
  /** SMTP: answers AUTH, MAIL FROM, RCPT TO and the end of DATA. */
  smtpAuth?: SmtpReply
  smtpMailFrom?: SmtpReply
  smtpRcptTo?: SmtpReply
  smtpData?: SmtpReply
  /** Nothing more fits: 552 and [OVERQUOTA]. */
  isFull?: boolean
  /** Accepts what is sent to it and delivers nothing. */
  losesMail?: boolean
  /** Added to each answer of its sessions, from the login on. */
  latencyMs?: number
  /** Never answers the login, nor closes. */
  hangsAtLogin?: boolean
  /** Cuts the connection in answer to the login. */
  dropsAtLogin?: boolean
}

export const FAULTS = {
  wrongPassword: { summary: 'the password is not the one the server knows', refusesPassword: true },
  disabled: {
    summary: 'the account was suspended by the administrator',
    imapLogin: 'NO [CONTACTADMIN] Account is suspended, contact your administrator',
    smtpAuth: { code: 535, text: '5.7.13 User account disabled' },
  },
  passwordExpired: {
    summary: 'the password has expired',
    imapLogin: 'NO [EXPIRED] Password expired',
    smtpAuth: { code: 535, text: '5.7.8 Error: authentication failed: password expired' },
  },
  appPasswordRequired: {
    summary: 'the server takes an application password only',
    imapLogin: 'NO [ALERT] Application-specific password required: https://support.example/apppasswords (Failure)',
    smtpAuth: { code: 534, text: '5.7.9 Application-specific password required' },
  },
  smtpLoginDisabled: {
    summary: 'SMTP logins are switched off for this account; IMAP works',
    smtpAuth: { code: 535, text: '5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled' },
  },
  throttled: {
    summary: 'too many logins in a short time: try again later',
    imapLogin: 'BAD Request is throttled. Suggested Backoff Time: 30000 milliseconds',
    smtpAuth: { code: 454, text: '4.7.0 Too many login attempts, please try again later' },
  },
  tooManyConnections: {
    summary: 'the account has no free connection left',
    imapLogin: 'NO [LIMIT] Maximum number of connections from user+IP exceeded (mail_max_userip_connections=10)',
    smtpAuth: { code: 421, text: '4.7.0 Too many concurrent connections for this account' },
  },
  serverUnavailable: {
    summary: 'the mail store behind the server is down',
    imapLogin: 'NO [UNAVAILABLE] Temporary authentication failure.',
    smtpAuth: { code: 454, text: '4.7.0 Temporary authentication failure' },
  },
  inboxMissing: {
    summary: 'login works, but there is no INBOX',
    imapInbox: 'NO [NONEXISTENT] Unknown Mailbox: INBOX (Failure)',
  },
  inboxForbidden: { summary: 'login works, but INBOX may not be opened', imapInbox: 'NO [NOPERM] Permission denied' },
  readOnlyInbox: { summary: 'INBOX can be read, not changed', isInboxReadOnly: true },
  quotaFull: { summary: 'the mailbox is full', isFull: true },
  senderRefused: {
    summary: 'the server does not let it send from its own address',
    smtpMailFrom: { code: 550, text: '5.7.1 Sender address rejected: sending is not permitted for this account' },
  },
  senderNotOwned: {
    summary: 'the address belongs to another login',
    smtpMailFrom: { code: 553, text: '5.7.1 Sender address rejected: not owned by user' },
  },
  recipientRefused: {
    summary: 'it can send, but is no known recipient',
    smtpRcptTo: { code: 550, text: '5.1.1 Recipient address rejected: User unknown' },
  },
  greylisted: {
    summary: 'its mail is put off at each try',
    smtpRcptTo: { code: 450, text: '4.2.0 Recipient address rejected: Greylisted, try again in 300 seconds' },
  },
  messageRefused: {
    summary: 'a filter refuses its messages',
    smtpData: { code: 554, text: '5.7.1 Message refused: rejected by content policy' },
  },
  losesMail: { summary: 'mail to it is accepted and never arrives', losesMail: true },
  slow: { summary: 'each answer takes 400 ms', latencyMs: 400 },
  hangsAtLogin: { summary: 'the server never answers the login', hangsAtLogin: true },
  dropsAtLogin: { summary: 'the server cuts the connection at the login', dropsAtLogin: true },
} satisfies Record<string, Fault>

export type FaultName = keyof typeof FAULTS

export const faultNamed = (name: FaultName): Fault => FAULTS[name]
