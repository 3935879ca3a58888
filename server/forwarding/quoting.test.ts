import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { gmailWord, plain, powershellString, sieveString, xmlAttribute } from './quoting'

/** Text out of what each language gives a meaning to. */
const hostile = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc
    .array(
      fc.constantFrom(
        ...[
          `"`,
          `'`,
          '\\',
          '`',
          '$',
          '$(rm)',
          '\u0024{x}',
          '#',
          '/*',
          '*/',
          ';',
          '{',
          '}',
          '<',
          '>',
          '&',
          '&amp;',
          ']]>',
          '-->',
        ],
        ...[
          '\r',
          '\n',
          '\r\n',
          '\0',
          '\x1a',
          '\u0085',
          '\u2028',
          '\u2029',
          '\u202e',
          '\ufffe',
          '\ud800',
          'ü',
          '日本',
          '😀',
        ],
        ...[
          '\u2018',
          '\u2019',
          '\u201a',
          '\u201b',
          '\u201c',
          '\u201d',
          ' ',
          'a',
          '\n.\n',
          '"; stop; #',
          "'; Remove-Mailbox x; '",
        ],
      ),
      { maxLength: 20 },
    )
    .map((parts) => parts.join('')),
)

/** Reads a quoted string as RFC 5228 8.1 has it; undefined unless the text is one such string and no more. */
function readSieve(text: string): string | undefined {
  const found = /^"((?:[^"\\\r\n]|\\.)*)"$/su.exec(text)
  return found?.[1]?.replace(/\\(.)/gsu, '$1')
}

/** Reads a verbatim string as PowerShell's grammar (2.3.5.2) has it: any two of its single quotes are one. */
function readPowershell(text: string): string | undefined {
  const quote = "['\\u2018\\u2019\\u201a\\u201b]"
  const found = new RegExp(`^'((?:[^'\\u2018\\u2019\\u201a\\u201b]|${quote}{2})*)'$`, 'su').exec(text)
  return found?.[1]?.replace(new RegExp(`${quote}(${quote})`, 'gu'), '$1')
}

function readXml(text: string): string | undefined {
  const found = /^"((?:[^"<&]|&(?:amp|lt|gt|quot|apos);)*)"$/su.exec(text)
  const signs: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }
  return found?.[1]?.replace(/&(\w+);/g, (_, name: string) => signs[name] ?? '?')
}

describe('what is quoted', () => {
  test('is one string of Sieve, and reads as it was', () => {
    fc.assert(fc.property(hostile, (text) => expect(readSieve(sieveString(text))).toBe(plain(text))))
  })

  test('is one string of PowerShell in which nothing is expanded, and reads as it was', () => {
    fc.assert(fc.property(hostile, (text) => expect(readPowershell(powershellString(text))).toBe(plain(text))))
  })

  test('is one attribute of XML, and reads as it was', () => {
    const written = (text: string) => plain(text).replace(/[\ufffe\uffff]/g, ' ')
    fc.assert(fc.property(hostile, (text) => expect(readXml(xmlAttribute(text))).toBe(written(text))))
  })

  test("is one word of Gmail's search", () => {
    fc.assert(fc.property(hostile, (text) => expect(gmailWord(text)).toMatch(/^(?:[\w.@-]+|"[^"\r\n]*")$/u)))
  })

  test('has no end of a line, for no reader', () => {
    fc.assert(fc.property(hostile, (text) => expect(plain(text)).not.toMatch(/[\p{Cc}\u2028\u2029]/u)))
  })

  test.each([
    ['plain', 'a@b.example', '"a@b.example"', "'a@b.example'"],
    ['a quote', 'a"b', '"a\\"b"', `'a"b'`],
    ['a backslash', 'a\\b', '"a\\\\b"', "'a\\b'"],
    ['an apostrophe', "o'hara", '"o\'hara"', "'o''hara'"],
    ['a typographic apostrophe', 'o\u2019hara', '"o\u2019hara"', "'o\u2019\u2019hara'"],
    ['a subexpression', '$(x)`n', '"$(x)`n"', "'$(x)`n'"],
    ['a line break', 'a\r\nb', '"a  b"', "'a  b'"],
  ])('%s', (_, text, sieve, powershell) => {
    expect([sieveString(text), powershellString(text)]).toEqual([sieve, powershell])
  })
})
