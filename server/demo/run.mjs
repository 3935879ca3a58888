// `npm run demo` on a machine that has Node 20 and nothing else: installs the packages, builds what changed, starts the demo.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { installPackages } from '../install.mjs'

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
process.chdir(root)

function npm(...args) {
  const { status } = spawnSync('npm', args, { stdio: ['ignore', 2, 2], shell: process.platform === 'win32' })
  if (status !== 0) process.exit(status ?? 1)
}

/** The latest change below a path; what is installed or generated does not count. */
function changedAt(path) {
  if (!existsSync(path)) return 0
  const stat = statSync(path)
  if (!stat.isDirectory()) return stat.mtimeMs
  const names = readdirSync(path).filter((name) => name !== 'gql' && name !== 'node_modules')
  return Math.max(0, ...names.map((name) => changedAt(join(path, name))))
}

if (!installPackages()) process.exit(1)

const sources = Math.max(
  ...['server', 'web', 'schema.graphql', 'tsconfig.json', 'codegen.ts', 'package.json'].map(changedAt),
)
const built = Math.min(changedAt('dist/server/demo/main.js'), changedAt('dist/web/index.html'))
if (built < sources) {
  process.stderr.write('Building ...\n')
  npm('run', '--silent', 'build')
}
createRequire(import.meta.url)(join(root, 'dist/server/demo/main.js'))
