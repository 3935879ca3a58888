import { describe, expect, test } from '@jest/globals'
import { ErrorActor, ErrorNature, ErrorScope, type MailError, MailErrorCode } from '../mail/mail-error'
import { Direction } from '../mailboxes/mailbox.enums'
import { aMailError } from '../test/builders'
import { type Alert, AlertSeverity, AlertState } from './alert.entity'
import { openKeyOf, type Sighting, type Subject, seen, subjectOf, works } from './alert-state'

const { INCOMING, OUTGOING } = Direction
const MAILBOX: Subject = { mailboxId: '01900000-0000-7000-8000-000000000001', profileId: null }
const PROFILE: Subject = { mailboxId: null, profileId: '01900000-0000-7000-8000-0000000000aa' }
const FIRST = new Date('2026-02-02T10:00:00Z')
const LATER = new Date('2026-02-02T11:00:00Z')

const sighting = (differences: Partial<Sighting> = {}, error: MailError = aMailError()) => ({
  subject: MAILBOX,
  direction: INCOMING,
  at: FIRST,
  ...differences,
  error,
})

const stored = (differences: Partial<Alert> = {}): Alert => ({
  ...seen(undefined, [sighting()], 1),
  id: 'an-alert',
  ...differences,
})

describe('whose error it is (product rule 2.7)', () => {
  test.each([
    [ErrorScope.MESSAGE, MAILBOX],
    [ErrorScope.MAILBOX, MAILBOX],
    // every mailbox of the profile would meet it: one alert for all of them
    [ErrorScope.PROFILE, PROFILE],
  ])('scope %s', (scope, subject) => {
    expect(subjectOf(aMailError({ scope }), String(MAILBOX.mailboxId), String(PROFILE.profileId))).toEqual(subject)
  })

  test('there is one key for each subject and code, and it fits its column', () => {
    const codes = Object.values(MailErrorCode)
    const keys = [MAILBOX, PROFILE].flatMap((subject) => codes.map((code) => openKeyOf(subject, code)))
    expect(new Set(keys).size).toBe(2 * codes.length)
    expect(Math.max(...keys.map((key) => key.length))).toBeLessThanOrEqual(80)
    // a mailbox and a profile never share one, should their ids be alike
    expect(openKeyOf({ mailboxId: 'x', profileId: null }, 'C')).not.toBe(
      openKeyOf({ mailboxId: null, profileId: 'x' }, 'C'),
    )
  })
})

describe('an error is seen', () => {
  test('for the first time: an open alert with what happened, who must act and the words of the server', () => {
    const error = aMailError({ serverResponse: '535 5.7.8 no' })
    expect(seen(undefined, [sighting({}, error)], 1)).toEqual({
      severity: AlertSeverity.ERROR,
      state: AlertState.OPEN,
      code: error.code,
      message: error.message,
      remedy: error.remedy,
      serverResponse: '535 5.7.8 no',
      ...MAILBOX,
      directions: [INCOMING],
      openKey: openKeyOf(MAILBOX, error.code),
      count: 1,
      firstSeenAt: FIRST,
      lastSeenAt: FIRST,
    })
  })

  test('again: counted, not repeated, in the words of the last time', () => {
    const again = aMailError({ message: 'Still refused.', remedy: 'Ask for a new one.' })
    expect(seen(stored({ count: 4 }), [sighting({ at: LATER }, again)], 1)).toMatchObject({
      state: AlertState.OPEN,
      count: 5,
      firstSeenAt: FIRST,
      lastSeenAt: LATER,
      message: 'Still refused.',
      remedy: 'Ask for a new one.',
      serverResponse: null,
      openKey: openKeyOf(MAILBOX, again.code),
    })
  })

  test('after somebody acknowledged it: stays acknowledged, and is counted', () => {
    const after = seen(stored({ state: AlertState.ACKNOWLEDGED }), [sighting({ at: LATER })], 1)
    expect(after).toMatchObject({ state: AlertState.ACKNOWLEDGED, count: 2, lastSeenAt: LATER })
  })

  test('in both directions of one test: one alert, one test', () => {
    const after = seen(undefined, [sighting(), sighting({ direction: OUTGOING })], 1)
    expect(after).toMatchObject({ count: 1, directions: [INCOMING, OUTGOING] })
  })

  test('in another direction than before: it is of both', () => {
    const after = seen(stored(), [sighting({ direction: OUTGOING }), sighting({ direction: OUTGOING })], 1)
    expect(after.directions).toEqual([INCOMING, OUTGOING])
  })

  test('by many mailboxes of a profile at once: one alert of the profile, with their number', () => {
    const error = aMailError({ scope: ErrorScope.PROFILE, code: MailErrorCode.CONNECTION_REFUSED })
    const sightings = Array.from({ length: 500 }, () => sighting({ subject: PROFILE }, error))
    expect(seen(undefined, sightings, 500)).toMatchObject({ ...PROFILE, count: 500, directions: [INCOMING] })
  })

  test.each([
    [ErrorNature.PERMANENT, ErrorActor.MAILBOX_OWNER, AlertSeverity.ERROR],
    [ErrorNature.PERMANENT, ErrorActor.NOBODY, AlertSeverity.ERROR],
    [ErrorNature.TRANSIENT, ErrorActor.PROFILE_OWNER, AlertSeverity.ERROR],
    // passes by itself
    [ErrorNature.TRANSIENT, ErrorActor.NOBODY, AlertSeverity.WARNING],
  ])('%s, to be mended by %s: %s', (nature, actor, severity) => {
    expect(seen(undefined, [sighting({}, aMailError({ nature, actor }))], 1).severity).toBe(severity)
  })

  test('by nobody at all: that is a bug', () => {
    expect(() => seen(undefined, [], 0)).toThrow()
  })
})

describe('a direction works', () => {
  const openKey = openKeyOf(MAILBOX, aMailError().code)
  test.each<[string, Partial<Alert>, Direction, ReturnType<typeof works>]>([
    [
      'the only one it was seen in: it resolves itself, and the next failure opens a new one',
      { directions: [INCOMING] },
      INCOMING,
      { directions: [], state: AlertState.RESOLVED, openKey: null },
    ],
    [
      'one of two: it stays open for the other',
      { directions: [INCOMING, OUTGOING] },
      INCOMING,
      { directions: [OUTGOING], state: AlertState.OPEN, openKey },
    ],
    [
      'one of two of an acknowledged one: it stays acknowledged',
      { directions: [INCOMING, OUTGOING], state: AlertState.ACKNOWLEDGED },
      OUTGOING,
      { directions: [INCOMING], state: AlertState.ACKNOWLEDGED, openKey },
    ],
    [
      'the only one of an acknowledged one: it resolves itself too',
      { directions: [OUTGOING], state: AlertState.ACKNOWLEDGED },
      OUTGOING,
      { directions: [], state: AlertState.RESOLVED, openKey: null },
    ],
    ['one it was not seen in: nothing', { directions: [INCOMING] }, OUTGOING, undefined],
  ])('%s', (_, alert, direction, expected) => {
    expect(works(stored(alert), direction)).toEqual(expected)
  })
})
