import {
  type GraphQLField,
  type GraphQLObjectType,
  getNamedType,
  isEnumType,
  isLeafType,
  isNonNullType,
  isObjectType,
} from 'graphql'

/** Nodes of a list that are asked for: nested lists multiply, and a query may only cost so much. */
const PAGE = 'first: 8'

/** A root field with arguments: one way into the graph. */
export interface Entrance {
  /** `mailbox(id: "...")`. */
  call: string
  type: GraphQLObjectType
  /** The same list as another entrance's, picked differently. */
  isVariant: boolean
}

/**
 * Every way into the graph: each field of a root type without arguments, with each of the ids in each argument that takes one,
 * and with each value of each argument that has values.
 */
export function entrances(root: GraphQLObjectType, ids: readonly string[]): Entrance[] {
  return Object.values(root.getFields()).flatMap((field) => {
    const type = getNamedType(field.type)
    if (!isObjectType(type)) return []
    const page = isPaged(field) ? [PAGE] : []
    const entrance = (given: string[], isVariant: boolean): Entrance => {
      const passed = [...given, ...page].join(', ')
      return { call: `${field.name}${passed && `(${passed})`}`, type, isVariant }
    }
    const needed = field.args.filter((argument) => isNonNullType(argument.type))
    const found = field.args.flatMap((argument) => {
      if (needed.some((other) => other !== argument)) return []
      const kind = getNamedType(argument.type)
      if (kind.name === 'ID') return ids.map((id) => entrance([`${argument.name}: ${JSON.stringify(id)}`], false))
      if (!isEnumType(kind)) return []
      return kind.getValues().map((value) => entrance([`${argument.name}: ${value.name}`], true))
    })
    return needed.length === 0 ? [entrance([], false), ...found] : found
  })
}

const isPaged = (field: GraphQLField<unknown, unknown>): boolean => field.args.some(({ name }) => name === 'first')

/** All that a type tells by itself. */
function leavesOf(type: GraphQLObjectType): string {
  return fieldsOf(type)
    .filter((field) => isLeafType(getNamedType(field.type)))
    .map((field) => field.name)
    .join(' ')
}

/**
 * Selections along every path of at most so many steps through the graph from a type, each with all that the type at its end
 * tells by itself. A path ends where it comes to a type for the second time.
 */
export function pathsFrom(type: GraphQLObjectType, most: number, passed: readonly string[] = []): string[] {
  const leaves = leavesOf(type)
  const here = leaves === '' ? [] : [`{ ${leaves} }`]
  if (passed.length === most || passed.includes(type.name)) return here
  const deeper = fieldsOf(type).flatMap((field) => {
    const next = getNamedType(field.type)
    if (!isObjectType(next)) return []
    const call = isPaged(field) ? `${field.name}(${PAGE})` : field.name
    return pathsFrom(next, most, [...passed, type.name]).map((selection) => `{ ${call} ${selection} }`)
  })
  return [...here, ...deeper]
}

/** Those that can be asked for without arguments. */
const fieldsOf = (type: GraphQLObjectType): GraphQLField<unknown, unknown>[] =>
  Object.values(type.getFields()).filter((field) => !field.args.some((argument) => isNonNullType(argument.type)))
