/** Controls, format characters and the separators that some reader takes for the end of a line: none may get into a rule. */
const NOT_PLAIN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu

/** One line of plain text, as it may stand in a comment or in quotes. */
export const plain = (text: string): string => text.replace(NOT_PLAIN, ' ')

/** A quoted string of Sieve (RFC 5228 2.4.2): a backslash and a quote are the only characters that mean something in it. */
export const sieveString = (text: string): string => `"${plain(text).replace(/["\\]/g, '\\$&')}"`

/**
 * A string of PowerShell in single quotes, where nothing is expanded. PowerShell takes the typographic single quotes for
 * quotes, too: each is doubled (about_Quoting_Rules; CodeGeneration.EscapeSingleQuotedStringContent does the same).
 */
export const powershellString = (text: string): string => `'${plain(text).replace(/['\u2018-\u201b]/g, '$&$&')}'`

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&apos;' }

/** An attribute of XML with its quotes. U+FFFE and U+FFFF are no characters of XML 1.0. */
export const xmlAttribute = (text: string): string =>
  `"${plain(text)
    .replace(/[\ufffe\uffff]/g, ' ')
    .replace(/[&<>"']/g, (sign) => ENTITIES[sign] ?? sign)}"`

/** A value in Gmail's search box: in quotes unless it is a plain word. A quote cannot be written inside of quotes there. */
export const gmailWord = (text: string): string =>
  /^[\w.@-]+$/.test(text) ? text : `"${plain(text).replace(/"/g, ' ')}"`
