import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { commandLine } from '../auth/auth.service'
import { ConfigError } from '../config'
import type { DataverseImportService } from './dataverse-import.service'
import { countsText, dataverseText, endText, rowText } from './import-text'
import type { OwnerImportService } from './owner-import.service'

/** A whole file is checked and written at once, so it has to fit in memory: about 2 KiB a row. */
const MOST_ROWS = 200_000

const WHY: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EISDIR: 'it is a folder',
  EACCES: 'its permissions forbid it',
}

export interface ImportRequest {
  what: 'owners' | 'dataverse'
  files: readonly { name: string; bytes: Buffer }[]
  dryRun: boolean
}

/** Reads `owners FILE [--dry-run]` and `dataverse FILE... [--dry-run]`, and the files. Throws ConfigError. */
export function readImport(args: readonly string[], usage: string): ImportRequest {
  const wrong = (why: string) => new ConfigError(`${why}\n\n${usage}`)
  try {
    const options = { 'dry-run': { type: 'boolean' } } as const
    const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true })
    const [what, ...names] = positionals
    if (what !== 'owners' && what !== 'dataverse') throw wrong('Import owners or dataverse')
    if (names.length === 0) throw wrong('Name the file')
    if (what === 'owners' && names.length > 1) throw wrong('Owners come in one file, for all of it is taken or nothing')
    const files = names.map((name) => ({ name, bytes: read(name) }))
    return { what, files, dryRun: values['dry-run'] ?? false }
  } catch (error) {
    if (error instanceof ConfigError) throw error
    throw wrong(error instanceof Error ? error.message : String(error))
  }
}

function read(name: string): Buffer {
  try {
    return readFileSync(name)
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? ''
    throw new ConfigError(`${name} cannot be read: ${WHY[code] ?? (error instanceof Error ? error.message : error)}`)
  }
}

/** Does what is asked and prints it. Answers whether nothing was refused. */
export async function runImport(
  { what, files, dryRun }: ImportRequest,
  services: { ownerImport: OwnerImportService; dataverseImport: DataverseImportService },
  print: (line: string) => void,
): Promise<boolean> {
  const action = `cli import ${what}`
  if (what === 'dataverse') {
    const answer = await services.dataverseImport.import(commandLine(action), files, { dryRun, action })
    for (const line of dataverseText(answer, dryRun)) print(line)
    return answer.refused.length === 0
  }
  const bytes = files[0]?.bytes ?? Buffer.alloc(0)
  const answer = await services.ownerImport.importCsv(commandLine(action), bytes, {
    dryRun,
    action,
    mostRows: MOST_ROWS,
  })
  for (const row of answer.rows) print(rowText(row))
  print(countsText(answer))
  print(endText(answer.refused, dryRun))
  return answer.refused === 0
}
