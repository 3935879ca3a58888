/** A queue was used wrongly, or cannot do what it was asked. */
export class QueueError extends Error {
  constructor(
    readonly code:
      | 'DUPLICATE_JOB'
      | 'UNKNOWN_JOB'
      /** The job's schema refuses the input. */
      | 'BAD_INPUT'
      /** The queue was stopped before. */
      | 'STOPPED'
      /** Redis did not take the job in time. It may still take it. */
      | 'UNREACHABLE',
    message: string,
  ) {
    super(message)
    this.name = 'QueueError'
  }
}
