import { NoticeState, type ProfileNotice } from './profile-notice.entity'

/** A test run begins with single results: what is over the threshold must be so for this long before anybody is mailed. */
export const SETTLE_MS = 60_000
/** A profile that does not recover is told of again, if more than the threshold failed within the window again. */
export const REMIND_MS = 24 * 3_600_000
const FIRST_RETRY_MS = 60_000
const LAST_RETRY_MS = 3_600_000

/** What to do about a profile now. */
export enum NoticeStep {
  NOTHING = 'NOTHING',
  /** It has come over the threshold. */
  BEGIN = 'BEGIN',
  /** It has been over it long enough: look whether the failures are recent, and mail. */
  DECIDE = 'DECIDE',
  /** It is below it again, or nobody is to be mailed any more. */
  END = 'END',
}

/** `notice` is the profile's row; undefined when it has none. */
export function noticeStep(
  notice: Pick<ProfileNotice, 'state' | 'overSince' | 'sentAt'> | undefined,
  isOver: boolean,
  now: Date,
): NoticeStep {
  if (!notice) return isOver ? NoticeStep.BEGIN : NoticeStep.NOTHING
  if (!isOver) return NoticeStep.END
  const { state, overSince, sentAt } = notice
  const isPast = (from: Date, ms: number) => now.getTime() - from.getTime() >= ms
  const isDue =
    (state === NoticeState.NONE && isPast(overSince, SETTLE_MS)) ||
    (state === NoticeState.SENT && sentAt !== null && isPast(sentAt, REMIND_MS))
  return isDue ? NoticeStep.DECIDE : NoticeStep.NOTHING
}

/** The wait after so many failed attempts: a minute, doubled each time, at most an hour. */
export const retryAfterMs = (attempts: number): number => Math.min(FIRST_RETRY_MS * 2 ** (attempts - 1), LAST_RETRY_MS)
