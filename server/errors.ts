/** Ends an operation with a GraphQL error; the code is what clients branch on. Anything else that is thrown is a bug and is masked. */
export class OperationError extends Error {
  constructor(
    readonly code: 'UNAUTHENTICATED' | 'FORBIDDEN' | 'NOT_FOUND' | 'BAD_USER_INPUT',
    message: string,
    /** The argument that is wrong, for BAD_USER_INPUT. */
    readonly path?: readonly string[],
  ) {
    super(message)
    this.name = 'OperationError'
  }
}
