import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { ConfigError } from '../config'
import { markSeeded, openDemoFolder } from './demo-folder'

const DATABASE = ['mailwarden.sqlite', 'mailwarden.sqlite-wal', 'mailwarden.sqlite-shm']
let dataFolder: string
let databaseUrl: string

beforeEach(() => {
  dataFolder = mkdtempSync(join(tmpdir(), 'mailwarden-demo-'))
  databaseUrl = `sqlite:${join(dataFolder, 'mailwarden.sqlite')}`
})
afterEach(() => rmSync(dataFolder, { recursive: true, force: true }))

const open = (url = databaseUrl) => openDemoFolder({ dataFolder, databaseUrl: url })
const fill = () => {
  for (const name of [...DATABASE, 'mail-system.json']) writeFileSync(join(dataFolder, name), 'rows')
}

test('a start that was ended while it filled the database is begun anew, with the same secrets', () => {
  const first = open()
  fill()
  expect(open()).toEqual(first)
  expect(readdirSync(dataFolder).sort()).toEqual(['demo.json', 'mail-system.json'])
})

test('what was filled to the end stays', () => {
  const first = open()
  fill()
  markSeeded(dataFolder, first)
  expect(open()).toEqual({ ...first, isSeeded: true })
  for (const name of DATABASE) expect(readFileSync(join(dataFolder, name), 'utf8')).toBe('rows')
})

test('an installation that is no demo is left as it is, however often the demo is started there', () => {
  fill()
  for (const _ of [1, 2]) expect(() => open()).toThrow(ConfigError)
  expect(readdirSync(dataFolder).sort()).toEqual([...DATABASE, 'mail-system.json'].sort())
})

test('a database elsewhere is not touched', () => {
  fill()
  for (const _ of [1, 2]) open('sqlite:elsewhere.sqlite')
  for (const name of DATABASE) expect(existsSync(join(dataFolder, name))).toBe(true)
})
