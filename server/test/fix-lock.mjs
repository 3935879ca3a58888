// `npm run fix-lock`, after every `npm install`: where the registry in use lacks the binaries of other platforms, npm leaves
// them out of package-lock.json, and then `npm ci` refuses the lock. This adds them; npm fetches them on no platform but
// their own. Plain Node.
import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const lockFile = join(dirname(dirname(dirname(fileURLToPath(import.meta.url)))), 'package-lock.json')
const systems = /\b(darwin|win32|linux|android|freebsd|netbsd|openbsd|openharmony|sunos|aix)\b/
const processors = /\b(arm64|x64|ia32|arm|ppc64|s390x|riscv64|loong64|mips64el|wasm32)\b/

const lock = JSON.parse(readFileSync(lockFile, 'utf8'))
const packages = lock.packages
let added = 0

for (const [path, owner] of Object.entries(packages)) {
  for (const [name, range] of Object.entries(owner.optionalDependencies ?? {})) {
    const found = find(path, name)
    if (found && (!isExact(range) || found.version === range)) continue
    // Where another version is in the way, it goes below the package that wants it.
    packages[found ? `${path}/node_modules/${name}` : `node_modules/${name}`] = entryFor(name, range, owner)
    added++
  }
}

if (added > 0) {
  const byPath = Object.entries(packages).sort(([a], [b]) => (a < b ? -1 : 1))
  lock.packages = Object.fromEntries(byPath)
  writeFileSync(lockFile, `${JSON.stringify(lock, null, 2)}\n`)
}
console.log(`${added} optional packages added to package-lock.json`)

/** As Node looks for it: below the package that wants it, then further up. */
function find(path, name) {
  for (let at = path; at !== ''; at = at.slice(0, Math.max(0, at.lastIndexOf('/node_modules/')))) {
    const found = packages[`${at}/node_modules/${name}`]
    if (found) return found
  }
  return packages[`node_modules/${name}`]
}

function isExact(range) {
  return /^\d/.test(range)
}

function entryFor(name, range, owner) {
  const system = systems.exec(name)?.[1]
  const processor = processors.exec(name)?.[1]
  return {
    version: range.replace(/^[~^]/, ''),
    ...(owner.dev ? { dev: true } : {}),
    optional: true,
    // Of a package whose name tells no system it is only known that it is not for this one.
    os: [system ?? 'wasi'],
    ...(processor ? { cpu: [processor] } : {}),
    ...(name.includes('musl') ? { libc: ['musl'] } : {}),
  }
}
