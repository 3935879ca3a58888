import '../test/browser'
import { describe, expect, test } from '@jest/globals'
import { act, fireEvent, screen, waitFor } from '@testing-library/react'
import type { FakeServer } from '../test/fake-server'
import { renderApp } from '../test/render-app'
import { failedResult, MAILBOX_APPROVER, MAILBOX_USER, mailbox, page, runItem, testRun } from '../test/sample'

const failing = mailbox(1, {
  health: 'FAILING',
  incomingEmailStatus: 'FAILURE',
  errorCode: 'AUTHENTICATION_FAILED',
  incomingErrorCode: 'AUTHENTICATION_FAILED',
  blockers: [
    { code: 'TEST_FAILED', message: 'Incoming mail failed its last test.', action: 'Mend it.', direction: 'INCOMING' },
  ],
  lastTestItem: runItem(1, { state: 'FAILED', results: [failedResult('INCOMING', 'AUTHENTICATION_FAILED')] }),
})

const pending = mailbox(1, {
  approval: 'PENDING',
  blockers: [{ code: 'APPROVAL_PENDING', message: 'Its address waits for approval.', action: 'Approve it.' }],
})

const render = (shown: object, prepare: (server: FakeServer) => void = () => {}) =>
  renderApp('/mailboxes/m1', (server) => {
    server.root.mailbox = () => shown
    prepare(server)
  })

describe('the page of a mailbox', () => {
  test('shows the failed step open, and an event repaints it', async () => {
    const server = render(failing)
    await screen.findByText('The server refused the password.')
    expect(screen.getByText('NO [AUTHENTICATIONFAILED] <b>no</b>')).toBeTruthy()
    await waitFor(() => expect(server.subscriptions.some(({ variables }) => variables?.ids)).toBe(true))
    const works = mailbox(1, { health: 'HEALTHY', incomingEmailStatus: 'SUCCESS', outgoingEmailStatus: 'SUCCESS' })
    await act(() => server.emit('mailboxChanges', { kind: 'CHANGED', mailboxes: [works] }))
    expect(screen.getAllByText('Works')).toHaveLength(3)
    expect(screen.queryByText('The server refused the password.')).toBeNull()
  })

  test('a test under way is shown step by step in place of the last one', async () => {
    const testing = { ...failing, health: 'TESTING', testRun: testRun({ total: 5_000 }) }
    const server = render(testing)
    await waitFor(() => expect(server.subscriptions.some(({ field }) => field === 'testRunProgress')).toBe(true))
    const running = (number: number, name: string) =>
      runItem(number, {
        state: 'RUNNING',
        results: [{ direction: 'INCOMING', status: 'NOT_RUN', steps: [{ name, state: 'RUNNING' }] }],
      })
    const items = [running(1, 'AUTHENTICATE'), running(2, 'OPEN_INBOX')]
    await act(() => server.emit('testRunProgress', { run: testRun(), items }))
    expect(screen.getByText('Testing: signing in')).toBeTruthy()
    expect(screen.queryByText('Testing: opening the inbox')).toBeNull()
    expect(screen.queryByText('The server refused the password.')).toBeNull()
    await act(() => server.emit('mailboxChanges', { kind: 'CHANGED', mailboxes: [failing] }))
    expect(screen.getByText('The server refused the password.')).toBeTruthy()
  })

  test('a wrong password is entered where it is shown; a fault stands at its field', async () => {
    const sent: object[] = []
    render(failing, (server) => {
      server.root.updateMailboxes = (args: object) => {
        sent.push(args)
        const userErrors = [{ code: 'TOO_LONG', path: ['changes', 'password'], message: 'A password is shorter' }]
        return { matched: 1, changed: 0, refusedCount: 0, refused: [], mailboxes: [], userErrors }
      }
    })
    fireEvent.click(await screen.findByText('Enter password'))
    fireEvent.change(screen.getByLabelText(/^New password/), { target: { value: 'new' } })
    fireEvent.click(screen.getByText('Save'))
    expect(await screen.findByText('A password is shorter')).toBeTruthy()
    expect(sent).toEqual([{ selection: { ids: ['m1'] }, changes: { password: 'new' } }])
  })

  const isOff = async (name: string) =>
    (await screen.findByText(name)).closest('button')?.getAttribute('aria-disabled') === 'true'

  test.each([
    ['a MAILBOX_USER enters the password and tests', MAILBOX_USER, [false, false]],
    ['a MAILBOX_APPROVER does neither', MAILBOX_APPROVER, [true, true]],
  ])('%s', async (_, viewer, off) => {
    render(failing, (server) => {
      server.root.viewer = () => viewer
    })
    expect([await isOff('Enter password'), await isOff('Test & Enable')]).toEqual(off)
  })

  test.each([
    ['a MAILBOX_USER', MAILBOX_USER, 'Approve', 'a', 't', 'testAndEnableMailboxes'],
    ['a MAILBOX_APPROVER', MAILBOX_APPROVER, 'Test & Enable', 't', 'a', 'approveEmails'],
  ])('what %s may not do is disabled, and its key does nothing', async (_, viewer, mayNot, dead, alive, sends) => {
    const sent: string[] = []
    render(pending, (server) => {
      server.root.viewer = () => viewer
      for (const name of ['approveEmails', 'testAndEnableMailboxes']) {
        server.root[name] = () => {
          sent.push(name)
          return null
        }
      }
    })
    expect(await isOff(mayNot)).toBe(true)
    fireEvent.keyDown(window, { key: dead })
    fireEvent.keyDown(window, { key: alive })
    await waitFor(() => expect(sent).not.toEqual([]))
    expect(sent).toEqual([sends])
  })

  test('its alerts are acknowledged in place', async () => {
    const alert = {
      id: 'a1',
      severity: 'ERROR',
      state: 'OPEN',
      code: 'THROTTLED',
      message: 'The server asks to slow down.',
      count: 1,
      firstSeenAt: '2026-11-23T10:00:00.000Z',
      lastSeenAt: '2026-11-23T10:00:00.000Z',
    }
    render({ ...failing, alerts: () => page([alert]) }, (server) => {
      server.root.acknowledgeAlerts = () => ({
        changed: 1,
        alerts: [{ ...alert, state: 'ACKNOWLEDGED' }],
        userErrors: [],
      })
    })
    fireEvent.click(await screen.findByText('Acknowledge'))
    expect(await screen.findByText('Acknowledged')).toBeTruthy()
    expect(screen.queryByText('Acknowledge')).toBeNull()
  })
})
