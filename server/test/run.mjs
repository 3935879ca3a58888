// `npm test` on a machine that has Node and nothing else: installs what is missing, then runs all tests. Arguments go to Jest.
// The last line is `N passed, N failed`. Plain Node.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { installPackages } from '../install.mjs'
import { haveRequirements, searchPath } from './requirements.mjs'

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
process.chdir(root)
process.env.PATH = searchPath

if (!installPackages() || !haveRequirements() || !generate()) process.exit(1)
process.exit(await runJest(process.argv.slice(2)))

/** The dashboard's tests import what codegen makes of schema.graphql. */
function generate() {
  return spawnSync('npm', ['run', '--silent', 'codegen'], { stdio: ['ignore', 2, 2] }).status === 0
}

async function runJest(extra) {
  const folder = mkdtempSync(join(tmpdir(), 'mailwarden-jest-'))
  const summary = join(folder, 'summary.json')
  try {
    // In a process group of its own, so that its workers can be ended with it even when it is killed.
    const jest = spawn(
      process.execPath,
      [join(root, 'node_modules/jest/bin/jest.js'), ...jestArguments(extra, summary)],
      {
        detached: true,
        stdio: 'inherit',
      },
    )
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => signalGroup(jest, signal))
    const [code] = await once(jest, 'exit')
    signalGroup(jest, 'SIGKILL')
    const totals = readTotals(summary)
    if (totals) console.log(`${totals.passed} passed, ${totals.failed} failed`)
    else console.error('Jest ended without totals')
    // Jest may end well although nothing ran, or nothing could be counted.
    return code === 0 && totals?.failed === 0 ? 0 : code || 1
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function signalGroup(leader, signal) {
  try {
    process.kill(-leader.pid, signal)
  } catch {
    // All of them have ended.
  }
}

function jestArguments(extra, summary) {
  // The servers under test need processors too, so that no test waits for its turn longer than for its answer.
  const workers = Math.max(2, Math.floor(availableParallelism() / 2))
  return [
    ...['--selectProjects', 'unit', 'contract', 'api', 'e2e', 'web'],
    ...['--maxWorkers', String(workers), '--json', '--outputFile', summary, '--testLocationInResults=false'],
    ...extra,
  ]
}

/** A test file that could not run at all counts as one failure. */
function readTotals(summary) {
  if (!existsSync(summary)) return undefined
  const { numPassedTests, numFailedTests, numRuntimeErrorTestSuites } = JSON.parse(readFileSync(summary, 'utf8'))
  return { passed: numPassedTests, failed: numFailedTests + numRuntimeErrorTestSuites }
}
