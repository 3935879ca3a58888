/**
 * Every topic there is. A signal carries topic and ids only, never state: the receiver reloads through the service, so rights
 * are checked at read and nothing stale or secret travels between processes.
 */
export type Topic =
  /** ids of mailboxes whose row changed */
  | 'mailboxes'
  /** ids of test runs whose row or items changed */
  | 'test-runs'
  /** ids of alerts that were opened, counted or closed */
  | 'alerts'
  /** ids of email server profiles that changed */
  | 'profiles'
  /** ids of sessions and API tokens that ended: sockets opened with them are closed */
  | 'sessions'

export interface Signal {
  topic: Topic
  /** Empty means: too many to name, read again all that is shown. */
  ids: readonly string[]
}

/** More ids than this in one signal are sent as "too many to name". */
export const MAX_SIGNAL_IDS = 200

export interface PubSub {
  /** Never throws and never waits for a receiver. A signal that cannot be sent is logged and dropped: receivers get "too many to name" when the connection is back. */
  publish(signal: Signal): void
  /** The listener is attached when this returns (or, for Redis, when `ready` resolves); the returned function detaches it at once. */
  subscribe(topic: Topic, listener: (ids: readonly string[]) => void): () => void
  /** Resolves when signals published by other processes are being received. */
  ready(): Promise<void>
  close(): Promise<void>
}
