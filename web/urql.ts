import { type CacheExchangeOpts, cacheExchange } from '@urql/exchange-graphcache'
import { type CloseCode, createClient as createSocket } from 'graphql-ws'
import { Client, fetchExchange, mapExchange, subscriptionExchange } from 'urql'
import introspection from './gql/introspection.json'
import type { LiveStore } from './lib/live-status'

const ROOTS = new Set(['Query', 'Mutation', 'Subscription'])

/** Types without an identity of their own belong to the answer or the entity that holds them. */
const EMBEDDED = introspection.__schema.types
  .filter(({ kind, name, fields }) => kind === 'OBJECT' && !name.startsWith('__') && !ROOTS.has(name) && !hasId(fields))
  .map(({ name }) => name)

function hasId(fields: { name: string }[] | null | undefined) {
  return fields?.some(({ name }) => name === 'id') ?? false
}

/** Entities are kept by id, so an event about one repaints it wherever it is shown. New runs are the only thing lists must be told of. */
export const cacheOptions: Partial<CacheExchangeOpts> = {
  schema: introspection as unknown as NonNullable<CacheExchangeOpts['schema']>,
  keys: {
    ...Object.fromEntries(EMBEDDED.map((type) => [type, () => null])),
    MailboxViewCount: (data) => String(data.view),
  },
  updates: {
    Mutation: {
      testAndEnableMailboxes: (_result, _args, cache) => cache.invalidate('Query', 'testRuns'),
      retryFailedTests: (_result, _args, cache) => cache.invalidate('Query', 'testRuns'),
    },
  },
}

export interface ConnectionOptions {
  live: LiveStore
  /** The server no longer knows this session. */
  onSignedOut: () => void
  url?: string
  /** For tests: what carries the requests. */
  fetch?: typeof fetch
  webSocketImpl?: unknown
}

const UNAUTHORIZED: CloseCode = 4401
const FORBIDDEN: CloseCode = 4403
const PONG_WITHIN_MS = 5_000

/** One socket for all subscriptions. It never gives up; the sign-in cookie is what authenticates it. */
function openSocket(
  { url, live, onSignedOut, webSocketImpl }: ConnectionOptions & { url: string },
  isOver: () => boolean,
) {
  let pongTimer: ReturnType<typeof setTimeout> | undefined
  const socket = createSocket({
    url: () => url.replace(/^http/, 'ws'),
    webSocketImpl,
    keepAlive: 10_000,
    lazyCloseTimeout: 3_000,
    retryAttempts: Number.POSITIVE_INFINITY,
    shouldRetry: () => true,
    retryWait: (retries) => live.wait(retries),
    on: {
      connected: () => live.connected(),
      closed: (event) => {
        clearTimeout(pongTimer)
        if (isOver()) return
        live.lost()
        const { code } = event as CloseEvent
        if (code === UNAUTHORIZED || code === FORBIDDEN) onSignedOut()
      },
      // A line that died without a word (sleep, a dropped NAT entry) is noticed only by a pong that does not come.
      ping: (isReceived) => {
        if (!isReceived) pongTimer = setTimeout(() => socket.terminate(), PONG_WITHIN_MS)
      },
      pong: (isReceived) => {
        if (isReceived) clearTimeout(pongTimer)
      },
    },
  })
  return socket
}

const isClosing = (error: unknown) => error instanceof Event || (error instanceof Object && 'code' in error)

export interface Connection {
  client: Client
  close: () => void
}

/** The client of one session: cache, HTTP and socket begin and end with it, so nothing of one person is shown to another. */
export function connect(options: ConnectionOptions): Connection {
  const url = options.url ?? `${window.location.origin}/graphql`
  let isClosed = false
  const socket = openSocket({ ...options, url }, () => isClosed)
  const client = new Client({
    url,
    fetch: options.fetch,
    fetchOptions: { credentials: 'same-origin' },
    preferGetMethod: false,
    exchanges: [
      mapExchange({
        onResult(result) {
          const isSignedOut = result.error?.graphQLErrors.some((e) => e.extensions?.code === 'UNAUTHENTICATED')
          if (isSignedOut && !isClosed) options.onSignedOut()
        },
      }),
      cacheExchange(cacheOptions),
      fetchExchange,
      subscriptionExchange({
        forwardSubscription: (request) => ({
          subscribe(sink) {
            let stop = () => {}
            let isStopped = false
            const start = () => {
              stop = socket.subscribe(
                { query: request.query ?? '', variables: request.variables as Record<string, unknown> },
                {
                  next: (value) => sink.next(value as never),
                  complete: () => sink.complete(),
                  error: (error) => {
                    // graphql-ws gives up on some close codes (1011, 4500, ...); a server that is mended is met again.
                    if (isClosing(error) && !isStopped && !isClosed)
                      options.live.wait(5).then(() => isStopped || start())
                    else sink.error(error)
                  },
                },
              )
            }
            start()
            return {
              unsubscribe() {
                isStopped = true
                stop()
              },
            }
          },
        }),
      }),
    ],
  })
  return {
    client,
    close() {
      isClosed = true
      socket.dispose()
    },
  }
}
