import type { MailboxStateFragment } from '../gql/graphql'
import { useMissingRight } from '../lib/viewer'
import { CommandButton } from '../ui/command-button'
import { type NextStep, nextStep } from './next-step'
import type { GridCommand, GridCommands } from './use-grid-commands'

const LABEL: Record<NextStep, string> = {
  APPROVE: 'Approve',
  ENTER_PASSWORD: 'Enter password',
  TEST: 'Test & Enable',
}

const COMMAND: Record<Exclude<NextStep, 'ENTER_PASSWORD'>, GridCommand> = {
  APPROVE: 'APPROVE',
  TEST: 'TEST_AND_ENABLE',
}

interface Props {
  mailbox: MailboxStateFragment
  commands: GridCommands
  onEnterPassword: () => void
}

/** The one button that removes the first blocker; nothing when no button does. */
export function NextStepButton({ mailbox, commands, onEnterPassword }: Props) {
  const noApproval = useMissingRight('mailboxes.approve')
  const noTest = useMissingRight('mailboxes.test')
  const noCredentials = useMissingRight('mailboxes.credentials')
  const step = nextStep(mailbox)
  if (!step) return null
  const reason = { APPROVE: noApproval, TEST: noTest, ENTER_PASSWORD: noCredentials }[step]
  const give = () => {
    if (step === 'ENTER_PASSWORD') onEnterPassword()
    else commands.give(COMMAND[step], { kind: 'rows', ids: new Set([mailbox.id]), anchor: null })
  }
  return (
    <CommandButton appearance="primary" reason={reason} isBusy={commands.busy !== null} onClick={give}>
      {LABEL[step]}
    </CommandButton>
  )
}
