import { Readable } from 'node:stream'
import { setImmediate as afterOtherWork } from 'node:timers/promises'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { App } from './app'
import { type AuditEntry, AuditSubjectType } from './audit/audit.entity'
import type { Viewer } from './auth/auth.service'
import { BYTE_ORDER_MARK, type Cell, csvRow } from './csv-row'
import { chunks } from './db/chunks'
import { OperationError } from './errors'
import type { Page, PageArguments } from './graphql/connection'
import { blockersOf, healthOf } from './mailboxes/blockers'
import type { Mailbox } from './mailboxes/mailbox.entity'
import { ApprovalStatus, MailboxKind, MailboxView, SortDirection, TestStatus } from './mailboxes/mailbox.enums'
import type { MailboxFilter } from './mailboxes/mailbox.inputs'
import { IncomingMethod, SyncMethod } from './settings/email-settings.entity'

/** What a page of a list may hold at most. */
const PAGE = 500
/** Ids in one cell: Excel cuts a cell off after 32,767 characters. */
const IDS_A_CELL = 500
/** Bytes that are read ahead of a slow client. */
const AHEAD = 256 * 1024

type Lines = AsyncGenerator<string, void, undefined>
type ViewerOf = (request: FastifyRequest) => Promise<Viewer | undefined>
/** Asked anew for each page: a session may end, and rights change, while a long file is taken. */
type ViewerNow = () => Promise<Viewer | undefined>

/**
 * Lists as CSV files, of any length: pages are read as the client takes them and never held together. Rights and reach are
 * those of the lists in GraphQL. Rows that change while they are exported may be missed or told twice, as on any paged list.
 */
export function serveExports(http: FastifyInstance, app: App, viewerOf: ViewerOf): void {
  const serve = (name: string, linesOf: (app: App, viewerNow: ViewerNow, query: unknown) => Lines) => {
    http.get(`/export/${name}.csv`, { exposeHeadRoute: false }, async (request, reply) => {
      reply.header('cache-control', 'no-store')
      try {
        const viewerNow = () => viewerOf(request)
        if (!(await viewerNow())) throw new OperationError('UNAUTHENTICATED', 'Sign in first')
        const lines = linesOf(app, viewerNow, request.query)
        // what the caller may not do, or has to mend, is known with the first page, before a byte is sent
        const first = await lines.next()
        const file = `${name}-${new Date().toISOString().slice(0, 10)}.csv`
        reply.header('content-type', 'text/csv; charset=utf-8; header=present')
        reply.header('content-disposition', `attachment; filename="${file}"`)
        const rest = first.done ? lines : following(first.value, lines)
        return reply.send(Readable.from(rest, { objectMode: false, highWaterMark: AHEAD }))
      } catch (error) {
        return refuse(reply, request, error)
      }
    })
  }
  serve('mailboxes', mailboxLines)
  serve('audit', auditLines)
}

async function* following(first: string, rest: Lines): Lines {
  try {
    yield first
    yield* rest
  } finally {
    await rest.return()
  }
}

const STATUS = { UNAUTHENTICATED: 401, FORBIDDEN: 403, NOT_FOUND: 404, BAD_USER_INPUT: 400 } as const

function refuse(reply: FastifyReply, request: FastifyRequest, error: unknown): FastifyReply {
  if (error instanceof OperationError) {
    const { code, message, argument = [] } = error
    const field = argument.findLast((part) => Object.hasOwn(request.query as object, part))
    return reply.code(STATUS[code]).send({ error: { code, message, field: field ?? null } })
  }
  request.log.error({ err: error, requestId: request.id }, 'An export failed')
  const message = `Something went wrong; the log has it under ${request.id}`
  return reply.code(500).send({ error: { code: 'INTERNAL_SERVER_ERROR', message, field: null } })
}

/** An unknown parameter is refused: a filter that is misspelt must not export everything. */
function read<T>(shape: z.ZodType<T>, query: unknown): T {
  const { data, error } = shape.safeParse(query)
  if (!error) return data
  const [issue] = error.issues
  const field = issue?.code === 'unrecognized_keys' ? issue.keys[0] : issue?.path[0]
  throw new OperationError('BAD_USER_INPUT', `${String(field)}: ${issue?.message}`, [String(field)])
}

const text = z.string().max(500).optional()
const time = z.iso
  .datetime({ offset: true })
  .transform((at) => new Date(at))
  .optional()

const [method, status] = [z.enum(SyncMethod).optional(), z.enum(TestStatus).optional()]

/** All that the list is filtered by. */
const FILTER = {
  ...{ text, profileId: text, domain: text, errorCode: text },
  kind: z.enum(MailboxKind).optional(),
  approval: z.enum(ApprovalStatus).optional(),
  incomingMethod: z.enum(IncomingMethod).optional(),
  ...{ outgoingMethod: method, actMethod: method },
  ...{ incomingEmailStatus: status, outgoingEmailStatus: status, actStatus: status },
} satisfies Record<keyof MailboxFilter, z.ZodType>

const MAILBOX_QUERY = z.strictObject({
  view: z.enum(MailboxView).optional(),
  ...FILTER,
  sort: text,
  direction: z.enum(SortDirection).optional(),
})

type ExportedMailbox = Mailbox & {
  ownerExternalId: string | null
  profile: string | null
  health: string
  blockers: string
}

const MAILBOX_COLUMNS = [
  ...([
    'id',
    'kind',
    'name',
    'emailAddress',
    'ownerId',
    'ownerExternalId',
    'active',
    'health',
    'blockers',
    'profileId',
    'profile',
  ] as const),
  ...(['approval', 'approvedBy', 'approvedAt', 'rejectionReason'] as const),
  ...(['incomingMethod', 'forwardMailboxId', 'incomingEmailStatus', 'incomingEnabled', 'incomingErrorCode'] as const),
  ...(['outgoingMethod', 'outgoingEmailStatus', 'outgoingEnabled', 'outgoingErrorCode'] as const),
  ...(['actMethod', 'actStatus', 'actEnabled', 'actErrorCode'] as const),
  ...(['username', 'hasPassword', 'deleteAfterProcessing', 'lastTestedAt', 'createdAt', 'updatedAt'] as const),
] satisfies (keyof ExportedMailbox)[]

function mailboxLines(app: App, viewerNow: ViewerNow, query: unknown): Lines {
  const { view, sort, direction, ...filter } = read(MAILBOX_QUERY, query)
  if (direction && sort === undefined) {
    throw new OperationError('BAD_USER_INPUT', 'direction goes with sort', ['direction'])
  }
  const order = sort === undefined ? null : { field: sort, direction: direction ?? SortDirection.ASC }
  let viewer: Viewer | undefined
  const pages = pagesOf(async (page) => {
    viewer = await viewerNow()
    return app.services.mailboxes.list(viewer, { view, filter, sort: order }, page)
  })
  return csvLines(MAILBOX_COLUMNS, pages, async function* (mailboxes) {
    const rows = await withStanding(app, viewer, mailboxes)
    yield rows.map((row) => MAILBOX_COLUMNS.map((column) => row[column]))
  })
}

/** What the dashboard's list shows of each mailbox beside its own columns. */
async function withStanding(
  app: App,
  viewer: Viewer | undefined,
  mailboxes: readonly Mailbox[],
): Promise<ExportedMailbox[]> {
  const profileIds = new Set(mailboxes.flatMap(({ profileId }) => profileId ?? []))
  const ownerIds = mailboxes.flatMap(({ ownerId }) => ownerId ?? [])
  const forwardIds = new Set(mailboxes.flatMap(({ forwardMailboxId }) => forwardMailboxId ?? []))
  const [owners, forwards, found, settings] = await Promise.all([
    app.services.owners.get(viewer, ownerIds),
    app.services.mailboxes.getMany(viewer, [...forwardIds]),
    app.services.profiles.byIds([...profileIds]),
    app.services.settings.current(),
  ])
  const profiles = new Map(found.map((profile) => [profile.id, profile]))
  const shown = new Set(forwards.map(({ id }) => id))
  const externalIds = new Map(owners.map(({ id, externalId }) => [id, externalId]))
  return mailboxes.map((mailbox) => {
    const profile = profiles.get(mailbox.profileId ?? '') ?? null
    const blockers = blockersOf(mailbox, profile, settings)
    return Object.assign(mailbox, {
      forwardMailboxId: shown.has(mailbox.forwardMailboxId ?? '') ? mailbox.forwardMailboxId : null,
      ownerExternalId: externalIds.get(mailbox.ownerId ?? '') ?? null,
      profile: profile?.name ?? null,
      health: healthOf(mailbox, blockers, mailbox.testingRunId !== null),
      blockers: [...new Set(blockers.map(({ code }) => code))].join(' '),
    })
  })
}

const AUDIT_QUERY = z.strictObject({
  ...{ actorId: text, actor: text, action: text, subjectId: text },
  subjectType: z.enum(AuditSubjectType).optional(),
  ...{ from: time, to: time },
})

const AUDIT_COLUMNS = [
  ...(['at', 'id', 'action', 'actorId', 'actorName', 'actorAddress', 'subjectType', 'subjectCount'] as const),
  ...(['details', 'subjectIds', 'before', 'after'] as const),
]

/** A row for each change of each entry, and another one for every 500 of its subjects. */
function auditLines(app: App, viewerNow: ViewerNow, query: unknown): Lines {
  const filter = read(AUDIT_QUERY, query)
  const { audit } = app.services
  const pages = pagesOf(async (page) => audit.list(await viewerNow(), filter, page))
  return csvLines(AUDIT_COLUMNS, pages, async function* (entries) {
    for await (const { entry, subjectIds, before, after } of audit.changesOf(await viewerNow(), entries)) {
      const own = ownCells(entry)
      yield [...chunks(subjectIds, IDS_A_CELL)].map((ids) => [...own, ids.join(' '), before, after])
    }
  })
}

function ownCells(entry: AuditEntry): Cell[] {
  const { at, id, action, actorId, actorName, actorAddress, subjectType, subjectCount, details } = entry
  const told = details === '{}' ? null : details
  return [at, id, action, actorId, actorName, actorAddress, subjectType, subjectCount, told]
}

async function* csvLines<T>(
  columns: readonly string[],
  pages: AsyncIterable<T[]>,
  rowsOf: (nodes: T[]) => AsyncIterable<Cell[][]>,
): Lines {
  let head = BYTE_ORDER_MARK + csvRow(columns)
  for await (const nodes of pages) {
    for await (const rows of rowsOf(nodes)) {
      yield head + rows.map(csvRow).join('')
      head = ''
    }
  }
  if (head) yield head
}

async function* pagesOf<T>(list: (page: PageArguments) => Promise<Page<T>>): AsyncGenerator<T[]> {
  for (let after: string | null = null; ; ) {
    const { nodes, pageInfo }: Page<T> = await list({ first: PAGE, after })
    yield nodes
    if (!pageInfo.hasNextPage) return
    after = pageInfo.endCursor
    // SQLite works on this very thread: the process's other requests get their turn
    await afterOtherWork()
  }
}
