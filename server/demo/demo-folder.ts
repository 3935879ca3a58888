import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Config, ConfigError } from '../config'

/** The demo's own secrets; they protect sample data only, so they may lie beside it. */
export interface DemoFile {
  keys: string
  password: string
  isSeeded: boolean
}

type Place = Pick<Config, 'dataFolder' | 'databaseUrl'>

/**
 * Reads demo.json, or writes the first one. A start that was ended while it filled the database is begun anew: what it left is
 * removed. Throws ConfigError in the folder of an installation that is no demo.
 */
export function openDemoFolder({ dataFolder, databaseUrl }: Place): DemoFile {
  mkdirSync(dataFolder, { recursive: true })
  const file = fileIn(dataFolder)
  // a database elsewhere is somebody's own: nothing of it is removed
  const database = join(dataFolder, 'mailwarden.sqlite')
  const isOwn = databaseUrl === `sqlite:${database}`
  if (existsSync(file)) {
    const demo = JSON.parse(readFileSync(file, 'utf8')) as DemoFile
    if (!demo.isSeeded && isOwn) for (const end of ['', '-wal', '-shm']) rmSync(database + end, { force: true })
    return demo
  }
  if (isOwn && existsSync(database)) {
    throw new ConfigError('MAILWARDEN_DATA holds an installation that is no demo: name another folder for the demo')
  }
  const demo = {
    keys: `demo:${randomBytes(32).toString('base64')}`,
    password: randomBytes(9).toString('base64url'),
    isSeeded: false,
  }
  writeFileSync(file, JSON.stringify(demo), { mode: 0o600 })
  return demo
}

/** From now on the data is somebody's work. */
export function markSeeded(dataFolder: string, demo: DemoFile): void {
  writeFileSync(fileIn(dataFolder), JSON.stringify({ ...demo, isSeeded: true }), { mode: 0o600 })
}

const fileIn = (folder: string): string => join(folder, 'demo.json')
