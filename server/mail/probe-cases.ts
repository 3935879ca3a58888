import type { EgressPolicy } from './egress'
import { makeEgressPolicy } from './egress'
import { probeImap } from './imap'
import type { MailError } from './mail-error'
import type { ProbeOptions, ProbeResult, ProbeSettings, ProbeStep, StepName } from './probe'
import { ConnectionSecurity, StepState } from './probe'
import type { Pair, ScriptedServer } from './scripted-servers'
import { imapServer, smtpServer } from './scripted-servers'
import { probeSmtp } from './smtp'

/** Test support: what the tests of both probes have in common. */
export const loopback: EgressPolicy = makeEgressPolicy({ allow: ['127.0.0.0/8', '::1'], deny: [] })

export const PASSWORD = 'correct horse'

/** Settings for a server on this machine; time limits short enough for a test that waits for one of them. */
export function settingsFor(port: number, changes: Partial<ProbeSettings> = {}): ProbeSettings {
  return {
    endpoint: { host: 'localhost', port, security: ConnectionSecurity.NONE },
    username: 'ada',
    password: PASSWORD,
    emailAddress: 'ada@example.org',
    verifyCertificates: true,
    timeouts: { connectMs: 2000, greetingMs: 2000, responseMs: 2000, receiveMs: 2000, totalMs: 10_000 },
    ...changes,
  }
}

/** One of the two protocols, as far as what they have in common goes. */
export interface Protocol {
  name: 'IMAP' | 'SMTP'
  /** A server of this protocol; with a certificate it offers STARTTLS, or begins with TLS. */
  serve(tls?: Pair, implicitTls?: boolean): Promise<ScriptedServer>
  probe(settings: ProbeSettings, options?: ProbeOptions & { egress?: EgressPolicy }): Promise<ProbeResult>
  /** The last step. */
  last: StepName
  field: 'incoming' | 'outgoing'
}

export const protocols: Protocol[] = [
  {
    name: 'IMAP',
    serve: (tls, implicitTls) => imapServer({ tls, implicitTls }),
    probe: (settings, options) => probeImap(settings, { egress: loopback, ...options }),
    last: 'OPEN_INBOX',
    field: 'incoming',
  },
  {
    name: 'SMTP',
    serve: (tls, implicitTls) => smtpServer({ tls, implicitTls }),
    probe: (settings, options) => probeSmtp(settings, { egress: loopback, ...options }),
    last: 'SEND',
    field: 'outgoing',
  },
]

/** `DNS ok, CONNECT failed CONNECTION_REFUSED, GREETING skipped`, without the skipped ones at the end. */
export function story(result: ProbeResult): string {
  return result.steps
    .map((step) => [step.name, word(step)].join(' '))
    .join(', ')
    .replace(/(, \w+ skipped)+$/, '')
}

/** The error of the step that failed. */
export function failureOf(result: ProbeResult): MailError | undefined {
  return result.steps.find((step) => step.state === StepState.FAILED)?.error
}

function word(step: ProbeStep): string {
  if (step.state === StepState.SUCCEEDED) return 'ok'
  return step.state === StepState.FAILED ? `failed ${step.error?.code}` : step.state.toLowerCase()
}
