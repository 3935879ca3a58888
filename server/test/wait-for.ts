import { setTimeout as pause } from 'node:timers/promises'

/**
 * Asks until the answer is neither false, null nor undefined, and returns it. A throw counts as "not yet". After timeoutMs it
 * throws an error that names what was waited for and the last throw.
 */
export async function waitFor<T>(
  what: string,
  ask: () => T | Promise<T>,
  { timeoutMs = 10_000, everyMs = 10 }: { timeoutMs?: number; everyMs?: number } = {},
): Promise<Exclude<T, false | null | undefined>> {
  const deadline = Date.now() + timeoutMs
  let lastError: unknown
  for (;;) {
    try {
      const answer = await ask()
      if (answer !== false && answer !== null && answer !== undefined) {
        return answer as Exclude<T, false | null | undefined>
      }
      lastError = undefined
    } catch (error) {
      lastError = error
    }
    if (Date.now() >= deadline) throw new Error(`Waited ${timeoutMs} ms for: ${what}`, { cause: lastError })
    await pause(everyMs)
  }
}
