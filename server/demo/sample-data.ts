import { ConnectionSecurity, type Endpoint } from '../mail/probe'
import { FAULTS, type FaultName } from './faults'
import type { DemoUser } from './mail-accounts'
import type { EndpointName, MailSystem } from './mail-system'

/**
 * The organisation of the demo: 180 users and 20 queues at demo.test, and a forward mailbox. Most mailboxes work; the others fail on purpose,
 * each few for another cause. The same at each start.
 */
export interface SampleProfile {
  key: ProfileKey
  name: string
  incoming: Endpoint
  outgoing: Endpoint
  /** PEM; absent where the demo shows what a missing authority does. */
  trustedCertificates?: string
  verifyCertificates: boolean
  maxConcurrentConnections: number
  isDefault: boolean
}

export interface SampleOwner {
  kind: 'USER' | 'QUEUE'
  /** Unique within its kind, as a CRM would give it. */
  externalId: string
  name: string
  /** Absent for owners that nobody gave an address yet: their approval is EMPTY. */
  emailAddress?: string
  /** What the product is told; a mailbox with the fault wrongPassword is told a wrong one. */
  password?: string
  profile: ProfileKey
  fault?: FaultName
  approval: 'EMPTY' | 'PENDING' | 'APPROVED' | 'REJECTED'
  /** Its mail arrives in the forward mailbox; MISSING: the rule that forwards it was forgotten. */
  forwarding?: 'INSTALLED' | 'MISSING'
}

interface ProfilePlan {
  name: string
  incoming: EndpointName
  outgoing: EndpointName
  /** When the profile says something else than the server does. */
  security?: ConnectionSecurity
  trustsAuthority: boolean
  maxConcurrentConnections: number
  /** Mailboxes that use it, beside those of the default profile. */
  mailboxes: number
}

function plan(
  name: string,
  incoming: EndpointName,
  outgoing: EndpointName,
  mailboxes: number,
  more: Partial<ProfilePlan> = {},
): ProfilePlan {
  return { name, incoming, outgoing, mailboxes, trustsAuthority: true, maxConcurrentConnections: 10, ...more }
}

const PROFILES = {
  headOffice: plan('Head office', 'imaps', 'smtps', 0, { maxConcurrentConnections: 20 }),
  subsidiaries: plan('Subsidiaries (STARTTLS)', 'imapStartTls', 'submission', 45),
  archive: plan('Old archive (no TLS)', 'imapPlain', 'smtpPlain', 12, { maxConcurrentConnections: 4 }),
  retired: plan('Retired server (dead port)', 'dead', 'dead', 4),
  expired: plan('Warehouse (expired certificate)', 'imapsExpired', 'smtpsExpired', 4),
  untrusted: plan('Partner (untrusted certificate)', 'imapsUntrusted', 'smtpsUntrusted', 3),
  authorityMissing: plan('Laboratory (authority not trusted)', 'imaps', 'smtps', 2, { trustsAuthority: false }),
  otherHost: plan('Renamed server (other host name)', 'imapsOtherHost', 'smtpsOtherHost', 3),
  noSuchHost: plan('Misspelled host', 'noSuchHost', 'noSuchHost', 3),
  silent: plan('Silent server', 'silent', 'silent', 2, { maxConcurrentConnections: 4 }),
  garbage: plan('Not a mail server', 'garbage', 'garbage', 2),
  wrongMode: plan('TLS to a plain-text port', 'imapPlain', 'smtpPlain', 2, { security: ConnectionSecurity.TLS }),
  tlsRequired: plan('Plain text where TLS is required', 'imapStartTls', 'submission', 2, {
    security: ConnectionSecurity.NONE,
  }),
  tlsNotOffered: plan('STARTTLS not offered', 'imapPlain', 'smtpPlain', 2, { security: ConnectionSecurity.STARTTLS }),
} satisfies Record<string, ProfilePlan>

export type ProfileKey = keyof typeof PROFILES

const DEFAULT_PROFILE: ProfileKey = 'headOffice'

/** How many mailboxes of the default profile have each fault; one where nothing is said. */
const FAULT_COUNTS: Partial<Record<FaultName, number>> = {
  wrongPassword: 5,
  slow: 4,
  throttled: 2,
  readOnlyInbox: 2,
  senderRefused: 2,
}

const FIRST_NAMES =
  'Ada Bruno Chiara Dario Elena Farid Greta Hugo Ines Jonas Kira Liam Mara Nils Olga Pavel Rosa Samir Tara Umut Vera Wanda Yusuf Zoe Anton Bella Carl Dina Emil Flora Goran Heidi Ivan Jana Karim Lena'.split(
    ' ',
  )
const LAST_NAMES =
  'Abel Berger Costa Dubois Eriksen Fischer Garcia Horvat Ivanov Jansen Keller Lindqvist Moreau Novak Olsen Petrov Quinn Rossi Schmidt Tanaka Ueda Varga Weber Yilmaz Zeller'.split(
    ' ',
  )
const QUEUES =
  'Support Sales Billing Returns Orders Complaints Press Careers Legal Facilities Helpdesk Procurement Shipping Events Partners Training Security Privacy Warranty Feedback'.split(
    ' ',
  )

const USERS = 180
/** The last users have no address, the ones before them still wait for approval. */
const WITHOUT_ADDRESS = 4
const PENDING = 12
const REJECTED = 2
const APPROVED = USERS - WITHOUT_ADDRESS - PENDING - REJECTED
const DOMAIN = 'demo.test'

/** The one forward mailbox. */
export const FORWARD_MAILBOX = {
  name: 'Forwarded mail',
  emailAddress: `forwarded@${DOMAIN}`,
  password: 'demo-forwarded',
}
/** Of the users whose mail arrives in it. */
const FORWARDING = ['INSTALLED', 'INSTALLED', 'MISSING'] as const

/** 36 and 25 have no common factor: the first 900 pairs differ. */
const personName = (at: number) => [FIRST_NAMES[at % FIRST_NAMES.length], LAST_NAMES[at % LAST_NAMES.length]] as const

/** Profile and fault of the user at a place: first the special profiles in turn, then the faults, then what works. */
function specials(): { profile: ProfileKey; fault?: FaultName }[] {
  const byProfile = Object.entries(PROFILES).flatMap(([key, { mailboxes }]) =>
    Array.from({ length: mailboxes }, () => ({ profile: key as ProfileKey })),
  )
  const byFault = (Object.keys(FAULTS) as FaultName[]).flatMap((fault) =>
    Array.from({ length: FAULT_COUNTS[fault] ?? 1 }, () => ({ profile: DEFAULT_PROFILE, fault })),
  )
  return [...byProfile, ...byFault]
}

function approvalOf(at: number): SampleOwner['approval'] {
  if (at >= USERS - WITHOUT_ADDRESS) return 'EMPTY'
  if (at >= USERS - WITHOUT_ADDRESS - PENDING) return 'PENDING'
  return at >= APPROVED ? 'REJECTED' : 'APPROVED'
}

function owner(kind: SampleOwner['kind'], name: string, localPart: string, number: number): SampleOwner {
  return {
    kind,
    externalId: `${kind.toLowerCase()}-${String(number).padStart(4, '0')}`,
    name,
    emailAddress: `${localPart}@${DOMAIN}`,
    password: `demo-${localPart}`,
    profile: DEFAULT_PROFILE,
    approval: 'APPROVED',
  }
}

export function sampleOwners(): SampleOwner[] {
  const special = specials()
  const users = Array.from({ length: USERS }, (_, at): SampleOwner => {
    const [first = '', last = ''] = personName(at)
    const user = owner('USER', `${first} ${last}`, `${first}.${last}`.toLowerCase(), at + 1)
    const approval = approvalOf(at)
    if (approval === 'EMPTY') return { ...user, emailAddress: undefined, password: undefined, approval }
    // Spread over the approved ones: failures side by side would look like one. 77 and 162 have no common factor.
    return { ...user, ...(approval === 'APPROVED' && special[(at * 77) % APPROVED]), approval }
  })
  const working = users.filter(
    (user) => user.approval === 'APPROVED' && user.profile === DEFAULT_PROFILE && !user.fault,
  )
  for (const [at, forwarding] of FORWARDING.entries()) Object.assign(working[at] ?? {}, { forwarding })
  const queues = QUEUES.map((name, at) => owner('QUEUE', name, name.toLowerCase(), at + 1))
  return [...users, ...queues]
}

/** The accounts the mail system must know for sampleOwners() and the forward mailbox. */
export function sampleUsers(): DemoUser[] {
  const { emailAddress: collector, password: collectorPassword } = FORWARD_MAILBOX
  const users = sampleOwners().flatMap(({ emailAddress, password, fault, forwarding }): DemoUser[] => {
    const forwards = forwarding === 'INSTALLED' ? { forwardsTo: collector } : {}
    return emailAddress && password ? [{ address: emailAddress, password, fault, ...forwards }] : []
  })
  return [...users, { address: collector, password: collectorPassword }]
}

export function sampleProfiles(system: Pick<MailSystem, 'endpoints' | 'trustedCertificates'>): SampleProfile[] {
  const endpoint = (name: EndpointName, security?: ConnectionSecurity): Endpoint => ({
    ...system.endpoints[name],
    ...(security && { security }),
  })
  return Object.entries(PROFILES as Record<string, ProfilePlan>).map(([key, profile]) => ({
    key: key as ProfileKey,
    name: profile.name,
    incoming: endpoint(profile.incoming, profile.security),
    outgoing: endpoint(profile.outgoing, profile.security),
    trustedCertificates: profile.trustsAuthority ? system.trustedCertificates : undefined,
    verifyCertificates: true,
    maxConcurrentConnections: profile.maxConcurrentConnections,
    isDefault: key === DEFAULT_PROFILE,
  }))
}
