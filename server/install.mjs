// What `npm test` and `npm run demo` begin with on a machine that has Node and nothing else: the packages of package-lock.json.
// Plain Node, for nothing is installed yet.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const sqlite = join(root, 'node_modules/better-sqlite3')
const sqliteBinary = 'build/Release/better_sqlite3.node'
/** Compiling SQLite takes a core one and a half minutes, so each machine does it once. */
const prebuilds = join(homedir(), '.cache/mailwarden/prebuilds')

/** Installs what is missing or of another version. Returns true, or false after npm has said what went wrong. */
export function installPackages() {
  if (!isInstalled() && !clean() && !(installCompiler() && clean())) return false
  // Left out by `npm ci --ignore-scripts`, or compiled for another Node.
  if (!sqliteLoads() && !compileSqlite()) return false
  keepPrebuild()
  return true
}

/** Installs Debian packages, for which it must be root. The packages' daemons may be started. */
export function aptInstall(packages) {
  console.error(`Installing ${packages.join(' ')} ...`)
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const apt = (...args) => spawnSync('apt-get', args, { stdio: ['ignore', 2, 2], env }).status === 0
  // Lists that are a little old may do, so a failed update is not the end.
  apt('update')
  return apt('install', '--yes', '--no-install-recommends', ...packages)
}

/** Whether packages can be had from apt. */
export const hasApt = process.getuid?.() === 0 && existsSync('/etc/debian_version')

const clean = () => npm({ npm_config_better_sqlite3_local_prebuilds: prebuilds }, 'ci', '--no-audit', '--no-fund')

/** For the case that no ready-made SQLite can be downloaded. True when there was something to install. */
function installCompiler() {
  const tools = ['python3', 'make', 'g++'].filter((tool) => spawnSync(tool, ['--version']).error)
  return tools.length > 0 && hasApt && aptInstall(tools)
}

/** Anew, not from the kept copy, which may be what does not load. */
function compileSqlite() {
  rmSync(prebuildFile(), { force: true })
  return npm({}, 'rebuild', 'better-sqlite3')
}

/** Whether node_modules holds every package of package-lock.json that this platform needs, in its version. */
function isInstalled() {
  const wanted = packagesOf('package-lock.json')
  const present = packagesOf('node_modules/.package-lock.json')
  if (!wanted || !present) return false
  return Object.entries(wanted).every(([path, { version, optional, peer }]) => {
    if (path === '' || (present[path] === undefined && (optional || peer))) return true
    return present[path]?.version === version && existsSync(join(root, path, 'package.json'))
  })
}

function packagesOf(file) {
  try {
    return JSON.parse(readFileSync(join(root, file), 'utf8')).packages
  } catch {
    return undefined
  }
}

function sqliteLoads() {
  const binary = join(sqlite, sqliteBinary)
  // In a process of its own: a binary of another Node may crash it.
  return existsSync(binary) && spawnSync(process.execPath, ['-e', 'require(process.argv[1])', binary]).status === 0
}

function npm(settings, ...args) {
  const env = { ...process.env, ...settings, ...headers() }
  // npm's own words go to the standard error, so that a caller's output stays its own.
  return (
    spawnSync('npm', args, { cwd: root, stdio: ['ignore', 2, 2], env, shell: process.platform === 'win32' }).status ===
    0
  )
}

/** Node's headers, where they are installed beside it: then a compilation need not fetch them. */
function headers() {
  const prefix = dirname(dirname(process.execPath))
  return existsSync(join(prefix, 'include/node/node.h')) ? { npm_config_nodedir: prefix } : {}
}

/** The compiled SQLite by the name under which prebuild-install looks for it. */
function prebuildFile() {
  const { version } = JSON.parse(readFileSync(join(sqlite, 'package.json'), 'utf8'))
  const { platform, arch, versions } = process
  return join(prebuilds, `better-sqlite3-v${version}-node-v${versions.modules}-${platform}-${arch}.tar.gz`)
}

/** Puts the compiled SQLite where the next installation looks for it. What goes wrong here only costs time later. */
function keepPrebuild() {
  try {
    const file = prebuildFile()
    if (existsSync(file)) return
    mkdirSync(prebuilds, { recursive: true })
    const unfinished = `${file}.${process.pid}`
    const { status } = spawnSync('tar', ['-czf', unfinished, sqliteBinary], { cwd: sqlite })
    if (status === 0) renameSync(unfinished, file)
  } catch {
    // The next installation compiles again.
  }
}
