import { expect, test } from '@jest/globals'
import { fireEvent, render, screen } from '@testing-library/react'
import { useHotkeys } from './hotkeys'

const pressed: string[] = []
const keys = (...names: string[]) => Object.fromEntries(names.map((name) => [name, () => void pressed.push(name)]))

function Frame() {
  useHotkeys(keys('g a', '?'))
  return <Page />
}

function Page() {
  useHotkeys(keys('a', 'x', 'Enter'))
  return (
    <>
      <input aria-label="field" />
      <button type="button">go</button>
    </>
  )
}

test('keys do what they say, a sequence is not its last key, and typing is left alone', () => {
  render(<Frame />)
  const press = (key: string, target: Element | Window = window) => fireEvent.keyDown(target, { key })
  press('a')
  press('g')
  press('a')
  press('a')
  expect(pressed.splice(0)).toEqual(['a', 'g a', 'a'])
  press('x', screen.getByLabelText('field'))
  press('Enter', screen.getByText('go'))
  expect(pressed).toEqual([])
  press('x', screen.getByText('go'))
  fireEvent.keyDown(window, { key: 'a', ctrlKey: true })
  expect(pressed).toEqual(['x'])
})
