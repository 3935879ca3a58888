import '../test/browser'
import { describe, expect, test } from '@jest/globals'
import { act, fireEvent, screen, waitFor } from '@testing-library/react'
import type { FakeServer } from '../test/fake-server'
import { renderApp } from '../test/render-app'
import { failedResult, page, runItem, testRun } from '../test/sample'

const render = (prepare: (server: FakeServer) => void = () => {}) =>
  renderApp('/test-runs/r1', (server) => {
    server.root.testRun = () => testRun()
    server.first.testRunProgress = () => ({ run: testRun(), items: [] })
    prepare(server)
  })

const figure = (name: string) => screen.getByText(name).parentElement?.querySelector('dd')?.textContent
const progress = (run: object, items: object[] = []) => ({ run: testRun(run), items })
const isLive = (server: FakeServer) =>
  waitFor(() => expect(server.subscriptions.some(({ field }) => field === 'testRunProgress')).toBe(true))
const results = () =>
  [...document.querySelectorAll('.result-name')].map((each) => each.textContent?.split(' person')[0])

describe('a run is live', () => {
  test('an event changes the numbers, the bar, the causes and the list', async () => {
    const server = render()
    await screen.findByText('of 10 done')
    await isLive(server)
    const failed = runItem(1, { state: 'FAILED', errorCode: 'AUTHENTICATION_FAILED' })
    const numbers = { queued: 5, succeeded: 2, failed: 1, causes: [{ code: 'AUTHENTICATION_FAILED', count: 1 }] }
    await act(() => server.emit('testRunProgress', progress(numbers, [failed, runItem(2)])))
    expect(figure('of 10 done')).toBe('3')
    expect(figure('work')).toBe('2')
    expect(figure('failed')).toBe('1')
    expect(screen.getByRole('progressbar').getAttribute('aria-valuetext')).toBe('3 of 10')
    expect(screen.getByRole('button', { name: /^Wrong password/, pressed: false })).toBeTruthy()
    expect(results()).toEqual(['Person 002', 'Person 001'])
  })

  test('after a dropped line it shows the current state and the items it missed', async () => {
    const server = render()
    await screen.findByText('Live')
    await isLive(server)
    await act(async () => server.drop())
    server.first.testRunProgress = () =>
      progress({ state: 'COMPLETED', queued: 0, running: 0, succeeded: 10 }, [runItem(4)])
    server.root.testRun = () => testRun({ items: () => page([runItem(5)]) })
    fireEvent.click(await screen.findByTitle('Try now'))
    await waitFor(() => expect(figure('of 10 done')).toBe('10'))
    await waitFor(() => expect(results()).toEqual(['Person 004', 'Person 005']))
    expect(screen.getByText('Retry failed')).toBeTruthy()
  })

  test('a test under way says what it does', async () => {
    const server = render()
    await isLive(server)
    const steps = [
      { name: 'CONNECT', state: 'SUCCEEDED', durationMs: 12 },
      { name: 'AUTHENTICATE', state: 'RUNNING' },
    ]
    const running = runItem(1, {
      state: 'RUNNING',
      finishedAt: null,
      results: [{ direction: 'INCOMING', status: 'NOT_RUN', steps }],
    })
    await act(() => server.emit('testRunProgress', progress({}, [running])))
    expect(screen.getByText('Testing: signing in')).toBeTruthy()
  })

  test('once cancelled, it says that what is under way finishes', async () => {
    const server = render()
    await isLive(server)
    expect(screen.getByText('Cancel')).toBeTruthy()
    await act(() => server.emit('testRunProgress', progress({ queued: 0, running: 2, cancelled: 8 })))
    expect(screen.getByText('Cancelling')).toBeTruthy()
    expect(screen.getByText(/^2 tests to finish/)).toBeTruthy()
    expect(screen.getByRole('button', { name: /^Cancelled/ })).toBeTruthy()
  })

  test('the list holds still under the pointer and says how much is new', async () => {
    const server = render()
    await isLive(server)
    await act(() => server.emit('testRunProgress', progress({}, [runItem(1)])))
    const list = document.querySelector('.results') as Element
    fireEvent.pointerMove(list)
    await act(() => server.emit('testRunProgress', progress({}, [runItem(2), runItem(3)])))
    expect(results()).toEqual(['Person 001'])
    expect(screen.getByText('2 new results')).toBeTruthy()
    fireEvent.pointerLeave(list)
    expect(results()).toEqual(['Person 003', 'Person 002', 'Person 001'])
  })
})

test('a result opens to its steps, and the words of a server stay text', async () => {
  const item = runItem(1, {
    state: 'FAILED',
    errorCode: 'AUTHENTICATION_FAILED',
    results: [failedResult('INCOMING', 'AUTHENTICATION_FAILED')],
  })
  render((server) => {
    server.root.testRun = () => testRun({ items: () => page([item]) })
  })
  fireEvent.click(await screen.findByRole('button', { name: /Person 001/ }))
  expect(screen.getByText('Sign in')).toBeTruthy()
  expect(screen.getByText('The server refused the password.')).toBeTruthy()
  expect(screen.getByText('NO [AUTHENTICATIONFAILED] <b>no</b>').tagName).toBe('PRE')
  expect(window.location.search).toBe('?item=i1')
})

describe('a cause filters the results', () => {
  const failed = (number: number, errorCode: string) => runItem(number, { state: 'FAILED', errorCode })
  const causes = ['THROTTLED', 'AUTHENTICATION_FAILED'].map((code) => ({ code, count: 1 }))
  const all = [failed(1, 'THROTTLED'), failed(2, 'AUTHENTICATION_FAILED')]

  test('on the server, and what events tell beside it', async () => {
    const asked: object[] = []
    const server = render((server) => {
      const items = ({ state, errorCode }: { state?: string; errorCode?: string }) => {
        if (errorCode) asked.push({ state, errorCode })
        return page(all.filter((_item, index) => causes[index]?.code === errorCode))
      }
      server.root.testRun = () => testRun({ causes, failed: 2, items })
      server.first.testRunProgress = () => progress({ causes, failed: 2 })
    })
    fireEvent.click(await screen.findByRole('button', { name: /^Throttled/, pressed: false }))
    await waitFor(() => expect(results()).toEqual(['Person 001']))
    expect(asked).toContainEqual({ state: 'FAILED', errorCode: 'THROTTLED' })
    await isLive(server)
    const told = [failed(3, 'THROTTLED'), failed(4, 'AUTHENTICATION_FAILED')]
    await act(() => server.emit('testRunProgress', progress({ causes, failed: 4 }, told)))
    expect(results()).toEqual(['Person 003', 'Person 001'])
  })

  test('and is read again when the run has ended', async () => {
    let items = [failed(1, 'THROTTLED')]
    const server = render((server) => {
      server.root.testRun = () => testRun({ causes, failed: 1, items: () => page(items) })
      server.first.testRunProgress = () => progress({ causes, failed: 1 })
    })
    fireEvent.click(await screen.findByRole('button', { name: /^Throttled/, pressed: false }))
    await waitFor(() => expect(results()).toEqual(['Person 001']))
    await isLive(server)
    items = [failed(1, 'THROTTLED'), failed(5, 'THROTTLED')]
    await act(() => server.emit('testRunProgress', progress({ causes, state: 'COMPLETED', failed: 2 })))
    await waitFor(() => expect(results()).toEqual(['Person 001', 'Person 005']))
  })
})
