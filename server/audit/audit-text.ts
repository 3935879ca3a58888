/** A text holds 65,535 bytes on MariaDB. */
const MOST_BYTES = 60_000
/** How long texts and lists may be; shorter ones are taken when all of it is too long still. */
const CUTS = [
  { characters: 10_000, items: 100 },
  { characters: 200, items: 20 },
  { characters: 40, items: 2 },
]
/** No column of such a name is to reach the log with what it holds, whoever forgets to hide it. */
const SECRET = /(password|secret|sealed|passphrase|privateKey)$/i

type Cut = (typeof CUTS)[number]

/** The JSON of a state or of a command's details, so that it fits its column: a change never fails for what it says of itself. */
export function auditText(value: object): string {
  for (const cut of CUTS) {
    const text = JSON.stringify(shorten(value, cut))
    if (Buffer.byteLength(text) <= MOST_BYTES) return text
  }
  return JSON.stringify({ cut: true })
}

function shorten(value: unknown, cut: Cut): unknown {
  if (typeof value === 'string') {
    return value.length > cut.characters ? `${value.slice(0, cut.characters)}…` : value
  }
  if (Array.isArray(value)) {
    const items = value.slice(0, cut.items).map((item) => shorten(item, cut))
    return value.length > cut.items ? [...items, `… ${value.length - cut.items} more`] : items
  }
  if (value === null || typeof value !== 'object' || value instanceof Date) return value
  const entries = Object.entries(value).map(([key, inner]) => {
    const isSecret = SECRET.test(key) && typeof inner === 'string'
    return [key, isSecret ? 'changed' : shorten(inner, cut)]
  })
  return Object.fromEntries(entries)
}

export interface NamedValue {
  field: string
  /** Numbers, booleans and lists as JSON writes them. */
  value: string | null
}

/** What `auditText` wrote, as a list; of objects within it by their path: `selection.view`. */
export function namedValues(text: string): NamedValue[] {
  return flatten('', JSON.parse(text))
}

function flatten(path: string, value: unknown): NamedValue[] {
  if (value !== null && typeof value === 'object' && !Array.isArray(value)) {
    return Object.entries(value).flatMap(([key, inner]) => flatten(path ? `${path}.${key}` : key, inner))
  }
  return [{ field: path, value: value === null || typeof value === 'string' ? value : JSON.stringify(value) }]
}
