import '../test/browser'
import { describe, expect, test } from '@jest/globals'
import { act, fireEvent, screen, waitFor, within } from '@testing-library/react'
import type { FakeServer } from '../test/fake-server'
import { renderApp } from '../test/render-app'
import { AUDITOR, counts, mailbox, page } from '../test/sample'

const TEN = Array.from({ length: 10 }, (_, index) => mailbox(index))

const withTen = (server: FakeServer) => {
  server.root.mailboxes = () => page(TEN)
  server.root.mailboxViewCounts = () => counts(10)
}

/** By its id: a query by role reads the whole page, which is slow in jsdom. */
const row = (number: number) =>
  waitFor(() => {
    const found = document.getElementById(`mailbox-m${number}`)
    if (!found) throw new Error(`Row ${number} is not shown`)
    return found
  })
const box = (number: number) => document.querySelector(`#mailbox-m${number} .grid-check`) as Element
const selectedCount = () => document.querySelectorAll('[role="row"][aria-selected="true"]').length
const command = (name: string | RegExp) => screen.getByRole('button', { name })
/** The socket is up and the grid listens. */
const isLive = (server: FakeServer) =>
  waitFor(() => expect(server.subscriptions.some(({ field }) => field === 'mailboxChanges')).toBe(true))

describe('the grid is live', () => {
  test('an event repaints its row, and only that', async () => {
    const server = renderApp('/mailboxes', (server) => {
      withTen(server)
      // No first RESYNC: its question would be counted among those that the event must not ask.
      delete server.first.mailboxChanges
    })
    const changed = await row(3)
    expect(within(changed).getAllByText('Not tested')).toHaveLength(2)
    await isLive(server)
    const questions = server.askedFor('Mailboxes')
    const failed = mailbox(3, {
      health: 'FAILING',
      errorCode: 'AUTHENTICATION_FAILED',
      incomingEmailStatus: 'FAILURE',
      incomingErrorCode: 'AUTHENTICATION_FAILED',
      outgoingEmailStatus: 'FAILURE',
      outgoingErrorCode: 'SENDER_REFUSED',
    })
    await act(() => server.emit('mailboxChanges', { kind: 'CHANGED', mailboxes: [failed] }))
    expect(within(changed).getByText('Wrong password')).toBeTruthy()
    expect(within(changed).getByText('Sender refused')).toBeTruthy()
    expect(changed.className).toContain('is-tinted')
    expect(within(await row(4)).getAllByText('Not tested')).toHaveLength(2)
    expect(server.askedFor('Mailboxes')).toBe(questions)
  })

  test('a resync reads the list again', async () => {
    const server = renderApp('/mailboxes', withTen)
    await row(3)
    await isLive(server)
    server.root.mailboxes = () => page([mailbox(77), ...TEN])
    await act(() => server.emit('mailboxChanges', { kind: 'RESYNC', mailboxes: [] }))
    expect(await row(77)).toBeTruthy()
  })

  test('after a dropped line it subscribes again and shows what changed meanwhile', async () => {
    const server = renderApp('/mailboxes', withTen)
    await row(3)
    await screen.findByText('Live')
    await act(async () => server.drop())
    const retry = await screen.findByTitle('Try now')
    server.root.mailboxes = () =>
      page(TEN.map((each, index) => (index === 3 ? mailbox(3, { approval: 'REJECTED' }) : each)))
    fireEvent.click(retry)
    await screen.findByText('Live')
    await waitFor(async () => expect(within(await row(3)).getByText('Rejected')).toBeTruthy())
  })

  test('the counts of the views follow their subscription', async () => {
    const server = renderApp('/mailboxes', withTen)
    await row(3)
    await isLive(server)
    await act(() => server.emit('mailboxViewCounts', [{ view: 'TEST_AND_ENABLE_FAILED', count: 1234 }]))
    expect(screen.getByRole('button', { name: /^Failed/ }).textContent).toBe('Failed1,234')
  })

  test('an empty list fills itself when the counts say that there is somebody', async () => {
    const server = renderApp('/mailboxes', (server) => {
      server.root.mailboxes = () => page([])
      server.root.mailboxViewCounts = () => counts(0)
    })
    await screen.findByText('0 in this view')
    await isLive(server)
    server.root.mailboxes = () => page(TEN.slice(0, 1))
    await act(() => server.emit('mailboxViewCounts', counts(1)))
    expect(await row(0)).toBeTruthy()
    expect(screen.getByText('1 in this view')).toBeTruthy()
    expect(screen.queryByRole('button', { name: 'refresh' })).toBeNull()
  })

  test('a list that is another by now says so and waits to be asked', async () => {
    const server = renderApp('/mailboxes', withTen)
    await row(3)
    await isLive(server)
    await act(() => server.emit('mailboxViewCounts', counts(9)))
    server.root.mailboxes = () => page(TEN.slice(1))
    fireEvent.click(await screen.findByRole('button', { name: 'refresh' }))
    await waitFor(() => expect(document.getElementById('mailbox-m0')).toBeNull())
  })
})

describe('selecting', () => {
  test('a click, a shift-click and the header select rows', async () => {
    renderApp('/mailboxes', withTen)
    await row(3)
    fireEvent.click(box(2))
    expect(selectedCount()).toBe(1)
    fireEvent.click(box(5), { shiftKey: true })
    expect(selectedCount()).toBe(4)
    fireEvent.click(screen.getByRole('checkbox', { name: /loaded/ }))
    expect(selectedCount()).toBe(10)
    fireEvent.click(screen.getByRole('checkbox', { name: /loaded/ }))
    expect(selectedCount()).toBe(0)
  })

  test('a whole view is offered when more matches than is loaded, and sent as view', async () => {
    const sent: unknown[] = []
    renderApp('/mailboxes?q=person', (server) => {
      server.root.mailboxes = () => page(TEN, 12_431, 'next')
      server.root.approveEmails = (args: { selection: unknown; dryRun: boolean }) => {
        sent.push(args)
        return { matched: 12_431, changed: 12_431, refusedCount: 0, refused: [], mailboxes: [], userErrors: [] }
      }
    })
    await row(3)
    fireEvent.click(screen.getByRole('checkbox', { name: /loaded/ }))
    fireEvent.click(screen.getByRole('button', { name: 'Select all 12,431 in this view' }))
    fireEvent.click(command('Approve'))
    fireEvent.click(await screen.findByRole('button', { name: 'Approve 12,431' }))
    await screen.findAllByText('12,431 approved')
    const selection = { view: 'ACTIVE', filter: { text: 'person' } }
    expect(sent).toEqual([
      { selection, dryRun: true },
      { selection, dryRun: false },
    ])
  })
})

describe('commands', () => {
  test('what would be refused is said before it happens', async () => {
    const dryRuns: boolean[] = []
    renderApp('/mailboxes', (server) => {
      withTen(server)
      server.root.approveEmails = ({ dryRun }: { dryRun: boolean }) => {
        dryRuns.push(dryRun)
        const refused = [{ code: 'NO_ADDRESS', message: 'It has no address.', mailbox: TEN[1] }]
        return { matched: 2, changed: 1, refusedCount: 1, refused, mailboxes: [], userErrors: [] }
      }
    })
    await row(3)
    fireEvent.click(box(0))
    fireEvent.click(box(1))
    fireEvent.click(command('Approve'))
    expect((await screen.findByRole('region', { name: 'Before it happens' })).textContent).toContain(
      'It has no address.',
    )
    expect(dryRuns).toEqual([true])
    fireEvent.click(command('Cancel'))
    expect(screen.queryByRole('region', { name: 'Before it happens' })).toBeNull()
    expect(dryRuns).toEqual([true])
  })

  test('a test answers with a link to its run', async () => {
    renderApp('/mailboxes', (server) => {
      withTen(server)
      server.root.testAndEnableMailboxes = () => ({
        testRun: {
          id: 'r9',
          state: 'QUEUED',
          mode: 'TEST_AND_ENABLE',
          total: 1,
          queued: 1,
          requestedBy: 'admin',
          createdAt: '2026-11-23T10:00:00Z',
          running: 0,
          skipped: 0,
          succeeded: 0,
          failed: 0,
          cancelled: 0,
        },
        userErrors: [],
      })
    })
    await row(3)
    fireEvent.keyDown(window, { key: 'j' })
    fireEvent.keyDown(window, { key: 't' })
    expect((await screen.findByRole('link', { name: 'Watch the run' })).getAttribute('href')).toBe('/test-runs/r9')
  })

  test('without the right they are disabled and say why', async () => {
    renderApp('/mailboxes', (server) => {
      withTen(server)
      server.root.viewer = () => AUDITOR
    })
    await row(3)
    fireEvent.click(box(0))
    const approve = command('Approve')
    expect(approve.getAttribute('aria-disabled')).toBe('true')
    const reason = document.getElementById(approve.getAttribute('aria-describedby') ?? '')
    expect(reason?.textContent).toContain('Auditor')
  })
})
