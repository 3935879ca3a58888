import { expect, test } from '@jest/globals'
import { TooManyWaiting, Turns } from './turns'

/** Work that ends when it is told to. */
function makeWork() {
  const begun: number[] = []
  const ends: (() => void)[] = []
  const work = (number: number) => () => {
    begun.push(number)
    return new Promise<number>((resolve) => ends.push(() => resolve(number)))
  }
  return { begun, ends, work }
}

test('so many at once, so many in line in the order they came, the rest is refused at once', async () => {
  const turns = new Turns(2, 3)
  const { begun, ends, work } = makeWork()
  const taken = [0, 1, 2, 3, 4].map((number) => turns.take(work(number)))
  await expect(turns.take(work(5))).rejects.toBeInstanceOf(TooManyWaiting)
  expect(begun).toEqual([0, 1])
  ends[1]?.()
  expect(await taken[1]).toBe(1)
  expect(begun).toEqual([0, 1, 2])
  const next = turns.take(work(6))
  for (const number of [0, 2, 3, 4, 5]) {
    ends[number]?.()
    await new Promise(setImmediate)
  }
  await Promise.all([...taken, next])
  expect(begun).toEqual([0, 1, 2, 3, 4, 6])
})

test('work that fails gives its turn back', async () => {
  const turns = new Turns(1, 1)
  const failing = turns.take(() => Promise.reject(new Error('broken')))
  const next = turns.take(async () => 'next')
  await expect(failing).rejects.toThrow('broken')
  expect(await next).toBe('next')
  expect(await turns.take(async () => 'after')).toBe('after')
})
