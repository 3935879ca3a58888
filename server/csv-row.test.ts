import { describe, expect, test } from '@jest/globals'
import { parse } from 'csv-parse/sync'
import { type Cell, csvRow } from './csv-row'

describe('a row of CSV', () => {
  test.each<[string, Cell[], string]>([
    ['plain texts', ['a', 'b c', ''], 'a,b c,'],
    ['a comma', ['a,b'], '"a,b"'],
    ['quotes', ['say "hi"'], '"say ""hi"""'],
    ['a line break', ['a\r\nb', 'c\nd'], '"a\r\nb","c\nd"'],
    ['numbers, also negative ones, are numbers', [1, -2.5], '1,-2.5'],
    ['yes and no', [true, false], 'true,false'],
    ['a time', [new Date('2026-11-23T16:00:00.123Z')], '2026-11-23T16:00:00.123Z'],
    ['nothing', [null, null], ','],
    ['letters of any script', ['Zoë 李 😀'], 'Zoë 李 😀'],
    ['a sign that is not the first', ['1+1=2', 'a-b@c'], '1+1=2,a-b@c'],
  ])('%s', (_, cells, line) => {
    expect(csvRow(cells)).toBe(`${line}\r\n`)
  })

  test.each([
    '=1+1',
    '+1',
    '-1',
    '@SUM(A1)',
    '\t=1',
    '\r=1',
    '\n=1',
    '＝1',
    '＋1',
    '－1',
    '＠a',
    '=HYPERLINK("http://x";"y")',
  ])('a spreadsheet takes %j for no formula', (text) => {
    const [[cell]] = parse(csvRow([text]), { recordDelimiter: '\r\n' }) as [[string]]
    expect(cell).toBe(`'${text}`)
    expect(csvRow([text])).toMatch(/^"'/)
  })

  test('what a reader of RFC 4180 reads is what was written', () => {
    const cells = ['', ' a ', '"', '""', ',', ',,', '\n', 'a"b,c\r\nd', "'", 'x'.repeat(10_000)].map(
      (text) => `x${text}`,
    )
    expect(parse(csvRow(cells) + csvRow(cells), { recordDelimiter: '\r\n' })).toEqual([cells, cells])
  })
})
