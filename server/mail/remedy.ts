import { ErrorActor, ErrorNature, ErrorScope, MailErrorCode } from './mail-error'
import type { Endpoint } from './probe'
import { ConnectionSecurity } from './probe'

const { TRANSIENT, PERMANENT } = ErrorNature
const { MESSAGE, MAILBOX, PROFILE } = ErrorScope
const { MAILBOX_OWNER, ADMINISTRATOR, NOBODY } = ErrorActor

/** What a sentence may name. */
export interface Scene {
  protocol: 'IMAP' | 'SMTP'
  endpoint: Endpoint
}

/** What a code means if nothing more is known. Words as in the glossary; what happened; then who must act and how. */
export interface Meaning {
  nature: ErrorNature
  scope: ErrorScope
  actor: ErrorActor
  /** host, port and security are the endpoint's and get its direction in front. */
  field?: 'host' | 'port' | 'security' | 'username' | 'password' | 'emailAddress'
  message(scene: Scene): string
  remedy(scene: Scene): string
}

const modes: Record<ConnectionSecurity, string> = {
  [ConnectionSecurity.TLS]: 'TLS',
  [ConnectionSecurity.STARTTLS]: 'STARTTLS',
  [ConnectionSecurity.NONE]: 'no encryption',
}

/** The ports of RFC 8314, RFC 3501 and RFC 6409. */
const usualPorts = (scene: Scene) =>
  scene.protocol === 'IMAP' ? 'IMAP: 993 with TLS, 143 with STARTTLS' : 'SMTP: 465 with TLS, 587 with STARTTLS'

const at = ({ endpoint }: Scene) => `${endpoint.host}, port ${endpoint.port}`

/** Who acts, and how, when a server may be down for a while. */
const WAIT = 'Nobody has to act unless it lasts: the test can be repeated later.'

export const MEANINGS: Record<MailErrorCode, Meaning> = {
  [MailErrorCode.DNS_NOT_FOUND]: {
    nature: PERMANENT,
    scope: PROFILE,
    actor: ADMINISTRATOR,
    field: 'host',
    message: ({ endpoint }) => `There is no host with the name ${endpoint.host}.`,
    remedy: () => "An administrator has to correct the host's name in the profile, or enter it in the DNS.",
  },
  [MailErrorCode.DNS_TEMPORARY]: {
    nature: TRANSIENT,
    scope: PROFILE,
    actor: NOBODY,
    message: ({ endpoint }) => `The name ${endpoint.host} could not be looked up: the DNS gave no answer.`,
    remedy: () => 'Nobody has to act unless it lasts; then an administrator has to look at the DNS.',
  },
  [MailErrorCode.CONNECTION_REFUSED]: {
    nature: TRANSIENT,
    scope: PROFILE,
    actor: ADMINISTRATOR,
    field: 'port',
    message: (scene) => `Nothing answers at ${at(scene)}: the connection was refused.`,
    remedy: (scene) =>
      `An administrator has to correct the port in the profile (${usualPorts(scene)}), or start the server.`,
  },
  [MailErrorCode.CONNECTION_RESET]: {
    nature: TRANSIENT,
    scope: PROFILE,
    actor: NOBODY,
    message: () => 'The server closed the connection in the middle.',
    remedy: () =>
      'Nobody has to act unless it lasts; then an administrator has to look at the server and its firewall.',
  },
  [MailErrorCode.CONNECT_TIMEOUT]: {
    nature: TRANSIENT,
    scope: PROFILE,
    actor: NOBODY,
    message: (scene) => `No connection to ${at(scene)} came about in time.`,
    remedy: () =>
      'Nobody has to act unless it lasts; then an administrator has to check host and port, and whether a firewall is in between.',
  },
  [MailErrorCode.GREETING_TIMEOUT]: {
    nature: TRANSIENT,
    scope: PROFILE,
    actor: NOBODY,
    message: (scene) => `The server took the connection but did not greet as an ${scene.protocol} server in time.`,
    remedy: () =>
      'Nobody has to act unless it lasts; then an administrator has to check the port and the load of the server.',
  },
  [MailErrorCode.RESPONSE_TIMEOUT]: {
    nature: TRANSIENT,
    scope: PROFILE,
    actor: NOBODY,
    message: () => 'The server did not answer in time.',
    remedy: () => WAIT,
  },
  [MailErrorCode.NETWORK_UNREACHABLE]: {
    nature: TRANSIENT,
    scope: PROFILE,
    actor: ADMINISTRATOR,
    field: 'host',
    message: ({ endpoint }) => `There is no way through the network to ${endpoint.host}.`,
    remedy: () => 'An administrator has to look at the route and the firewall between this service and the server.',
  },
  [MailErrorCode.NOT_THIS_PROTOCOL]: {
    nature: PERMANENT,
    scope: PROFILE,
    actor: ADMINISTRATOR,
    field: 'port',
    message: (scene) => `No ${scene.protocol} server answers at ${at(scene)}.`,
    remedy: (scene) => `An administrator has to correct the port in the profile (${usualPorts(scene)}).`,
  },
  [MailErrorCode.TLS_REQUIRED]: {
    nature: PERMANENT,
    scope: PROFILE,
    actor: ADMINISTRATOR,
    field: 'security',
    message: () => 'The server takes a password only over an encrypted connection.',
    remedy: () => 'An administrator has to set the security of the profile to TLS or STARTTLS.',
  },
  [MailErrorCode.TLS_NOT_OFFERED]: {
    nature: PERMANENT,
    scope: PROFILE,
    actor: ADMINISTRATOR,
    field: 'security',
    message: (scene) => `The server at ${at(scene)} does not offer STARTTLS.`,
    remedy: (scene) => `An administrator has to choose another port and security (${usualPorts(scene)}).`,
  },
  [MailErrorCode.TLS_WRONG_MODE]: {
    nature: PERMANENT,
    scope: PROFILE,
    actor: ADMINISTRATOR,
    field: 'security',
    message: ({ endpoint }) =>
      endpoint.security === ConnectionSecurity.TLS
        ? `Port ${endpoint.port} does not begin with TLS.`
        : `Port ${endpoint.port} expects TLS from the first byte, not ${modes[endpoint.security]}.`,
    remedy: ({ endpoint }) =>
      endpoint.security === ConnectionSecurity.TLS
        ? 'An administrator has to set the security to STARTTLS, or choose the port for TLS.'
        : 'An administrator has to set the security to TLS, or choose the port for STARTTLS.',
  },
  [MailErrorCode.TLS_CERTIFICATE_EXPIRED]: {
    nature: PERMANENT,
    scope: PROFILE,
    actor: ADMINISTRATOR,
    message: ({ endpoint }) => `The certificate of ${endpoint.host} has expired or is not valid yet.`,
    remedy: () => "The mail server's administrator has to renew it.",
  },
  [MailErrorCode.TLS_CERTIFICATE_UNTRUSTED]: {
    nature: PERMANENT,
    scope: PROFILE,
    actor: ADMINISTRATOR,
    message: ({ endpoint }) =>
      `The certificate of ${endpoint.host} was not issued by an authority that is trusted here.`,
    remedy: () =>
      "An administrator has to add the authority's certificate to the profile, or the server has to send its whole chain.",
  },
  [MailErrorCode.TLS_HOSTNAME_MISMATCH]: {
    nature: PERMANENT,
    scope: PROFILE,
    actor: ADMINISTRATOR,
    field: 'host',
    message: ({ endpoint }) => `The certificate is not made out for ${endpoint.host}.`,
    remedy: () => 'An administrator has to enter the name that the certificate bears, or have it issued for this one.',
  },
  [MailErrorCode.TLS_PROTOCOL]: {
    nature: PERMANENT,
    scope: PROFILE,
    actor: ADMINISTRATOR,
    message: () => 'The server and this service found no common TLS version or cipher.',
    remedy: () => "The mail server's administrator has to switch on TLS 1.2 or newer.",
  },
  [MailErrorCode.AUTHENTICATION_FAILED]: {
    nature: PERMANENT,
    scope: MAILBOX,
    actor: MAILBOX_OWNER,
    field: 'password',
    message: () => 'The server refused the user name or the password.',
    remedy: () =>
      "The mailbox's owner has to enter the current password; with two-step sign-in an app password is needed.",
  },
  [MailErrorCode.AUTHENTICATION_METHOD_UNAVAILABLE]: {
    nature: PERMANENT,
    scope: PROFILE,
    actor: ADMINISTRATOR,
    message: () => 'The server does not offer sign-in with a user name and a password here.',
    remedy: () => 'An administrator has to allow it on the mail server, or use another port or kind of sign-in.',
  },
  [MailErrorCode.ACCOUNT_DISABLED]: {
    nature: PERMANENT,
    scope: MAILBOX,
    actor: ADMINISTRATOR,
    message: () => 'The account is disabled on the mail server.',
    remedy: () => "The mail server's administrator has to enable it.",
  },
  [MailErrorCode.APP_PASSWORD_REQUIRED]: {
    nature: PERMANENT,
    scope: MAILBOX,
    actor: MAILBOX_OWNER,
    field: 'password',
    message: () => 'The account uses two-step sign-in, so the server takes only an app password.',
    remedy: () => "The mailbox's owner has to make an app password at the provider and enter it here.",
  },
  [MailErrorCode.TOO_MANY_CONNECTIONS]: {
    nature: TRANSIENT,
    scope: MAILBOX,
    actor: NOBODY,
    message: () => 'The server has too many connections already.',
    remedy: () => 'Nobody has to act; if it recurs, an administrator has to lower the connections of the profile.',
  },
  [MailErrorCode.THROTTLED]: {
    nature: TRANSIENT,
    scope: MAILBOX,
    actor: NOBODY,
    message: () => 'The server asks to slow down.',
    remedy: () => 'Nobody has to act: test again after the time the server asked for.',
  },
  [MailErrorCode.SERVER_UNAVAILABLE]: {
    nature: TRANSIENT,
    scope: PROFILE,
    actor: NOBODY,
    message: () => 'The server says that it cannot do its work at the moment.',
    remedy: () => WAIT,
  },
  [MailErrorCode.QUOTA_EXCEEDED]: {
    nature: PERMANENT,
    scope: MAILBOX,
    actor: MAILBOX_OWNER,
    message: () => 'The mailbox is full.',
    remedy: () => "The mailbox's owner has to delete mail, or the administrator has to give it more room.",
  },
  [MailErrorCode.INBOX_NOT_FOUND]: {
    nature: PERMANENT,
    scope: MAILBOX,
    actor: ADMINISTRATOR,
    field: 'username',
    message: () => 'The user can sign in but has no inbox on this server.',
    remedy: () => "The mail server's administrator has to create the mailbox, or the user name belongs to another one.",
  },
  [MailErrorCode.INBOX_READ_ONLY]: {
    nature: PERMANENT,
    scope: MAILBOX,
    actor: ADMINISTRATOR,
    field: 'username',
    message: () => 'The inbox can be read but not changed by this user.',
    remedy: () => "The mail server's administrator has to give the user the right to change and delete messages.",
  },
  [MailErrorCode.SENDER_REFUSED]: {
    nature: PERMANENT,
    scope: MAILBOX,
    actor: ADMINISTRATOR,
    field: 'emailAddress',
    message: () => "The server does not let this user send with the mailbox's address.",
    remedy: () => "The mail server's administrator has to allow it, or the address or the user name is the wrong one.",
  },
  [MailErrorCode.RECIPIENT_REFUSED]: {
    nature: PERMANENT,
    scope: MAILBOX,
    actor: ADMINISTRATOR,
    field: 'emailAddress',
    message: () => "The server does not accept mail to the mailbox's own address.",
    remedy: () => 'An administrator has to correct the address, or create it on the mail server.',
  },
  [MailErrorCode.MESSAGE_TOO_LARGE]: {
    nature: PERMANENT,
    scope: MESSAGE,
    actor: ADMINISTRATOR,
    message: () => 'The server refused the message because of its size.',
    remedy: () => "The mail server's administrator has to raise the limit.",
  },
  [MailErrorCode.MESSAGE_REFUSED]: {
    nature: PERMANENT,
    scope: MAILBOX,
    actor: ADMINISTRATOR,
    message: () => 'The server refused the message itself.',
    remedy: () => "The mail server's administrator has to look why its filter refuses this sender's mail.",
  },
  [MailErrorCode.GREYLISTED]: {
    nature: TRANSIENT,
    scope: MAILBOX,
    actor: NOBODY,
    message: () => 'The server puts mail from unknown senders off and asks to send it again later.',
    remedy: () => WAIT,
  },
  [MailErrorCode.ROUND_TRIP_TIMEOUT]: {
    nature: TRANSIENT,
    scope: MAILBOX,
    actor: ADMINISTRATOR,
    message: () => 'The test message was sent but did not arrive in the inbox in time.',
    remedy: () =>
      'An administrator has to look whether it waits in the queue of the server, or whether a filter or a rule took it.',
  },
  [MailErrorCode.PROTOCOL_ERROR]: {
    nature: TRANSIENT,
    scope: PROFILE,
    actor: ADMINISTRATOR,
    message: (scene) => `The server answered against the rules of ${scene.protocol}.`,
    remedy: (scene) => `An administrator has to check that a mail server answers at ${at(scene)}.`,
  },
  [MailErrorCode.HOST_NOT_ALLOWED]: {
    nature: PERMANENT,
    scope: PROFILE,
    actor: ADMINISTRATOR,
    field: 'host',
    message: ({ endpoint }) => `This service may not connect to ${endpoint.host}.`,
    remedy: () => 'An administrator has to correct the host, or allow its address in the configuration of the service.',
  },
  [MailErrorCode.ENDPOINT_MISSING]: {
    nature: PERMANENT,
    scope: PROFILE,
    actor: ADMINISTRATOR,
    field: 'host',
    message: ({ protocol }) => `The profile has no ${protocol === 'IMAP' ? 'incoming' : 'outgoing'} server.`,
    remedy: () => 'An administrator has to enter the server in the profile, or switch the method off.',
  },
  [MailErrorCode.CREDENTIALS_MISSING]: {
    nature: PERMANENT,
    scope: MAILBOX,
    actor: MAILBOX_OWNER,
    field: 'password',
    message: () => 'No user name or no password is stored.',
    remedy: () => "The mailbox's owner has to enter them.",
  },
  [MailErrorCode.CREDENTIALS_UNREADABLE]: {
    nature: PERMANENT,
    scope: MAILBOX,
    actor: MAILBOX_OWNER,
    field: 'password',
    message: () => 'The user name or the password contains characters that cannot be sent to a mail server.',
    remedy: () => "The mailbox's owner has to enter them anew, without line breaks.",
  },
  [MailErrorCode.UNKNOWN]: {
    nature: TRANSIENT,
    scope: MAILBOX,
    actor: ADMINISTRATOR,
    message: () => 'The test failed for a reason that is not known yet.',
    remedy: () => "An administrator has to look at the server's words and the log.",
  },
}
