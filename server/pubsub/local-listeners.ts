import type { BaseLogger } from 'pino'
import { MAX_SIGNAL_IDS, type Signal, type Topic } from './signals'

export type PubSubLogger = Pick<BaseLogger, 'info' | 'warn' | 'error'>

type Listener = (ids: readonly string[]) => void

/** The listeners of this process. */
export class LocalListeners {
  private readonly byTopic = new Map<Topic, Set<{ listener: Listener }>>()

  constructor(private readonly logger?: PubSubLogger) {}

  add(topic: Topic, listener: Listener): () => void {
    // An object of its own, so that one function attached twice is two listeners.
    const entry = { listener }
    const entries = this.byTopic.get(topic) ?? new Set()
    this.byTopic.set(topic, entries.add(entry))
    return () => {
      entries.delete(entry)
    }
  }

  deliver({ topic, ids }: Signal): void {
    const entries = this.byTopic.get(topic)
    if (!entries) return
    // A copy: a listener may attach another one. One that was detached meanwhile is left out.
    for (const entry of [...entries]) if (entries.has(entry)) this.call(topic, entry.listener, ids)
  }

  /** Signals may have been missed: tells every listener to read again all that it shows. */
  deliverTooManyToName(): void {
    for (const topic of [...this.byTopic.keys()]) this.deliver({ topic, ids: [] })
  }

  clear(): void {
    for (const entries of this.byTopic.values()) entries.clear()
  }

  /** One listener's fault must not keep the signal from the others, nor reach the publisher. */
  private call(topic: Topic, listener: Listener, ids: readonly string[]): void {
    try {
      listener(ids)
    } catch (error) {
      this.logger?.error({ err: error, topic }, 'a signal listener threw')
    }
  }
}

export function withoutTooManyIds(signal: Signal): Signal {
  return signal.ids.length > MAX_SIGNAL_IDS ? { topic: signal.topic, ids: [] } : signal
}
