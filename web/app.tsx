import { Button, FluentProvider } from '@fluentui/react-components'
import { lazy, Suspense, useCallback, useEffect, useState } from 'react'
import { Provider, useQuery } from 'urql'
import { Frame } from './frame/frame'
import { graphql } from './gql/gql'
import { live } from './lib/live-status'
import { match, usePlace } from './lib/router'
import { useTheme } from './lib/theme'
import { ViewerProvider } from './lib/viewer'
import { Link } from './ui/link'
import { PageTitle } from './ui/page-title'
import { EmptyState, Skeleton } from './ui/waiting'
import { type Connection, connect } from './urql'

const SignInPage = lazy(() => import('./pages/sign-in'))
const OverviewPage = lazy(() => import('./pages/overview'))
const MailboxesPage = lazy(() => import('./pages/mailboxes'))
const MailboxPage = lazy(() => import('./pages/mailbox'))
const TestRunsPage = lazy(() => import('./pages/test-runs'))
const TestRunPage = lazy(() => import('./pages/test-run'))
const AlertsPage = lazy(() => import('./pages/alerts'))
const ProfilesPage = lazy(() => import('./pages/profiles'))

const ViewerDocument = graphql(`
  query Viewer {
    viewer {
      id
      name
      roles
      rights
    }
  }
`)

export function App() {
  const { theme, isDark } = useTheme()
  useEffect(() => {
    document.documentElement.style.colorScheme = isDark ? 'dark' : 'light'
  }, [isDark])
  return (
    <FluentProvider theme={theme} className="app">
      <Session />
    </FluentProvider>
  )
}

/** One session has one client: signing in or out, or a server that no longer knows us, starts with a new one. */
function Session() {
  const [connection, setConnection] = useState<{ session: number; client: Connection['client'] } | null>(null)
  const [session, setSession] = useState(0)
  const restart = useCallback(() => setSession((before) => before + 1), [])
  useEffect(() => {
    let isEnding = false
    const next = connect({
      live,
      onSignedOut() {
        // The first of many refusals ends the session; the rest are its echo.
        if (!isEnding) restart()
        isEnding = true
      },
    })
    setConnection({ session, client: next.client })
    return () => {
      isEnding = true
      next.close()
    }
  }, [session, restart])
  if (!connection) return null
  return (
    <Provider value={connection.client}>
      <Gate key={connection.session} onSessionChanged={restart} />
    </Provider>
  )
}

/** Who is there decides what is shown: the pages, or the sign-in. */
function Gate({ onSessionChanged }: { onSessionChanged: () => void }) {
  const [{ data, fetching, error }, ask] = useQuery({ query: ViewerDocument })
  if (error && !data) {
    return (
      <main className="sign-in">
        <EmptyState title="Mailwarden does not answer.">
          <Button
            appearance="primary"
            disabledFocusable={fetching}
            onClick={() => ask({ requestPolicy: 'network-only' })}
          >
            Try again
          </Button>
        </EmptyState>
      </main>
    )
  }
  if (!data) return null
  if (!data.viewer) {
    return (
      <Suspense>
        <SignInPage onSignedIn={onSessionChanged} />
      </Suspense>
    )
  }
  return (
    <ViewerProvider value={data.viewer}>
      <Frame onSignedOut={onSessionChanged}>
        <Suspense fallback={<Skeleton lines={8} />}>
          <Page />
        </Suspense>
      </Frame>
    </ViewerProvider>
  )
}

function Page() {
  const { path } = usePlace()
  if (match('/', path)) return <OverviewPage />
  if (match('/mailboxes', path)) return <MailboxesPage />
  if (match('/test-runs', path)) return <TestRunsPage />
  if (match('/alerts', path)) return <AlertsPage />
  if (match('/profiles', path)) return <ProfilesPage />
  const mailbox = match('/mailboxes/:id', path)
  if (mailbox?.id) return <MailboxPage key={mailbox.id} id={mailbox.id} />
  const run = match('/test-runs/:id', path)
  if (run?.id) return <TestRunPage key={run.id} id={run.id} />
  return (
    <div className="page">
      <PageTitle title="No such page" />
      <EmptyState title="Nothing is at this address.">
        <Link href="/">Go to the overview</Link>
      </EmptyState>
    </div>
  )
}
