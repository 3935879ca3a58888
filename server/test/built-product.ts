import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
} from 'node:fs'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'

export const ROOT = join(__dirname, '..', '..')
/** Inside the packages' folder, from where the compiled files find the packages. */
const CACHE = join(ROOT, 'node_modules', '.cache', 'mailwarden-e2e')
/** Longer than any run of the tests: what was not used since then is used by nobody. */
const KEPT_MS = 2 * 60 * 60 * 1000

/** The npm that the search path leads to, as a file that node can run. */
export function npmFile(): string {
  const folders = (process.env.PATH ?? '').split(delimiter)
  const found = folders.map((folder) => join(folder, 'npm')).find((file) => existsSync(file))
  if (!found) throw new Error('There is no npm on the search path')
  return realpathSync(found)
}

/** Generated, or never part of what is built. */
const NO_SOURCE = /^(gql|test)$|\.test\.tsx?$/

const run = promisify(execFile)
const tool = (name: string, ...args: string[]) => run(join(ROOT, 'node_modules', '.bin', name), args, { cwd: ROOT })

/**
 * The folder with the compiled main.js, worker.js and cli.js. Compiled once for each state of the sources, apart from dist/,
 * which belongs to whoever works in this folder. Types are the type check's affair.
 */
export async function builtServer(): Promise<string> {
  const folder = await built('server', ['server', 'tsconfig.json'], (into) =>
    tool('tsc', '-p', '.', '--noCheck', '--outDir', into),
  )
  return join(folder, 'server')
}

/** The folder with the built dashboard. */
export function builtDashboard(): Promise<string> {
  return built('web', ['web', 'schema.graphql', 'codegen.ts'], async (into) => {
    // writes only what is another than it was
    await tool('graphql-codegen', '--config', 'codegen.ts')
    await tool('vite', 'build', '--config', 'web/vite.config.mts', '--outDir', into, '--emptyOutDir')
  })
}

async function built(name: string, sources: string[], build: (into: string) => Promise<unknown>): Promise<string> {
  const folder = join(CACHE, `${name}-${stateOf(sources)}`)
  mkdirSync(CACHE, { recursive: true })
  if (!existsSync(folder)) {
    const unfinished = `${folder}.${process.pid}`
    await build(unfinished)
    try {
      renameSync(unfinished, folder)
    } catch (error) {
      // another test file was faster
      rmSync(unfinished, { recursive: true, force: true })
      if (!existsSync(folder)) throw error
    }
  }
  const now = new Date()
  utimesSync(folder, now, now)
  forgetOld()
  return folder
}

/** A word for what the files say. */
function stateOf(paths: readonly string[]): string {
  const hash = createHash('sha256')
  const add = (path: string) => {
    const file = join(ROOT, path)
    if (statSync(file).isDirectory()) {
      for (const entry of readdirSync(file).sort()) if (!NO_SOURCE.test(entry)) add(join(path, entry))
    } else hash.update(`${path}\0`).update(readFileSync(file)).update('\0')
  }
  for (const path of paths) add(path)
  return hash.digest('hex').slice(0, 16)
}

function forgetOld(): void {
  for (const entry of readdirSync(CACHE)) {
    const folder = join(CACHE, entry)
    const age = Date.now() - (statSync(folder, { throwIfNoEntry: false })?.mtimeMs ?? Date.now())
    if (age > KEPT_MS) rmSync(folder, { recursive: true, force: true })
  }
}
