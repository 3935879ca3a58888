import { describe, expect, test } from '@jest/globals'
import { OwnerKind } from './owner.entity'
import { readOwnersCsv } from './owners-csv'

const HEADER = 'kind,externalId,name,emailAddress,active'
const read = (text: string | Buffer, most = 1_000) =>
  readOwnersCsv(typeof text === 'string' ? Buffer.from(text) : text, most)
const ada = { kind: OwnerKind.USER, externalId: '1', name: 'Ada', emailAddress: 'ada@x.test', active: null }

describe('a CSV file of owners', () => {
  test.each([
    ['with commas', `${HEADER}\nUSER,1,Ada,ada@x.test,\n`],
    ['with semicolons', `${HEADER.replaceAll(',', ';')}\nUSER;1;Ada;ada@x.test;\n`],
    ['with CR LF', `${HEADER}\r\nUSER,1,Ada,ada@x.test,\r\n`],
    ['with CR alone', `${HEADER}\rUSER,1,Ada,ada@x.test,\r`],
    ['without a line break at its end', `${HEADER}\nUSER,1,Ada,ada@x.test,`],
    ['with a byte order mark', `\ufeff${HEADER}\nUSER,1,Ada,ada@x.test,\n`],
    ['with all in quotes', '"kind","externalId","name","emailAddress"\n"user","1","Ada","ada@x.test"\n'],
    ['in another order and case', 'EMAILADDRESS,Name,KIND,externalid\nada@x.test,Ada,user,1\n'],
    ['without the columns that may be missing', 'name,kind,emailAddress\nAda,user,ada@x.test\n'],
  ])('%s', async (what, text) => {
    const { owners, faults } = await read(text)
    const externalId = what.startsWith('without the columns') ? '' : '1'
    expect({ owners, faults }).toEqual({ owners: [{ line: 2, input: { ...ada, externalId } }], faults: [] })
  })

  test('quotes enclose separators, quotes and line breaks; lines are counted as an editor does', async () => {
    const text = `${HEADER}\r\nqueue,1,"Sales; ""North"", 1",a@x.test,\r\n\r\nuser,2,"two\r\nlines",b@x.test,\r\n,,,,\r\nuser,3,C,c@x.test,no\r\n`
    const { owners, faults } = await read(text)
    expect(faults).toEqual([])
    expect(owners.map(({ line, input }) => [line, input.kind, input.name, input.active])).toEqual([
      [2, 'QUEUE', 'Sales; "North", 1', null],
      [4, 'USER', 'two\r\nlines', null],
      [7, 'USER', 'C', false],
    ])
  })

  test.each([
    ['true', true],
    ['YES', true],
    ['1', true],
    ['False', false],
    ['no', false],
    ['0', false],
    ['', null],
  ])('active %j', async (text, active) => {
    expect((await read(`${HEADER}\nuser,1,A,a@x.test,${text}`)).owners[0]?.input.active).toBe(active)
  })

  test.each([
    ['nothing', '', 'EMPTY', 1],
    ['empty lines', '\n\n', 'EMPTY', 1],
    ['an unknown column', `${HEADER},phone\n`, 'UNKNOWN_COLUMN', 1],
    ['a column without a name', `${HEADER},\n`, 'UNKNOWN_COLUMN', 1],
    ['no column of names', 'kind,emailAddress,externalId\n', 'MISSING_COLUMN', 1],
    ['a column that is there twice', `${HEADER},Name\n`, 'DUPLICATE_COLUMN', 1],
    ['a row that is too short', `${HEADER}\nuser,1,A,a@x.test\n`, 'INVALID_CSV', 2],
    ['a row that is too long', `${HEADER}\nuser,1,A,a@x.test,,\n`, 'INVALID_CSV', 2],
    ['an unknown kind', `${HEADER}\nteam,1,A,a@x.test,\n`, 'INVALID_KIND', 2],
    ['no kind', `${HEADER}\n,1,A,a@x.test,\n`, 'INVALID_KIND', 2],
    ['an activity that is none', `${HEADER}\nuser,1,A,a@x.test,maybe\n`, 'INVALID_ACTIVE', 2],
    ['the name of what every object has', `${HEADER}\nuser,1,A,a@x.test,constructor\n`, 'INVALID_ACTIVE', 2],
    ['a quote that is not closed', `${HEADER}\nuser,1,A,a@x.test,\n\nuser,2,"B,b@x.test,\nx\n`, 'INVALID_CSV', 4],
    ['a quote within a field', `${HEADER}\nuser,1,A"B,a@x.test,\n`, 'INVALID_CSV', 2],
    ['text behind a quote', `${HEADER}\nuser,1,"A" B,a@x.test,\n`, 'INVALID_CSV', 2],
    ['a row without end', `${HEADER}\nuser,1,"${'x'.repeat(70_000)}`, 'INVALID_CSV', 2],
    ['UTF-16', Buffer.from(`\ufeff${HEADER}`, 'utf16le'), 'NOT_UTF8', 1],
    ['Latin-1', Buffer.from(`${HEADER}\nuser,1,J\u00f6rg,a@x.test,\n`, 'latin1'), 'NOT_UTF8', 2],
  ])('%s is refused with its line', async (_what, text, code, line) => {
    const { faults } = await read(text)
    expect(faults.map((fault) => [fault.code, fault.line])).toEqual([[code, line]])
  })

  test('a value that is none is said again', async () => {
    const { faults } = await read(`${HEADER}\nteam,1,A,a@x.test,\nuser,1,A,a@x.test,maybe\n`)
    expect(faults.map(({ message }) => message)).toEqual([
      expect.stringContaining('"team"'),
      expect.stringContaining('"maybe"'),
    ])
  })

  test('a column of addresses that is missing says nothing; an empty cell says that there is none', async () => {
    const without = await read('kind,externalId,name\nuser,1,Ada\n')
    expect(without.owners[0]?.input).not.toHaveProperty('emailAddress')
    const empty = await read(`${HEADER}\nuser,1,Ada,,\n`)
    expect(empty.owners[0]?.input.emailAddress).toBe('')
  })

  test('rows that are right are read beside rows that are not', async () => {
    const latin = Buffer.from(
      `${HEADER}\nuser,1,"J\n\u00f6rg",a@x.test,\nuser,2,B,b@x.test,\nteam,3,C,c@x.test,\n`,
      'latin1',
    )
    const { owners, faults } = await read(latin)
    expect(owners.map(({ line }) => line)).toEqual([4])
    expect(faults.map(({ line, code }) => [line, code])).toEqual([
      [2, 'NOT_UTF8'],
      [5, 'INVALID_KIND'],
    ])
  })

  test('more rows than may be are refused, and not read', async () => {
    const rows = Array.from({ length: 12 }, (_, index) => `user,${index},N,n${index}@x.test,`)
    const { faults } = await read([HEADER, ...rows].join('\n'), 10)
    expect(faults.map(({ line, code }) => [line, code])).toEqual([[12, 'TOO_MANY']])
    expect((await read([HEADER, ...rows].join('\n'), 12)).faults).toEqual([])
  })

  test('a file of many pieces has the lines it has', async () => {
    const rows = Array.from(
      { length: 5_000 },
      (_, index) => `user,${index},"N\r\n${'ü'.repeat(index % 40)}",n${index}@x.test,`,
    )
    const { owners, faults } = await read([HEADER, ...rows].join('\r\n'), 5_000)
    expect(faults).toEqual([])
    expect(owners.map(({ line }) => line)).toEqual(rows.map((_, index) => 2 + 2 * index))
    expect(owners[4_999]?.input.externalId).toBe('4999')
  })
})
