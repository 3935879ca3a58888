import type { MailErrorCode } from '../mail/mail-error'
import { MEANINGS, type Meaning, type Scene } from '../mail/remedy'
import type { NoticeFacts } from './profile-notice.entity'

/** So many causes are named; the rest is counted. */
const MOST_CAUSES = 5

export interface NoticeText {
  subject: string
  text: string
}

export interface NoticeAbout {
  ownerName: string
  profileName: string
  profileId: string
  /** The profile's servers. */
  scenes: readonly Scene[]
}

/** The mail to the owner of a profile: how many of how many fail, with what most of them, what helps, and where to look. */
export function noticeText(about: NoticeAbout, facts: NoticeFacts, publicUrl: string | undefined): NoticeText {
  const { tested, failing, recent, causes, windowMinutes } = facts
  const named = causes.slice(0, MOST_CAUSES)
  const rest = causes.slice(MOST_CAUSES).reduce((sum, cause) => sum + cause.count, 0)
  const lines = [
    `Hello ${about.ownerName},`,
    '',
    `${failing} of the ${tested} tested mailboxes of the email server profile "${about.profileName}" fail;`,
    `${recent} of them failed within the last ${minutes(windowMinutes)}.`,
    '',
    'What they fail with:',
    ...named.flatMap(({ code, count }) => [
      `  ${count} x ${code}`,
      ...sentencesOf(code, about.scenes).map((sentence) => `    ${sentence}`),
    ]),
    ...(rest > 0 ? [`  ${rest} x other causes`] : []),
    '',
    ...(publicUrl ? ['Look at them here:', `  ${placeOf(publicUrl, about.profileId)}`, ''] : []),
    'You get this mail because you are the owner of the profile. The next one comes when the profile has recovered and',
    'fails again, or in a day if it goes on failing.',
    '',
  ]
  const subject = `${failing} of ${tested} mailboxes of ${about.profileName} fail`
  return { subject, text: lines.join('\n') }
}

/**
 * What happened and who has to do what. Which of the profile's servers it was is not counted: what holds for one of them only
 * is not said, and remedies are said for both.
 */
function sentencesOf(code: string, scenes: readonly Scene[]): string[] {
  const meaning = MEANINGS[code as MailErrorCode] as Meaning | undefined
  if (!meaning) return []
  const messages = [...new Set(scenes.map((scene) => meaning.message(scene)))]
  const remedies = new Set(scenes.map((scene) => meaning.remedy(scene)))
  return [...(messages.length === 1 ? messages : []), ...remedies]
}

const minutes = (count: number): string => (count === 1 ? 'minute' : count === 60 ? 'hour' : `${count} minutes`)

/** The failed mailboxes of the profile, as the dashboard shows them. */
function placeOf(publicUrl: string, profileId: string): string {
  const place = new URL(publicUrl)
  place.pathname = `${place.pathname.replace(/\/$/, '')}/mailboxes`
  place.search = new URLSearchParams({ view: 'test_and_enable_failed', profile: profileId }).toString()
  return place.href
}
