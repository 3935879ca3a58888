/** Objects as the server answers them, with everything that is required and the given differences. */
export const VIEWER = {
  id: 'viewer',
  name: 'admin',
  roles: ['SYSTEM_ADMINISTRATOR'],
  rights: [
    ...['mailboxes.read', 'mailboxes.edit', 'mailboxes.credentials', 'mailboxes.approve', 'mailboxes.test'],
    ...['profiles.edit', 'settings.edit', 'owners.provision', 'alerts.edit', 'audit.read', 'access.edit'],
  ],
}

export const AUDITOR = { id: 'auditor', name: 'aud', roles: ['AUDITOR'], rights: ['mailboxes.read', 'audit.read'] }

export const MAILBOX_USER = {
  id: 'anna',
  name: 'anna',
  roles: ['MAILBOX_USER'],
  rights: ['mailboxes.read', 'mailboxes.credentials', 'mailboxes.test'],
}

export const MAILBOX_APPROVER = {
  id: 'approver',
  name: 'app',
  roles: ['MAILBOX_APPROVER'],
  rights: ['mailboxes.read', 'mailboxes.approve'],
}

const AT = '2026-11-23T10:00:00.000Z'

export function mailbox(number: number, changes: object = {}) {
  return {
    id: `m${number}`,
    kind: 'USER',
    name: `Person ${String(number).padStart(3, '0')}`,
    emailAddress: `person${number}@example.org`,
    active: true,
    approval: 'APPROVED',
    health: 'BLOCKED',
    errorCode: null,
    incomingErrorCode: null,
    outgoingErrorCode: null,
    actErrorCode: null,
    incomingMethod: 'SERVER_SIDE_SYNC',
    outgoingMethod: 'SERVER_SIDE_SYNC',
    actMethod: 'NONE',
    incomingEmailStatus: 'NOT_RUN',
    outgoingEmailStatus: 'NOT_RUN',
    actStatus: 'NOT_RUN',
    incomingEnabled: false,
    outgoingEnabled: false,
    actEnabled: false,
    incomingChangedSinceTest: false,
    outgoingChangedSinceTest: false,
    actChangedSinceTest: false,
    hasPassword: true,
    deleteAfterProcessing: false,
    lastTestedAt: null,
    testRun: null,
    blockers: [],
    createdAt: AT,
    updatedAt: AT,
    profile: { id: 'p1', name: 'Main', active: true, credentialSource: 'MAILBOX' },
    alerts: () => page([]),
    ...changes,
  }
}

export const page = <T>(nodes: T[], totalCount = nodes.length, endCursor: string | null = null) => ({
  nodes,
  totalCount,
  pageInfo: { hasNextPage: endCursor !== null, endCursor },
})

export const counts = (active: number) => [
  { view: 'ACTIVE', count: active },
  { view: 'TEST_AND_ENABLE_FAILED', count: 0 },
]

export function testRun(changes: object = {}) {
  return {
    id: 'r1',
    state: 'RUNNING',
    mode: 'TEST_AND_ENABLE',
    total: 10,
    queued: 8,
    running: 2,
    succeeded: 0,
    failed: 0,
    skipped: 0,
    cancelled: 0,
    causes: [],
    requestedBy: 'admin',
    createdAt: AT,
    startedAt: AT,
    finishedAt: null,
    items: () => page([]),
    ...changes,
  }
}

export function runItem(number: number, changes: object = {}) {
  return {
    id: `i${number}`,
    state: 'SUCCEEDED',
    errorCode: null,
    results: [],
    startedAt: AT,
    finishedAt: `2026-11-23T10:00:${String(number).padStart(2, '0')}.000Z`,
    mailbox: mailbox(number),
    ...changes,
  }
}

/** A direction that failed at its third step. */
export const failedResult = (direction: string, code: string) => ({
  direction,
  status: 'FAILURE',
  durationMs: 40,
  steps: [
    { name: 'DNS', state: 'SUCCEEDED', durationMs: 1 },
    { name: 'CONNECT', state: 'SUCCEEDED', durationMs: 2 },
    {
      name: 'AUTHENTICATE',
      state: 'FAILED',
      durationMs: 37,
      error: {
        code,
        nature: 'PERMANENT',
        scope: 'MAILBOX',
        actor: 'MAILBOX_OWNER',
        message: 'The server refused the password.',
        remedy: 'The owner has to enter the current one.',
        serverResponse: 'NO [AUTHENTICATIONFAILED] <b>no</b>',
      },
    },
  ],
})
