import type { GraphQLSchema } from 'graphql'
import { buildSchemaSync, type NonEmptyArray } from 'type-graphql'

/** The schema of these resolver classes; `instances` are made by app.ts, one of each class. */
export function buildGraphqlSchema(instances: readonly object[]): GraphQLSchema {
  const byClass = new Map(instances.map((instance) => [instance.constructor, instance]))
  return buildSchemaSync({
    resolvers: [...byClass.keys()] as unknown as NonEmptyArray<new () => object>,
    container: { get: (someClass) => byClass.get(someClass) },
    // inputs are checked in the services, which name the faulty field in the contract's userErrors
    validate: false,
    // every subscription brings its own `subscribe` (pubsub/watch.ts); type-graphql asks for this one all the same
    pubSub: { publish: unused, subscribe: unused },
  })
}

function unused(): never {
  throw new Error('Subscriptions watch; nothing goes through type-graphql')
}
