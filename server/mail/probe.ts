import type { MailError } from './mail-error'

/** How a connection to an endpoint is protected. */
export enum ConnectionSecurity {
  /** TLS from the first byte (RFC 8314). */
  TLS = 'TLS',
  /** Plain greeting, then STARTTLS, required: no fall-back to plain text. */
  STARTTLS = 'STARTTLS',
  NONE = 'NONE',
}

/** The stages of a test in their order (product rule 2.5). TLS comes after GREETING when the security is STARTTLS, and is absent when it is NONE. */
export type StepName = 'DNS' | 'CONNECT' | 'TLS' | 'GREETING' | 'AUTHENTICATE' | 'OPEN_INBOX' | 'RECEIVE' | 'SEND'

export enum StepState {
  PENDING = 'PENDING',
  RUNNING = 'RUNNING',
  SUCCEEDED = 'SUCCEEDED',
  FAILED = 'FAILED',
  SKIPPED = 'SKIPPED',
}

/** A plain object that is stored as JSON. */
export interface ProbeStep {
  name: StepName
  state: StepState
  durationMs?: number
  error?: MailError
}

export interface Endpoint {
  host: string
  port: number
  security: ConnectionSecurity
}

export interface ProbeTimeouts {
  connectMs: number
  greetingMs: number
  /** Between a command and its answer. */
  responseMs: number
  /** How long the test message may take to arrive. */
  receiveMs: number
  /** For the whole probe, whatever it is doing; RECEIVE's wait is inside it. */
  totalMs: number
}

export const DEFAULT_TIMEOUTS: Readonly<ProbeTimeouts> = {
  connectMs: 10_000,
  greetingMs: 10_000,
  responseMs: 20_000,
  receiveMs: 30_000,
  totalMs: 90_000,
}

/** What a mailbox and its profile say about one direction. */
export interface ProbeSettings {
  endpoint: Endpoint
  username: string
  password: string
  /** The address of the mailbox: sender and recipient of the test message. */
  emailAddress: string
  /** PEM certificates trusted beside the system's own. */
  trustedCertificates?: string
  /** False only where the profile visibly says so. */
  verifyCertificates: boolean
  timeouts?: Partial<ProbeTimeouts>
}

export interface ProbeOptions {
  /** Ends the probe at once; its running step then fails with RESPONSE_TIMEOUT unless the caller no longer looks. */
  signal?: AbortSignal
  /** Called when a step starts and when it ends, with a copy. */
  onStep?: (step: ProbeStep) => void
}

export interface ProbeResult {
  steps: ProbeStep[]
  durationMs: number
}
