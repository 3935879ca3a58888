import { GraphQLError, type GraphQLFormattedError } from 'graphql'
import { OperationError } from '../errors'

export interface ErrorLog {
  error(fields: object, message: string): void
}

/** Codes that the GraphQL layer itself gives to a request it cannot execute. */
const REQUEST_CODES = new Set([
  'GRAPHQL_PARSE_FAILED',
  'GRAPHQL_VALIDATION_FAILED',
  'BAD_USER_INPUT',
  'BAD_REQUEST',
  'OPERATION_RESOLUTION_FAILURE',
  'PERSISTED_QUERY_NOT_SUPPORTED',
])

/**
 * Whether graphql-js found the fault in the request itself: validation on the websocket (no cause), a wrong variable (the cause
 * is the type's own word; no field had begun) or a null variable for an argument that needs a value (the cause points into
 * the document). An answer that does not fit the schema has such a cause too, but is of a field and points nowhere: our bug.
 */
function isOfRequest({ originalError, path }: GraphQLError): boolean {
  if (!originalError) return true
  return originalError instanceof GraphQLError && (path === undefined || originalError.nodes !== undefined)
}

/** graphql-js guesses what was meant, and so tells names of the schema. */
const withoutGuesses = (message: string): string => message.replace(/ ?Did you mean [\s\S]*$/, '')

export interface FormatOptions {
  /** The schema is not told (no introspection). */
  hidesSchema?: boolean
}

/**
 * The one place where an error becomes an answer, on HTTP and on the websocket: known codes pass, a bug is logged once with
 * its request id and answered without a word about the inside.
 */
export function formatError(
  error: unknown,
  requestId: string,
  log: ErrorLog,
  { hidesSchema = false }: FormatOptions = {},
): GraphQLFormattedError {
  const told = (message: string) => (hidesSchema ? withoutGuesses(message) : message)
  const graphql = error instanceof GraphQLError ? error : undefined
  const cause = graphql?.originalError ?? error
  const place = {
    ...(graphql?.locations && { locations: graphql.locations }),
    ...(graphql?.path && { path: graphql.path }),
  }
  if (cause instanceof OperationError) {
    const argument = cause.argument ? { argument: cause.argument } : {}
    return { message: cause.message, ...place, extensions: { code: cause.code, ...argument } }
  }
  const code = graphql?.extensions.code
  if (graphql && typeof code === 'string' && REQUEST_CODES.has(code)) {
    return { message: told(graphql.message), ...place, extensions: { code } }
  }
  if (graphql && code === undefined && isOfRequest(graphql)) {
    return { message: told(graphql.message), ...place, extensions: { code: 'BAD_USER_INPUT' } }
  }
  log.error({ err: cause, requestId, path: graphql?.path }, 'An operation failed unexpectedly')
  return {
    message: `Internal server error (request ${requestId})`,
    ...place,
    extensions: { code: 'INTERNAL_SERVER_ERROR', requestId },
  }
}
