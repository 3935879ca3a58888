/*
 * Who may run what: one row for each operation of schema.graphql (every-operation.api.test.ts runs them all and compares).
 * Written down by hand from product rule 2.9, not derived from the rights, so that the two check each other. What somebody may
 * run he may run within his reach: field-level.api.test.ts has what that leaves out.
 */

/** Roles of people, and an API token by its one scope. */
export const CALLERS = [
  ...(['SYSTEM_ADMINISTRATOR', 'SERVICE_ADMINISTRATOR', 'MAILBOX_APPROVER', 'MAILBOX_USER', 'AUDITOR'] as const),
  ...(['token read', 'token approve', 'token test', 'token write', 'token provision'] as const),
] as const

export type CallerName = (typeof CALLERS)[number]

export interface Row {
  may: readonly CallerName[]
  /** Without a session, too. */
  isOpen?: true
  /** Arguments, where values made from the types alone would not tell. */
  variables?: Readonly<Record<string, unknown>>
}

const PEOPLE = CALLERS.filter((caller) => !caller.startsWith('token'))
const ADMINISTRATORS = ['SYSTEM_ADMINISTRATOR', 'SERVICE_ADMINISTRATOR'] as const

const everybody: Row = { may: CALLERS }
const people: Row = { may: PEOPLE }
const see: Row = { may: [...PEOPLE, 'token read'] }
/** What concerns the whole organisation is not seen from a part of it. */
const seeAll: Row = { may: [...ADMINISTRATORS, 'AUDITOR', 'token read'] }
const approve: Row = { may: [...ADMINISTRATORS, 'MAILBOX_APPROVER', 'token approve'] }
const testing: Row = { may: [...ADMINISTRATORS, 'MAILBOX_USER', 'token test'] }
const edit: Row = { may: [...ADMINISTRATORS, 'token write'] }
const provision: Row = { may: [...ADMINISTRATORS, 'token provision'] }
const audit: Row = { may: [...ADMINISTRATORS, 'AUDITOR'] }
const access: Row = { may: ['SYSTEM_ADMINISTRATOR'] }

const noMailbox = { selection: { ids: ['01a20894-98d9-76d5-8880-179c368a8386'] } }

/** By kind and name; behind a colon a case of the same operation. */
export const ROLE_MATRIX: Readonly<Record<string, Row>> = {
  'query viewer': { ...everybody, isOpen: true },
  'query mailbox': see,
  'query mailboxes': see,
  'query mailboxViewCounts': see,
  'query owner': see,
  'query owners': see,
  'query emailServerProfile': see,
  'query emailServerProfiles': see,
  'query testRun': see,
  'query testRuns': see,
  'query alerts': see,
  'query forwardRuleText': see,
  'query emailSettings': seeAll,
  'query auditLog': audit,
  'query users': access,
  'query apiTokens': access,

  'mutation signIn': { ...everybody, isOpen: true },
  'mutation signOut': everybody,
  'mutation changeOwnPassword': people,
  'mutation createUser': access,
  'mutation updateUser': access,
  'mutation setUserPassword': access,
  'mutation endSessions': access,
  'mutation createApiToken': access,
  'mutation revokeApiToken': access,

  'mutation approveEmails': approve,
  'mutation rejectEmails': approve,
  'mutation updateMailboxes': { ...edit, variables: { ...noMailbox, changes: { name: 'x', password: 'x' } } },
  'mutation updateMailboxes: credentials': {
    may: [...edit.may, 'MAILBOX_USER'],
    variables: { ...noMailbox, changes: { username: 'x', password: 'x' } },
  },
  'mutation applyDefaultEmailSettings': edit,
  'mutation setMailboxesActive': edit,
  'mutation createForwardMailbox': edit,
  'mutation deleteForwardMailbox': edit,
  'mutation createEmailServerProfile': edit,
  'mutation updateEmailServerProfile': edit,
  'mutation deleteEmailServerProfile': edit,
  'mutation updateEmailSettings': edit,
  'mutation acknowledgeAlerts': edit,
  'mutation acknowledgeAlertsBy': edit,
  'mutation dismissAlerts': edit,
  'mutation dismissAlertsBy': edit,

  'mutation provisionOwners': provision,
  'mutation importOwners': provision,
  'mutation deleteOwners': provision,

  'mutation testAndEnableMailboxes': testing,
  'mutation testAndEnableMailboxes: a profile': {
    ...testing,
    variables: { profileId: '01a20894-98d9-76d5-8880-179c368a8386' },
  },
  'mutation cancelTestRun': testing,
  'mutation retryFailedTests': testing,

  'subscription mailboxChanges': see,
  'subscription mailboxViewCounts': see,
  'subscription alertChanges': see,
  'subscription testRunProgress': see,
}
