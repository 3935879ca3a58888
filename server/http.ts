import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { ApolloServer, type ApolloServerPlugin } from '@apollo/server'
import {
  ApolloServerPluginCacheControlDisabled,
  ApolloServerPluginLandingPageDisabled,
} from '@apollo/server/plugin/disabled'
import fastifyApollo from '@as-integrations/fastify'
import fastifyStatic from '@fastify/static'
import Fastify, {
  type FastifyBaseLogger,
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  LogController,
} from 'fastify'
import type { App } from './app'
import type { Ctx, Viewer } from './auth/auth.service'
import { Loaders } from './graphql/context'
import { formatError } from './graphql/format-error'
import { checkCost, LIMITS, limitRules } from './graphql/limits'
import { bearerSecret, clientAddress, cookieName, cookieOf, isSameOrigin, sessionCookie } from './http-auth'
import { serveExports } from './http-export'
import { serveWebsocket } from './websocket'

/** Requests under way may take so long to end when the server closes; then their connections are cut. */
const CLOSE_WITHIN_MS = 2_000

/** Makes the HTTP server of an app: GraphQL on /graphql (websocket too), CSV on /export, the dashboard, and /healthz. */
export async function makeHttp(app: App): Promise<FastifyInstance> {
  const { config, log } = app
  const http = Fastify({
    loggerInstance: log as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: LIMITS.bodyBytes,
    genReqId: () => randomUUID(),
  })
  http.setErrorHandler(inGraphqlWords)
  http.addHook('onSend', securityHeaders(config.publicUrl))
  const sockets = serveWebsocket(app, http.server)
  const apollo = new ApolloServer<Ctx>({
    schema: app.schema,
    stopOnTerminationSignals: false,
    includeStacktraceInErrorResponses: false,
    introspection: config.introspection,
    hideSchemaDetailsFromClientErrors: !config.introspection,
    csrfPrevention: true,
    parseOptions: { maxTokens: LIMITS.tokens },
    // Apollo forbids introspection by itself where it is switched off
    validationRules: limitRules(true),
    formatError: (formatted, error) =>
      formatError(error, String(formatted.extensions?.requestId ?? randomUUID()), log, {
        hidesSchema: !config.introspection,
      }),
    plugins: [ApolloServerPluginCacheControlDisabled(), ApolloServerPluginLandingPageDisabled(), operationPlugin(app)],
  })
  // closing order: websockets first (they would hold the HTTP server open), Apollo last
  closeInTime(http)
  http.addHook('preClose', () => sockets.close())
  http.addHook('onClose', () => apollo.stop())
  await apollo.start()
  const addressOf = clientAddress(config.trustProxy)
  await http.register(fastifyApollo(apollo), {
    context: (request, reply) => contextOf(app, request, reply, addressOf(request.raw)),
  })
  serveExports(http, app, (request) => viewerOf(app, request, addressOf(request.raw)))
  http.get('/healthz', async (_request, reply) => {
    try {
      await app.db.read.query('SELECT 1')
      return { status: 'ok' }
    } catch (error) {
      log.error({ err: error }, 'The database cannot be reached')
      return reply.code(503).send({ status: 'unavailable' })
    }
  })
  await serveDashboard(http, config.webFolder)
  return http
}

/** A body that is too large or no JSON never reaches Apollo: a client of GraphQL is told so in its own words. */
function inGraphqlWords(error: FastifyError, request: FastifyRequest, reply: FastifyReply) {
  const { statusCode = 500, message } = error
  if (!request.url.startsWith('/graphql') || statusCode < 400 || statusCode >= 500) return reply.send(error)
  return reply.code(statusCode).send({ errors: [{ message, extensions: { code: 'BAD_REQUEST' } }] })
}

function operationPlugin(app: App): ApolloServerPlugin<Ctx> {
  return {
    requestDidStart: async () => ({
      // formatError is told no context, so the request's id travels in the error
      didEncounterErrors: async ({ errors, contextValue }) => {
        for (const error of errors) Object.assign(error.extensions, { requestId: contextValue.requestId })
      },
      didResolveOperation: async ({ schema, document, request }) =>
        checkCost(schema, document, request.variables, request.operationName),
    }),
    unexpectedErrorProcessingRequest: async ({ error }) =>
      app.log.error({ err: error }, 'A request failed unexpectedly'),
  }
}

/** Connections that rest are closed at once, the others with their answer, and all of them in the end. */
function closeInTime(http: FastifyInstance): void {
  let isClosing = false
  http.addHook('preClose', async () => {
    isClosing = true
    setTimeout(() => http.server.closeAllConnections(), CLOSE_WITHIN_MS).unref()
  })
  http.addHook('onSend', async (_request, reply) => {
    if (isClosing) reply.header('connection', 'close')
  })
}

async function contextOf(app: App, request: FastifyRequest, reply: FastifyReply, ip: string): Promise<Ctx> {
  const viewer = await viewerOf(app, request, ip)
  return {
    viewer,
    requestId: request.id,
    ip,
    loaders: new Loaders(),
    resolver: (resolverClass) => app.resolver(resolverClass),
    setSessionCookie: (secret) => {
      reply.header('set-cookie', sessionCookie(secret, app.config.publicUrl))
    },
  }
}

/** A token in the header counts before a cookie; a cookie counts only when the request comes from our own pages. */
async function viewerOf(app: App, request: FastifyRequest, ip: string): Promise<Viewer | undefined> {
  const bearer = bearerSecret(request.headers.authorization)
  if (bearer !== undefined) return app.services.tokens.bySecret(bearer, ip)
  const cookie = cookieOf(request.headers.cookie, cookieName(app.config.publicUrl))
  if (!cookie || !isSameOrigin(request.headers, app.config.publicUrl)) return undefined
  return app.services.auth.bySession(cookie, ip)
}

function securityHeaders(publicUrl: string | undefined) {
  const headers: Record<string, string> = {
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    'referrer-policy': 'no-referrer',
    'cross-origin-opener-policy': 'same-origin',
    'permissions-policy': 'camera=(), microphone=(), geolocation=()',
    ...(publicUrl?.startsWith('https:') && { 'strict-transport-security': 'max-age=31536000' }),
  }
  return async (request: FastifyRequest, reply: FastifyReply) => {
    reply.headers(headers).header('content-security-policy', contentSecurityPolicy(request.headers.host))
    if (request.url.startsWith('/graphql')) reply.header('cache-control', 'no-store')
  }
}

/** Inline styles are Fluent's, which makes its CSS at run time. Not every browser counts a websocket to the page's own host as 'self'. */
function contentSecurityPolicy(host: string | undefined): string {
  const sockets = host !== undefined && /^[\w.:[\]-]+$/.test(host) ? ` ws://${host} wss://${host}` : ''
  return [
    "default-src 'self'",
    "style-src 'self' 'unsafe-inline'",
    `connect-src 'self'${sockets}`,
    "img-src 'self' data:",
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
  ].join('; ')
}

/** Files under /assets carry their hash in the name; every other path that is no file is a page of the dashboard. */
async function serveDashboard(http: FastifyInstance, folder: string): Promise<void> {
  if (!existsSync(join(folder, 'index.html'))) {
    http.log.warn('The dashboard is not built (npm run build): only the API is served')
    return
  }
  await http.register(fastifyStatic, {
    root: folder,
    setHeaders: (response, path) => {
      const isHashed = path.includes(`${join(folder, 'assets')}`)
      response.header('cache-control', isHashed ? 'public, max-age=31536000, immutable' : 'no-cache')
    },
  })
  http.setNotFoundHandler((request, reply) => {
    const isPage = request.method === 'GET' && request.headers.accept?.includes('text/html')
    if (isPage) return reply.sendFile('index.html')
    return reply.code(404).send({ error: 'Not found' })
  })
}
