interface Sample {
  at: number
  done: number
}

const WINDOW_MS = 15_000

/** How many items a second were finished lately, from samples of a growing count: over the last 15 s, so that a slow start doesn't spoil the estimate. */
export class Pace {
  #samples: Sample[] = []

  add(done: number, at: number) {
    const last = this.#samples.at(-1)
    if (last && done <= last.done) return
    this.#samples.push({ done, at })
    const oldest = this.#samples.findIndex((sample) => at - sample.at <= WINDOW_MS)
    if (oldest > 1) this.#samples.splice(0, oldest - 1)
  }

  /** Null until there is something to tell it by. */
  perSecond(now: number): number | null {
    const [first] = this.#samples
    const last = this.#samples.at(-1)
    if (!first || !last || last.done <= first.done) return null
    return ((last.done - first.done) / Math.max(1_000, now - first.at)) * 1_000
  }
}
