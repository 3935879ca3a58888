import { permit, type Viewer } from '../auth/auth.service'
import { difference } from '../db/audit-changes'
import type { Database } from '../db/database'
import type { Tx } from '../db/transaction'
import { FaultList } from '../errors'
import { OwnerImportResult } from './owner.inputs'
import { checkOwnerInputs } from './owner-input'
import { OWNER_COLUMNS, type OwnerProvisioning, type PlannedOwner } from './owner-provisioning'
import { type CsvFault, type CsvOwner, readOwnersCsv } from './owners-csv'

export interface ImportedRow {
  /** Where the row begins. */
  line: number
  result: OwnerImportResult
  /** Empty for a row that cannot be read. */
  name: string
  /** Of a refusal. */
  code: string | null
  /** Why it is refused, or what of it changes. */
  message: string | null
}

export interface OwnersImport {
  rows: ImportedRow[]
  created: number
  updated: number
  unchanged: number
  refused: number
}

export const NOTHING_IMPORTED: OwnersImport = { rows: [], created: 0, updated: 0, unchanged: 0, refused: 0 }

export interface ImportOptions {
  dryRun: boolean
  /** The mutation, or the command of the command line. */
  action: string
  mostRows: number
}

/** Provisions owners from files. */
export class OwnerImportService {
  constructor(
    private readonly db: Database,
    private readonly provisioning: OwnerProvisioning,
  ) {}

  /**
   * All rows or none, in one transaction, however many there are: one that is refused leaves everything as it was. Every row
   * is answered, in the order of the file, also when nothing was changed.
   */
  async importCsv(viewer: Viewer | undefined, bytes: Buffer, options: ImportOptions): Promise<OwnersImport> {
    permit(viewer, 'owners.provision')
    const csv = await readOwnersCsv(bytes, options.mostRows)
    const faults = new FaultList(Number.POSITIVE_INFINITY)
    const wanted = checkOwnerInputs(
      faults,
      csv.owners.map(({ input }) => input),
    )
    const wrong = firstFaults(faults)
    const sound = wanted.flatMap((want, index) => (wrong.has(index) ? [] : [{ want, index }]))
    const work = async (tx: Tx) => {
      const found = new FaultList(Number.POSITIVE_INFINITY)
      const plan = await this.provisioning.plan(
        tx,
        found,
        sound.map(({ want }) => want),
      )
      const refused = firstFaults(found)
      const rows = [
        ...csv.faults.map(refusedRow),
        ...[...wrong].map(([index, fault]) => refusedOwner(csv.owners[index], fault)),
        ...plan.map((planned, index) => {
          const owner = csv.owners[sound[index]?.index ?? -1]
          const fault = refused.get(index)
          return fault ? refusedOwner(owner, fault) : plannedRow(owner, planned)
        }),
      ]
      const answer = summary(rows)
      if (answer.refused > 0) return answer
      await this.provisioning.carryOut(tx, { actor: viewer, action: options.action }, plan)
      return answer
    }
    return this.db.inTransaction(work, { dryRun: options.dryRun })
  }
}

type Fault = Omit<CsvFault, 'line'>

/** The first fault of each input, by its index. */
function firstFaults(faults: FaultList): Map<number, Fault> {
  const found = new Map<number, Fault>()
  for (const { code, path, message } of faults.all) {
    const [, index, field] = path
    const where = field === undefined ? '' : `${field}: `
    if (!found.has(Number(index))) found.set(Number(index), { code, message: `${where}${message}` })
  }
  return found
}

const refusedRow = ({ line, code, message }: CsvFault): ImportedRow => ({
  ...{ line, result: OwnerImportResult.REFUSED, name: '', code, message },
})

const refusedOwner = (owner: CsvOwner | undefined, { code, message }: Fault): ImportedRow => ({
  ...{ line: owner?.line ?? 0, result: OwnerImportResult.REFUSED, name: owner?.input.name ?? '', code, message },
})

const plannedRow = (owner: CsvOwner | undefined, { before, owner: after, result }: PlannedOwner): ImportedRow => ({
  ...{ line: owner?.line ?? 0, result: OwnerImportResult[result], name: after.name, code: null },
  message: before && result === 'UPDATED' ? changesText(before, after) : null,
})

/** `emailAddress: ada@example.org -> ada@example.com`, one after the other. */
function changesText(before: PlannedOwner['owner'], after: PlannedOwner['owner']): string {
  const found = difference(before, after, OWNER_COLUMNS)
  const texts = Object.keys(found?.after ?? {}).map((column) => {
    return `${column}: ${found?.before[column] ?? 'none'} -> ${found?.after[column] ?? 'none'}`
  })
  return texts.join(', ')
}

function summary(rows: ImportedRow[]): OwnersImport {
  const count = (result: ImportedRow['result']) => rows.filter((row) => row.result === result).length
  rows.sort((one, other) => one.line - other.line)
  return {
    rows,
    ...{ created: count(OwnerImportResult.CREATED), updated: count(OwnerImportResult.UPDATED) },
    ...{ unchanged: count(OwnerImportResult.UNCHANGED), refused: count(OwnerImportResult.REFUSED) },
  }
}
