import { buildClientSchema, type DocumentNode, execute, getOperationAST, type IntrospectionQuery, parse } from 'graphql'
import introspection from '../gql/introspection.json'

const schema = buildClientSchema(introspection as unknown as IntrospectionQuery)

type Resolver = (args: never) => unknown

interface Asked {
  name: string
  variables: Record<string, unknown>
}

/**
 * A server in the test's hands: operations are really executed against the schema, over a fetch and a WebSocket of its own, so
 * that what is tested is the app's own client, cache and socket. `root` holds what queries and mutations answer, `first` the
 * first event of a subscription by its field.
 */
export class FakeServer {
  root: Record<string, Resolver> = {}
  first: Record<string, Resolver> = {}
  /** Every operation over HTTP, in order. */
  readonly asked: Asked[] = []
  readonly #sockets = new Set<FakeSocket>()
  #refusal: string | null = null

  install() {
    window.fetch = (_url, init) => this.#answer(String(init?.body))
    const server = this
    window.WebSocket = class extends FakeSocket {
      constructor() {
        super(server)
      }
    } as unknown as typeof WebSocket
  }

  askedFor = (name: string) => this.asked.filter((each) => each.name === name).length

  get subscriptions() {
    return [...this.#sockets].flatMap((socket) => [...socket.subscriptions.values()])
  }

  /** Sends an event to everybody who listens to `field`. */
  async emit(field: string, value: unknown) {
    await Promise.all([...this.#sockets].map((socket) => socket.emit(field, () => value)))
  }

  /** From now on every operation but the question who is there ends with this error code. */
  refuseAll(code: string) {
    this.#refusal = code
  }

  /** The line is cut, as by a server that restarts. */
  drop() {
    for (const socket of [...this.#sockets]) socket.fail(1006)
  }

  open(socket: FakeSocket) {
    this.#sockets.add(socket)
    socket.accept()
  }

  closed(socket: FakeSocket) {
    this.#sockets.delete(socket)
  }

  async run(document: DocumentNode, variables: Record<string, unknown> | undefined, rootValue: unknown) {
    return await execute({ schema, document, variableValues: variables, rootValue })
  }

  async #answer(body: string): Promise<Response> {
    const { query, variables } = JSON.parse(body) as { query: string; variables: Record<string, unknown> }
    const document = parse(query)
    const name = getOperationAST(document)?.name?.value ?? ''
    this.asked.push({ name, variables })
    const refusal = { data: null, errors: [{ message: 'Refused', extensions: { code: this.#refusal } }] }
    const isRefused = this.#refusal !== null && name !== 'Viewer'
    const text = JSON.stringify(isRefused ? refusal : await this.run(document, variables, this.root))
    const headers = { get: () => 'application/json' }
    return { ok: true, status: 200, statusText: 'OK', headers, text: async () => text } as unknown as Response
  }
}

interface Subscription {
  field: string
  document: DocumentNode
  variables?: Record<string, unknown>
}

/** The part of a WebSocket that the protocol graphql-transport-ws needs. */
class FakeSocket {
  static readonly CONNECTING = 0
  static readonly OPEN = 1
  static readonly CLOSING = 2
  static readonly CLOSED = 3
  readonly subscriptions = new Map<string, Subscription>()
  readyState = FakeSocket.CONNECTING
  onopen?: () => void
  onmessage?: (event: { data: string }) => void
  onclose?: (event: { code: number; reason: string; wasClean: boolean }) => void
  onerror?: (event: unknown) => void

  constructor(private readonly server: FakeServer) {
    queueMicrotask(() => server.open(this))
  }

  accept() {
    this.readyState = FakeSocket.OPEN
    this.onopen?.()
  }

  send(text: string) {
    const message = JSON.parse(text)
    if (message.type === 'connection_init') this.#deliver({ type: 'connection_ack' })
    if (message.type === 'complete') this.subscriptions.delete(message.id)
    if (message.type === 'subscribe') void this.#subscribe(message.id, message.payload)
  }

  close(code = 1000, reason = '') {
    this.fail(code, reason)
  }

  fail(code: number, reason = '') {
    if (this.readyState === FakeSocket.CLOSED) return
    this.readyState = FakeSocket.CLOSED
    this.subscriptions.clear()
    this.server.closed(this)
    queueMicrotask(() => this.onclose?.({ code, reason, wasClean: code === 1000 }))
  }

  async emit(field: string, value: Resolver) {
    for (const [id, subscription] of this.subscriptions) {
      if (subscription.field !== field) continue
      const payload = await this.server.run(subscription.document, subscription.variables, { [field]: value })
      this.#deliver({ id, type: 'next', payload })
    }
  }

  async #subscribe(id: string, { query, variables }: { query: string; variables?: Record<string, unknown> }) {
    const document = parse(query)
    const [selection] = getOperationAST(document)?.selectionSet.selections ?? []
    const field = selection?.kind === 'Field' ? selection.name.value : ''
    this.subscriptions.set(id, { field, document, variables })
    const first = this.server.first[field]
    if (!first) return
    const payload = await this.server.run(document, variables, { [field]: first })
    this.#deliver({ id, type: 'next', payload })
  }

  #deliver(message: unknown) {
    if (this.readyState === FakeSocket.OPEN) this.onmessage?.({ data: JSON.stringify(message) })
  }
}
