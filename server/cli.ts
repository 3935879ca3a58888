import 'reflect-metadata'
import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import { lexicographicSortSchema, printSchema } from 'graphql'
import { App, MissingKeys } from './app'
import type { CreateUserInput } from './auth/access.inputs'
import { commandLine } from './auth/auth.service'
import { Role } from './auth/rights'
import { ConfigError, readConfig } from './config'
import { UserFaults } from './errors'
import { readImport, runImport } from './owners/import-command'
import { keepFilesPrivate, loggedError, makeLog } from './process'

const USAGE = `usage: npm run cli -- COMMAND

  migrate                    brings the database to this version
  create-admin NAME          makes an administrator; the password is read from standard input
  create-auditor NAME        the same for one who may look at everything and change nothing
  create-user NAME --role ROLE [--role ROLE]... [--domain DOMAIN]... [--owner ID]
                             the same for any role: SYSTEM_ADMINISTRATOR, SERVICE_ADMINISTRATOR, AUDITOR,
                             MAILBOX_APPROVER (of the domains), MAILBOX_USER (who stands for the owner)
  import owners FILE [--dry-run]
                             creates and updates users and queues from a CSV file, all or nothing
  import dataverse FILE... [--dry-run]
                             takes over mailboxes, profiles, users and queues from answers of the Dataverse Web API
  make-key                   prints a new value for MAILWARDEN_KEYS
  export-schema FILE         writes the GraphQL schema
`

async function withApp(work: (app: App) => Promise<void>): Promise<void> {
  const config = readConfig()
  keepFilesPrivate()
  const log = makeLog()
  log.level = config.logLevel
  const app = await App.open(config, log)
  try {
    await work(app)
  } finally {
    await app.close(0)
  }
}

/** One line of standard input: a password in an argument would stand in the process list and in the shell's history. */
async function readPassword(): Promise<string> {
  if (process.stdin.isTTY) process.stderr.write('Password (12 characters or more): ')
  for await (const line of createInterface({ input: process.stdin, terminal: false })) return line
  return ''
}

type NewUser = Omit<CreateUserInput, 'name' | 'password'>

async function createUser(command: string, name: string | undefined, user: NewUser): Promise<void> {
  if (!name) throw new ConfigError(USAGE)
  const password = await readPassword()
  const by = commandLine(`cli ${command}`)
  await withApp(async (app) => void (await app.services.users.create(by, { name, password, ...user }, by.id)))
  process.stdout.write(`${name} can sign in\n`)
}

/** Reads `--role ROLE --domain DOMAIN --owner ID`. */
function readUser(options: string[]): NewUser {
  const many = { type: 'string', multiple: true } as const
  try {
    const { values } = parseArgs({ args: options, options: { role: many, domain: many, owner: { type: 'string' } } })
    const roles = (values.role ?? []).map((role) => {
      if (!Object.hasOwn(Role, role)) throw new ConfigError(`There is no role ${role}\n\n${USAGE}`)
      return role as Role
    })
    return { roles, domains: values.domain, ownerId: values.owner }
  } catch (error) {
    if (error instanceof ConfigError) throw error
    throw new ConfigError(`${error instanceof Error ? error.message : error}\n\n${USAGE}`)
  }
}

/** Ends with 1 when something is refused. */
async function importFiles(args: string[]): Promise<void> {
  const request = readImport(args, USAGE)
  await withApp(async (app) => {
    const isTaken = await runImport(request, app.services, (line) => void process.stdout.write(`${line}\n`))
    if (!isTaken) process.exitCode = 1
  })
}

/** The schema needs no data, so the export runs on a database in memory and a key of the moment. */
async function exportSchema(file: string | undefined): Promise<void> {
  if (!file) throw new ConfigError(USAGE)
  const app = App.describe()
  writeFileSync(file, `${printSchema(lexicographicSortSchema(app))}\n`)
}

const commands: Record<string, (argument: string | undefined, ...more: string[]) => Promise<void>> = {
  migrate: () => withApp(async () => void process.stdout.write('The database is up to date\n')),
  'create-admin': (name) => createUser('create-admin', name, { roles: [Role.SYSTEM_ADMINISTRATOR] }),
  'create-auditor': (name) => createUser('create-auditor', name, { roles: [Role.AUDITOR] }),
  'create-user': async (name, ...options) => createUser('create-user', name, readUser(options)),
  import: (...args) => importFiles(args.flatMap((argument) => argument ?? [])),
  'make-key': async () =>
    void process.stdout.write(`k${Date.now().toString(36)}:${randomBytes(32).toString('base64')}\n`),
  'export-schema': exportSchema,
}

const [name = '', argument, ...more] = process.argv.slice(2)
const command = commands[name]
if (command) {
  command(argument, ...more).catch((error: unknown) => {
    const isPlain = error instanceof ConfigError || error instanceof MissingKeys
    if (error instanceof UserFaults) for (const fault of error.faults) process.stderr.write(`${fault.message}\n`)
    else if (isPlain) process.stderr.write(`${error.message}\n`)
    else process.stderr.write(`${JSON.stringify(loggedError(error), null, 2)}\n`)
    process.exitCode = 1
  })
} else {
  process.stderr.write(USAGE)
  process.exitCode = name === '' || name === 'help' ? 0 : 2
}
