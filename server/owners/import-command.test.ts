import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { ConfigError } from '../config'
import { readImport } from './import-command'

const USAGE = 'usage: this and that'
function refusal(...args: string[]): string {
  try {
    readImport(args, USAGE)
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError)
    return (error as ConfigError).message
  }
  return ''
}

test.each([
  ['missing', join(tmpdir(), 'mailwarden-no-such-file.csv')],
  ['a folder', tmpdir()],
])('a file that is %s is told by its name in one line, without the usage', (_what, file) => {
  const message = refusal('owners', file)
  expect(message).toContain(file)
  expect(message).not.toContain('\n')
})

test.each([['nothing'], ['owners'], ['owners', 'a', 'b'], ['owners', 'a', '--no-such-option']])(
  'what is called wrongly (%s) is told with the usage',
  (...args) => expect(refusal(...args)).toContain(USAGE),
)
