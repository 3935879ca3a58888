import { ErrorActor, ErrorNature, ErrorScope, type MailError } from '../mail/mail-error'
import type { Direction } from '../mailboxes/mailbox.enums'
import { type Alert, AlertSeverity, AlertState } from './alert.entity'

/** What one test says about a subject, of one direction: the error it met, or that it works. */
export interface Sighting {
  subject: Subject
  direction: Direction
  /** Undefined: the direction works. */
  error?: MailError
  at: Date
}

export type Subject = { mailboxId: string; profileId: null } | { mailboxId: null; profileId: string }

/** Product rule 2.7: one open alert for each of these. */
export const openKeyOf = (subject: Subject, code: string): string =>
  `${subject.mailboxId !== null ? `m:${subject.mailboxId}` : `p:${subject.profileId}`}:${code}`

/**
 * Errors that every mailbox of the profile would meet are the profile's, one alert for all of them. A forward mailbox need not
 * have a profile: what that leads to is its own.
 */
export const subjectOf = (error: MailError, mailboxId: string, profileId: string | null): Subject =>
  error.scope === ErrorScope.PROFILE && profileId !== null
    ? { mailboxId: null, profileId }
    : { mailboxId, profileId: null }

export type AlertFields = Omit<Alert, 'id'>

/** Nothing is left of it: it has resolved itself. */
export const RESOLVED = { directions: [] as Direction[], state: AlertState.RESOLVED, openKey: null }

/** What nobody has to act on is a warning: it is expected to pass. */
export const severityOf = (error: MailError): AlertSeverity =>
  error.nature === ErrorNature.TRANSIENT && error.actor === ErrorActor.NOBODY
    ? AlertSeverity.WARNING
    : AlertSeverity.ERROR

/** The alert after a sighting; `open` is the open or acknowledged one of this subject and code. `count`: tests in which it was seen now. */
export function seen(
  open: Alert | undefined,
  sightings: readonly (Sighting & { error: MailError })[],
  count: number,
): AlertFields {
  const last = sightings.at(-1)
  if (!last) throw new Error('An alert needs a sighting')
  const directions = new Set([...(open?.directions ?? []), ...sightings.map((sighting) => sighting.direction)])
  return {
    severity: severityOf(last.error),
    // an acknowledged alert stays acknowledged: the person knows
    state: open?.state ?? AlertState.OPEN,
    code: last.error.code,
    message: last.error.message,
    remedy: last.error.remedy,
    serverResponse: last.error.serverResponse ?? null,
    ...last.subject,
    directions: [...directions],
    openKey: openKeyOf(last.subject, last.error.code),
    count: (open?.count ?? 0) + count,
    firstSeenAt: open?.firstSeenAt ?? last.at,
    lastSeenAt: last.at,
  }
}

/** What a working direction does to an open alert; undefined when it says nothing about it. */
export function works(open: Alert, direction: Direction): Pick<Alert, 'directions' | 'state' | 'openKey'> | undefined {
  if (!open.directions.includes(direction)) return undefined
  const directions = open.directions.filter((other) => other !== direction)
  return directions.length > 0 ? { directions, state: open.state, openKey: open.openKey } : RESOLVED
}
