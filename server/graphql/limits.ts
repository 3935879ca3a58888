import { maxAliasesRule } from '@escape.tech/graphql-armor-max-aliases'
import { maxDepthRule } from '@escape.tech/graphql-armor-max-depth'
import {
  type DocumentNode,
  GraphQLError,
  type GraphQLSchema,
  NoSchemaIntrospectionCustomRule,
  type ValidationRule,
} from 'graphql'
import {
  type ComplexityEstimator,
  type ComplexityEstimatorArgs,
  fieldExtensionsEstimator,
  getComplexity,
} from 'graphql-query-complexity'

/** Bounds of one operation, the same on HTTP and on the websocket. */
export const LIMITS = {
  /** Lexical tokens of the document: bounds parsing itself. */
  tokens: 2_000,
  depth: 12,
  aliases: 30,
  /** Fields an answer may have, lists counted by their `first`. */
  cost: 60_000,
  /** Bytes of an HTTP body: 100,000 ids fit and are then refused by name. */
  bodyBytes: 8 * 1024 * 1024,
  /** Bytes of a websocket message. */
  messageBytes: 256 * 1024,
  /** Operations under way on one websocket. */
  operationsPerSocket: 50,
} as const

const refuse = (context: { reportError(error: GraphQLError): void } | null, error: GraphQLError) =>
  context?.reportError(error)

/** Validation rules beside the specified ones. */
export function limitRules(introspection: boolean): ValidationRule[] {
  const rejection = { propagateOnRejection: false, onReject: [refuse] }
  const rules = [
    maxDepthRule({ n: LIMITS.depth, ignoreIntrospection: true, exposeLimits: true, ...rejection }),
    maxAliasesRule({ n: LIMITS.aliases, exposeLimits: true, ...rejection }),
  ] as ValidationRule[]
  return introspection ? rules : [...rules, NoSchemaIntrospectionCustomRule]
}

/** For the `complexity` of a list that has no `first`: it may be so long. */
export const upTo =
  (most: number) =>
  ({ childComplexity }: Pick<ComplexityEstimatorArgs, 'childComplexity'>): number =>
    1 + most * childComplexity

/**
 * For the `complexity` of a mutation whose payload has a list of `upTo(most)`: it is as long as the input, which `rows` counts,
 * and empty where more are given than are taken.
 */
export const asManyAs =
  (most: number, rows: (args: ComplexityEstimatorArgs['args']) => number) =>
  ({ args, childComplexity }: Pick<ComplexityEstimatorArgs, 'args' | 'childComplexity'>): number =>
    rows(args) > most ? 1 : 1 + Math.ceil((childComplexity * rows(args)) / most)

/** A field costs one, plus its children as often as its page is long. */
const pageAware: ComplexityEstimator = ({ args, field, childComplexity }) => {
  const isPaged = field.args.some((argument) => argument.name === 'first')
  const times = isPaged ? Math.min(Math.max(Number(args.first ?? 50), 1), 500) : 1
  return 1 + times * childComplexity
}

/** Without http Apollo would answer that the server has failed. */
const REFUSED = { code: 'BAD_USER_INPUT', http: { status: 400 } } as const

/** Reads the variables before anything is executed, so it is here that wrong ones come to light. */
function costOf(options: Parameters<typeof getComplexity>[0]): number {
  try {
    return getComplexity(options)
  } catch (error) {
    if (error instanceof GraphQLError) Object.assign(error.extensions, REFUSED)
    throw error
  }
}

/** Throws when an operation's variables are wrong, or when it would answer more than LIMITS.cost fields. */
export function checkCost(
  schema: GraphQLSchema,
  query: DocumentNode,
  variables: Record<string, unknown> | null | undefined,
  operationName: string | null | undefined,
): void {
  const cost = costOf({
    schema,
    query,
    variables: variables ?? {},
    operationName: operationName ?? undefined,
    estimators: [fieldExtensionsEstimator(), pageAware],
  })
  if (cost > LIMITS.cost) {
    throw new GraphQLError(
      `The operation may answer ${cost} fields, at most ${LIMITS.cost} are allowed: ask for shorter pages`,
      { extensions: REFUSED },
    )
  }
}
