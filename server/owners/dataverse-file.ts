/** A row of the Dataverse Web API, with its annotations. */
export type DataverseRecord = Readonly<Record<string, unknown>>

/** The entity sets that are read. */
export const ENTITY_SETS = ['emailserverprofiles', 'systemusers', 'queues', 'mailboxes'] as const
export type EntitySet = (typeof ENTITY_SETS)[number]

/** The column of each set's id. */
export const ID_COLUMNS: Record<EntitySet, string> = {
  emailserverprofiles: 'emailserverprofileid',
  systemusers: 'systemuserid',
  queues: 'queueid',
  mailboxes: 'mailboxid',
}

/** Why a file, or a record, cannot be taken. */
export interface DataverseFault {
  /** The file, or the record by name and id. */
  subject: string
  code: string
  message: string
}

export interface DataverseContent {
  records: Record<EntitySet, DataverseRecord[]>
  faults: DataverseFault[]
}

const GUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/** A GUID as the Web API writes it, in lower case; undefined for anything else. */
export function guidOf(value: unknown): string | undefined {
  const text = typeof value === 'string' ? value.trim().toLowerCase() : ''
  return GUID.test(text) ? text : undefined
}

/**
 * Reads answers of the Dataverse Web API: `{ "@odata.context": ..., "value": [...] }` of one entity set, a list of such
 * answers, or an object that has them, or their rows, under the names of the entity sets. Pages of one set may stand in files
 * of their own, but none may be missing.
 */
export function readDataverse(files: readonly { name: string; bytes: Buffer }[]): DataverseContent {
  const reader = new Reader()
  for (const { name, bytes } of files) reader.read(name, bytes)
  return reader.end()
}

class Reader {
  private readonly faults: DataverseFault[] = []
  private readonly found: Record<EntitySet, Map<string, DataverseRecord>> = {
    ...{ emailserverprofiles: new Map(), systemusers: new Map() },
    ...{ queues: new Map(), mailboxes: new Map() },
  }
  /** Answers of a set, and those of them that say there is more. */
  private readonly pages = new Map<EntitySet, { answers: number; further: number }>()
  private file = ''

  read(file: string, bytes: Buffer): void {
    this.file = file
    try {
      this.take(JSON.parse(textOf(bytes)))
    } catch (error) {
      this.refuse('INVALID_JSON', error instanceof Error ? error.message : 'This is no JSON')
    }
  }

  end(): DataverseContent {
    for (const [set, { answers, further }] of this.pages) {
      // each page but the last names the one after it
      if (further < answers) continue
      const message = 'A page is missing: fetch what "@odata.nextLink" names, and name that file too'
      this.faults.push({ subject: set, code: 'INCOMPLETE', message })
    }
    const records = Object.fromEntries(ENTITY_SETS.map((set) => [set, [...this.found[set].values()]]))
    const isEmpty = ENTITY_SETS.every((set) => this.found[set].size === 0)
    if (isEmpty && this.faults.length === 0) {
      const message = `There is no record of ${ENTITY_SETS.join(', ')}`
      this.faults.push({ subject: this.file, code: 'EMPTY', message })
    }
    return { records: records as DataverseContent['records'], faults: this.faults }
  }

  private take(content: unknown): void {
    if (Array.isArray(content)) {
      for (const part of content) this.take(part)
    } else if (!isObject(content)) {
      this.refuse('INVALID_JSON', 'An answer of the Web API is an object or a list of objects')
    } else if ('value' in content) this.takeAnswer(content)
    else if (ENTITY_SETS.some((set) => Array.isArray(content[set]) || isObject(content[set]))) this.takeNamed(content)
    else this.takeRows([content])
  }

  private takeNamed(content: DataverseRecord): void {
    for (const [name, part] of Object.entries(content)) {
      const set = ENTITY_SETS.find((one) => one === name)
      if (name.startsWith('@')) continue
      if (!set) this.refuse('UNKNOWN_SET', `There is nothing to import from ${JSON.stringify(name)}`)
      else if (isObject(part) && 'value' in part) this.takeAnswer(part, set)
      else this.takeRows(Array.isArray(part) ? part : [part], set)
    }
  }

  private takeAnswer(answer: DataverseRecord, named?: EntitySet): void {
    const { value } = answer
    const context = typeof answer['@odata.context'] === 'string' ? answer['@odata.context'] : ''
    const name = /#(\w+)/.exec(context)?.[1]
    const set = named ?? ENTITY_SETS.find((one) => one === name)
    if (!Array.isArray(value)) {
      this.refuse('INVALID_JSON', '"value" is a list')
      return
    }
    if (name !== undefined && !set) {
      this.refuse('UNKNOWN_SET', `There is nothing to import from ${name}`)
      return
    }
    const own = set ?? setOf(value[0])
    if (own) {
      const { answers, further } = this.pages.get(own) ?? { answers: 0, further: 0 }
      this.pages.set(own, { answers: answers + 1, further: further + Number('@odata.nextLink' in answer) })
    }
    this.takeRows(value, set)
  }

  private takeRows(rows: readonly unknown[], named?: EntitySet): void {
    for (const row of rows) {
      const set = named ?? setOf(row)
      const id = set && isObject(row) ? guidOf(row[ID_COLUMNS[set]]) : undefined
      if (!set || !id || !isObject(row)) {
        const columns = ENTITY_SETS.map((one) => ID_COLUMNS[one]).join(', ')
        this.refuse('NO_ID', `A record needs one of ${columns}, a GUID; there is one without`)
        continue
      }
      const other = this.found[set].get(id)
      if (other && JSON.stringify(other) !== JSON.stringify(row)) {
        this.faults.push({ subject: `${set} ${id}`, code: 'DUPLICATE', message: 'It stands there twice, and differs' })
      } else this.found[set].set(id, row)
    }
  }

  private refuse(code: string, message: string): void {
    this.faults.push({ subject: this.file, code, message })
  }
}

const isObject = (value: unknown): value is DataverseRecord =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const setOf = (row: unknown): EntitySet | undefined =>
  isObject(row) ? ENTITY_SETS.find((set) => row[ID_COLUMNS[set]] !== undefined) : undefined

/** PowerShell writes UTF-16 where nobody says otherwise. */
function textOf(bytes: Buffer): string {
  const isUtf16 = bytes[0] === 0xff && bytes[1] === 0xfe
  return new TextDecoder(isUtf16 ? 'utf-16le' : 'utf-8', { fatal: true }).decode(bytes)
}
