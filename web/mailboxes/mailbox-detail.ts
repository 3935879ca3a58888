import { graphql } from '../gql/gql'

export const MailboxDetail = graphql(`
  fragment MailboxDetail on Mailbox {
    ...MailboxState
    incomingEnabled
    outgoingEnabled
    actEnabled
    approvedBy
    approvedAt
    username
    hasPassword
    deleteAfterProcessing
    createdAt
    updatedAt
    owner {
      id
      kind
      name
      externalId
    }
    rejectionReason
    profile {
      id
      name
      active
      credentialSource
    }
    testRun {
      id
      state
    }
  }
`)
