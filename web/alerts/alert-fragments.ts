import { graphql } from '../gql/gql'

export const AlertRow = graphql(`
  fragment AlertRow on Alert {
    id
    severity
    state
    code
    message
    remedy
    serverResponse
    count
    firstSeenAt
    lastSeenAt
    mailbox {
      id
      name
      emailAddress
    }
    profile {
      id
      name
    }
  }
`)

/** All alerts, for the wall and for the number in the navigation. */
export const AlertChangesDocument = graphql(`
  subscription AlertChanges {
    alertChanges {
      kind
      alert {
        ...AlertRow
      }
    }
  }
`)
