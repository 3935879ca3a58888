import { readFileSync } from 'node:fs'
import { describe, expect, test } from '@jest/globals'
import { MailErrorCode } from '../mail/mail-error'

const readme = readFileSync('README.md', 'utf8')
const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> }
const ci = readFileSync('.ci/run', 'utf8')

/** Where each command of the README is seen to run. */
const SEEN: Record<string, string> = {
  'npm run demo': 'server/test/demo.e2e.test.ts',
  'npm test': '.ci/run',
  'npm run test:unit': 'a part of npm test',
  'npm ci': '.ci/run, by server/install.mjs',
  'npm run build': '.ci/run',
  'npm start': 'server/test/commands.e2e.test.ts',
  'npm run worker': 'server/test/commands.e2e.test.ts',
  'npm run --silent cli -- make-key': 'server/test/commands.e2e.test.ts',
  'npm run create-admin -- NAME': 'server/test/commands.e2e.test.ts',
  'npm run cli -- create-user NAME --role ROLE': 'server/test/commands.e2e.test.ts',
  'npm run migrate': 'server/test/commands.e2e.test.ts',
  'npm run cli -- import owners FILE --dry-run': 'server/test/commands.e2e.test.ts',
  'npm run cli -- import dataverse FILE... --dry-run': 'server/test/commands.e2e.test.ts',
  'npm run bench:test': '.ci/run, with few mailboxes',
  'npm run bench:admin': '.ci/run, with few mailboxes',
  'npm run schema': '.ci/run',
}

/** Commands in code blocks and in running text. */
const commands = [...readme.matchAll(/(?:^|`|=\.\.\. )(npm [a-z][^`\n]*)/gm)].map((match) => (match[1] ?? '').trim())

describe('the README', () => {
  test('names commands that exist and that a test or CI runs', () => {
    expect(new Set(commands)).toEqual(new Set(Object.keys(SEEN)))
    for (const command of commands) {
      const script = /^npm run (?:--silent )?(\S+)/.exec(command)?.[1]
      if (script) expect(Object.keys(scripts)).toContain(script)
    }
    for (const script of ['build', 'schema', 'bench:test', 'bench:admin']) expect(ci).toContain(script)
  })

  test('explains every environment variable, and no other', () => {
    const read = [...readFileSync('server/config.ts', 'utf8').matchAll(/^ {2}([A-Z][A-Z_]+):/gm)].map(
      (match) => match[1],
    )
    const table = readme.slice(readme.indexOf('| variable |'), readme.indexOf('Operations:'))
    const explained = [...table.matchAll(/^\|([^|]+)\|/gm)].flatMap((row) => [
      ...(row[1] ?? '').matchAll(/`([A-Z_]+)`/g),
    ])
    expect(explained.map((match) => match[1]).sort()).toEqual([...read].sort())
  })

  test('does not overstate how many causes are told apart', () => {
    expect(Object.keys(MailErrorCode).length).toBeGreaterThan(30)
  })
})
