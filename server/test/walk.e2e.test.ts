import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { createConnection, type RowDataPacket } from 'mysql2/promise'
import type { Page } from 'playwright-core'
import { builtDashboard, builtServer } from './built-product'
import { openBrowser } from './chromium'
import { type DovecotServer, MAIL_DOMAIN, startDovecot } from './dovecot'
import { type Anything, Caller, ENCRYPTION_KEYS, makeDatabase, TEST_ENV } from './harness'
import { countMessages } from './inbox'
import { type Member, setPasswords, setUpOrganisation } from './organisation'
import { type PostfixServer, startPostfix } from './postfix'
import { ProductProcess } from './product-process'
import { runCommand } from './run-command'
import { Service, startWorker } from './service'
import { waitFor } from './wait-for'

/** Long enough for a machine that has other things to do. */
const PATIENCE_MS = 60_000
const STEP_MS = 2 * PATIENCE_MS
const ADMIN_PASSWORD = `admin-${randomBytes(8).toString('hex')}`

/** On the mail servers everybody has the right password; what the product is told is another matter. */
const member = (kind: string, at: number): Member => {
  const name = `${kind}${at}`
  return { name, address: `${name}@${MAIL_DOMAIN}`, password: `right-${name}-${randomBytes(6).toString('hex')}` }
}
const people = (kind: string, count: number) => Array.from({ length: count }, (_, at) => member(kind, at + 1))
const working = people('works', 4)
/** Their passwords are put right before the walk begins, but nobody has tested them since. */
const mended = people('mended', 15)
const wrong = people('wrong', 3)
const pending = people('pending', 3)
const everybody = [...working, ...mended, ...wrong, ...pending]
const failing = mended.length + wrong.length

const folder = mkdtempSync(join(tmpdir(), 'mailwarden-walk-'))
const ends: (() => unknown)[] = [() => rmSync(folder, { recursive: true, force: true })]

let databaseUrl: string
let service: Service
let worker: ProductProcess
let dovecot: DovecotServer
let postfix: PostfixServer
let admin: Caller
let mailboxIds: Map<string, string>
let page: Page

beforeAll(async () => {
  const [dashboard] = await Promise.all([builtDashboard(), builtServer(), startMailServers()])
  databaseUrl = await makeDatabase('mariadb', folder, ends)
  const nodes = {
    ...{ DATABASE_URL: databaseUrl, REDIS_URL: process.env.TEST_REDIS_URL ?? '', MAILWARDEN_WEB: dashboard },
    ...{ MAILWARDEN_WORKER: 'none', MAILWARDEN_LOG: 'debug' },
  }
  const made = await runCommand('cli', ['create-admin', 'ada'], { ...TEST_ENV, ...nodes }, ADMIN_PASSWORD)
  expect(made).toMatchObject({ code: 0 })
  service = await Service.start(nodes)
  worker = await startWorker(nodes)
  admin = await new Caller(service.url).signIn('ada', ADMIN_PASSWORD)
  await setTheScene()
  const browser = await openBrowser(PATIENCE_MS)
  ends.unshift(() => browser.close())
  page = browser.page
}, 240_000)

afterAll(async () => {
  await ProductProcess.killAll()
  for (const end of ends) await end()
}, 60_000)

async function startMailServers(): Promise<void> {
  dovecot = await startDovecot(everybody.map(({ name, password }) => ({ name, password })))
  ends.unshift(() => dovecot.stop())
  postfix = await startPostfix(dovecot)
  ends.unshift(() => postfix.stop())
}

/** The organisation as the person of the walk finds it: some mailboxes failed their last test, some wait for approval. */
async function setTheScene(): Promise<void> {
  const servers = {
    ...{ incoming: dovecot.endpoints.imaps, outgoing: postfix.endpoints.smtps },
    // slow enough to be watched
    ...{ trustedCertificates: dovecot.trustedCertificates, maxConcurrentConnections: 2 },
  }
  mailboxIds = await setUpOrganisation(admin, servers, [
    ...working,
    ...[...mended, ...wrong].map((each) => ({ ...each, password: `wrong-${each.name}` })),
    ...pending.map((each) => ({ ...each, approved: false })),
  ])
  const { testAndEnableMailboxes } = await admin.get(
    'mutation { testAndEnableMailboxes(selection: { view: ACTIVE }) { testRun { id } } }',
  )
  const { id } = testAndEnableMailboxes.testRun
  const progress = 'subscription ($id: ID!) { testRunProgress(id: $id) { run { state failed succeeded skipped } } }'
  const { testRunProgress } = await admin
    .watch(progress, { id })
    .until((event: Anything) => event.testRunProgress.run.state === 'COMPLETED')
  expect(testRunProgress.run).toMatchObject({ failed: failing, succeeded: working.length, skipped: pending.length })
  await setPasswords(
    admin,
    mended.map(({ address, password }) => [mailboxIds.get(address) ?? '', password]),
  )
}

/** Numbers that the page has shown one after another, while nobody asked it to. */
async function shownProgress(): Promise<number[]> {
  return page.evaluate(() => (globalThis as Anything).shownProgress as number[])
}

/** Writes down each state of the run's bar from now on, in this very document: a reload would lose it. */
async function recordProgress(): Promise<void> {
  await page.getByRole('progressbar', { name: 'Tested' }).waitFor()
  await page.evaluate(() => {
    const window = globalThis as Anything
    const bar = window.document.querySelector('[role=progressbar]')
    const read = () => Number(bar.getAttribute('aria-valuenow'))
    window.shownProgress = [read()]
    new window.MutationObserver(() => window.shownProgress.push(read())).observe(bar, {
      attributeFilter: ['aria-valuenow'],
    })
  })
}

const isLive = (word: RegExp) => page.locator('.live').filter({ hasText: word }).waitFor()
const figure = (name: string) => page.locator('.figure').filter({ hasText: name }).locator('dd')
/** Follows the note in the corner that tells of the run; those of earlier runs may still be there. */
const watchTheRun = (mailboxes: number) =>
  page
    .locator('.fui-Toast')
    .filter({ hasText: `Testing ${mailboxes} mailboxes` })
    .getByRole('link', { name: 'Watch the run' })
    .click()
const chip = (name: string) => page.getByRole('button', { name: new RegExp(`^${name}`) })

let isBroken = false

/** A test that goes on where the one before it ended, and is not worth trying if that failed. */
function step(name: string, walk: () => Promise<void>): void {
  test(
    name,
    async () => {
      if (isBroken) throw new Error('An earlier step failed')
      isBroken = true
      await walk()
      isBroken = false
    },
    STEP_MS,
  )
}

describe('a person walks through the dashboard, on real mail servers', () => {
  step('signs in and finds what failed', async () => {
    await page.goto(service.url)
    await page.getByLabel('Name').fill('ada')
    await page.getByLabel('Password').fill(ADMIN_PASSWORD)
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByRole('heading', { name: 'Overview' }).waitFor()
    // gone after a reload
    await page.evaluate(() => {
      ;(globalThis as Anything).isFirstDocument = true
    })
    await isLive(/Live/)
    await page.getByRole('link', { name: new RegExp(`^${failing} Failed`) }).click()
    const grid = page.getByRole('grid', { name: 'Mailboxes' })
    await grid.getByRole('row').nth(failing).waitFor()
    expect(await grid.getAttribute('aria-rowcount')).toBe(String(failing + 1))
  })

  step('tests all of them and watches the numbers change', async () => {
    await page.getByRole('checkbox', { name: `Select the ${failing} loaded mailboxes` }).check()
    await page
      .locator('.selected-count')
      .filter({ hasText: `${failing} selected` })
      .waitFor()
    await page.getByRole('button', { name: 'Test & Enable' }).click()
    await watchTheRun(failing)
    await recordProgress()
    await page.getByText(/^Took /).waitFor()
    const shown = await shownProgress()
    expect(shown).toEqual([...shown].sort((a, b) => a - b))
    expect(shown.at(-1)).toBe(failing)
    expect(shown.filter((value) => value > (shown[0] ?? 0) && value < failing).length).toBeGreaterThanOrEqual(2)
    expect(await figure('work').textContent()).toBe(String(mended.length))
    expect(await figure('failed').textContent()).toBe(String(wrong.length))
  })

  step('sees at which step a mailbox failed, and why', async () => {
    await chip('Failed').click()
    await page.getByRole('button', { name: /^wrong1/ }).click()
    const detail = page.locator('.result-detail')
    for (const direction of ['Incoming', 'Outgoing']) {
      const part = detail.locator('section').filter({ hasText: direction })
      const [failed] = await part.locator('.step-failed').allTextContents()
      expect(failed).toContain('AUTHENTICATION_FAILED')
      expect(failed).toContain('Sign in')
      expect(await part.locator('.step-succeeded').count()).toBe(4)
      expect(await part.locator('.step-failed').count()).toBe(1)
    }
    await detail.getByRole('link', { name: 'Open the mailbox' }).click()
    await page.getByRole('heading', { name: 'wrong1' }).waitFor()
  })

  step('enters the right password, tests again, and it works', async () => {
    await page.getByRole('button', { name: 'Enter password' }).click()
    await page.getByLabel('New password').fill(wrong[0]?.password ?? '')
    await page.getByRole('button', { name: 'Save and test' }).click()
    await page.locator('.mailbox-state .state-works').waitFor()
    for (const [name, last] of [
      ['Incoming', 'Receive the test mail'],
      ['Outgoing', 'Send the test mail'],
    ]) {
      const direction = page.getByRole('region', { name })
      await direction.locator('.state-works').waitFor()
      await direction.locator('.step-succeeded').filter({ hasText: last }).waitFor()
      expect(await direction.locator('.step-failed').count()).toBe(0)
    }
    await page.getByText('Resolved').first().waitFor()
    const { mailbox } = await admin.get(
      'query ($id: ID!) { mailbox(id: $id) { health incomingEnabled outgoingEnabled } }',
      {
        id: mailboxIds.get(wrong[0]?.address ?? ''),
      },
    )
    expect(mailbox).toEqual({ health: 'HEALTHY', incomingEnabled: true, outgoingEnabled: true })
  })

  step('approves those that wait for it', async () => {
    await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: 'Mailboxes' }).click()
    await chip('Pending approval').click()
    await page.getByRole('checkbox', { name: `Select the ${pending.length} loaded mailboxes` }).check()
    await page.getByRole('button', { name: 'Approve' }).click()
    await page.getByText(`${pending.length} approved`).first().waitFor()
    await chip('Pending approval').filter({ hasText: /0$/ }).waitFor()
  })

  step('the service is killed while a run is watched: the page comes back by itself, and is right', async () => {
    await chip('Active').click()
    await page.getByRole('checkbox', { name: `Select the ${everybody.length} loaded mailboxes` }).check()
    await page.getByRole('button', { name: 'Test & Enable' }).click()
    await watchTheRun(everybody.length)
    await recordProgress()
    await waitFor('the middle of the run', async () => (await shownProgress()).some((value) => value > 2), {
      timeoutMs: PATIENCE_MS,
    })
    await service.kill()
    await isLive(/Reconnecting/)
    expect((await shownProgress()).at(-1)).toBeLessThan(everybody.length)

    // nobody tells the page, for the worker goes on while the service is away
    await untilRunsEnded()
    await service.startAgain()
    await isLive(/Live/)
    await page.getByText(/^Took /).waitFor()
    expect((await shownProgress()).at(-1)).toBe(everybody.length)
    expect(await figure('work').textContent()).toBe(String(everybody.length - 2))
    expect(await figure('failed').textContent()).toBe('2')
    await page.locator('.result').filter({ hasText: 'wrong2' }).locator('.state-failed').waitFor()
    await page.getByRole('button', { name: 'Try again' }).waitFor({ state: 'hidden' })
    await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: 'Mailboxes' }).click()
    await chip('Failed').filter({ hasText: /2$/ }).waitFor()
    await chip('Enabled')
      .filter({ hasText: new RegExp(`${everybody.length - 2}$`) })
      .waitFor()
    // what the events would have told that nobody heard
    await page.getByRole('grid').locator('.state-busy').first().waitFor({ state: 'detached' })
    await page.getByRole('row').filter({ hasText: 'wrong2' }).locator('.state-failed').first().waitFor()
  })

  step('nothing of it needed a reload, left a message behind, or told a password', async () => {
    expect(await page.evaluate(() => (globalThis as Anything).isFirstDocument)).toBe(true)
    const endpoint = dovecot.endpoints.imapPlain
    const left = await Promise.all(
      everybody.map(({ name, password }) => countMessages({ endpoint, user: name, password })),
    )
    expect(left).toEqual(everybody.map(() => 0))
    expect(await service.stop()).toBe(0)
    expect(await worker.end('SIGTERM')).toBe(0)
    const passwords = everybody.flatMap(({ name, password }) => [password, `wrong-${name}`])
    const secrets = [...passwords, ADMIN_PASSWORD, ENCRYPTION_KEYS.split(':')[1] ?? '', sessionSecret()]
    const said = [...service.processes, worker].map((each) => each.output).join('')
    expect(secrets.filter((secret) => said.includes(secret))).toEqual([])
  })
})

const sessionSecret = () => admin.sessionCookie.split('=')[1] ?? ''

/** Asks the database, as there is no service to ask. */
async function untilRunsEnded(): Promise<void> {
  const connection = await createConnection(databaseUrl)
  try {
    await waitFor(
      'the worker to end the run',
      async () => {
        const [rows] = await connection.query<RowDataPacket[]>('SELECT 1 FROM test_runs WHERE finished_at IS NULL')
        return rows.length === 0
      },
      { timeoutMs: PATIENCE_MS, everyMs: 50 },
    )
  } finally {
    await connection.end()
  }
}
