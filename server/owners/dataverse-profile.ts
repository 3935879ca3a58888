import { hostProblem } from '../mail/address'
import { ConnectionSecurity } from '../mail/probe'
import { CredentialSource, ProfileType } from '../profiles/profile.entity'
import { isActive, type Row } from './dataverse-row'

export interface PlannedProfile {
  guid: string
  subject: string
  name: string
  type: ProfileType
  active: boolean
  incoming: PlannedEndpoint | null
  outgoing: PlannedEndpoint | null
  credentialSource: CredentialSource
  username: string | null
  maxConcurrentConnections: number
  /** The user it belongs to. */
  ownerGuid: string | null
}

export interface PlannedEndpoint {
  host: string
  port: number
  security: ConnectionSecurity
}

/** How the server of a type is reached, when the profile does not say. */
const PORTS = {
  imap: { secured: 993, plain: 143 },
  pop3: { secured: 995, plain: 110 },
  smtp: { secured: 587, plain: 25 },
} as const
/** Ports on which TLS begins with a command. */
const STARTTLS_PORTS = new Set([25, 110, 143, 587, 2525])

const ON_PREMISES = 'Exchange servers of your own are reached by IMAP and SMTP: imported inactive, enter the servers'

/** What a row of `emailserverprofiles` becomes. */
export function profileOf(row: Row): PlannedProfile {
  const incomingSource = sourceOf(row, 'incomingcredentialretrieval')
  const type = profileTypeOf(row, incomingSource)
  const isOwn = type === null
  const active = isActive(row)
  const endpoints = endpointsOf(row, type)
  const ownerGuid = row.id('_ownerid_value')
  const isUser = row.target('_ownerid_value') !== 'team'
  if (ownerGuid !== null && !isUser) row.note('_ownerid_value', 'a team owns no profile: nobody is told of its alerts')
  const found = {
    ...{ guid: row.guid, subject: row.subject, name: row.name('name') },
    ...{ type: type ?? ProfileType.IMAP_SMTP, active: active && !isOwn, ...endpoints },
    ...credentialsOf(row, incomingSource),
    maxConcurrentConnections: connectionsOf(row),
    ownerGuid: isUser ? ownerGuid : null,
  }
  const isWithout = !isOwn && NEEDS_SERVER.has(found.type) && !found.incoming && !found.outgoing
  if (isWithout && active)
    row.note('incomingserverlocation', 'no server is named: imported inactive, enter the servers')
  return { ...found, active: found.active && !isWithout }
}

const NEEDS_SERVER: ReadonlySet<ProfileType> = new Set([ProfileType.IMAP_SMTP, ProfileType.POP3_SMTP])

type Source = CredentialSource | 'GMAIL'

/** By what Dynamics 365 signs in, and what stands for it here. */
function sourceOf(row: Row, column: string): Source {
  const own = (instead: string) => ({ is: CredentialSource.MAILBOX as Source, instead })
  return row.option<Source>(
    column,
    {
      0: CredentialSource.MAILBOX,
      1: CredentialSource.PROFILE,
      2: CredentialSource.OAUTH_CLIENT_CREDENTIALS,
      3: own('Windows sign-in has no counterpart: each mailbox has a name and a password'),
      4: own('servers are not used without signing in: each mailbox has a name and a password'),
      5: 'GMAIL',
      6: own('hybrid modern authentication has no counterpart: each mailbox has a name and a password'),
      7: CredentialSource.OAUTH_CLIENT_CREDENTIALS,
    },
    { is: CredentialSource.MAILBOX, taken: 'a name and a password of each mailbox (MAILBOX)' },
  )
}

/** Null for an Exchange server on premises. */
function profileTypeOf(row: Row, source: Source): ProfileType | null {
  const isMicrosoft = /(^|\.)(outlook\.office365\.com|office365\.com|outlook\.com)$/i
  const location = row.text('incomingserverlocation') ?? ''
  const isOnline = source === CredentialSource.OAUTH_CLIENT_CREDENTIALS || isMicrosoft.test(hostOf(location) ?? '')
  if (source === 'GMAIL') {
    row.value('servertype')
    return ProfileType.GMAIL
  }
  const own = { is: null, instead: ON_PREMISES }
  return row.option<ProfileType | null>(
    'servertype',
    {
      0: isOnline ? ProfileType.EXCHANGE_ONLINE : own,
      1: ProfileType.POP3_SMTP,
      2: own,
      3: ProfileType.EXCHANGE_ONLINE,
      4: ProfileType.IMAP_SMTP,
    },
    { is: ProfileType.IMAP_SMTP, taken: 'the type IMAP_SMTP' },
  )
}

function hostOf(location: string): string | undefined {
  if (URL.canParse(location) && location.includes('//')) return new URL(location).hostname
  return location || undefined
}

function endpointsOf(row: Row, type: ProfileType | null): Pick<PlannedProfile, 'incoming' | 'outgoing'> {
  if (row.flag('useautodiscover')) row.note('useautodiscover', 'servers are not searched for: enter them')
  const protocol = type === ProfileType.POP3_SMTP ? 'pop3' : 'imap'
  // the servers of Microsoft and Google are known by the type; those of an Exchange server say where EWS is, which is not spoken
  const isNamed = type !== null && NEEDS_SERVER.has(type)
  return {
    incoming: isNamed ? endpointOf(row, 'incoming', protocol) : unusedEndpoint(row, 'incoming', type),
    outgoing: isNamed ? endpointOf(row, 'outgoing', 'smtp') : unusedEndpoint(row, 'outgoing', type),
  }
}

function unusedEndpoint(row: Row, side: 'incoming' | 'outgoing', type: ProfileType | null): null {
  for (const column of ['serverlocation', 'portnumber', 'usessl']) row.value(`${side}${column}`)
  if (row.text(`${side}serverlocation`) !== null) {
    const why = type === null ? 'EWS is not spoken: enter the server' : 'the server is known by the type of the profile'
    row.note(`${side}serverlocation`, why)
  }
  return null
}

function endpointOf(row: Row, side: 'incoming' | 'outgoing', protocol: keyof typeof PORTS): PlannedEndpoint | null {
  const location = row.text(`${side}serverlocation`)
  const isSecured = row.value(`${side}usessl`) !== false
  const given = row.value(`${side}portnumber`)
  if (location === null) return null
  const host = hostOf(location)?.replace(/\.$/, '').toLowerCase()
  if (host === undefined || hostProblem(host)) {
    row.note(`${side}serverlocation`, 'this is no name of a server: enter it')
    return null
  }
  const isPort = typeof given === 'number' && Number.isInteger(given) && given > 0 && given < 65_536
  const port = isPort ? given : PORTS[protocol][isSecured ? 'secured' : 'plain']
  if (!isPort && given !== null) row.note(`${side}portnumber`, `this is no port: port ${port} is taken`)
  if (!isSecured) row.note(`${side}usessl`, 'taken over: names and passwords go over the wire in clear')
  const secured = STARTTLS_PORTS.has(port) ? ConnectionSecurity.STARTTLS : ConnectionSecurity.TLS
  return { host, port, security: isSecured ? secured : ConnectionSecurity.NONE }
}

function credentialsOf(row: Row, incoming: Source): Pick<PlannedProfile, 'credentialSource' | 'username'> {
  const isShared = row.value('usesamesettingsforoutgoingconnections') !== false
  const outgoing = isShared ? incoming : sourceOf(row, 'outgoingcredentialretrieval')
  if (isShared) row.value('outgoingcredentialretrieval')
  if (outgoing !== incoming) {
    row.note('outgoingcredentialretrieval', 'both directions sign in alike: as for incoming mail')
  }
  const [username, sending] = [row.text('incomingusername'), row.text('outgoingusername')]
  const isUsed = incoming === CredentialSource.PROFILE
  if (!isUsed && username !== null) row.note('incomingusername', 'not taken over: each mailbox signs in by itself')
  if (!isShared && sending !== null && sending !== username) {
    row.note('outgoingusername', 'both directions sign in alike: as for incoming mail')
  }
  const credentialSource = incoming === 'GMAIL' ? CredentialSource.OAUTH_MAILBOX_CONSENT : incoming
  return { credentialSource, username: isUsed ? username : null }
}

function connectionsOf(row: Row): number {
  const value = row.value('maxconcurrentconnections')
  if (value === null) return 10
  if (typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= 300) return value
  row.note('maxconcurrentconnections', '1 to 300 connections are allowed: 10 connections are taken')
  return 10
}
