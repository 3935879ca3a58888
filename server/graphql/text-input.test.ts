import { describe, expect, test } from '@jest/globals'
import { FaultList, type UserFaults } from '../errors'
import { checkPassword, oneLine } from './text-input'

function codes(faults: FaultList): string[] {
  try {
    faults.check()
    return []
  } catch (error) {
    return (error as UserFaults).faults.map(({ code, path }) => `${path.join('.')} ${code}`)
  }
}

function read(value: string, options: { max: number; required?: boolean }) {
  const faults = new FaultList()
  const text = oneLine(faults, ['input', 3, 'name'], value, options)
  return { text, faults: codes(faults) }
}

describe('a line of text is taken', () => {
  test.each<[string, string, { max: number; required?: boolean }]>([
    ['Anna', 'Anna', { max: 4 }],
    ['  Anna Bell  ', 'Anna Bell', { max: 9 }],
    ['Ünïcode \u{1f4ec} 漢字', 'Ünïcode \u{1f4ec} 漢字', { max: 20 }],
    // no-break space: a blank like any other at the ends
    ['\u00a0x\u00a0', 'x', { max: 1 }],
    ['', '', { max: 4, required: false }],
    ['   ', '', { max: 4, required: false }],
  ])('%j becomes %j', (value, text, options) => {
    expect(read(value, options)).toEqual({ text, faults: [] })
  })
})

describe('a line of text is refused', () => {
  test.each<[string, string, string, { max: number; required?: boolean }]>([
    ['too long', 'Annas', 'TOO_LONG', { max: 4 }],
    ['half of a surrogate pair', 'a\ud800b', 'INVALID_TEXT', { max: 40 }],
    ['too long in lower case', 'İİİ', 'TOO_LONG', { max: 4 }],
    ['empty', '', 'REQUIRED', { max: 4 }],
    ['empty but for blanks', '   ', 'REQUIRED', { max: 4, required: true }],
    ...(
      [
        ['CRLF', 'a\r\nRCPT TO:<b@c.d>'],
        ['CRLF at the end, where trimming would hide it', 'anna\r\n'],
        ['a line feed', 'a\nb'],
        ['a carriage return', 'a\rb'],
        ['NUL', 'a\0b'],
        ['a tab', 'a\tb'],
        ['an embedding of the writing direction', 'Ada \u202eecarG'],
        ['an isolate of the writing direction', 'Ada \u2066x\u2069'],
        ['ESC', 'a\u001b[31mb'],
        ['DEL', 'a\u007fb'],
        ['NEL', 'a\u0085b'],
        ['a C1 control', 'a\u009fb'],
        ['the line separator', 'a\u2028b'],
        ['the paragraph separator', 'a\u2029b'],
        ['a control, though nothing is required', '\u0000'],
      ] as const
    ).map(([name, value]): [string, string, string, { max: number; required?: boolean }] => [
      name,
      value,
      'CONTROL_CHARACTER',
      { max: 100, required: false },
    ]),
  ])('%s', (_, value, code, options) => {
    expect(read(value, options)).toEqual({ text: '', faults: [`input.3.name ${code}`] })
  })
})

describe('a password', () => {
  test.each(['', ' ', 'pass word', 'päss\u{1f511}', 'tab\there', 'x'.repeat(1000)])('%j is taken', (password) => {
    const faults = new FaultList()
    checkPassword(faults, ['changes', 'password'], password)
    expect(codes(faults)).toEqual([])
  })

  test.each([
    ['a\rb', 'CONTROL_CHARACTER'],
    ['a\nb', 'CONTROL_CHARACTER'],
    ['a\0b', 'CONTROL_CHARACTER'],
    ['x'.repeat(1001), 'TOO_LONG'],
  ])('%j is refused: %s', (password, code) => {
    const faults = new FaultList()
    checkPassword(faults, ['changes', 'password'], password)
    expect(codes(faults)).toEqual([`changes.password ${code}`])
  })
})
