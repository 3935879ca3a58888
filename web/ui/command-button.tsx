import { Button, type ButtonProps, Tooltip } from '@fluentui/react-components'

type Props = ButtonProps & {
  /** Why the command can't be given now; shown at the disabled button, which stays reachable by keyboard. */
  reason?: string | null
  isBusy?: boolean
}

/** A command that says why it is disabled, and shows in place that it is under way. */
export function CommandButton({ reason, isBusy, children, onClick, ...rest }: Props) {
  const isOff = Boolean(reason) || isBusy
  const button = (
    <Button
      {...(rest as ButtonProps)}
      disabledFocusable={isOff}
      aria-busy={isBusy || undefined}
      onClick={isOff ? undefined : (onClick as never)}
    >
      {children}
    </Button>
  )
  if (!reason) return button
  return (
    <Tooltip content={reason} relationship="description">
      {button}
    </Tooltip>
  )
}
