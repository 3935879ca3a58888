import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir, userInfo } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { builtServer, npmFile, ROOT } from './built-product'
import { Caller, DATABASES, ENCRYPTION_KEYS, makeDatabase, TEST_ENV } from './harness'
import { ProductProcess } from './product-process'
import { runCommand } from './run-command'
import { Service } from './service'

const PASSWORD = `password-${randomBytes(8).toString('hex')}`
const STACK = /^\s+at /m

const folder = mkdtempSync(join(tmpdir(), 'mailwarden-commands-'))
const ends: (() => unknown)[] = [() => rmSync(folder, { recursive: true, force: true })]

beforeAll(async () => {
  await builtServer()
}, 120_000)

afterAll(async () => {
  await ProductProcess.killAll()
  for (const end of ends) await end()
})

const inFolder = (name: string) => ({ MAILWARDEN_DATA: join(folder, name), MAILWARDEN_LOG: 'debug' })

describe('the configuration', () => {
  test.each(['main', 'worker'] as const)('%s refuses to start without keys, in plain words', async (program) => {
    const urls = { DATABASE_URL: 'mysql://nobody@127.0.0.1:1/none', REDIS_URL: 'redis://127.0.0.1:1' }
    const { code, stdout, stderr } = await runCommand(program, [], { ...inFolder('keyless'), ...urls })
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toContain('MAILWARDEN_KEYS')
    expect(stderr).not.toMatch(STACK)
  })

  test('keys that are none are refused, and not repeated', async () => {
    const wrong = ENCRYPTION_KEYS.slice(0, -8)
    const { code, stderr } = await runCommand('main', [], { ...inFolder('wrong-keys'), MAILWARDEN_KEYS: wrong })
    expect(code).toBe(1)
    expect(stderr).toContain('MAILWARDEN_KEYS')
    expect(stderr).not.toContain(wrong.split(':')[1])
    expect(stderr).not.toMatch(STACK)
  })

  test('all its faults are told at once, none with its value', async () => {
    const faulty = {
      PORT: 'PORT-VALUE',
      PUBLIC_URL: 'ftp://PUBLIC-URL-VALUE',
      DATABASE_URL: 'postgres://user:DATABASE-VALUE@127.0.0.1/x',
      REDIS_URL: 'http://:REDIS-VALUE@127.0.0.1',
      MAILWARDEN_WORKER: 'WORKER-VALUE',
      MAILWARDEN_TEST_CONCURRENCY: '-7777',
      MAILWARDEN_LEASE_MS: 'LEASE-VALUE',
      MAILWARDEN_LOG: 'LOG-VALUE',
    }
    const { code, stdout, stderr } = await runCommand('main', [], { ...faulty, MAILWARDEN_KEYS: ENCRYPTION_KEYS })
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(Object.keys(faulty).filter((name) => !stderr.includes(name))).toEqual([])
    expect(stderr).not.toMatch(/-VALUE|7777/)
    expect(stderr).not.toContain(ENCRYPTION_KEYS)
    expect(stderr).not.toMatch(STACK)
  })

  test('a port that is taken is told in plain words', async () => {
    const taken = createServer()
    taken.listen(0, '127.0.0.1')
    await once(taken, 'listening')
    const { port } = taken.address() as AddressInfo
    const env = { ...inFolder('taken'), MAILWARDEN_KEYS: ENCRYPTION_KEYS, MAILWARDEN_LOG: 'error', PORT: String(port) }
    const { code, stderr } = await runCommand('main', [], env)
    taken.close()
    expect(code).toBe(1)
    expect(stderr.split('\n')).toEqual([expect.stringContaining(`127.0.0.1:${port}`), ''])
    // a start that failed has made no administrator whose password nobody was told
    const service = await Service.start(env)
    expect((await (await service.firstAdministrator()).get('{ viewer { name } }')).viewer.name).toBe('admin')
    expect(await service.stop()).toBe(0)
  })

  test.each(['main', 'worker'] as const)('%s without its Redis ends, in plain words', async (program) => {
    const env = {
      ...inFolder(`no-redis-${program}`),
      MAILWARDEN_KEYS: ENCRYPTION_KEYS,
      MAILWARDEN_LOG: 'fatal',
      DATABASE_URL: 'mysql://nobody@127.0.0.1:1/none',
      REDIS_URL: 'redis://:redis-s3cr3t@127.0.0.1:1',
    }
    const { code, stdout, stderr } = await runCommand(program, [], env)
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr.split('\n')).toEqual([expect.stringContaining('REDIS_URL'), ''])
    expect(stderr).not.toContain('s3cr3t')
  })

  test.each([
    ['on SQLite', { REDIS_URL: 'redis://127.0.0.1:1' }],
    ['without Redis', { DATABASE_URL: 'mysql://nobody@127.0.0.1:1/none' }],
  ])('a worker of its own refuses to start %s', async (_where, env: Record<string, string>) => {
    const { code, stderr } = await runCommand('worker', [], {
      ...inFolder('worker'),
      MAILWARDEN_KEYS: ENCRYPTION_KEYS,
      ...env,
    })
    expect(code).toBe(1)
    expect(stderr).toContain('REDIS_URL')
    expect(stderr).toContain('DATABASE_URL')
    expect(stderr).not.toMatch(STACK)
  })
})

describe('npm start', () => {
  test.each(['SIGTERM', 'SIGINT'] as const)('%s to npm ends the service, cleanly', async (signal) => {
    // what is built, where package.json expects it, apart from the dist/ of whoever works in this folder
    const installed = join(folder, `installed-${signal}`)
    mkdirSync(installed)
    copyFileSync(join(ROOT, 'package.json'), join(installed, 'package.json'))
    symlinkSync(dirname(await builtServer()), join(installed, 'dist'))
    const env = { ...TEST_ENV, ...inFolder(`npm-${signal}`), MAILWARDEN_KEYS: ENCRYPTION_KEYS, PORT: '0' }
    const npm = ProductProcess.start(npmFile(), { args: ['--prefix', installed, 'start'], env })
    const [, url = ''] = await npm.says(/^dashboard (http:\S+)$/)
    expect((await fetch(`${url}/healthz`)).status).toBe(200)
    expect(await npm.end(signal)).toBe(0)
    await expect(fetch(`${url}/healthz`)).rejects.toThrow()
  })
})

describe('the command line', () => {
  test('make-key makes a key that the service takes, another one each time', async () => {
    const [first, second] = await Promise.all([
      runCommand('cli', ['make-key'], {}),
      runCommand('cli', ['make-key'], {}),
    ])
    expect(first).toEqual({ code: 0, stdout: expect.stringMatching(/^\w+:[A-Za-z0-9+/]{43}=\n$/), stderr: '' })
    expect(first.stdout.split(':')[1]).not.toBe(second.stdout.split(':')[1])
    const env = { ...inFolder('made-key'), MAILWARDEN_KEYS: first.stdout.trim() }
    expect((await runCommand('cli', ['migrate'], env)).code).toBe(0)
  })

  test('the folder and the files of the database are for its user alone', async () => {
    const env = { ...inFolder('private'), MAILWARDEN_KEYS: ENCRYPTION_KEYS }
    expect((await runCommand('cli', ['migrate'], env)).code).toBe(0)
    const modeOf = (path: string) => statSync(path).mode & 0o777
    expect(modeOf(env.MAILWARDEN_DATA)).toBe(0o700)
    const files = readdirSync(env.MAILWARDEN_DATA)
    expect(files).toContain('mailwarden.sqlite')
    expect(files.map((file) => modeOf(join(env.MAILWARDEN_DATA, file)))).toEqual(files.map(() => 0o600))
  })

  test('what it does not know is answered with what it knows', async () => {
    const { code, stdout, stderr } = await runCommand('cli', ['create-nothing'], {})
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toContain('create-admin')
    expect((await runCommand('cli', ['help'], {})).code).toBe(0)
  })

  test('export-schema writes the committed schema, without any configuration', async () => {
    const file = join(folder, 'schema.graphql')
    expect(await runCommand('cli', ['export-schema', file], {})).toMatchObject({ code: 0, stderr: '' })
    expect(readFileSync(file, 'utf8')).toBe(readFileSync(join(ROOT, 'schema.graphql'), 'utf8'))
  })
})

describe.each(DATABASES)('the command line on %s', (database) => {
  let env: Record<string, string>

  beforeAll(async () => {
    const databaseUrl = await makeDatabase(database, folder, ends)
    env = { ...inFolder(`on-${database}`), DATABASE_URL: databaseUrl, MAILWARDEN_KEYS: ENCRYPTION_KEYS }
  })

  const command = async (args: string[], input?: string) => {
    const ended = await runCommand('cli', args, env, input)
    expect(ended.stdout + ended.stderr).not.toContain(PASSWORD)
    expect(ended.stdout + ended.stderr).not.toContain(ENCRYPTION_KEYS.split(':')[1])
    expect(ended.stderr).not.toMatch(STACK)
    return ended
  }

  test('migrate, by two at once and again', async () => {
    const both = await Promise.all(
      database === 'sqlite' ? [command(['migrate'])] : [command(['migrate']), command(['migrate'])],
    )
    expect(both.map(({ code }) => code)).toEqual(both.map(() => 0))
    expect((await command(['migrate'])).code).toBe(0)
  })

  test('who is made with a password from standard input can sign in', async () => {
    expect(await command(['create-admin', 'ada'], `${PASSWORD}\n`)).toMatchObject({ code: 0 })
    expect(await command(['create-auditor', 'otto'], PASSWORD)).toMatchObject({ code: 0 })
    const approver = [
      'create-user',
      'ina',
      '--role',
      'MAILBOX_APPROVER',
      '--role',
      'AUDITOR',
      '--domain',
      'one.example',
    ]
    expect(await command([...approver, '--domain', 'TWO.example'], PASSWORD)).toMatchObject({ code: 0 })
    const service = await Service.start(env)
    const rolesOf = async (name: string) => {
      const caller = await new Caller(service.url).signIn(name, PASSWORD)
      return (await caller.get('{ viewer { roles } }')).viewer.roles
    }
    expect(await rolesOf('ada')).toEqual(['SYSTEM_ADMINISTRATOR'])
    expect(await rolesOf('otto')).toEqual(['AUDITOR'])
    expect(await rolesOf('ina')).toEqual(['MAILBOX_APPROVER', 'AUDITOR'])
    const users = '{ users { nodes { name domains } } }'
    const ada = await new Caller(service.url).signIn('ada', PASSWORD)
    expect((await ada.get(users)).users.nodes).toContainEqual({ name: 'ina', domains: ['one.example', 'two.example'] })
    const { auditLog } = await ada.get('{ auditLog(filter: { action: "cli create-admin" }) { nodes { actorName } } }')
    expect(auditLog.nodes).toEqual([{ actorName: `cli create-admin by ${userInfo().username}` }])
    expect(await service.stop()).toBe(0)
    // there is an administrator already, so none was made and printed
    expect(service.process.stdout).not.toContain('sign-in')
    expect(service.process.output).not.toContain(PASSWORD)
  })

  test('import owners: a dry run says what the real run says and changes nothing; a refused row ends with 1', async () => {
    const file = join(ROOT, 'server/owners/samples/owners.csv')
    const dry = await command(['import', 'owners', file, '--dry-run'])
    const real = await command(['import', 'owners', file])
    const lines = (text: string) => text.trimEnd().split('\n').slice(0, -1)
    expect([dry.code, real.code]).toEqual([0, 0])
    expect(lines(real.stdout)).toEqual(lines(dry.stdout))
    expect(lines(dry.stdout)).toEqual([
      'line 2: created Lovelace; Ada',
      'line 3: created Grace Hopper',
      'line 4: created Support',
      '3 created, 0 updated, 0 unchanged, 0 refused',
    ])
    expect((await command(['import', 'owners', file])).stdout).toContain('0 created, 0 updated, 3 unchanged, 0 refused')
    const wrong = join(folder, `wrong-${database}.csv`)
    writeFileSync(wrong, 'kind,name,emailAddress\nuser,New,new@example.org\nuser,\u001b[2J,nowhere\n')
    const refused = await command(['import', 'owners', wrong])
    expect(refused).toMatchObject({ code: 1, stderr: '' })
    expect(refused.stdout).toContain('line 3: refused')
    expect(refused.stdout).not.toContain('\u001b')
  })

  test('import dataverse: the same, and again nothing changes', async () => {
    const file = join(ROOT, 'server/owners/samples/dataverse.json')
    const dry = await command(['import', 'dataverse', file, '--dry-run'])
    const real = await command(['import', 'dataverse', file])
    expect([dry.code, real.code]).toEqual([0, 0])
    expect(real.stdout.split('\n').slice(0, -2)).toEqual(dry.stdout.split('\n').slice(0, -2))
    expect(real.stdout).toContain('20 created')
    expect(real.stdout).toMatch(/^Credentials to be entered here: 2 profiles, \d+ mailboxes; consents to be given: 1 /m)
    expect((await command(['import', 'dataverse', file])).stdout).toContain('0 created, 0 updated')
  })

  test.each([
    ['nothing', []],
    ['what is not known', ['contacts', 'x.csv']],
    ['no file', ['owners']],
    ['two files of owners', ['owners', 'a.csv', 'b.csv']],
    ['an unknown option', ['owners', 'a.csv', '--force']],
  ])('importing %s is refused with what the command takes', async (_what, args: string[]) => {
    const { code, stdout, stderr } = await command(['import', ...args])
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toContain('import owners FILE')
  })

  test('importing a file that is not there is refused in one sentence', async () => {
    const { code, stdout, stderr } = await command(['import', 'owners', '/nowhere/owners.csv'])
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toMatch(/^\/nowhere\/owners\.csv .*\n$/)
  })

  test.each([
    ['a short password', ['create-admin', 'short'], 'short\n'],
    ['no password', ['create-admin', 'none'], ''],
    ['a name that is taken', ['create-admin', 'ada'], `${PASSWORD}\n`],
    ['no name', ['create-admin'], `${PASSWORD}\n`],
    ['no role', ['create-user', 'nina'], `${PASSWORD}\n`],
    ['an unknown role', ['create-user', 'nina', '--role', 'KING'], `${PASSWORD}\n`],
    ['an unknown option', ['create-user', 'nina', '--rule', 'AUDITOR'], `${PASSWORD}\n`],
    ['an approver of nothing', ['create-user', 'nina', '--role', 'MAILBOX_APPROVER'], `${PASSWORD}\n`],
    ['who stands for nobody', ['create-user', 'nina', '--role', 'MAILBOX_USER', '--owner', 'x'], `${PASSWORD}\n`],
  ])('%s is refused', async (_what, args: string[], input: string) => {
    const { code, stdout, stderr } = await command(args, input)
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).not.toBe('')
  })
})
