/** Ends an operation with a GraphQL error; the code is what clients branch on. Anything else that is thrown is a bug and is masked. */
export class OperationError extends Error {
  constructor(
    readonly code: 'UNAUTHENTICATED' | 'FORBIDDEN' | 'NOT_FOUND' | 'BAD_USER_INPUT',
    message: string,
    /** Which argument is wrong, for BAD_USER_INPUT. Not named `path`: graphql-js takes an error with a path for its own. */
    readonly argument?: readonly string[],
  ) {
    super(message)
    this.name = 'OperationError'
  }
}

/** One thing the caller has to mend. */
export interface UserFault {
  /** Stable, for programs: REQUIRED, TOO_LONG, INVALID_ADDRESS ... */
  code: string
  /** Where it is, from the mutation's argument down: ["owners", "3", "emailAddress"]. */
  path: string[]
  message: string
}

/** The caller's mistakes, all at once: rolls the transaction back and becomes the payload's userErrors. */
export class UserFaults extends Error {
  constructor(readonly faults: readonly UserFault[]) {
    super(faults.map((fault) => `${fault.path.join('.')}: ${fault.code}`).join(', '))
    this.name = 'UserFaults'
  }
}

/** For a hook that app.ts has to set: forgotten, it fails. Nothing is taken for true that nobody was asked. */
export const unset = (hook: string) => async (): Promise<never> => {
  throw new Error(`The hook ${hook} is not set`)
}

/** Collects faults so that the caller learns all of them in one answer. */
export class FaultList {
  private readonly faults: UserFault[] = []
  private left = 0

  /** One answer names at most `most` and says how many more there are: a batch of 10,000 wrong rows needs no 10,000 sentences. */
  constructor(private readonly most = 100) {}

  add(code: string, path: readonly (string | number)[], message: string): void {
    if (this.faults.length < this.most) this.faults.push({ code, path: path.map(String), message })
    else this.left++
  }

  get any(): boolean {
    return this.faults.length > 0
  }

  get all(): readonly UserFault[] {
    if (this.left === 0) return this.faults
    return [...this.faults, { code: 'MORE_FAULTS', path: [], message: `and ${this.left} more` }]
  }

  /** Throws UserFaults when there is any. */
  check(): void {
    if (this.any) throw new UserFaults(this.all)
  }

  /** For a query, which has no userErrors: the first fault ends it as BAD_USER_INPUT. */
  checkQuery(): void {
    const [fault] = this.faults
    if (fault) throw new OperationError('BAD_USER_INPUT', fault.message, fault.path)
  }
}
