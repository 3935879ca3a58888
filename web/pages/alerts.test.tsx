import '../test/browser'
import { expect, test } from '@jest/globals'
import { fireEvent, screen, waitFor } from '@testing-library/react'
import { renderApp } from '../test/render-app'
import { page } from '../test/sample'

const alert = (number: number, severity: string) => ({
  id: `a${number}`,
  severity,
  state: 'OPEN',
  code: 'THROTTLED',
  message: `Alert ${number}`,
  count: 1,
  firstSeenAt: '2026-11-23T10:00:00.000Z',
  lastSeenAt: '2026-11-23T10:00:00.000Z',
})

/** How many of each severity are open; more than are shown. */
const OPEN: Record<string, number> = { ERROR: 3, WARNING: 4, INFORMATION: 500 }

test('the number in the navigation counts errors and warnings, not what is only good to know', async () => {
  renderApp('/', (server) => {
    server.root.alerts = ({ severity }: { severity: string }) =>
      page([alert(1, severity)].slice(OPEN[severity] ? 0 : 1), OPEN[severity] ?? 507)
  })
  await waitFor(() => expect(screen.getByRole('link', { name: /^Alerts/ }).textContent).toContain('7'))
  expect((await screen.findByText(/Open errors and warnings/)).textContent).toContain('7')
})

test('all open alerts are dismissed, not only those that are shown', async () => {
  const sent: unknown[] = []
  let isOpen = true
  renderApp('/alerts', (server) => {
    server.root.alerts = () => (isOpen ? page([alert(1, 'ERROR'), alert(2, 'INFORMATION')], 507) : page([]))
    server.root.dismissAlertsBy = ({ filter }: { filter: unknown }) => {
      sent.push(filter)
      isOpen = false
      return { changed: 507, alerts: [], userErrors: [] }
    }
  })
  fireEvent.click(await screen.findByText('Dismiss all 507 open'))
  expect(await screen.findByText('No open alerts: nothing needs anybody.')).toBeTruthy()
  expect(sent).toEqual([{ state: 'OPEN' }])
})
