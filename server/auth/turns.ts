/** Nobody may wait any more: the caller has to try again later. */
export class TooManyWaiting extends Error {
  constructor() {
    super('Too many are waiting for their turn')
    this.name = 'TooManyWaiting'
  }
}

/** Lets a few pieces of work run at one time and some more wait in a line; what comes beyond that is refused at once. */
export class Turns {
  private running = 0
  private readonly line: (() => void)[] = []

  constructor(
    private readonly atOnce: number,
    private readonly mostWaiting: number,
  ) {}

  /** @throws TooManyWaiting before any of the work is done */
  async take<T>(work: () => Promise<T>): Promise<T> {
    if (this.running < this.atOnce) this.running += 1
    else if (this.line.length < this.mostWaiting) await new Promise<void>((resolve) => this.line.push(resolve))
    else throw new TooManyWaiting()
    try {
      return await work()
    } finally {
      // the turn passes on to the next in line, so nobody can come between
      const next = this.line.shift()
      if (next) next()
      else this.running -= 1
    }
  }
}
