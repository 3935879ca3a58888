import type { MailboxView } from '../gql/graphql'

export interface ViewName {
  view: MailboxView
  name: string
  /** Said when the view is empty. */
  empty: string
}

const named = (view: MailboxView, name: string, empty: string): ViewName => ({ view, name, empty })

/** In the order of the chips: what somebody must act on comes first. */
export const SHOWN_VIEWS: readonly ViewName[] = [
  named('ACTIVE', 'Active', 'There are no active mailboxes. They are made when users and queues are provisioned.'),
  named('PENDING_EMAIL_APPROVAL', 'Pending approval', 'No address waits for approval.'),
  named('TEST_AND_ENABLE_FAILED', 'Failed', 'No mailbox failed its last test.'),
  named('NOT_TESTED', 'Not tested', 'Every mailbox has been tested.'),
  named('ENABLED', 'Enabled', 'No mailbox is enabled yet. Test and enable those that are approved.'),
  named('PAUSED', 'Paused', 'No mailbox is paused.'),
]

export const MORE_VIEWS: readonly ViewName[] = [
  named('ALL', 'All', 'There are no mailboxes. They are made when users and queues are provisioned.'),
  named('INACTIVE', 'Inactive', 'No mailbox is inactive.'),
  named('MINE', 'Mine', 'No mailbox is yours.'),
  named('USER_MAILBOXES', 'Users', 'No user has a mailbox.'),
  named('QUEUE_MAILBOXES', 'Queues', 'No queue has a mailbox.'),
  named('FORWARD_MAILBOXES', 'Forward', 'There are no forward mailboxes.'),
]

const all = [...SHOWN_VIEWS, ...MORE_VIEWS]
export const DEFAULT_VIEW: MailboxView = 'ACTIVE'

const fallback = all[0] as ViewName
export const viewName = (view: MailboxView) => all.find((each) => each.view === view) ?? fallback

/** The view that an address names; anything else is the default. */
export const parseView = (text: string | null): MailboxView =>
  all.find((each) => each.view === text?.toUpperCase())?.view ?? DEFAULT_VIEW
