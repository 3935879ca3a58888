export interface Fault {
  code: string
  path: readonly string[]
  message: string
}

/** The sentence for a field, by the last part of the fault's path; undefined when the field is right. */
export const faultAt = (faults: readonly Fault[], field: string): string | undefined =>
  faults.find((fault) => fault.path.at(-1) === field)?.message

/** The sentences that belong to no field of this form. */
export const faultsElsewhere = (faults: readonly Fault[], fields: readonly string[]): string[] =>
  faults.filter((fault) => !fields.includes(fault.path.at(-1) ?? '')).map((fault) => fault.message)
