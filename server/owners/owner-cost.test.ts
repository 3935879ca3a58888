import 'reflect-metadata'
import { describe, expect, test } from '@jest/globals'
import { GraphQLError, parse } from 'graphql'
import { App } from '../app'
import { checkCost } from '../graphql/limits'

const schema = App.describe()
const isAllowed = (document: string, variables: object): boolean => {
  try {
    checkCost(schema, parse(document), { ...variables }, undefined)
  } catch (error) {
    if (error instanceof GraphQLError && error.extensions.code === 'BAD_USER_INPUT') return false
    throw error
  }
  return true
}
const many = <T>(count: number, one: T): T[] => Array.from({ length: count }, () => one)

describe('what owners cost in an answer goes by how many there are', () => {
  const owner = { kind: 'USER', externalId: '42', name: 'Ada Lovelace', emailAddress: 'ada@example.org' }
  const provision = (fields: string) =>
    `mutation ($owners: [OwnerInput!]!) { provisionOwners(owners: $owners) {
      owners { ${fields} } userErrors { code path message } } }`
  const alerts = 'mailbox { alerts(first: 500) { nodes { id code message remedy } } }'
  const remove = (fields: string) =>
    `mutation ($selection: OwnerSelection!) { deleteOwners(selection: $selection) { owners { ${fields} } } }`

  test.each([
    ['as many as are taken, with the fields of the README', 'id mailbox { id approval }', 10_000, true],
    ['more than are taken, for these are refused by name', alerts, 10_001, true],
    ['one with its alerts', alerts, 1, true],
    ['many with their alerts', alerts, 1_000, false],
    ['many with many fields', 'id name emailAddress active mailbox { id name emailAddress approval }', 10_000, false],
    ['fewer with many fields', 'id name emailAddress active mailbox { id name emailAddress approval }', 1_000, true],
  ])('%s', (_, fields, count, allowed) => {
    expect(isAllowed(provision(fields), { owners: many(count, owner) })).toBe(allowed)
    expect(isAllowed(remove(fields), { selection: { ids: many(count, '42') } })).toBe(allowed)
    const keys = many(count, { kind: 'USER', externalId: '42' })
    expect(isAllowed(remove(fields), { selection: { keys } })).toBe(allowed)
  })

  test('a selection of nothing costs nothing, and is refused by name', () => {
    expect(isAllowed(remove(alerts), { selection: {} })).toBe(true)
  })

  test('alerts that were changed are up to 500', () => {
    const acknowledge = (fields: string) =>
      `mutation ($ids: [ID!]!) { acknowledgeAlerts(ids: $ids) { changed alerts { ${fields} } } }`
    const row = 'id severity state code message remedy count mailbox { id name } profile { id name }'
    expect(isAllowed(acknowledge(row), { ids: [] })).toBe(true)
    expect(isAllowed(acknowledge(`${row} mailbox { alerts(first: 50) { nodes { id code } } }`), { ids: [] })).toBe(
      false,
    )
  })
})
