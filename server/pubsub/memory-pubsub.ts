import { LocalListeners, type PubSubLogger, withoutTooManyIds } from './local-listeners'
import type { PubSub } from './signals'

/** Signals within this process: the default, nothing to install. Listeners are called before publish() returns. */
export function makeMemoryPubSub({ logger }: { logger?: PubSubLogger } = {}): PubSub {
  const listeners = new LocalListeners(logger)
  let isClosed = false
  return {
    publish(signal) {
      if (!isClosed) listeners.deliver(withoutTooManyIds(signal))
    },
    subscribe: (topic, listener) => listeners.add(topic, listener),
    async ready() {},
    async close() {
      isClosed = true
      listeners.clear()
    },
  }
}
