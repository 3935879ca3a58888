import { createHash } from 'node:crypto'
import { setImmediate as afterOtherWork } from 'node:timers/promises'
import { type EntityManager, In, IsNull, Not } from 'typeorm'
import { chunks } from '../db/chunks'
import type { Database } from '../db/database'
import type { Tx } from '../db/transaction'
import { type MailError, MailErrorCode } from '../mail/mail-error'
import { ConnectionSecurity, type Endpoint, type ProbeSettings } from '../mail/probe'
import { CredentialSource, type EmailServerProfile } from '../profiles/profile.entity'
import type { ProfileService } from '../profiles/profile.service'
import { type Keyring, SecretUnreadable } from '../secrets/keyring'
import { IncomingMethod } from '../settings/email-settings.entity'
import type { EmailSettingsService } from '../settings/email-settings.service'
import { type Blocker, testBlocker } from './blockers'
import { Mailbox } from './mailbox.entity'
import { Direction, TestStatus } from './mailbox.enums'
import { passwordOf } from './mailbox.service'
import { counted } from './mailbox-counts'
import type { Condition } from './mailbox-selection'
import { DIRECTION_COLUMNS, DIRECTIONS, effectOf, hasMethod, type MailboxPatch } from './reset-rules'

export interface TestCandidate {
  mailboxId: string
  profileId: string | null
  /** Why it cannot be tested. */
  blocker?: Blocker
}

/** Whose inbox it is, and how it is reached. */
interface Place {
  mailbox: Mailbox
  profile: EmailServerProfile | null
}

/** What a test needs to know of one direction: where to go and as whom, or why that cannot be known. */
export type ProbeTarget =
  | { settings: ProbeSettings; source: CredentialSource }
  | { problem: ProbeProblem; endpoint: Endpoint }
  | { absent: true }

/** Why there is nothing to probe with. */
export interface ProbeProblem {
  code: MailErrorCode.CREDENTIALS_MISSING | MailErrorCode.CREDENTIALS_UNREADABLE | MailErrorCode.ENDPOINT_MISSING
  /** Whose credentials they are. */
  source: CredentialSource
}

/** What a test went by, to be compared when its result is stored: an old configuration's result says nothing about a new one. */
export interface TestBasis {
  profileId: string
  fingerprint: string
}

export interface ProbeTargets {
  mailboxId: string
  basis: TestBasis
  /** Why it can no longer be tested. */
  blocker?: Blocker
  /** The forward mailbox where the incoming test looks, if it does not look in the mailbox itself. */
  through?: ProbedPlace
  [Direction.INCOMING]: ProbeTarget
  [Direction.OUTGOING]: ProbeTarget
}

/** Whose server a test asked. */
export interface ProbedPlace {
  mailboxId: string
  profileId: string | null
}

export interface DirectionOutcome {
  direction: Direction
  status: TestStatus
  error?: MailError
  /** Whom it tells of, where that is not the tested mailbox: the forward mailbox that its mail arrives in. */
  through?: ProbedPlace
}

/** What a test met that looked in a forward mailbox, and what is nevertheless the tested mailbox's own: its mail stays away. */
export const OWN_CODES: readonly string[] = [MailErrorCode.ROUND_TRIP_TIMEOUT, MailErrorCode.UNKNOWN]

/** Whether the error code of a forwarded mailbox's incoming mail tells of its forward mailbox, and not of itself. */
export const tellsOfForwardMailbox = (code: string): boolean => !OWN_CODES.includes(code)

export interface MailboxOutcome {
  mailboxId: string
  profileId: string
  /** TEST_AND_ENABLE: the outcome changes statuses and enabling. */
  enabling: boolean
  directions: DirectionOutcome[]
  /** Absent where nothing was tested. */
  basis?: TestBasis
}

/** What tells whether a mailbox can be tested. */
const DECIDING = [
  ...(['id', 'kind', 'active', 'emailAddress', 'profileId', 'approval'] as const),
  ...(['incomingMethod', 'outgoingMethod', 'actMethod'] as const),
]
const CANDIDATES_A_PART = 1_000

/** The part of mailboxes that test runs read and write. */
export class MailboxTestService {
  constructor(
    private readonly db: Database,
    private readonly profiles: ProfileService,
    private readonly settings: EmailSettingsService,
    private readonly keyring: Keyring,
  ) {}

  /** The selected mailboxes with the reason of each that cannot be tested, in the order of their creation. */
  async candidates(tx: Tx, condition: Condition): Promise<TestCandidate[]> {
    const switches = await this.settings.current(tx.em)
    const profiles = new Map<string, EmailServerProfile | null>()
    const candidates: TestCandidate[] = []
    for (let after = ''; ; ) {
      // in parts, and only the columns that decide: a run of 30,000 must not hold up the process
      const part = await tx.em
        .createQueryBuilder(Mailbox, 'm')
        .select(DECIDING.map((column) => `m.${column}`))
        .where(condition.sql, condition.parameters)
        .andWhere('m.id > :after', { after })
        .orderBy('m.id')
        .limit(CANDIDATES_A_PART)
        .getMany()
      const unknown = part.flatMap(({ profileId }) => (profileId && !profiles.has(profileId) ? [profileId] : []))
      for (const profile of await this.profiles.byIds([...new Set(unknown)], tx.em)) profiles.set(profile.id, profile)
      for (const mailbox of part) {
        const { id: mailboxId, profileId } = mailbox
        const blocker = testBlocker(mailbox, profiles.get(profileId ?? '') ?? null, switches)
        candidates.push({ mailboxId, profileId, blocker })
      }
      if (part.length < CANDIDATES_A_PART) return candidates
      after = part.at(-1)?.id ?? ''
      await afterOtherWork()
    }
  }

  /** Takes mailboxes for a run; answers those it got: the others are in another run. */
  async claim(tx: Tx, runId: string, ids: readonly string[]): Promise<Set<string>> {
    for (const chunk of chunks(ids)) {
      await tx.em.update(Mailbox, { id: In(chunk), testingRunId: IsNull() }, { testingRunId: runId })
    }
    const rows = await tx.em
      .createQueryBuilder(Mailbox, 'm')
      .select('m.id', 'id')
      .where({ testingRunId: runId })
      .getRawMany<{ id: string }>()
    return new Set(rows.map((row) => row.id))
  }

  /** Lets mailboxes go without a result: their tests were cancelled. */
  async release(tx: Tx, runId: string, ids: readonly string[]): Promise<void> {
    for (const chunk of chunks(ids)) {
      await tx.em.update(Mailbox, { id: In(chunk), testingRunId: runId }, { testingRunId: null })
    }
    tx.signal('mailboxes', ids)
  }

  /** Where each mailbox's directions go and as whom. Mailboxes that are gone are left out. */
  async targets(ids: readonly string[]): Promise<ProbeTargets[]> {
    const mailboxes = await this.db.read
      .createQueryBuilder(Mailbox, 'm')
      .addSelect('m.passwordSealed')
      .where({ id: In([...ids]) })
      .getMany()
    const forwards = await this.forwardsOf(mailboxes)
    const profileIds = [...mailboxes, ...forwards.values()].flatMap((mailbox) => mailbox.profileId ?? [])
    const known = await this.profiles.withSecrets([...new Set(profileIds)])
    const profiles = new Map(known.map((profile) => [profile.id, profile]))
    const switches = await this.settings.current()
    return mailboxes.map((mailbox) => {
      const profile = profiles.get(mailbox.profileId ?? '') ?? null
      const forward = forwards.get(mailbox.forwardMailboxId ?? '')
      const through = forward && { mailbox: forward, profile: profiles.get(forward.profileId ?? '') ?? null }
      return { ...this.targetsOf(mailbox, profile, through), blocker: testBlocker(mailbox, profile, switches) }
    })
  }

  /** The forward mailboxes that these get their mail through, by id. */
  private async forwardsOf(
    mailboxes: readonly Mailbox[],
    em: EntityManager = this.db.read,
  ): Promise<Map<string, Mailbox>> {
    const ids = new Set(mailboxes.flatMap((mailbox) => mailbox.forwardMailboxId ?? []))
    if (ids.size === 0) return new Map()
    const rows = await em
      .createQueryBuilder(Mailbox, 'm')
      .addSelect('m.passwordSealed')
      .where({ id: In([...ids]) })
      .getMany()
    return new Map(rows.map((row) => [row.id, row]))
  }

  /**
   * Writes the outcomes of finished tests: one UPDATE for all mailboxes with the same outcome. Where the configuration changed
   * since the test began, the mailbox is only let go. Answers the outcomes that hold.
   */
  async applyTestResults(tx: Tx, outcomes: readonly MailboxOutcome[], now: Date): Promise<MailboxOutcome[]> {
    const ids = outcomes.map((outcome) => outcome.mailboxId)
    const current = await this.fingerprints(tx, ids)
    const holds = ({ mailboxId, basis }: MailboxOutcome) => basis?.fingerprint === current.get(mailboxId)
    const alike = new Map<string, { patch: Partial<Mailbox>; ids: string[] }>()
    for (const outcome of outcomes) {
      const patch: Partial<Mailbox> =
        outcome.enabling && holds(outcome) ? { ...patchOf(outcome.directions), lastTestedAt: now } : {}
      const key = JSON.stringify(patch)
      const group = alike.get(key) ?? { patch, ids: [] as string[] }
      group.ids.push(outcome.mailboxId)
      alike.set(key, group)
    }
    await counted(tx, ids, async () => {
      for (const { patch, ids: those } of alike.values()) {
        await tx.em.update(Mailbox, { id: In(those) }, { ...patch, testingRunId: null })
      }
    })
    tx.signal('mailboxes', ids)
    return outcomes.filter(holds)
  }

  /** Of the configuration that mailboxes have now; their rows are ours until the transaction ends. */
  private async fingerprints(tx: Tx, ids: readonly string[]): Promise<Map<string, string>> {
    const query = tx.em
      .createQueryBuilder(Mailbox, 'm')
      .addSelect('m.passwordSealed')
      .where({ id: In([...ids]) })
    const mailboxes = await tx.locked(query).getMany()
    const forwards = await this.forwardsOf(mailboxes, tx.em)
    const profileIds = [...mailboxes, ...forwards.values()].flatMap((mailbox) => mailbox.profileId ?? [])
    const known = await this.profiles.withSecrets([...new Set(profileIds)], tx.em)
    const profiles = new Map(known.map((row) => [row.id, row]))
    const place = (mailbox: Mailbox): Place => ({ mailbox, profile: profiles.get(mailbox.profileId ?? '') ?? null })
    return new Map(
      mailboxes.map((row) => {
        const forward = forwards.get(row.forwardMailboxId ?? '')
        return [row.id, fingerprint(place(row), forward && place(forward))]
      }),
    )
  }

  /**
   * What these mailboxes fail with now, as `mailboxId DIRECTION CODE`: if they are active, or as forward mailboxes in the tests
   * of the active mailboxes whose mail arrives in them.
   */
  async failing(tx: Tx, mailboxIds: readonly string[]): Promise<Set<string>> {
    const found = new Set<string>()
    for (const direction of DIRECTIONS) {
      for (const { id, forwardedBy, code } of await failuresOf(tx, 'id', mailboxIds, direction)) {
        const isOwn = direction !== Direction.INCOMING || forwardedBy === null || !tellsOfForwardMailbox(code)
        if (isOwn) found.add(`${id} ${direction} ${code}`)
      }
    }
    for (const { forwardedBy, code } of await failuresOf(tx, 'forwardMailboxId', mailboxIds, Direction.INCOMING)) {
      if (tellsOfForwardMailbox(code)) found.add(`${forwardedBy} ${Direction.INCOMING} ${code}`)
    }
    return found
  }

  /** `through`: the forward mailbox that its mail arrives in, which is then where the incoming test looks. */
  private targetsOf(mailbox: Mailbox, profile: EmailServerProfile | null, through: Place | undefined): ProbeTargets {
    const basis = { profileId: profile?.id ?? '', fingerprint: fingerprint({ mailbox, profile }, through) }
    const own = { mailbox, profile }
    const isForwarded = mailbox.incomingMethod === IncomingMethod.FORWARD_MAILBOX
    const collects = isForwarded ? (through ?? { mailbox, profile: null }) : own
    const wanted = (direction: Direction, target: ProbeTarget): ProbeTarget =>
      profile && hasMethod(mailbox, direction) && mailbox.emailAddress ? target : { absent: true }
    return {
      mailboxId: mailbox.id,
      basis,
      ...(isForwarded &&
        through && { through: { mailboxId: through.mailbox.id, profileId: through.mailbox.profileId } }),
      [Direction.INCOMING]: wanted(Direction.INCOMING, this.targetOf(collects, collects.profile?.incoming ?? null)),
      [Direction.OUTGOING]: wanted(Direction.OUTGOING, this.targetOf(own, own.profile?.outgoing ?? null)),
    }
  }

  private targetOf({ mailbox, profile }: Place, endpoint: Endpoint | null): ProbeTarget {
    if (!profile || !endpoint) {
      const source = profile?.credentialSource ?? CredentialSource.MAILBOX
      return { problem: { code: MailErrorCode.ENDPOINT_MISSING, source }, endpoint: NO_ENDPOINT }
    }
    const credentials = this.credentialsOf(mailbox, profile)
    if ('problem' in credentials) return { ...credentials, endpoint }
    return {
      source: profile.credentialSource,
      settings: {
        endpoint,
        ...credentials,
        emailAddress: mailbox.emailAddress ?? '',
        trustedCertificates: profile.trustedCertificates ?? undefined,
        verifyCertificates: profile.verifyCertificates,
      },
    }
  }

  private credentialsOf(
    mailbox: Mailbox,
    profile: EmailServerProfile,
  ): { username: string; password: string } | { problem: ProbeProblem } {
    const source = profile.credentialSource
    const missing = { problem: { code: MailErrorCode.CREDENTIALS_MISSING, source } } as const
    try {
      if (source === CredentialSource.PROFILE) {
        if (!profile.username || !profile.passwordSealed) return missing
        return { username: profile.username, password: this.profiles.openPassword(profile) }
      }
      if (!mailbox.passwordSealed) return missing
      const username = mailbox.username ?? mailbox.emailAddress ?? ''
      return { username, password: this.keyring.open(mailbox.passwordSealed, passwordOf(mailbox.id)) }
    } catch (error) {
      if (error instanceof SecretUnreadable) return { problem: { code: MailErrorCode.CREDENTIALS_UNREADABLE, source } }
      throw error
    }
  }
}

/** Codes that active mailboxes fail with in a direction; of those that are named by a forward mailbox, each code once. */
async function failuresOf(tx: Tx, key: 'id' | 'forwardMailboxId', ids: readonly string[], direction: Direction) {
  const { errorCode } = DIRECTION_COLUMNS[direction]
  const found: { id?: string; forwardedBy: string | null; code: string }[] = []
  for (const chunk of chunks(ids)) {
    const query = tx.em
      .createQueryBuilder(Mailbox, 'm')
      .select('m.forwardMailboxId', 'forwardedBy')
      .addSelect(`m.${errorCode}`, 'code')
      .where({ [key]: In(chunk), active: true, [errorCode]: Not(IsNull()) })
    if (key === 'id') query.addSelect('m.id', 'id')
    else query.groupBy('m.forwardMailboxId').addGroupBy(`m.${errorCode}`)
    found.push(...(await query.getRawMany<(typeof found)[number]>()))
  }
  return found
}

/** All of a configuration that a test depends on. Sealed passwords are part of it; the digest tells nothing of them. */
function fingerprint(own: Place, through: Place | undefined): string {
  const texts = [own, ...(through ? [through] : [])].map(configurationOf)
  return createHash('sha256').update(JSON.stringify(texts)).digest('base64')
}

function configurationOf({ mailbox, profile }: Place): unknown[] {
  const { id, emailAddress, profileId, incomingMethod, outgoingMethod, actMethod, username, passwordSealed } = mailbox
  const own = [id, emailAddress, profileId, incomingMethod, outgoingMethod, actMethod, username, passwordSealed]
  const shared = profile && [
    ...[profile.incomingHost, profile.incomingPort, profile.incomingSecurity],
    ...[profile.outgoingHost, profile.outgoingPort, profile.outgoingSecurity],
    ...[profile.trustedCertificates, profile.verifyCertificates],
    ...[profile.credentialSource, profile.username, profile.passwordSealed],
  ]
  return [own, shared]
}

const NO_ENDPOINT: Endpoint = { host: '', port: 0, security: ConnectionSecurity.NONE }

function patchOf(directions: readonly DirectionOutcome[]): MailboxPatch {
  return Object.assign(
    {},
    ...directions.map(({ direction, status, error }) => {
      if (status === TestStatus.SUCCESS) return effectOf({ kind: 'TESTED_AND_ENABLED', direction })
      if (status === TestStatus.FAILURE) {
        return effectOf({ kind: 'TEST_AND_ENABLE_FAILED', direction, errorCode: error?.code ?? MailErrorCode.UNKNOWN })
      }
      return {}
    }),
  )
}
