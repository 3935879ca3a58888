import type { Caller } from './harness'
import { waitFor } from './wait-for'

const START = `mutation ($selection: MailboxSelection!) {
  testAndEnableMailboxes(selection: $selection) { testRun { id } userErrors { code path } } }`
const RUN = 'query ($id: ID!) { testRun(id: $id) { finishedAt total succeeded failed skipped } }'

/** Tests and enables the selected mailboxes; answers the run when it has ended. */
export async function runToEnd(admin: Caller, selection: object) {
  const { testRun, userErrors } = (await admin.get(START, { selection })).testAndEnableMailboxes
  if (!testRun) throw new Error(JSON.stringify(userErrors))
  return waitFor(
    'the run to end',
    async () => {
      const run = (await admin.get(RUN, { id: testRun.id })).testRun
      return run.finishedAt !== null && run
    },
    { timeoutMs: 25_000 },
  )
}
