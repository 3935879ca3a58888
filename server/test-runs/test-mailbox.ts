import type { EgressPolicy } from '../mail/egress'
import { classifyImap, classifySmtp } from '../mail/failure'
import { ProbeFault } from '../mail/fault'
import { probeImap } from '../mail/imap'
import { ErrorActor, ErrorScope, type MailError, MailErrorCode } from '../mail/mail-error'
import { ConnectionSecurity, type ProbeResult, type ProbeStep, type ProbeTimeouts, StepState } from '../mail/probe'
import { probeSmtp } from '../mail/smtp'
import { signTestToken, verifyTestToken } from '../mail/test-token'
import { Direction, TestStatus } from '../mailboxes/mailbox.enums'
import {
  type DirectionOutcome,
  type ProbedPlace,
  type ProbeTarget,
  type ProbeTargets,
  type TestBasis,
  tellsOfForwardMailbox,
} from '../mailboxes/mailbox-test.service'
import { CredentialSource } from '../profiles/profile.entity'
import type { DirectionResult } from './test-run.entity'
import { directionVerdict } from './verdict'

export interface TestMeans {
  egress: EgressPolicy
  timeouts: Partial<ProbeTimeouts>
  /** The first signs the test messages; all are believed, for a message may be older than the last change of keys. */
  tokenKeys: readonly Buffer[]
}

export interface TestOrder {
  itemId: string
  directions: readonly Direction[]
  roundTrip: boolean
  signal: AbortSignal
  /** Called when a step begins and when it ends. */
  onStep(direction: Direction, step: ProbeStep): void
}

export interface TestOutcome {
  results: DirectionResult[]
  directions: DirectionOutcome[]
  /** The configuration that was tested. */
  basis: TestBasis
}

/**
 * Tests one mailbox against its servers, incoming and outgoing at the same time. With a round trip the outgoing test sends a
 * message to the mailbox itself and the incoming one finds and removes it.
 */
export async function testMailbox(targets: ProbeTargets, order: TestOrder, means: TestMeans): Promise<TestOutcome> {
  const wanted = (direction: Direction.INCOMING | Direction.OUTGOING): ProbeTarget =>
    order.directions.includes(direction) ? targets[direction] : { absent: true }
  const incoming = wanted(Direction.INCOMING)
  const outgoing = wanted(Direction.OUTGOING)
  const isRoundTrip = order.roundTrip && 'settings' in incoming && 'settings' in outgoing
  const token = isRoundTrip
    ? signTestToken(tokenKeyOf(means), { itemId: order.itemId, mailboxId: targets.mailboxId, at: new Date() })
    : undefined
  let tellSent: (isSent: boolean) => void = () => undefined
  const sent = new Promise<boolean>((resolve) => {
    tellSent = resolve
  })
  const [incomingResult, outgoingResult] = await Promise.all([
    direction(incoming, classifyImap, (settings) =>
      probeImap(
        { ...settings, timeouts: means.timeouts },
        {
          egress: means.egress,
          signal: order.signal,
          onStep: (step) => order.onStep(Direction.INCOMING, step),
          roundTrip: token === undefined ? undefined : roundTrip(token, targets.mailboxId, sent, means),
        },
      ),
    ),
    direction(outgoing, classifySmtp, (settings) =>
      probeSmtp(
        { ...settings, timeouts: means.timeouts },
        {
          egress: means.egress,
          signal: order.signal,
          onStep: (step) => order.onStep(Direction.OUTGOING, step),
          testMessage: token === undefined ? undefined : { token },
        },
      ),
    )
      .then((result) => {
        tellSent(result.steps.at(-1)?.state === StepState.SUCCEEDED)
        return result
      })
      .finally(() => tellSent(false)),
  ])
  const results: [Direction, ProbeResult][] = [
    [Direction.INCOMING, incomingResult],
    [Direction.OUTGOING, outgoingResult],
  ]
  return outcomeOf(targets.basis, results, targets.through)
}

function roundTrip(token: string, mailboxId: string, sent: Promise<boolean>, means: TestMeans) {
  return {
    token,
    sent,
    verify: (text: string) =>
      means.tokenKeys.some((key) => verifyTestToken(key, text, new Date())?.mailboxId === mailboxId),
  }
}

function tokenKeyOf({ tokenKeys: [current] }: TestMeans): Buffer {
  if (!current) throw new Error('There is no key to sign test messages with')
  return current
}

const NOT_TESTED: ProbeResult = { steps: [], durationMs: 0 }

async function direction(
  target: ProbeTarget,
  classify: typeof classifyImap,
  probe: (settings: Extract<ProbeTarget, { settings: unknown }>['settings']) => Promise<ProbeResult>,
): Promise<ProbeResult> {
  if ('absent' in target) return NOT_TESTED
  if ('settings' in target) {
    const result = await probe(target.settings)
    return { ...result, steps: result.steps.map((step) => asOwnersFault(step, target.source)) }
  }
  const { problem, endpoint } = target
  const context = { endpoint, secured: false, username: '', password: '' }
  const name = problem.code === MailErrorCode.ENDPOINT_MISSING ? 'DNS' : 'AUTHENTICATE'
  const error = classify(new ProbeFault(problem.code), name, context)
  const step: ProbeStep = { name, state: StepState.FAILED, durationMs: 0, error }
  return { steps: [asOwnersFault(step, problem.source)], durationMs: 0 }
}

/** A refused sign-in with the profile's credentials meets every mailbox of it, and only an administrator can mend it. */
function asOwnersFault(step: ProbeStep, source: CredentialSource): ProbeStep {
  const { error } = step
  if (!error || step.name !== 'AUTHENTICATE' || source !== CredentialSource.PROFILE) return step
  if (error.scope !== ErrorScope.MAILBOX) return step
  const remedy = 'An administrator has to correct the name or the password in the profile.'
  return { ...step, error: { ...error, scope: ErrorScope.PROFILE, actor: ErrorActor.ADMINISTRATOR, remedy } }
}

/** A failure always has an error: alerts and causes are made of them. */
function explained<T extends { status: TestStatus; error?: MailError }>(verdict: T): T {
  return verdict.status === TestStatus.FAILURE && !verdict.error ? { ...verdict, error: unknownError() } : verdict
}

function outcomeOf(basis: TestBasis, results: [Direction, ProbeResult][], forward?: ProbedPlace): TestOutcome {
  const through = (which: Direction, error: MailError | undefined) =>
    forward && which === Direction.INCOMING && (!error || tellsOfForwardMailbox(error.code)) ? { through: forward } : {}
  const judged = results.map(([which, { steps, durationMs }]) => ({
    which,
    steps,
    durationMs,
    ...explained(directionVerdict(steps)),
  }))
  return {
    basis,
    results: judged.map(({ which, status, steps, durationMs }) => ({
      direction: which,
      status,
      steps,
      durationMs: status === TestStatus.NOT_RUN ? undefined : Math.round(durationMs),
    })),
    directions: judged.map(({ which, status, error }) => ({
      ...{ direction: which, status, error },
      ...through(which, error),
    })),
  }
}

/** What a bug in this service leaves of a test: a failure that names nobody outside. */
export function unexpected(basis: TestBasis, directions: readonly Direction[]): TestOutcome {
  const step: ProbeStep = { name: 'CONNECT', state: StepState.FAILED, error: unknownError() }
  const tested = directions.filter((which) => which !== Direction.ACT)
  return outcomeOf(
    basis,
    tested.map((which) => [which, { steps: [step], durationMs: 0 }]),
  )
}

function unknownError(): MailError {
  const endpoint = { host: '', port: 0, security: ConnectionSecurity.NONE }
  const context = { endpoint, secured: false, username: '', password: '' }
  return { ...classifyImap(new ProbeFault(MailErrorCode.UNKNOWN), 'CONNECT', context), field: undefined }
}
