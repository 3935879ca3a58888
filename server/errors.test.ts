import { expect, test } from '@jest/globals'
import { FaultList, OperationError, UserFaults, unset } from './errors'

function faultsOf(list: FaultList): UserFaults['faults'] {
  try {
    list.check()
  } catch (error) {
    expect(error).toBeInstanceOf(UserFaults)
    return (error as UserFaults).faults
  }
  return []
}

test('no fault: the use case goes on', () => {
  const list = new FaultList()
  expect(list.any).toBe(false)
  expect(() => list.check()).not.toThrow()
})

test('the caller learns all faults in one answer, in their order, with the path as texts', () => {
  const list = new FaultList()
  list.add('REQUIRED', ['owners', 3, 'name'], 'This may not be empty')
  list.add('TOO_LONG', ['owners', 4, 'name'], 'At most 200 characters are allowed')
  expect(list.any).toBe(true)
  expect(faultsOf(list)).toEqual([
    { code: 'REQUIRED', path: ['owners', '3', 'name'], message: 'This may not be empty' },
    { code: 'TOO_LONG', path: ['owners', '4', 'name'], message: 'At most 200 characters are allowed' },
  ])
})

test('ten thousand wrong rows make one answer of a hundred faults, the first ones, and says how many more there are', () => {
  const list = new FaultList()
  for (let row = 0; row < 10_000; row++) list.add('REQUIRED', [row], 'This may not be empty')
  const faults = faultsOf(list)
  expect(faults).toHaveLength(101)
  expect(faults.at(-2)?.path).toEqual(['99'])
  expect(faults.at(-1)).toEqual({ code: 'MORE_FAULTS', path: [], message: 'and 9900 more' })
})

test('the error names where and what, and no sentence that could quote the input', () => {
  const list = new FaultList()
  list.add('INVALID_HOST', ['input', 'host'], 'quoted')
  expect(() => list.check()).toThrow('input.host: INVALID_HOST')
  expect(() => list.check()).not.toThrow(/quoted/)
})

test('a query has no userErrors: the first fault ends it, and names the argument', () => {
  const list = new FaultList()
  expect(() => list.checkQuery()).not.toThrow()
  list.add('TOO_LONG', ['filter', 'text'], 'At most 200 characters are allowed')
  list.add('INVALID', ['filter', 'kind'], 'Another one')
  expect(() => list.checkQuery()).toThrow(OperationError)
  try {
    list.checkQuery()
  } catch (error) {
    expect(error).toMatchObject({ code: 'BAD_USER_INPUT', argument: ['filter', 'text'] })
  }
})

test('a hook that nobody has set fails and says which it is', async () => {
  await expect(unset('mailboxes.inactiveOwners')()).rejects.toThrow('mailboxes.inactiveOwners')
})
