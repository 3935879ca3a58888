import { Button, Field, Input, MessageBar, MessageBarBody } from '@fluentui/react-components'
import { type FormEvent, useState } from 'react'
import { faultAt, faultsElsewhere } from '../lib/form-faults'
import { errorSentence } from '../ui/failure-bar'
import { type BulkOutcome, CommandFailed, useMailboxCommands } from './commands'

interface Props {
  mailboxId: string
  username: string
  /** What is used when no user name is given. */
  emailAddress: string | null
  hasPassword: boolean
  onSaved: (isTestWanted: boolean) => void
  onCancel: () => void
}

/** User name and password of a mailbox; a fault stands at the field it belongs to. */
export function CredentialsForm({ mailboxId, username, emailAddress, hasPassword, onSaved, onCancel }: Props) {
  const commands = useMailboxCommands()
  const [name, setName] = useState(username)
  const [password, setPassword] = useState('')
  const [isBusy, setBusy] = useState(false)
  const [faults, setFaults] = useState<BulkOutcome['userErrors']>([])
  const [failure, setFailure] = useState<string | null>(null)

  const save = async (isTestWanted: boolean) => {
    if (!password) {
      setFaults([{ code: 'REQUIRED', path: ['changes', 'password'], message: 'Enter the password.' }])
      return
    }
    setBusy(true)
    setFailure(null)
    try {
      const changes = name === username ? { password } : { username: name, password }
      const { userErrors } = await commands.setCredentials(mailboxId, changes)
      setFaults(userErrors)
      if (userErrors.length === 0) onSaved(isTestWanted)
    } catch (error) {
      if (!(error instanceof CommandFailed)) throw error
      setFailure(errorSentence(error.cause))
    } finally {
      setBusy(false)
    }
  }

  const submit = (event: FormEvent) => {
    event.preventDefault()
    void save(true)
  }
  const others = [...faultsElsewhere(faults, ['username', 'password']), ...(failure ? [failure] : [])]
  return (
    <form className="form" onSubmit={submit} aria-label="Credentials">
      <Field label="User name" hint="Empty: the address is used" validationMessage={faultAt(faults, 'username')}>
        <Input
          value={name}
          placeholder={emailAddress ?? ''}
          autoComplete="off"
          onChange={(_, data) => setName(data.value)}
        />
      </Field>
      <Field label={hasPassword ? 'New password' : 'Password'} required validationMessage={faultAt(faults, 'password')}>
        <Input
          type="password"
          value={password}
          autoComplete="new-password"
          autoFocus
          onChange={(_, data) => setPassword(data.value)}
        />
      </Field>
      {others.map((message) => (
        <MessageBar key={message} intent="error">
          <MessageBarBody>{message}</MessageBarBody>
        </MessageBar>
      ))}
      <div className="form-buttons">
        <Button appearance="primary" type="submit" disabledFocusable={isBusy}>
          Save and test
        </Button>
        <Button disabledFocusable={isBusy} onClick={() => void save(false)}>
          Save
        </Button>
        <Button appearance="subtle" onClick={onCancel}>
          Cancel
        </Button>
      </div>
    </form>
  )
}
