import { setTimeout as pause } from 'node:timers/promises'
import { type Client, createClient } from 'graphql-ws'
import WebSocket from 'ws'
import { type Anything, type Caller, Watching } from './harness'

const PROGRESS = `subscription ($id: ID!) { testRunProgress(id: $id) {
  run { state total queued running succeeded failed skipped cancelled finishedAt } items { id state }
} }`

/** A test run as its subscriber sees it, who connects anew for as long as it takes, as the dashboard does. */
export class RunFollower {
  /** The run in each event so far. */
  readonly runs: Anything[] = []
  /** The last state of each item that was told. */
  readonly itemStates = new Map<string, string>()
  /** Resolves when the subscription has completed. */
  readonly end: Promise<void>
  private readonly socket: Client

  constructor(caller: Caller, id: string) {
    this.socket = persistentSocket(caller)
    this.end = this.read(caller.watch(PROGRESS, { id }, this.socket))
    // told where the end is awaited
    this.end.catch(() => undefined)
  }

  get last(): Anything {
    return this.runs.at(-1)
  }

  async close(): Promise<void> {
    await this.socket.dispose()
  }

  private async read(events: Watching<Anything>): Promise<void> {
    for (let event = await events.next(); event; event = await events.next()) {
      this.runs.push(event.testRunProgress.run)
      for (const { id, state } of event.testRunProgress.items) this.itemStates.set(id, state)
    }
  }
}

function persistentSocket(caller: Caller): Client {
  class WithCookie extends WebSocket {
    constructor(address: string, protocols: string | string[]) {
      super(address, protocols, { headers: { cookie: caller.sessionCookie } })
    }
  }
  return createClient({
    url: `${caller.url.replace('http', 'ws')}/graphql`,
    webSocketImpl: WithCookie,
    retryAttempts: Number.POSITIVE_INFINITY,
    retryWait: () => pause(50),
    shouldRetry: () => true,
  })
}
