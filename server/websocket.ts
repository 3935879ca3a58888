import { randomUUID } from 'node:crypto'
import type { IncomingMessage, Server } from 'node:http'
import {
  type DocumentNode,
  type ExecutionArgs,
  GraphQLError,
  getOperationAST,
  parse,
  specifiedRules,
  validate,
} from 'graphql'
import { CloseCode, type SubscribePayload, type Context as WsContext } from 'graphql-ws'
import { useServer } from 'graphql-ws/use/ws'
import { type WebSocket, WebSocketServer } from 'ws'
import type { App } from './app'
import { type Ctx, sightOf, type Viewer } from './auth/auth.service'
import { Loaders } from './graphql/context'
import { formatError } from './graphql/format-error'
import { checkCost, LIMITS, limitRules } from './graphql/limits'
import { bearerSecret, clientAddress, cookieName, cookieOf, isSameOrigin } from './http-auth'

interface Extra extends Record<PropertyKey, unknown> {
  socket: WebSocket
  request: IncomingMessage
  viewer?: Viewer
}

const INIT_WAIT_MS = 5_000
/** Service restart (RFC 6455's registry): clients come back at once. */
const COME_BACK = 1012
/** A client may take so long to say goodbye when the server closes; then its connection is cut. */
const GOODBYE_MS = 2_000

/** The code that HTTP has for the same fault. */
const coded = (error: GraphQLError, code: string): GraphQLError =>
  new GraphQLError(error.message, {
    nodes: error.nodes,
    source: error.source,
    positions: error.positions,
    extensions: { code },
  })

/**
 * GraphQL over websocket (graphql-transport-ws) on /graphql. Who connects must be signed in; the socket is closed when the
 * session or token it came with ends, and when its viewer may see or do something else than before. The limits are those of
 * HTTP, for graphql-ws executes outside of Apollo.
 */
export function serveWebsocket(app: App, server: Server): { close(): Promise<void> } {
  const { schema, log } = app
  const wss = new WebSocketServer({ server, path: '/graphql', maxPayload: LIMITS.messageBytes })
  const rules = [...specifiedRules, ...limitRules(app.config.introspection)]
  const viewers = new Map<WebSocket, Viewer>()
  /** How often somebody's rights may have changed so far. */
  let judgements = 0
  const addressOf = clientAddress(app.config.trustProxy)

  const prepare = (
    ctx: WsContext<Record<string, unknown>, Extra>,
    payload: SubscribePayload,
  ): ExecutionArgs | GraphQLError[] => {
    if (Object.keys(ctx.subscriptions).length > LIMITS.operationsPerSocket) {
      return [
        new GraphQLError(`At most ${LIMITS.operationsPerSocket} operations run on one socket`, {
          extensions: { code: 'BAD_USER_INPUT' },
        }),
      ]
    }
    try {
      const document = read(payload.query)
      if (document instanceof GraphQLError) return [document]
      const errors = validate(schema, document, rules)
      if (errors.length > 0) return errors.map((error) => coded(error, 'GRAPHQL_VALIDATION_FAILED'))
      if (!getOperationAST(document, payload.operationName)) {
        return [
          new GraphQLError('There is no such operation in the document', {
            extensions: { code: 'OPERATION_RESOLUTION_FAILURE' },
          }),
        ]
      }
      checkCost(schema, document, payload.variables, payload.operationName)
      return {
        schema,
        document,
        operationName: payload.operationName ?? undefined,
        variableValues: payload.variables ?? undefined,
        contextValue: contextOf(app, ctx.extra, addressOf(ctx.extra.request)),
      }
    } catch (error) {
      return [
        error instanceof GraphQLError
          ? error
          : new GraphQLError('The operation cannot be read', { originalError: error as Error }),
      ]
    }
  }
  const hidesSchema = !app.config.introspection
  const format = (errors: readonly unknown[]) =>
    errors.map((error) => formatError(error, randomUUID(), log, { hidesSchema }))

  const sockets = useServer<Record<string, unknown>, Extra>(
    {
      schema,
      isProd: true,
      connectionInitWaitTimeout: INIT_WAIT_MS,
      onConnect: async (ctx) => {
        const { socket } = ctx.extra
        try {
          let viewer: Viewer | undefined
          let judgedAt: number
          do {
            judgedAt = judgements
            viewer = await viewerOf(app, ctx)
            // what was told while it was read did not reach this socket yet
          } while (judgedAt !== judgements)
          if (!viewer) socket.close(CloseCode.Unauthorized, 'UNAUTHENTICATED')
          // who has left meanwhile would stay in the list for ever
          if (!viewer || socket.readyState !== socket.OPEN) return false
          ctx.extra.viewer = viewer
          viewers.set(socket, viewer)
          return true
        } catch (error) {
          // graphql-ws would tell the client what failed inside
          log.error({ err: error }, 'A websocket could not be let in')
          socket.close(CloseCode.InternalServerError, 'INTERNAL_SERVER_ERROR')
          return false
        }
      },
      onDisconnect: (ctx) => {
        viewers.delete(ctx.extra.socket)
      },
      onSubscribe: (ctx, _id, payload) => prepare(ctx, payload),
      // errors of graphql-js leave here as everywhere: known codes pass, bugs are masked
      onNext: (_ctx, _id, _payload, _args, result) =>
        result.errors ? { ...result, errors: format(result.errors) as never } : result,
      onError: (_ctx, _id, _payload, errors) => format(errors),
    },
    wss,
    12_000,
  )

  // the HTTP server's own errors come here, too, and are told by whoever made it listen
  wss.removeAllListeners('error')
  wss.on('error', () => {})
  wss.on('connection', (socket) => {
    // graphql-ws would print a client's protocol faults (too long a message, a cut line) as faults of ours
    socket.removeAllListeners('error')
    socket.on('error', (error) => log.debug({ err: error }, 'A websocket ended with an error'))
  })

  const closeChanged = async (ids: readonly string[]) => {
    for (const [socket, viewer] of viewers) {
      if (ids.length > 0 && !ids.includes(viewer.credentialId)) continue
      const current = await currentViewer(app, socket)
      if (!current) socket.close(CloseCode.Unauthorized, 'The session has ended')
      // subscriptions hold on to the viewer they began with
      else if (identityOf(current) !== identityOf(viewer)) socket.close(COME_BACK, 'The rights have changed')
    }
  }
  const unsubscribe = app.pubsub.subscribe('sessions', (ids) => {
    judgements += 1
    closeChanged(ids).catch((error) => log.error({ err: error }, 'Ended sessions could not be checked'))
  })
  const expiry = setInterval(() => {
    for (const [socket, viewer] of viewers) {
      if (viewer.expiresAt && viewer.expiresAt <= new Date())
        socket.close(CloseCode.Unauthorized, 'The session has ended')
    }
  }, 30_000)
  expiry.unref()

  return {
    close: async () => {
      unsubscribe()
      clearInterval(expiry)
      const cut = setTimeout(() => {
        for (const socket of wss.clients) socket.terminate()
      }, GOODBYE_MS)
      await sockets.dispose()
      clearTimeout(cut)
    },
  }
}

const identityOf = (viewer: Viewer): string => JSON.stringify([viewer.name, viewer.roles, sightOf(viewer)])

/** The document, or why it is none. */
function read(query: string): DocumentNode | GraphQLError {
  try {
    return parse(query, { maxTokens: LIMITS.tokens })
  } catch (error) {
    if (error instanceof GraphQLError) return coded(error, 'GRAPHQL_PARSE_FAILED')
    throw error
  }
}

/** The secret a socket came with, kept beside it only to ask again whether it still holds. */
const secrets = new WeakMap<WebSocket, { bearer?: string; cookie?: string; ip: string }>()

async function viewerOf(app: App, ctx: WsContext<Record<string, unknown>, Extra>): Promise<Viewer | undefined> {
  const { request, socket } = ctx.extra
  const bearer = bearerSecret(ctx.connectionParams?.authorization) ?? bearerSecret(request.headers.authorization)
  const fromUs = isSameOrigin(request.headers, app.config.publicUrl)
  const cookie =
    bearer === undefined && fromUs ? cookieOf(request.headers.cookie, cookieName(app.config.publicUrl)) : undefined
  secrets.set(socket, { bearer, cookie, ip: clientAddress(app.config.trustProxy)(request) })
  return currentViewer(app, socket)
}

async function currentViewer(app: App, socket: WebSocket): Promise<Viewer | undefined> {
  const { bearer, cookie, ip = '' } = secrets.get(socket) ?? {}
  if (bearer !== undefined) return app.services.tokens.bySecret(bearer, ip)
  return cookie === undefined ? undefined : app.services.auth.bySession(cookie, ip)
}

function contextOf(app: App, extra: Extra, ip: string): Ctx {
  return {
    viewer: extra.viewer,
    requestId: randomUUID(),
    ip,
    loaders: new Loaders(),
    resolver: (resolverClass) => app.resolver(resolverClass),
    setSessionCookie: () => undefined,
  }
}
