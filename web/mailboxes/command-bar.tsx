import {
  Button,
  Menu,
  MenuItem,
  MenuList,
  MenuPopover,
  MenuTrigger,
  SplitButton,
  Toolbar,
  Tooltip,
} from '@fluentui/react-components'
import { CheckmarkRegular } from '@fluentui/react-icons/svg/checkmark'
import { DismissRegular } from '@fluentui/react-icons/svg/dismiss'
import { MailCheckmarkRegular } from '@fluentui/react-icons/svg/mail-checkmark'
import type { ReactNode } from 'react'
import { useMissingRight } from '../lib/viewer'
import { CommandButton } from '../ui/command-button'
import type { GridCommand } from './use-grid-commands'

interface Props {
  isNothingSelected: boolean
  /** The command that is under way. */
  busy: GridCommand | null
  onCommand: (command: GridCommand) => void
  /** What is selected, at the right. */
  children: ReactNode
}

const NOTHING_SELECTED = 'Select mailboxes first.'

export function CommandBar({ isNothingSelected, busy, onCommand, children }: Props) {
  const nothing = isNothingSelected ? NOTHING_SELECTED : null
  const noTest = useMissingRight('mailboxes.test') ?? nothing
  const noApproval = useMissingRight('mailboxes.approve') ?? nothing
  return (
    <div className="command-bar">
      <Toolbar aria-label="Commands" className="command-bar-commands">
        <TestButton reason={noTest} isBusy={busy === 'TEST_AND_ENABLE' || busy === 'TEST_ONLY'} onCommand={onCommand} />
        <CommandButton
          appearance="subtle"
          icon={<CheckmarkRegular />}
          reason={noApproval}
          isBusy={busy === 'APPROVE'}
          onClick={() => onCommand('APPROVE')}
        >
          Approve
        </CommandButton>
        <CommandButton
          appearance="subtle"
          icon={<DismissRegular />}
          reason={noApproval}
          isBusy={busy === 'REJECT'}
          onClick={() => onCommand('REJECT')}
        >
          Reject
        </CommandButton>
      </Toolbar>
      <div className="command-bar-selection">{children}</div>
    </div>
  )
}

function TestButton(props: { reason: string | null; isBusy: boolean; onCommand: (command: GridCommand) => void }) {
  const { reason, isBusy, onCommand } = props
  if (reason) {
    return (
      <Tooltip content={reason} relationship="description">
        <Button appearance="primary" icon={<MailCheckmarkRegular />} disabledFocusable>
          Test & Enable
        </Button>
      </Tooltip>
    )
  }
  return (
    <Menu positioning="below-start">
      <MenuTrigger disableButtonEnhancement>
        {(trigger) => (
          <SplitButton
            appearance="primary"
            icon={<MailCheckmarkRegular />}
            menuButton={{ ...trigger, 'aria-label': 'Ways to test' }}
            primaryActionButton={{ onClick: () => onCommand('TEST_AND_ENABLE') }}
            disabledFocusable={isBusy}
          >
            Test & Enable
          </SplitButton>
        )}
      </MenuTrigger>
      <MenuPopover>
        <MenuList>
          <MenuItem onClick={() => onCommand('TEST_AND_ENABLE')} subText="Switches on what works">
            Test and enable
          </MenuItem>
          <MenuItem onClick={() => onCommand('TEST_ONLY')} subText="Changes nothing">
            Test only
          </MenuItem>
        </MenuList>
      </MenuPopover>
    </Menu>
  )
}
