import { useCallback, useState } from 'react'
import type { TestMode } from '../gql/graphql'
import { count, counted } from '../lib/format'
import { errorSentence } from '../ui/failure-bar'
import { Link } from '../ui/link'
import { useNotify } from '../ui/notify'
import { type BulkOutcome, CommandFailed, refusalReasons, useMailboxCommands } from './commands'
import { type GridSelection, isEmpty, toInput } from './selection'

export type GridCommand = 'TEST_AND_ENABLE' | 'TEST_ONLY' | 'APPROVE' | 'REJECT'
type Decision = 'APPROVE' | 'REJECT'

/** A command that would be refused for some rows, or takes a whole view: said before it happens. */
export interface Preview {
  command: Decision
  outcome: BulkOutcome
  run: () => void
}

const DONE: Record<Decision, string> = { APPROVE: 'approved', REJECT: 'rejected' }

export interface GridCommands {
  busy: GridCommand | null
  preview: Preview | null
  refusals: BulkOutcome | null
  give: (command: GridCommand, selection: GridSelection) => void
  closePreview: () => void
  showRefusals: (outcome: BulkOutcome | null) => void
}

/** Gives commands over a selection: asks first where something would be refused, and tells in a corner what came of it. */
export function useGridCommands(): GridCommands {
  const commands = useMailboxCommands()
  const notify = useNotify()
  const [busy, setBusy] = useState<GridCommand | null>(null)
  const [preview, setPreview] = useState<Preview | null>(null)
  const [refusals, showRefusals] = useState<BulkOutcome | null>(null)

  const guarded = useCallback(
    async (command: GridCommand, work: () => Promise<void>) => {
      setBusy(command)
      try {
        await work()
      } catch (error) {
        if (!(error instanceof CommandFailed)) throw error
        notify({ intent: 'error', title: 'Nothing was changed', body: errorSentence(error.cause) })
      } finally {
        setBusy(null)
      }
    },
    [notify],
  )

  const tell = useCallback(
    (command: Decision, outcome: BulkOutcome) => {
      const [fault] = outcome.userErrors
      if (fault) return notify({ intent: 'error', title: 'Nothing was changed', body: fault.message })
      const unchanged = outcome.matched - outcome.changed - outcome.refusedCount
      notify({
        intent: outcome.refusedCount ? 'warning' : outcome.changed ? 'success' : 'info',
        title: `${count(outcome.changed)} ${DONE[command]}`,
        body: [
          outcome.refusedCount && `${count(outcome.refusedCount)} refused`,
          unchanged > 0 && `${count(unchanged)} already ${DONE[command]}`,
        ]
          .filter(Boolean)
          .join(', '),
        footer: outcome.refusedCount ? (
          <button type="button" className="link-button" onClick={() => showRefusals(outcome)}>
            Show the refused
          </button>
        ) : undefined,
      })
    },
    [notify],
  )

  const test = useCallback(
    async (mode: TestMode, selection: GridSelection) => {
      const { testRun, userErrors } = await commands.test(toInput(selection), mode)
      const [fault] = userErrors
      if (fault || !testRun) return notify({ intent: 'error', title: 'No test was started', body: fault?.message })
      notify({
        intent: testRun.skipped ? 'warning' : 'info',
        title: `Testing ${counted(testRun.total - testRun.skipped, 'mailbox', 'mailboxes')}`,
        body: testRun.skipped ? `${count(testRun.skipped)} skipped: they cannot be tested yet` : undefined,
        footer: <Link href={`/test-runs/${testRun.id}`}>Watch the run</Link>,
      })
    },
    [commands, notify],
  )

  const decide = useCallback(
    async (command: Decision, selection: GridSelection) => {
      const input = toInput(selection)
      const act = command === 'APPROVE' ? commands.approve : commands.reject
      const run = () =>
        guarded(command, async () => {
          setPreview(null)
          showRefusals(null)
          tell(command, await act(input, false))
        })
      const outcome = await act(input, true)
      if (outcome.userErrors.length) return tell(command, outcome)
      if (outcome.refusedCount || selection.kind === 'view') setPreview({ command, outcome, run })
      else await run()
    },
    [commands, guarded, tell],
  )

  const give = useCallback(
    (command: GridCommand, selection: GridSelection) => {
      if (isEmpty(selection) || busy) return
      setPreview(null)
      showRefusals(null)
      void guarded(command, async () => {
        if (command === 'APPROVE' || command === 'REJECT') await decide(command, selection)
        else await test(command, selection)
      })
    },
    [busy, decide, guarded, test],
  )

  const closePreview = useCallback(() => {
    setPreview(null)
    showRefusals(null)
  }, [])

  return { busy, preview, refusals, give, closePreview, showRefusals }
}

/** The reasons of refusal; with how often each, where there is more than one. */
export function reasonsSentence(outcome: BulkOutcome): string {
  const reasons = refusalReasons(outcome.refused)
  if (reasons.length === 1) return reasons[0]?.message ?? ''
  return reasons.map(({ message, count: times }) => `${message} (${count(times)})`).join(' ')
}
