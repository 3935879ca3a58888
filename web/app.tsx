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
import { PageGuard } from './ui/page-guard'
import { PageTitle } from './ui/page-title'
import { EmptyState, Skeleton } from './ui/waiting'
import { type Connection, connect } from './urql'

const load = {
  overview: () => import('./pages/overview'),
  mailboxes: () => import('./pages/mailboxes'),
  mailbox: () => import('./pages/mailbox'),
  testRuns: () => import('./pages/test-runs'),
  testRun: () => import('./pages/test-run'),
  alerts: () => import('./pages/alerts'),
  profiles: () => import('./pages/profiles'),
}

const SignInPage = lazy(() => import('./pages/sign-in'))
const OverviewPage = lazy(load.overview)
const MailboxesPage = lazy(load.mailboxes)
const MailboxPage = lazy(load.mailbox)
const TestRunsPage = lazy(load.testRuns)
const TestRunPage = lazy(load.testRun)
const AlertsPage = lazy(load.alerts)
const ProfilesPage = lazy(load.profiles)

/** How long after sign-in the other pages are fetched: the first one goes before. */
const PRELOAD_AFTER_MS = 1_500

/** The pages are small and are all here soon, so that none is missing when the server is away for a moment. */
function usePreloadedPages() {
  useEffect(() => {
    const timer = setTimeout(() => {
      for (const one of Object.values(load)) one().catch(() => undefined)
    }, PRELOAD_AFTER_MS)
    return () => clearTimeout(timer)
  }, [])
}

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
        <Pages />
      </Frame>
    </ViewerProvider>
  )
}

function Pages() {
  const { path } = usePlace()
  usePreloadedPages()
  return (
    <PageGuard place={path}>
      <Suspense fallback={<Skeleton lines={8} />}>
        <Page path={path} />
      </Suspense>
    </PageGuard>
  )
}

function Page({ path }: { path: string }) {
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
