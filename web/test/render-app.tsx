import { render } from '@testing-library/react'
import { App } from '../app'
import { FakeServer } from './fake-server'
import { counts, page, VIEWER } from './sample'

/** The whole app at an address, on a server that answers what every page asks for; the test adds its own. */
export function renderApp(path: string, prepare: (server: FakeServer) => void) {
  const server = new FakeServer()
  server.root = {
    viewer: () => VIEWER,
    mailboxViewCounts: () => counts(0),
    alerts: () => page([]),
    testRuns: () => page([]),
  }
  server.first = {
    mailboxChanges: () => ({ kind: 'RESYNC', mailboxes: [] }),
    mailboxViewCounts: () => server.root.mailboxViewCounts?.({} as never),
    alertChanges: () => ({ kind: 'RESYNC', alert: null }),
  }
  prepare(server)
  server.install()
  window.history.replaceState(null, '', path)
  render(<App />)
  return server
}
