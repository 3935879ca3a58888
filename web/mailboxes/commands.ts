import { useMemo } from 'react'
import { type CombinedError, useClient } from 'urql'
import { graphql } from '../gql/gql'
import type { MailboxSelection, TestMode } from '../gql/graphql'

/** What a command may change: written to the cache, it repaints the mailbox wherever it is shown. */
export const MailboxState = graphql(`
  fragment MailboxState on Mailbox {
    ...MailboxRow
    blockers {
      code
      message
      action
      direction
    }
  }
`)

export const BulkResult = graphql(`
  fragment BulkResult on BulkMailboxPayload {
    matched
    changed
    refusedCount
    refused {
      code
      message
      mailbox {
        id
        name
        emailAddress
      }
    }
    userErrors {
      code
      path
      message
    }
  }
`)

const ApproveDocument = graphql(`
  mutation ApproveEmails($selection: MailboxSelection!, $dryRun: Boolean!) {
    approveEmails(selection: $selection, dryRun: $dryRun) {
      ...BulkResult
      mailboxes @skip(if: $dryRun) {
        ...MailboxState
      }
    }
  }
`)

const RejectDocument = graphql(`
  mutation RejectEmails($selection: MailboxSelection!, $dryRun: Boolean!) {
    rejectEmails(selection: $selection, dryRun: $dryRun) {
      ...BulkResult
      mailboxes @skip(if: $dryRun) {
        ...MailboxState
      }
    }
  }
`)

const SetCredentialsDocument = graphql(`
  mutation SetMailboxCredentials($selection: MailboxSelection!, $changes: MailboxChanges!) {
    updateMailboxes(selection: $selection, changes: $changes) {
      ...BulkResult
      mailboxes {
        ...MailboxState
      }
    }
  }
`)

const TestDocument = graphql(`
  mutation TestMailboxes($selection: MailboxSelection!, $options: TestOptions) {
    testAndEnableMailboxes(selection: $selection, options: $options) {
      testRun {
        id
        state
        mode
        total
        queued
        running
        skipped
        succeeded
        failed
        cancelled
        requestedBy
        createdAt
      }
      userErrors {
        code
        path
        message
      }
    }
  }
`)

export interface Refusal {
  code: string
  message: string
  mailbox: { id: string; name: string; emailAddress?: string | null }
}

/** What came of a command over mailboxes, whichever it was. */
export interface BulkOutcome {
  matched: number
  changed: number
  refusedCount: number
  refused: readonly Refusal[]
  userErrors: readonly { code: string; path: readonly string[]; message: string }[]
}

export class CommandFailed extends Error {
  constructor(override readonly cause: CombinedError) {
    super(cause.message)
  }
}

function required<T>(value: T | null | undefined, error: CombinedError | undefined): T {
  if (error) throw new CommandFailed(error)
  if (value == null) throw new Error('An answer without data')
  return value
}

/** The commands over mailboxes; each rejects with CommandFailed when the server or the network refuses it as a whole. */
export function useMailboxCommands() {
  const client = useClient()
  return useMemo(
    () => ({
      async approve(selection: MailboxSelection, dryRun: boolean): Promise<BulkOutcome> {
        const { data, error } = await client.mutation(ApproveDocument, { selection, dryRun }).toPromise()
        return required(data?.approveEmails, error)
      },
      async reject(selection: MailboxSelection, dryRun: boolean): Promise<BulkOutcome> {
        const { data, error } = await client.mutation(RejectDocument, { selection, dryRun }).toPromise()
        return required(data?.rejectEmails, error)
      },
      async setCredentials(id: string, changes: { username?: string; password?: string }): Promise<BulkOutcome> {
        const selection = { ids: [id] }
        const { data, error } = await client.mutation(SetCredentialsDocument, { selection, changes }).toPromise()
        return required(data?.updateMailboxes, error)
      },
      async test(selection: MailboxSelection, mode: TestMode) {
        const { data, error } = await client.mutation(TestDocument, { selection, options: { mode } }).toPromise()
        return required(data?.testAndEnableMailboxes, error)
      },
    }),
    [client],
  )
}

/** "3 have no address, 2 are inactive": the refusals by their reason, the commonest first. */
export function refusalReasons(refused: readonly Refusal[]): { message: string; count: number }[] {
  const byCode = new Map<string, { message: string; count: number }>()
  for (const { code, message } of refused) {
    const reason = byCode.get(code) ?? { message, count: 0 }
    reason.count += 1
    byCode.set(code, reason)
  }
  return [...byCode.values()].sort((a, b) => b.count - a.count)
}
