import type { FailureReport, Verdict } from './fault'
import { MailErrorCode } from './mail-error'
import type { StepName } from './probe'

/** What the codes of Node's resolver, sockets and TLS mean, and those that the mail libraries add. */
const CODES: Readonly<Record<string, MailErrorCode>> = {
  ENOTFOUND: MailErrorCode.DNS_NOT_FOUND,
  ENODATA: MailErrorCode.DNS_NOT_FOUND,
  EAI_NONAME: MailErrorCode.DNS_NOT_FOUND,
  EAI_NODATA: MailErrorCode.DNS_NOT_FOUND,
  EAI_AGAIN: MailErrorCode.DNS_TEMPORARY,
  EAI_FAIL: MailErrorCode.DNS_TEMPORARY,
  EAI_SYSTEM: MailErrorCode.DNS_TEMPORARY,
  ESERVFAIL: MailErrorCode.DNS_TEMPORARY,
  EDNS: MailErrorCode.DNS_TEMPORARY,
  ECONNREFUSED: MailErrorCode.CONNECTION_REFUSED,
  ERR_SOCKET_BAD_PORT: MailErrorCode.CONNECTION_REFUSED,
  ECONNRESET: MailErrorCode.CONNECTION_RESET,
  ECONNABORTED: MailErrorCode.CONNECTION_RESET,
  EPIPE: MailErrorCode.CONNECTION_RESET,
  ENOTCONN: MailErrorCode.CONNECTION_RESET,
  ECONNECTION: MailErrorCode.CONNECTION_RESET,
  ClosedAfterConnectText: MailErrorCode.CONNECTION_RESET,
  ClosedAfterConnectTLS: MailErrorCode.CONNECTION_RESET,
  NoConnection: MailErrorCode.CONNECTION_RESET,
  EConnectionClosed: MailErrorCode.CONNECTION_RESET,
  StateLogout: MailErrorCode.CONNECTION_RESET,
  NoMailboxSelected: MailErrorCode.CONNECTION_RESET,
  EHOSTUNREACH: MailErrorCode.NETWORK_UNREACHABLE,
  ENETUNREACH: MailErrorCode.NETWORK_UNREACHABLE,
  EHOSTDOWN: MailErrorCode.NETWORK_UNREACHABLE,
  ENETDOWN: MailErrorCode.NETWORK_UNREACHABLE,
  EADDRNOTAVAIL: MailErrorCode.NETWORK_UNREACHABLE,
  // A route that swallows, a packet filter that forbids.
  EINVAL: MailErrorCode.NETWORK_UNREACHABLE,
  EACCES: MailErrorCode.NETWORK_UNREACHABLE,
  EPERM: MailErrorCode.NETWORK_UNREACHABLE,
  CONNECT_TIMEOUT: MailErrorCode.CONNECT_TIMEOUT,
  GREETING_TIMEOUT: MailErrorCode.GREETING_TIMEOUT,
  UPGRADE_TIMEOUT: MailErrorCode.RESPONSE_TIMEOUT,
  ETIMEOUT: MailErrorCode.RESPONSE_TIMEOUT,
  CERT_HAS_EXPIRED: MailErrorCode.TLS_CERTIFICATE_EXPIRED,
  CERT_NOT_YET_VALID: MailErrorCode.TLS_CERTIFICATE_EXPIRED,
  CRL_HAS_EXPIRED: MailErrorCode.TLS_CERTIFICATE_EXPIRED,
  DEPTH_ZERO_SELF_SIGNED_CERT: MailErrorCode.TLS_CERTIFICATE_UNTRUSTED,
  SELF_SIGNED_CERT_IN_CHAIN: MailErrorCode.TLS_CERTIFICATE_UNTRUSTED,
  UNABLE_TO_GET_ISSUER_CERT: MailErrorCode.TLS_CERTIFICATE_UNTRUSTED,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: MailErrorCode.TLS_CERTIFICATE_UNTRUSTED,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: MailErrorCode.TLS_CERTIFICATE_UNTRUSTED,
  CERT_UNTRUSTED: MailErrorCode.TLS_CERTIFICATE_UNTRUSTED,
  CERT_REJECTED: MailErrorCode.TLS_CERTIFICATE_UNTRUSTED,
  CERT_REVOKED: MailErrorCode.TLS_CERTIFICATE_UNTRUSTED,
  CERT_SIGNATURE_FAILURE: MailErrorCode.TLS_CERTIFICATE_UNTRUSTED,
  CERT_CHAIN_TOO_LONG: MailErrorCode.TLS_CERTIFICATE_UNTRUSTED,
  INVALID_CA: MailErrorCode.TLS_CERTIFICATE_UNTRUSTED,
  INVALID_PURPOSE: MailErrorCode.TLS_CERTIFICATE_UNTRUSTED,
  PATH_LENGTH_EXCEEDED: MailErrorCode.TLS_CERTIFICATE_UNTRUSTED,
  HOSTNAME_MISMATCH: MailErrorCode.TLS_HOSTNAME_MISMATCH,
  ERR_TLS_CERT_ALTNAME_INVALID: MailErrorCode.TLS_HOSTNAME_MISMATCH,
  ERR_SSL_WRONG_VERSION_NUMBER: MailErrorCode.TLS_WRONG_MODE,
  ERR_SSL_PACKET_LENGTH_TOO_LONG: MailErrorCode.TLS_WRONG_MODE,
  EPROTO: MailErrorCode.TLS_PROTOCOL,
  LineTooLarge: MailErrorCode.PROTOCOL_ERROR,
  LiteralTooLarge: MailErrorCode.PROTOCOL_ERROR,
  ResponseTooLarge: MailErrorCode.PROTOCOL_ERROR,
  TooManyTokens: MailErrorCode.PROTOCOL_ERROR,
  InvalidResponse: MailErrorCode.PROTOCOL_ERROR,
  UnexpectedTag: MailErrorCode.PROTOCOL_ERROR,
  MissingTag: MailErrorCode.PROTOCOL_ERROR,
  ResponseProcessingFailed: MailErrorCode.PROTOCOL_ERROR,
  MAX_IMAP_NESTING_REACHED: MailErrorCode.PROTOCOL_ERROR,
  TooManyResponses: MailErrorCode.PROTOCOL_ERROR,
  STARTTLS_INJECTION: MailErrorCode.PROTOCOL_ERROR,
}

/** nodemailer calls every time-out ETIMEDOUT; its message says which one. */
const TIMEOUTS: readonly (readonly [RegExp, MailErrorCode])[] = [
  [/^Greeting never received/, MailErrorCode.GREETING_TIMEOUT],
  [/^Connection timeout/, MailErrorCode.CONNECT_TIMEOUT],
]

/** The verdict on a failure of the connection itself; undefined when its code says nothing. */
export function transportVerdict(report: FailureReport, step: StepName): Verdict | undefined {
  const codes = [report.originalCode, report.code]
  for (const libraryCode of codes) {
    const code = libraryCode === undefined ? undefined : codeOf(libraryCode, report, step)
    if (code) return { code, serverText: wordsOf(code, report) }
  }
  return undefined
}

function codeOf(libraryCode: string, report: FailureReport, step: StepName): MailErrorCode | undefined {
  if (libraryCode === 'ETIMEDOUT') {
    const named = TIMEOUTS.find(([pattern]) => pattern.test(report.message ?? ''))?.[1]
    if (named) return named
    return step === 'CONNECT' || report.syscall === 'connect'
      ? MailErrorCode.CONNECT_TIMEOUT
      : MailErrorCode.RESPONSE_TIMEOUT
  }
  const known = CODES[libraryCode]
  if (known) return known
  if (libraryCode.startsWith('ParserError')) return MailErrorCode.PROTOCOL_ERROR
  return /^ERR_(SSL|TLS)_/.test(libraryCode) ? MailErrorCode.TLS_PROTOCOL : undefined
}

/** Only what comes from the server's certificate or from OpenSSL adds to the code; its own text begins with an address. */
function wordsOf(code: MailErrorCode, report: FailureReport): string | undefined {
  if (!code.startsWith('TLS_')) return undefined
  return report.reason ?? report.message?.replace(/^[0-9A-F]{8,}:error:[0-9A-F]+:/, '')
}
