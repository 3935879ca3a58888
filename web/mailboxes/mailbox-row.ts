import { graphql } from '../gql/gql'
import type { Direction, MailboxRowFragment } from '../gql/graphql'
import { directionMark, type Mark } from '../lib/state-words'

export const MailboxRow = graphql(`
  fragment MailboxRow on Mailbox {
    id
    kind
    name
    emailAddress
    active
    approval
    health
    errorCode
    incomingMethod
    outgoingMethod
    actMethod
    incomingEmailStatus
    outgoingEmailStatus
    actStatus
    incomingChangedSinceTest
    outgoingChangedSinceTest
    actChangedSinceTest
    lastTestedAt
    profile {
      id
      name
    }
    testRun {
      id
    }
  }
`)

/** Shared by the frame and the pages: the same document and variables are one subscription on the socket. */
export const MailboxChangesDocument = graphql(`
  subscription MailboxChanges {
    mailboxChanges {
      kind
      mailboxes {
        ...MailboxRow
      }
    }
  }
`)

const INCOMING_ONLY = new Set(['INBOX_NOT_FOUND', 'INBOX_READ_ONLY', 'ROUND_TRIP_TIMEOUT'])
const OUTGOING_ONLY = new Set([
  'SENDER_REFUSED',
  'RECIPIENT_REFUSED',
  'MESSAGE_TOO_LARGE',
  'MESSAGE_REFUSED',
  'GREYLISTED',
])

/** A mailbox keeps one code; a direction whose failure cannot be that one says so without a cause. */
function codeFor(direction: Direction, code: string | null | undefined) {
  if (!code) return null
  if (direction !== 'INCOMING' && INCOMING_ONLY.has(code)) return null
  if (direction !== 'OUTGOING' && OUTGOING_ONLY.has(code)) return null
  return code
}

export function directionMarks(mailbox: MailboxRowFragment): Record<Direction, Mark> {
  const isTesting = mailbox.health === 'TESTING' || mailbox.testRun != null
  return {
    INCOMING: directionMark({
      method: mailbox.incomingMethod,
      status: mailbox.incomingEmailStatus,
      hasChangedSinceTest: mailbox.incomingChangedSinceTest,
      errorCode: codeFor('INCOMING', mailbox.errorCode),
      isTesting,
    }),
    OUTGOING: directionMark({
      method: mailbox.outgoingMethod,
      status: mailbox.outgoingEmailStatus,
      hasChangedSinceTest: mailbox.outgoingChangedSinceTest,
      errorCode: codeFor('OUTGOING', mailbox.errorCode),
      isTesting,
    }),
    ACT: directionMark({
      method: mailbox.actMethod,
      status: mailbox.actStatus,
      hasChangedSinceTest: mailbox.actChangedSinceTest,
      errorCode: codeFor('ACT', mailbox.errorCode),
      isTesting,
    }),
  }
}
