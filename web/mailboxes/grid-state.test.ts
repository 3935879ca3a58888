import { expect, test } from '@jest/globals'
import { filterOf, nextSort, readGridState } from './grid-state'

const read = (search: string) => readGridState(new URLSearchParams(search))

test('an empty address is the active mailboxes by name', () => {
  const state = read('')
  expect(state).toMatchObject({ view: 'ACTIVE', sort: { field: 'name', direction: 'ASC' } })
  expect(filterOf(state)).toBeNull()
})

test('view, filters and order are read from the address', () => {
  const state = read('view=paused&q=ada&profile=p1&cause=THROTTLED&sort=-approval')
  expect(state).toMatchObject({ view: 'PAUSED', sort: { field: 'approval', direction: 'DESC' } })
  expect(filterOf(state)).toEqual({ text: 'ada', profileId: 'p1', errorCode: 'THROTTLED' })
})

test('a view that does not exist is the default', () => {
  expect(read('view=nonsense').view).toBe('ACTIVE')
})

test('a column sorts upwards, then downwards', () => {
  expect(nextSort(read('').sort, 'approval')).toBe('approval')
  expect(nextSort(read('sort=approval').sort, 'approval')).toBe('-approval')
  expect(nextSort(read('sort=-approval').sort, 'approval')).toBe('approval')
  expect(nextSort(read('sort=-name').sort, 'name')).toBeNull()
})
