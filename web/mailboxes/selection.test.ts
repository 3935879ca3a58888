import { describe, expect, test } from '@jest/globals'
import {
  extend,
  type GridSelection,
  headerState,
  isEmpty,
  NOTHING,
  selectedCount,
  toggle,
  toggleLoaded,
  toInput,
} from './selection'

const LOADED = ['a', 'b', 'c', 'd', 'e']
const VIEW: GridSelection = { kind: 'view', view: 'ACTIVE', filter: { text: 'x' } }
const ids = (selection: GridSelection) => (selection.kind === 'rows' ? [...selection.ids].sort().join('') : 'view')

describe('rows', () => {
  test('toggling adds and takes away', () => {
    const one = toggle(NOTHING, 'b', LOADED)
    expect(ids(one)).toBe('b')
    expect(isEmpty(toggle(one, 'b', LOADED))).toBe(true)
  })

  test.each([
    ['b', 'd', 'bcd'],
    ['d', 'b', 'bcd'],
    ['c', 'c', 'c'],
  ])('a range from %s to %s', (from, to, expected) => {
    expect(ids(extend(toggle(NOTHING, from, LOADED), to, LOADED))).toBe(expected)
  })

  test('the anchor stays while a range is changed, and what was selected before stays too', () => {
    const start = toggle(toggle(NOTHING, 'a', LOADED), 'c', LOADED)
    expect(ids(extend(extend(start, 'e', LOADED), 'b', LOADED))).toBe('abcde')
  })

  test('without an anchor in sight a range is its end alone', () => {
    expect(ids(extend(NOTHING, 'd', LOADED))).toBe('d')
    expect(ids(extend({ kind: 'rows', ids: new Set(), anchor: 'gone' }, 'd', LOADED))).toBe('d')
  })
})

describe('the header', () => {
  test('goes from none over some to all loaded and back', () => {
    expect(headerState(NOTHING, LOADED)).toBe(false)
    expect(headerState(toggle(NOTHING, 'a', LOADED), LOADED)).toBe('mixed')
    const all = toggleLoaded(toggle(NOTHING, 'a', LOADED), LOADED)
    expect(ids(all)).toBe('abcde')
    expect(headerState(all, LOADED)).toBe(true)
    expect(isEmpty(toggleLoaded(all, LOADED))).toBe(true)
  })

  test('of an empty list is not checked', () => {
    expect(headerState(NOTHING, [])).toBe(false)
  })
})

describe('a whole view', () => {
  test('counts what matches and is sent as view and filter', () => {
    expect(selectedCount(VIEW, 12_431)).toBe(12_431)
    expect(toInput(VIEW)).toEqual({ view: 'ACTIVE', filter: { text: 'x' } })
    expect(toInput({ ...VIEW, filter: null } as GridSelection)).toEqual({ view: 'ACTIVE' })
  })

  test('without one row is the other loaded rows', () => {
    expect(ids(toggle(VIEW, 'b', LOADED))).toBe('acde')
  })

  test('is unticked by the header', () => {
    expect(isEmpty(toggleLoaded(VIEW, LOADED))).toBe(true)
  })
})

test('rows are sent as ids', () => {
  expect(toInput(toggle(NOTHING, 'b', LOADED))).toEqual({ ids: ['b'] })
})
