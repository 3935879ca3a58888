import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative, resolve } from 'node:path'
import { afterAll, describe, expect, test } from '@jest/globals'
import { type ImportDeclaration, parseSync } from '@swc/core'

const ROOT = resolve(__dirname, '../..')
const folder = mkdtempSync(join(tmpdir(), 'mailwarden-boundaries-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** `from -> to`, both from the root of the project. */
type Import = `${string} -> ${string}`

const ALLOWED: Import[] = [
  'server/main.ts -> server/app.ts',
  'server/app.ts -> server/forwarding/forward.resolver.ts',
  'server/http.ts -> server/auth/auth.service.ts',
  'server/auth/auth.service.ts -> server/config.ts',
  'server/auth/auth.service.ts -> server/db/database.ts',
  'server/graphql/payload.ts -> server/errors.ts',
  'server/db/transaction.ts -> server/pubsub/signals.ts',
  'server/alerts/alert.service.ts -> server/mailboxes/mailbox-test.service.ts',
  'server/alerts/alert-state.ts -> server/mailboxes/mailbox.enums.ts',
  'server/alerts/alert-state.ts -> server/alerts/alert-watch.ts',
  'server/test-runs/test-run.service.ts -> server/mailboxes/mailbox-selection.ts',
  'server/test-runs/test-run.service.ts -> server/mailboxes/mailbox.inputs.ts',
  'server/mailboxes/mailbox.service.ts -> server/profiles/profile.entity.ts',
  'server/demo/seed.ts -> server/app.ts',
  // one half of a cycle, whose other half is the fault
  'server/secrets/keyring.ts -> server/secrets/envelope.ts',
  // tests reach what they test, and what is for tests
  'server/auth/auth.api.test.ts -> server/test/harness.ts',
  'server/mail/imap.test.ts -> server/mail/probe-cases.ts',
  'server/test/harness.ts -> server/app.ts',
  'server/pubsub/pubsub.contract.ts -> server/test/wait-for.ts',
  'web/main.tsx -> web/app.tsx',
  'web/app.tsx -> web/frame/frame.tsx',
  'web/app.tsx -> web/pages/overview.tsx',
  'web/frame/frame.tsx -> web/alerts/alert-list.tsx',
  'web/pages/overview.tsx -> web/alerts/alert-list.tsx',
  'web/alerts/alert-list.tsx -> web/ui/link.tsx',
  'web/ui/link.tsx -> web/lib/router.ts',
  'web/pages/overview.test.tsx -> web/test/render-app.tsx',
]

/** A fault for each rule, and what it breaks. */
const FAULTS: [string, Import][] = [
  ['level-0-knows-nobody', 'server/errors.ts -> server/db/id.ts'],
  ['level-1-stands-alone', 'server/graphql/connection.ts -> server/db/database.ts'],
  ['level-1-stands-alone', 'server/mail/imap.ts -> server/mailboxes/mailbox.entity.ts'],
  ['level-1-stands-alone', 'server/jobs/queue.ts -> server/process.ts'],
  ['transaction-names-signals', 'server/db/transaction.ts -> server/pubsub/watch.ts'],
  ['features-know-no-top', 'server/mailboxes/mailbox.service.ts -> server/http-auth.ts'],
  ['left-of-auth', 'server/auth/auth.service.ts -> server/profiles/profile.service.ts'],
  ['left-of-profiles', 'server/profiles/profile.service.ts -> server/settings/email-settings.service.ts'],
  ['left-of-mailboxes', 'server/mailboxes/mailbox.entity.ts -> server/test-runs/test-run.entity.ts'],
  ['left-of-alerts', 'server/alerts/alert.service.ts -> server/test-runs/test-run.service.ts'],
  ['left-of-sync', 'server/sync/sync.service.ts -> server/forwarding/forward.service.ts'],
  ['inside-others-owners', 'server/owners/owner.service.ts -> server/mailboxes/mailbox.resolver.ts'],
  ['inside-others-mailboxes', 'server/mailboxes/blockers.ts -> server/profiles/profile-rules.ts'],
  ['inside-others-alerts', 'server/alerts/alert-state.ts -> server/mailboxes/mailbox-list.ts'],
  ['inside-others-test-runs', 'server/test-runs/verdict.ts -> server/alerts/alert-state.ts'],
  ['nobody-imports-an-entrance', 'server/worker.ts -> server/cli.ts'],
  ['product-without-demo', 'server/process.ts -> server/demo/faults.ts'],
  ['server-has-known-rooms', 'server/toolbox/strings.ts -> server/secrets/keyring.ts'],
  ['server-has-known-rooms', 'server/strings.ts -> server/secrets/keyring.ts'],
  ['web-without-server', 'web/pages/mailbox.tsx -> server/profiles/profile.entity.ts'],
  ['server-without-tools', 'server/worker.ts -> node_modules/a-tool/index.js'],
  ['server-without-web', 'server/websocket.ts -> web/lib/time.ts'],
  ['web-base-knows-no-feature', 'web/ui/link.tsx -> web/mailboxes/views.ts'],
  ['web-lib-without-ui', 'web/lib/time.ts -> web/ui/notify.tsx'],
  ['web-features-stand-alone', 'web/alerts/alert-list.tsx -> web/profiles/profile-table.tsx'],
  ['web-features-stand-alone', 'web/mailboxes/views.ts -> web/pages/mailboxes.tsx'],
  ['web-pages-below-app', 'web/pages/profiles.tsx -> web/frame/navigation.tsx'],
  ['web-pages-below-app', 'web/pages/profiles.tsx -> web/app.tsx'],
  ['web-has-known-rooms', 'web/store/state.ts -> web/lib/router.ts'],
  ['no-cycle', 'server/secrets/envelope.ts -> server/secrets/keyring.ts'],
  ['product-without-tests', 'server/owners/owner.resolver.ts -> server/test/wait-for.ts'],
  ['product-without-tests', 'server/mail/smtp.ts -> server/mail/scripted-servers.ts'],
  ['product-without-tests', 'web/urql.ts -> web/test/fake-server.ts'],
  ['nothing-missing', 'server/secrets/rotation.ts -> ./nowhere'],
]

/** Writes a tree of files that have just these imports, types among them. */
function plant(imports: readonly Import[]): void {
  const files = new Map<string, string[]>()
  const linesOf = (path: string) => files.get(path) ?? files.set(path, []).get(path) ?? []
  for (const [index, one] of imports.entries()) {
    const [from = '', to = ''] = one.split(' -> ')
    if (to.startsWith('.')) linesOf(from).push(`import '${to}'`)
    else if (to.startsWith('node_modules')) linesOf(from).push(`import '${to.split('/')[1]}'`)
    else {
      linesOf(to)
      const path = relative(dirname(from), to).replace(/\.tsx?$/, '')
      const kind = index % 2 === 0 ? 'import' : 'import type'
      linesOf(from).push(`${kind} { thing as thing${index} } from '${path.startsWith('.') ? path : `./${path}`}'`)
    }
  }
  for (const [path, lines] of files) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(
      join(folder, path),
      [...lines, path.endsWith('x') ? 'export const thing = <p />' : 'export const thing = 1'].join('\n'),
    )
  }
}

/** A package that is installed for development only. */
function plantTool(): void {
  const tool = join(folder, 'node_modules/a-tool')
  mkdirSync(tool, { recursive: true })
  writeFileSync(join(tool, 'package.json'), '{ "name": "a-tool", "version": "1.0.0", "main": "index.js" }')
  writeFileSync(join(tool, 'index.js'), '')
  writeFileSync(join(folder, 'package.json'), '{ "devDependencies": { "a-tool": "1.0.0" } }')
}

function cruise(): { found: [string, Import][]; rules: string[] } {
  plantTool()
  plant([...ALLOWED, ...FAULTS.map(([, one]) => one)])
  const depcruise = join(ROOT, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs')
  const config = join(ROOT, '.dependency-cruiser.cjs')
  const { stdout, stderr } = spawnSync(
    process.execPath,
    [depcruise, '--config', config, '-T', 'json', 'server', 'web'],
    {
      cwd: folder,
      encoding: 'utf8',
      maxBuffer: 64 * 1024 * 1024,
    },
  )
  if (!stdout.startsWith('{')) throw new Error(stderr || stdout)
  const { summary } = JSON.parse(stdout) as {
    summary: {
      violations: { rule: { name: string }; from: string; to: string }[]
      ruleSetUsed: { forbidden: { name: string }[] }
    }
  }
  return {
    found: summary.violations.map((one) => [one.rule.name, `${one.from} -> ${one.to}`]),
    rules: summary.ruleSetUsed.forbidden.map((one) => one.name),
  }
}

describe('allowed imports', () => {
  const { found, rules } = cruise()

  test.each(FAULTS)('%s: %s is refused', (rule, planted) => {
    expect(found).toContainEqual([rule, planted])
  })

  test('there is a fault for every rule, or for another of its kind', () => {
    const kind = (name: string) => name.replace(/^(left-of|inside-others)-.*/, '$1')
    expect([...new Set(FAULTS.map(([name]) => kind(name)))].sort()).toEqual([...new Set(rules.map(kind))].sort())
  })

  test('nothing else is', () => {
    const planted = new Set<string>(FAULTS.map(([, one]) => one))
    expect(found.filter(([, one]) => !planted.has(one))).toEqual([])
  })

  test('a transaction names the signals as types, and holds no connection', () => {
    const source = readFileSync(join(ROOT, 'server/db/transaction.ts'), 'utf8')
    const imports = parseSync(source, { syntax: 'typescript' }).body.filter(
      (item): item is ImportDeclaration => item.type === 'ImportDeclaration' && item.source.value.includes('pubsub'),
    )
    expect(imports.map((one) => [one.source.value, one.typeOnly])).toEqual([['../pubsub/signals', true]])
  })
})

describe('process.env is read in config.ts alone', () => {
  const EXPECTED: [string, boolean][] = [
    ['server/config.ts', true],
    ['server/errors.ts', false],
    ['server/app.ts', false],
    ['server/mail/imap.ts', false],
    ['server/mailboxes/mailbox.service.ts', false],
    ['server/demo/main.ts', false],
    ['web/lib/time.ts', false],
    // what starts the product, or tests it, sets its environment
    ['server/demo/run.mjs', true],
    ['server/test/harness.ts', true],
    ['server/jobs/queue.contract.test.ts', true],
    ['bench/bench-test.ts', true],
    ['web/vite.config.mts', true],
  ]

  function complaints(): Set<string> {
    const tree = join(folder, 'lint')
    for (const [path] of EXPECTED) {
      mkdirSync(dirname(join(tree, path)), { recursive: true })
      writeFileSync(join(tree, path), 'export const home = process.env.HOME\n')
    }
    copyFileSync(join(ROOT, 'biome.json'), join(tree, 'biome.json'))
    const biome = join(ROOT, 'node_modules/@biomejs/biome/bin/biome')
    const { stdout, stderr } = spawnSync(process.execPath, [biome, 'lint', '--reporter=github', '--colors=off', '.'], {
      cwd: tree,
      encoding: 'utf8',
    })
    const lines = `${stdout}${stderr}`.split('\n').filter((line) => line.includes('noProcessEnv'))
    return new Set(lines.map((line) => /file=.*\/lint\/([^,]+)/.exec(line)?.[1] ?? line))
  }

  const found = complaints()
  test.each(EXPECTED)('%s may: %s', (path, may) => {
    expect(found.has(path)).toBe(!may)
  })
})
