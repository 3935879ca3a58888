import { describe, expect, test } from '@jest/globals'
import { parse } from 'csv-parse/sync'
import fc from 'fast-check'
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

  test('what a reader of RFC 4180 reads is what was written, but for the apostrophe', () => {
    const letters = fc.constantFrom(
      'a',
      'é',
      '😀',
      ' ',
      '"',
      "'",
      ',',
      ';',
      '\r',
      '\n',
      '\t',
      '=',
      '+',
      '-',
      '@',
      '＝',
      '\0',
    )
    const text = fc.oneof(fc.string({ unit: letters }), fc.string({ unit: 'binary' }))
    const table = fc
      .integer({ min: 1, max: 5 })
      .chain((width) =>
        fc.array(fc.array(text, { minLength: width, maxLength: width }), { minLength: 1, maxLength: 5 }),
      )
    fc.assert(
      fc.property(table, (rows) => {
        const read = parse(rows.map(csvRow).join(''), { recordDelimiter: '\r\n' }) as string[][]
        expect(read).toHaveLength(rows.length)
        for (const [y, row] of rows.entries()) {
          for (const [x, written] of row.entries()) {
            const cell = read[y]?.[x] ?? ''
            expect(cell).not.toMatch(/^[=+\-@\t\r\n]/)
            expect([written, `'${written}`]).toContain(cell)
          }
        }
      }),
    )
  })
})
