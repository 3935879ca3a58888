import { X509Certificate } from 'node:crypto'
import type { FaultList } from '../errors'
import { checkPassword, oneLine } from '../graphql/text-input'
import { hostProblem } from '../mail/address'
import { CredentialSource, type EmailServerProfile, ProfileType } from './profile.entity'
import type { EmailServerProfileInput, ServerEndpointInput } from './profile.inputs'

const MAX_CONNECTIONS = 300
const MAX_PEM = 60_000
const MAX_HOST = 255

/** The columns an input sets, of those that hold no secret. Adds a fault for each field that is wrong. */
export function profileColumns(faults: FaultList, input: EmailServerProfileInput): Partial<EmailServerProfile> {
  const columns: Partial<EmailServerProfile> = {
    name: oneLine(faults, ['input', 'name'], input.name, { max: 200 }),
    type: input.type,
  }
  columns.nameKey = columns.name?.toLowerCase()
  if (input.incoming) {
    const { host, port, security } = checkEndpoint(faults, 'incoming', input.incoming)
    Object.assign(columns, { incomingHost: host, incomingPort: port, incomingSecurity: security })
  }
  if (input.outgoing) {
    const { host, port, security } = checkEndpoint(faults, 'outgoing', input.outgoing)
    Object.assign(columns, { outgoingHost: host, outgoingPort: port, outgoingSecurity: security })
  }
  if (input.davUrl !== undefined) columns.davUrl = checkDavUrl(faults, input.davUrl)
  checkCredentialFields(faults, input, columns)
  const limit = input.maxConcurrentConnections
  if (limit !== undefined && limit !== null) {
    if (limit < 1 || limit > MAX_CONNECTIONS) {
      faults.add(
        'OUT_OF_RANGE',
        ['input', 'maxConcurrentConnections'],
        `1 to ${MAX_CONNECTIONS} connections are allowed`,
      )
    }
    columns.maxConcurrentConnections = limit
  }
  if (input.trustedCertificates !== undefined) {
    columns.trustedCertificates = checkCertificates(faults, input.trustedCertificates)
  }
  if (input.verifyCertificates !== undefined && input.verifyCertificates !== null) {
    columns.verifyCertificates = input.verifyCertificates
  }
  if (input.ownerId !== undefined) columns.ownerId = input.ownerId
  if (input.active !== undefined && input.active !== null) columns.active = input.active
  return columns
}

/** The servers of the others are known by their type. */
const NEEDS_SERVER = [ProfileType.IMAP_SMTP, ProfileType.POP3_SMTP]

/** What only the whole profile tells; of an update as it would be afterwards. */
export function checkServers(
  faults: FaultList,
  { type, incomingHost, outgoingHost }: Partial<EmailServerProfile>,
): void {
  if (!type || !NEEDS_SERVER.includes(type) || incomingHost || outgoingHost) return
  faults.add('REQUIRED', ['input', 'incoming'], 'A profile needs an incoming or an outgoing server')
}

function checkEndpoint(
  faults: FaultList,
  side: 'incoming' | 'outgoing',
  input: ServerEndpointInput,
): ServerEndpointInput {
  const problem = hostProblem(input.host)
  if (problem) faults.add('INVALID_HOST', ['input', side, 'host'], `The host ${problem}`)
  else if (input.host.toLowerCase().length > MAX_HOST) {
    faults.add('TOO_LONG', ['input', side, 'host'], `At most ${MAX_HOST} characters are allowed`)
  }
  if (input.port < 1 || input.port > 65535) {
    faults.add('OUT_OF_RANGE', ['input', side, 'port'], 'A port lies between 1 and 65535')
  }
  return { ...input, host: input.host.toLowerCase() }
}

function checkDavUrl(faults: FaultList, text: string | null): string | null {
  // URL itself drops line breaks silently: the text that is stored must not have them
  const line = oneLine(faults, ['input', 'davUrl'], text ?? '', { max: 1000, required: false })
  if (line === '') return null
  const url = URL.canParse(line) ? new URL(line) : undefined
  if (!url || !/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '') {
    faults.add('INVALID_URL', ['input', 'davUrl'], 'A URL of http or https without name and password is needed')
  }
  return line
}

function checkCredentialFields(
  faults: FaultList,
  input: EmailServerProfileInput,
  columns: Partial<EmailServerProfile>,
): void {
  const source = input.credentialSource
  if (source !== undefined && source !== null) {
    if (source !== CredentialSource.MAILBOX && source !== CredentialSource.PROFILE) {
      faults.add('NOT_SUPPORTED', ['input', 'credentialSource'], 'MAILBOX and PROFILE are supported')
    }
    columns.credentialSource = source
  }
  if (input.username !== undefined) {
    columns.username =
      oneLine(faults, ['input', 'username'], input.username ?? '', { max: 320, required: false }) || null
  }
  if (input.password) checkPassword(faults, ['input', 'password'], input.password)
}

function checkCertificates(faults: FaultList, pem: string | null): string | null {
  if (pem === null || pem.trim() === '') return null
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? []
  const readable = blocks.every((block) => {
    try {
      return !!new X509Certificate(block)
    } catch {
      return false
    }
  })
  if (blocks.length === 0 || !readable || pem.length > MAX_PEM) {
    faults.add('INVALID_CERTIFICATE', ['input', 'trustedCertificates'], 'Certificates in PEM form are needed')
  }
  return blocks.join('\n')
}

/** Which directions' way to the server a change of columns touches (reset rule "endpoint or security of a profile changes"). */
export function endpointDirections(
  before: EmailServerProfile,
  after: Partial<EmailServerProfile>,
): ('INCOMING' | 'OUTGOING')[] {
  const differs = (...keys: (keyof EmailServerProfile)[]) =>
    keys.some((key) => key in after && after[key] !== before[key])
  const whole = differs('type', 'trustedCertificates', 'verifyCertificates')
  const directions: ('INCOMING' | 'OUTGOING')[] = []
  if (whole || differs('incomingHost', 'incomingPort', 'incomingSecurity')) directions.push('INCOMING')
  if (whole || differs('outgoingHost', 'outgoingPort', 'outgoingSecurity')) directions.push('OUTGOING')
  return directions
}
