import { words } from './format'

/** The cause in two or three words, for cells, chips and announcements. Whole sentences come from the server. */
const ERROR_WORDS: Record<string, string> = {
  DNS_NOT_FOUND: 'No such host',
  DNS_TEMPORARY: 'Name lookup failed',
  CONNECTION_REFUSED: 'Connection refused',
  CONNECTION_RESET: 'Connection cut',
  CONNECT_TIMEOUT: 'No connection',
  GREETING_TIMEOUT: 'No greeting',
  RESPONSE_TIMEOUT: 'No answer',
  NETWORK_UNREACHABLE: 'Network unreachable',
  NOT_THIS_PROTOCOL: 'Wrong protocol',
  TLS_REQUIRED: 'TLS required',
  TLS_NOT_OFFERED: 'TLS not offered',
  TLS_WRONG_MODE: 'Wrong TLS mode',
  TLS_CERTIFICATE_EXPIRED: 'Certificate expired',
  TLS_CERTIFICATE_UNTRUSTED: 'Certificate untrusted',
  TLS_HOSTNAME_MISMATCH: 'Certificate mismatch',
  TLS_PROTOCOL: 'TLS too old',
  AUTHENTICATION_FAILED: 'Wrong password',
  AUTHENTICATION_METHOD_UNAVAILABLE: 'Sign-in not offered',
  ACCOUNT_DISABLED: 'Account disabled',
  APP_PASSWORD_REQUIRED: 'App password needed',
  OAUTH_TOKEN_REJECTED: 'Token rejected',
  OAUTH_TOKEN_ENDPOINT: 'Token service failed',
  TOO_MANY_CONNECTIONS: 'Too many connections',
  THROTTLED: 'Throttled',
  SERVER_UNAVAILABLE: 'Server unavailable',
  QUOTA_EXCEEDED: 'Mailbox full',
  INBOX_NOT_FOUND: 'No inbox',
  INBOX_READ_ONLY: 'Inbox read-only',
  SENDER_REFUSED: 'Sender refused',
  RECIPIENT_REFUSED: 'Recipient refused',
  MESSAGE_TOO_LARGE: 'Message too large',
  MESSAGE_REFUSED: 'Message refused',
  GREYLISTED: 'Greylisted',
  ROUND_TRIP_TIMEOUT: 'Test mail missing',
  DAV_NOT_FOUND: 'DAV not found',
  DAV_FORBIDDEN: 'DAV forbidden',
  PROTOCOL_ERROR: 'Garbled answer',
  HOST_NOT_ALLOWED: 'Host not allowed',
  CREDENTIALS_MISSING: 'Password missing',
  CREDENTIALS_UNREADABLE: 'Password unreadable',
  UNKNOWN: 'Unknown error',
}

export const errorWords = (code: string) => ERROR_WORDS[code] ?? words(code)

/** Codes that somebody mends by entering credentials. */
export const isCredentialError = (code: string | null | undefined) =>
  code === 'AUTHENTICATION_FAILED' ||
  code === 'APP_PASSWORD_REQUIRED' ||
  code === 'CREDENTIALS_MISSING' ||
  code === 'CREDENTIALS_UNREADABLE'
