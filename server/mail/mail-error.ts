/**
 * What a remote failure is made into, so that it can be stored, counted and shown (product rule 2.6).
 * A remote server's failure is data: nothing in mail/ throws for it.
 */
export enum ErrorNature {
  /** Worth another try without anybody acting. */
  TRANSIENT = 'TRANSIENT',
  /** The same try gives the same answer until somebody acts. */
  PERMANENT = 'PERMANENT',
}

export enum ErrorScope {
  MESSAGE = 'MESSAGE',
  MAILBOX = 'MAILBOX',
  /** Every mailbox of the profile would meet it: the host, its certificate, its policy. */
  PROFILE = 'PROFILE',
}

/** Who must act. */
export enum ErrorActor {
  MAILBOX_OWNER = 'MAILBOX_OWNER',
  PROFILE_OWNER = 'PROFILE_OWNER',
  ADMINISTRATOR = 'ADMINISTRATOR',
  NOBODY = 'NOBODY',
}

export enum MailErrorCode {
  DNS_NOT_FOUND = 'DNS_NOT_FOUND',
  DNS_TEMPORARY = 'DNS_TEMPORARY',
  CONNECTION_REFUSED = 'CONNECTION_REFUSED',
  CONNECTION_RESET = 'CONNECTION_RESET',
  CONNECT_TIMEOUT = 'CONNECT_TIMEOUT',
  GREETING_TIMEOUT = 'GREETING_TIMEOUT',
  RESPONSE_TIMEOUT = 'RESPONSE_TIMEOUT',
  NETWORK_UNREACHABLE = 'NETWORK_UNREACHABLE',
  NOT_THIS_PROTOCOL = 'NOT_THIS_PROTOCOL',
  TLS_REQUIRED = 'TLS_REQUIRED',
  TLS_NOT_OFFERED = 'TLS_NOT_OFFERED',
  TLS_WRONG_MODE = 'TLS_WRONG_MODE',
  TLS_CERTIFICATE_EXPIRED = 'TLS_CERTIFICATE_EXPIRED',
  TLS_CERTIFICATE_UNTRUSTED = 'TLS_CERTIFICATE_UNTRUSTED',
  TLS_HOSTNAME_MISMATCH = 'TLS_HOSTNAME_MISMATCH',
  TLS_PROTOCOL = 'TLS_PROTOCOL',
  AUTHENTICATION_FAILED = 'AUTHENTICATION_FAILED',
  AUTHENTICATION_METHOD_UNAVAILABLE = 'AUTHENTICATION_METHOD_UNAVAILABLE',
  ACCOUNT_DISABLED = 'ACCOUNT_DISABLED',
  APP_PASSWORD_REQUIRED = 'APP_PASSWORD_REQUIRED',
  TOO_MANY_CONNECTIONS = 'TOO_MANY_CONNECTIONS',
  THROTTLED = 'THROTTLED',
  SERVER_UNAVAILABLE = 'SERVER_UNAVAILABLE',
  QUOTA_EXCEEDED = 'QUOTA_EXCEEDED',
  INBOX_NOT_FOUND = 'INBOX_NOT_FOUND',
  INBOX_READ_ONLY = 'INBOX_READ_ONLY',
  SENDER_REFUSED = 'SENDER_REFUSED',
  RECIPIENT_REFUSED = 'RECIPIENT_REFUSED',
  MESSAGE_TOO_LARGE = 'MESSAGE_TOO_LARGE',
  MESSAGE_REFUSED = 'MESSAGE_REFUSED',
  GREYLISTED = 'GREYLISTED',
  ROUND_TRIP_TIMEOUT = 'ROUND_TRIP_TIMEOUT',
  PROTOCOL_ERROR = 'PROTOCOL_ERROR',
  HOST_NOT_ALLOWED = 'HOST_NOT_ALLOWED',
  ENDPOINT_MISSING = 'ENDPOINT_MISSING',
  CREDENTIALS_MISSING = 'CREDENTIALS_MISSING',
  CREDENTIALS_UNREADABLE = 'CREDENTIALS_UNREADABLE',
  UNKNOWN = 'UNKNOWN',
}

export interface MailError {
  code: MailErrorCode
  nature: ErrorNature
  scope: ErrorScope
  actor: ErrorActor
  /** What happened, one sentence. */
  message: string
  /** Who must act and how, one or two sentences. */
  remedy: string
  /** The profile's or mailbox's field to mend, as the API names it: incoming.host, incoming.port, incoming.security, outgoing.*, password, emailAddress. */
  field?: string
  /** The server's own words, redacted, one line, at most 500 characters. */
  serverResponse?: string
  /** When the server asked to wait; ISO 8601. */
  retryAt?: string
}
