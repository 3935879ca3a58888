import type { GraphQLSchema } from 'graphql'
import type { Logger } from 'pino'
import { z } from 'zod'
import { Alert } from './alerts/alert.entity'
import { AlertResolver, MailboxAlertsResolver, ProfileAlertsResolver } from './alerts/alert.resolver'
import { AlertService } from './alerts/alert.service'
import { AlertCommands } from './alerts/alert-commands'
import { AlertWall } from './alerts/alert-wall'
import { AlertWatch } from './alerts/alert-watch'
import { ProfileNotice } from './alerts/profile-notice.entity'
import { ProfileNotices } from './alerts/profile-notices'
import { AuditChangeRow, AuditEntry, AuditRangeRow, AuditSubjectRow } from './audit/audit.entity'
import { AuditChangeResolver, AuditResolver } from './audit/audit.resolver'
import { AuditService } from './audit/audit.service'
import { writeAudit } from './audit/audit-writer.service'
import { AccessResolver } from './auth/access.resolver'
import { ApiToken } from './auth/api-token.entity'
import { ApiTokenService } from './auth/api-token.service'
import { AuthResolver } from './auth/auth.resolver'
import { AuthService } from './auth/auth.service'
import type { PasswordCost } from './auth/password'
import { Session, SignInFailure, User } from './auth/user.entity'
import { UserService } from './auth/user.service'
import { type Config, ConfigError } from './config'
import { Database } from './db/database'
import { Foundation1790000000000 } from './db/migrations/1790000000000-foundation'
import { Audit1791000000000 } from './db/migrations/1791000000000-audit'
import { Access1791000000100 } from './db/migrations/1791000000100-access'
import { MailboxFacets1791000000200 } from './db/migrations/1791000000200-mailbox-facets'
import { AlertsSettings1791000000300 } from './db/migrations/1791000000300-alerts-settings'
import { ProfileOwner1791000000400 } from './db/migrations/1791000000400-profile-owner'
import { Owners1791000000500 } from './db/migrations/1791000000500-owners'
import { MailboxWords1791000000600 } from './db/migrations/1791000000600-mailbox-words'
import { AddressKeys1791000000700 } from './db/migrations/1791000000700-address-keys'
import { ForwardingResolver } from './forwarding/forwarding.resolver'
import { ForwardingService } from './forwarding/forwarding.service'
import { buildGraphqlSchema } from './graphql/build-schema'
import { makeBullmqQueue } from './jobs/bullmq-queue'
import { defineJob } from './jobs/job'
import { makeMemoryQueue } from './jobs/memory-queue'
import type { JobList, Queue } from './jobs/queue'
import { makeEgressPolicy } from './mail/egress'
import { ForwardMailboxService } from './mailboxes/forward-mailbox.service'
import { Mailbox } from './mailboxes/mailbox.entity'
import { MailboxResolver, ProfileMailboxesResolver } from './mailboxes/mailbox.resolver'
import { MailboxService } from './mailboxes/mailbox.service'
import { MailboxCommands } from './mailboxes/mailbox-commands.service'
import { MailboxCount } from './mailboxes/mailbox-count.entity'
import { MailboxImportService } from './mailboxes/mailbox-import.service'
import { MailboxOwnerService } from './mailboxes/mailbox-owner.service'
import { reachCondition } from './mailboxes/mailbox-selection'
import { MailboxStanding } from './mailboxes/mailbox-standing.service'
import { MailboxTestService } from './mailboxes/mailbox-test.service'
import { MailboxWatch } from './mailboxes/mailbox-watch'
import { MailboxWord } from './mailboxes/mailbox-word.entity'
import { countSwitched } from './mailboxes/switch-effect'
import { DataverseImportService } from './owners/dataverse-import.service'
import { Owner } from './owners/owner.entity'
import { MailboxOwnerResolver, OwnerResolver, ProfileOwnerResolver } from './owners/owner.resolver'
import { OwnerService } from './owners/owner.service'
import { OwnerImportService } from './owners/owner-import.service'
import { OwnerProvisioning } from './owners/owner-provisioning'
import { EmailServerProfile } from './profiles/profile.entity'
import { ProfileResolver } from './profiles/profile.resolver'
import { ProfileService } from './profiles/profile.service'
import { makeMemoryPubSub } from './pubsub/memory-pubsub'
import { makeRedisPubSub } from './pubsub/redis-pubsub'
import type { PubSub } from './pubsub/signals'
import { type Keyring, makeKeyring, parseKeys } from './secrets/keyring'
import { EmailSettings } from './settings/email-settings.entity'
import { EmailSettingsResolver, ProfileSettingsResolver } from './settings/email-settings.resolver'
import { EmailSettingsService } from './settings/email-settings.service'
import { TestEngine } from './test-runs/test-engine'
import { TestItems } from './test-runs/test-items'
import { TestRun, TestRunItem } from './test-runs/test-run.entity'
import { testRunJob } from './test-runs/test-run.jobs'
import { MailboxTestsResolver, TestRunItemResolver, TestRunResolver } from './test-runs/test-run.resolver'
import { TestRunService } from './test-runs/test-run.service'
import { TestRunWatch } from './test-runs/test-run-watch'
import { TestSweep } from './test-runs/test-sweep'

export const ENTITIES = [
  User,
  Session,
  SignInFailure,
  ApiToken,
  AuditEntry,
  AuditChangeRow,
  AuditSubjectRow,
  AuditRangeRow,
  EmailServerProfile,
  EmailSettings,
  Mailbox,
  MailboxCount,
  MailboxWord,
  Owner,
  Alert,
  ProfileNotice,
  TestRun,
  TestRunItem,
]
export const MIGRATIONS = [
  Foundation1790000000000,
  Audit1791000000000,
  Access1791000000100,
  MailboxFacets1791000000200,
  AlertsSettings1791000000300,
  ProfileOwner1791000000400,
  Owners1791000000500,
  MailboxWords1791000000600,
  AddressKeys1791000000700,
]

/** The one composition root: main, worker, cli and the tests all build the product here. */
export class App {
  private constructor(
    readonly config: Config,
    readonly log: Logger,
    readonly db: Database,
    readonly pubsub: PubSub,
    readonly queue: Queue,
    readonly schema: GraphQLSchema,
    readonly services: Services,
    private readonly resolvers: readonly object[],
  ) {}

  /** `passwordCost` is for tests, which sign in a thousand times. */
  static async open(config: Config, log: Logger, passwordCost?: PasswordCost): Promise<App> {
    const keyring = keyringOf(config)
    const { redisUrl } = config
    const pubsub = redisUrl ? makeRedisPubSub({ url: redisUrl, logger: log }) : makeMemoryPubSub({ logger: log })
    await readyInTime(pubsub)
    const queueLater: { queue?: Queue } = {}
    const db = await Database.open({
      url: config.databaseUrl,
      entities: ENTITIES,
      migrations: MIGRATIONS,
      onLongLog: (error) => log.warn({ err: error }, "SQLite's log could not be written back; it will be tried again"),
      outlets: {
        publish: (signal) => pubsub.publish(signal),
        enqueue: async (name, input) => queueLater.queue?.add(name, input),
        audit: writeAudit,
        onLostNudge: (error) => log.warn({ err: error }, 'A job could not be enqueued; the sweep will find its rows'),
      },
    })
    const services = makeServices(config, log, { db, keyring, pubsub, passwordCost })
    const jobs = jobsOf(services)
    const queue = redisUrl
      ? makeBullmqQueue(jobs, { url: redisUrl, logger: log })
      : makeMemoryQueue(jobs, { logger: log })
    queueLater.queue = queue
    const resolvers = resolversOf(services)
    await services.settings.ensureRow()
    return new App(config, log, db, pubsub, queue, buildGraphqlSchema(resolvers), services, resolvers)
  }

  /** The schema alone: printing it takes no database, no key and no connection. */
  static describe(): GraphQLSchema {
    // resolvers only store what they are given, and nobody calls them
    return buildGraphqlSchema(resolversOf({} as Services))
  }

  /** Starts to test mailboxes and to run schedules in this process. */
  async startWork(): Promise<void> {
    const { items, sweep } = this.services
    // SQLite has one process: whatever is under way in the file was left by one that is gone
    if (this.db.kind === 'sqlite' && (await items.putBack('any')) > 0)
      this.log.info('Test runs that a crash left go on')
    if (!this.config.mailOutlet)
      this.log.info('No mail server to send by (MAILWARDEN_SMTP_URL): the owners of profiles are not mailed')
    await this.queue.start()
    sweep.start()
    await sweep.sweep()
  }

  /** Ends running jobs within graceMs, then connections. */
  async close(graceMs: number): Promise<void> {
    this.services.sweep.stop()
    await Promise.all([this.services.engine.stop(graceMs), this.queue.stop(graceMs)])
    await this.services.tokens.flush()
    await this.pubsub.close()
    await this.db.close()
  }

  resolver<T>(resolverClass: abstract new (...args: never[]) => T): T {
    const found = this.resolvers.find((instance) => instance instanceof resolverClass)
    if (!found) throw new Error(`There is no resolver ${resolverClass.name}`)
    return found as T
  }
}

type Services = ReturnType<typeof makeServices>

interface Floor {
  db: Database
  keyring: Keyring
  pubsub: PubSub
  passwordCost?: PasswordCost
}

function makeServices(config: Config, log: Logger, { db, keyring, pubsub, passwordCost }: Floor) {
  const auth = new AuthService(db, passwordCost)
  const users = new UserService(db, auth)
  const tokens = new ApiTokenService(db, log)
  const audit = new AuditService(db)
  const profiles = new ProfileService(db, keyring)
  const settings = new EmailSettingsService(db, config.mailOutlet !== undefined)
  const mailboxes = new MailboxService(db)
  const mailboxCommands = new MailboxCommands(db, keyring, settings)
  const forwardMailboxes = new ForwardMailboxService(db, keyring, settings)
  const mailboxOwners = new MailboxOwnerService(settings)
  const mailboxTests = new MailboxTestService(db, profiles, settings, keyring)
  const provisioning = new OwnerProvisioning(mailboxOwners)
  const owners = new OwnerService(db, provisioning)
  const ownerImport = new OwnerImportService(db, provisioning)
  const mailboxImport = new MailboxImportService()
  const dataverseImport = new DataverseImportService(db, provisioning, profiles, mailboxImport, forwardMailboxes)
  const standing = new MailboxStanding(db)
  const alerts = new AlertService(db, settings, mailboxTests, standing)
  const wall = new AlertWall(db, settings)
  const alertCommands = new AlertCommands(db)
  const { mailOutlet: outlet, publicUrl } = config
  const notices = new ProfileNotices(db, settings, standing, alerts, { outlet, publicUrl, log })
  const testRuns = new TestRunService(db, mailboxes, mailboxTests, profiles)
  const forwarding = new ForwardingService(mailboxes)
  const items = new TestItems(db, mailboxTests, alerts, config.leaseMs)
  const engine = new TestEngine(items, mailboxTests, {
    concurrency: config.testConcurrency,
    leaseMs: config.leaseMs,
    means: {
      egress: makeEgressPolicy(config.egress),
      timeouts: config.mailTimeouts,
      tokenKeys: keyring.keyIds.map((id) => keyring.deriveKey('test message', id)),
    },
    log,
  })
  const sweep = new TestSweep(items, engine, pubsub, log)
  mailboxCommands.hooks.inactiveOwners = (tx, ids) => owners.inactive(tx, ids)
  mailboxCommands.hooks.externalIds = (tx, ids) => owners.externalIds(tx, ids)
  forwardMailboxes.hooks.externalIds = (tx, ids) => owners.externalIds(tx, ids)
  profiles.hooks.onConnectionChanged.push((tx, change) => mailboxes.profileConnectionChanged(tx, change))
  settings.hooks.countSwitched.push(countSwitched)
  profiles.hooks.mailboxesInReach = reachCondition
  profiles.hooks.onDefaultChosen.push((tx, id, isDefault, command) =>
    settings.chooseDefaultProfile(tx, id, isDefault, command),
  )
  profiles.hooks.isDefault = (tx, id) => settings.isDefaultProfile(tx, id)
  profiles.hooks.onDeleted.push((tx, id) => items.profileDeleted(tx, id))
  users.knowsOwner = (tx, id) => owners.isThere(tx, id)
  profiles.hooks.knowsOwner = (tx, id) => owners.isThere(tx, id)
  profiles.hooks.countMailboxes = (tx, id) => mailboxes.countOfProfile(tx, id)
  profiles.hooks.countWithAct = (tx, id) => mailboxes.countWithActOf(tx, id)
  profiles.hooks.moveMailboxes = (tx, viewer, fromId, toId) => mailboxes.moveToProfile(tx, viewer, fromId, toId)
  return {
    pubsub,
    auth,
    users,
    tokens,
    audit,
    profiles,
    settings,
    mailboxes,
    mailboxCommands,
    forwardMailboxes,
    owners,
    ownerImport,
    dataverseImport,
    alerts,
    wall,
    alertCommands,
    notices,
    testRuns,
    forwarding,
    items,
    engine,
    sweep,
  }
}

function resolversOf(s: Services): object[] {
  return [
    new AuthResolver(s.auth, s.users),
    new AccessResolver(s.users, s.tokens),
    new AuditResolver(s.audit),
    new AuditChangeResolver(),
    new ProfileResolver(s.profiles),
    new ProfileSettingsResolver(s.settings),
    new ProfileMailboxesResolver(s.mailboxes),
    new ProfileAlertsResolver(s.wall),
    new EmailSettingsResolver(s.settings, s.profiles),
    new MailboxResolver(
      s.mailboxes,
      s.profiles,
      s.settings,
      s.mailboxCommands,
      s.forwardMailboxes,
      new MailboxWatch(s.mailboxes, s.pubsub),
    ),
    new MailboxOwnerResolver(s.owners),
    new ProfileOwnerResolver(s.owners),
    new MailboxAlertsResolver(s.wall),
    new MailboxTestsResolver(s.testRuns),
    new OwnerResolver(s.owners, s.ownerImport, s.mailboxes),
    new AlertResolver(s.wall, s.alertCommands, s.mailboxes, s.profiles, new AlertWatch(s.wall, s.pubsub)),
    new TestRunResolver(s.testRuns, new TestRunWatch(s.testRuns, s.pubsub)),
    new TestRunItemResolver(s.mailboxes),
    new ForwardingResolver(s.forwarding),
  ]
}

function jobsOf(s: Services): JobList {
  return [
    testRunJob(s.engine),
    defineJob({
      name: 'reconcile-alerts',
      input: z.object({}).strict(),
      retries: 0,
      timeoutMs: 60_000,
      everyMs: 30_000,
      run: async () => void (await s.alerts.reconcile()),
    }),
    defineJob({
      name: 'mail-profile-owners',
      input: z.object({}).strict(),
      retries: 0,
      timeoutMs: 600_000,
      everyMs: 30_000,
      run: async () => {
        await s.notices.look()
        await s.notices.send()
      },
    }),
    defineJob({
      name: 'forget-ended-sessions',
      input: z.object({}).strict(),
      retries: 0,
      timeoutMs: 60_000,
      everyMs: 3_600_000,
      run: () => s.auth.forgetEnded(new Date()),
    }),
  ]
}

/** A start waits so long for Redis, which may be starting, too. */
const REDIS_WITHIN_MS = 10_000

async function readyInTime(pubsub: PubSub): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const tooLate = new Promise<never>((_, reject) => {
    const message = `Redis was not there within ${REDIS_WITHIN_MS / 1000} seconds, or did not let us in. REDIS_URL says where it is.`
    timer = setTimeout(() => reject(new ConfigError(message)), REDIS_WITHIN_MS)
  })
  try {
    await Promise.race([pubsub.ready(), tooLate])
  } catch (error) {
    await pubsub.close()
    throw error
  } finally {
    clearTimeout(timer)
  }
}

export class MissingKeys extends Error {}

function keyringOf(config: Config): Keyring {
  if (!config.encryptionKeys) {
    throw new MissingKeys(
      'MAILWARDEN_KEYS is not set: credentials are stored encrypted only. Make a key with: npm run cli -- make-key',
    )
  }
  const { keys, faults } = parseKeys(config.encryptionKeys)
  if (faults.length > 0)
    throw new MissingKeys(`MAILWARDEN_KEYS has faults:\n${faults.map((fault) => `  ${fault}`).join('\n')}`)
  return makeKeyring(keys)
}
