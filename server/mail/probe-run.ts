import type { FaultContext } from './fault'
import { ProbeFault } from './fault'
import type { MailError } from './mail-error'
import { MailErrorCode } from './mail-error'
import type { ProbeOptions, ProbeResult, ProbeSettings, ProbeStep, ProbeTimeouts, StepName } from './probe'
import { DEFAULT_TIMEOUTS, StepState } from './probe'

export type Classify = (error: unknown, step: StepName, context: FaultContext) => MailError

/** What a step that runs out of time is called. */
const TIMEOUT_CODES: Record<StepName, MailErrorCode> = {
  DNS: MailErrorCode.DNS_TEMPORARY,
  CONNECT: MailErrorCode.CONNECT_TIMEOUT,
  TLS: MailErrorCode.RESPONSE_TIMEOUT,
  GREETING: MailErrorCode.GREETING_TIMEOUT,
  AUTHENTICATE: MailErrorCode.RESPONSE_TIMEOUT,
  OPEN_INBOX: MailErrorCode.RESPONSE_TIMEOUT,
  RECEIVE: MailErrorCode.ROUND_TRIP_TIMEOUT,
  SEND: MailErrorCode.RESPONSE_TIMEOUT,
}

/** Ends the body of a probe whose step failed; the failure is recorded already. */
class StepFailed extends Error {}

/** Thrown by the work of a step that turns out not to apply: the step is SKIPPED, and the body goes on. */
export class StepNotNeeded extends Error {}

/**
 * One probe under way: its steps, its deadlines and what has to be closed when it ends badly. Whatever ends it early
 * (a step's limit, the total limit, the caller's signal) first remembers why, then closes everything, so that the
 * library's own complaint about the closed socket is never taken for the cause.
 */
export class ProbeRun {
  readonly timeouts: ProbeTimeouts
  /** Set as soon as TLS protects the connection: it decides what a refused sign-in means. */
  secured = false
  private readonly steps: ProbeStep[]
  private readonly cleanups: (() => void)[] = []
  private readonly startedAt = performance.now()
  private cause?: ProbeFault
  private running?: StepName
  private rejectEnded: (fault: ProbeFault) => void = () => undefined
  private readonly ended = new Promise<never>((_resolve, reject) => {
    this.rejectEnded = reject
  })

  constructor(
    private readonly settings: ProbeSettings,
    private readonly options: ProbeOptions,
    names: readonly StepName[],
    private readonly classify: Classify,
  ) {
    this.timeouts = { ...DEFAULT_TIMEOUTS, ...settings.timeouts }
    this.steps = names.map((name) => ({ name, state: StepState.PENDING }))
    this.ended.catch(() => undefined)
  }

  /** Runs the probe's body; whatever it throws is in the steps afterwards. Never rejects. */
  async complete(body: () => Promise<void>): Promise<ProbeResult> {
    const { signal } = this.options
    const onAbort = () => this.end(new ProbeFault(MailErrorCode.RESPONSE_TIMEOUT, { message: 'The test was stopped.' }))
    const timer = setTimeout(() => this.end(this.timeoutFault()), this.timeouts.totalMs)
    signal?.addEventListener('abort', onAbort, { once: true })
    if (signal?.aborted) onAbort()
    try {
      await body()
    } catch (error) {
      this.cleanUp()
      if (!(error instanceof StepFailed)) this.failWithoutStep(error)
    } finally {
      clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
    }
    return { steps: this.finishedSteps(), durationMs: elapsed(this.startedAt) }
  }

  /**
   * Runs one step within `limitMs`. Its failure is classified and recorded, and ends the body.
   * @throws StepFailed
   */
  async step<T>(name: StepName, limitMs: number, work: () => Promise<T>): Promise<T> {
    const step = this.stepNamed(name)
    const startedAt = performance.now()
    this.running = name
    step.state = StepState.RUNNING
    this.report(step)
    const timer = setTimeout(() => this.end(this.timeoutFault()), limitMs)
    try {
      const result = await this.unlessEnded(work)
      step.state = StepState.SUCCEEDED
      return result
    } catch (error) {
      if (error instanceof StepNotNeeded && !this.cause) {
        step.state = StepState.SKIPPED
        return undefined as T
      }
      step.state = StepState.FAILED
      step.error = this.errorOf(error, name)
      throw new StepFailed()
    } finally {
      clearTimeout(timer)
      this.running = undefined
      if (step.state !== StepState.SKIPPED) step.durationMs = elapsed(startedAt)
      this.report(step)
    }
  }

  /** Fails a step before anything was sent. */
  refuse(name: StepName, fault: ProbeFault): never {
    const step = this.stepNamed(name)
    step.state = StepState.FAILED
    step.durationMs = 0
    step.error = this.errorOf(fault, name)
    this.report(step)
    throw new StepFailed()
  }

  /** Registers what closes a resource if the probe ends badly. */
  onFailure(cleanup: () => void): void {
    this.cleanups.push(cleanup)
    if (this.cause) cleanup()
  }

  private async unlessEnded<T>(work: () => Promise<T>): Promise<T> {
    if (this.cause) throw this.cause
    return Promise.race([work(), this.ended])
  }

  private end(fault: ProbeFault): void {
    if (this.cause) return
    this.cause = fault
    this.rejectEnded(fault)
    this.cleanUp()
  }

  private timeoutFault(): ProbeFault {
    return new ProbeFault(TIMEOUT_CODES[this.running ?? 'DNS'])
  }

  private errorOf(error: unknown, name: StepName): MailError {
    const { endpoint, username, password } = this.settings
    return this.classify(this.cause ?? error, name, { endpoint, secured: this.secured, username, password })
  }

  /** An exception outside a step is a bug of ours; the item still has to end with a code (product rule 2.5). */
  private failWithoutStep(error: unknown): void {
    const next = this.steps.find((step) => step.state === StepState.PENDING)
    if (!next) return
    next.state = StepState.FAILED
    next.error = this.errorOf(error, next.name)
    this.report(next)
  }

  private cleanUp(): void {
    for (const cleanup of this.cleanups.splice(0)) cleanup()
  }

  private finishedSteps(): ProbeStep[] {
    for (const step of this.steps) if (step.state === StepState.PENDING) step.state = StepState.SKIPPED
    return this.steps
  }

  private stepNamed(name: StepName): ProbeStep {
    const step = this.steps.find((candidate) => candidate.name === name)
    if (!step) throw new Error(`this probe has no step ${name}`)
    return step
  }

  private report(step: ProbeStep): void {
    this.options.onStep?.({ ...step })
  }
}

function elapsed(since: number): number {
  return Math.round(performance.now() - since)
}
