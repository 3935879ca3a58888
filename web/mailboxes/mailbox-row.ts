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
    incomingErrorCode
    outgoingErrorCode
    actErrorCode
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

export function directionMarks(mailbox: MailboxRowFragment): Record<Direction, Mark> {
  const isTesting = mailbox.health === 'TESTING' || mailbox.testRun != null
  return {
    INCOMING: directionMark({
      method: mailbox.incomingMethod,
      status: mailbox.incomingEmailStatus,
      hasChangedSinceTest: mailbox.incomingChangedSinceTest,
      errorCode: mailbox.incomingErrorCode ?? null,
      isTesting,
    }),
    OUTGOING: directionMark({
      method: mailbox.outgoingMethod,
      status: mailbox.outgoingEmailStatus,
      hasChangedSinceTest: mailbox.outgoingChangedSinceTest,
      errorCode: mailbox.outgoingErrorCode ?? null,
      isTesting,
    }),
    ACT: directionMark({
      method: mailbox.actMethod,
      status: mailbox.actStatus,
      hasChangedSinceTest: mailbox.actChangedSinceTest,
      errorCode: mailbox.actErrorCode ?? null,
      isTesting,
    }),
  }
}
