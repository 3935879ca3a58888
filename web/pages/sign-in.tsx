import { Button, Field, Input, MessageBar, MessageBarBody } from '@fluentui/react-components'
import { type FormEvent, useEffect, useState } from 'react'
import { useMutation } from 'urql'
import { graphql } from '../gql/gql'
import { type Fault, faultAt, faultsElsewhere } from '../lib/form-faults'
import { errorSentence } from '../ui/failure-bar'

const SignInDocument = graphql(`
  mutation SignIn($name: String!, $password: String!) {
    signIn(name: $name, password: $password) {
      viewer {
        id
      }
      userErrors {
        code
        path
        message
      }
    }
  }
`)

/** The page without a session; what was asked for is shown after it, for the address stays as it is. */
export default function SignInPage({ onSignedIn }: { onSignedIn: () => void }) {
  const [{ fetching, error }, signIn] = useMutation(SignInDocument)
  const [name, setName] = useState('')
  const [password, setPassword] = useState('')
  const [faults, setFaults] = useState<readonly Fault[]>([])

  useEffect(() => {
    document.title = 'Sign in – Mailwarden'
  }, [])

  const submit = async (event: FormEvent) => {
    event.preventDefault()
    const missing: Fault[] = []
    if (!name.trim()) missing.push({ code: 'REQUIRED', path: ['name'], message: 'Enter your name.' })
    if (!password) missing.push({ code: 'REQUIRED', path: ['password'], message: 'Enter your password.' })
    setFaults(missing)
    if (missing.length) return
    const { data } = await signIn({ name: name.trim(), password })
    if (!data) return
    setFaults(data.signIn.userErrors)
    if (data.signIn.viewer) onSignedIn()
    else setPassword('')
  }

  const others = [...faultsElsewhere(faults, ['name', 'password']), ...(error ? [errorSentence(error)] : [])]
  return (
    <main className="sign-in">
      <form className="sign-in-form form" onSubmit={submit} aria-label="Sign in" noValidate>
        <h1>
          <span className="brand-mark" aria-hidden="true" /> Mailwarden
        </h1>
        {others.map((message) => (
          <MessageBar key={message} intent="error" layout="multiline">
            <MessageBarBody>{message}</MessageBarBody>
          </MessageBar>
        ))}
        <Field label="Name" validationMessage={faultAt(faults, 'name')}>
          <Input
            name="name"
            value={name}
            autoComplete="username"
            autoFocus
            onChange={(_, data) => setName(data.value)}
          />
        </Field>
        <Field label="Password" validationMessage={faultAt(faults, 'password')}>
          <Input
            name="password"
            type="password"
            value={password}
            autoComplete="current-password"
            onChange={(_, data) => setPassword(data.value)}
          />
        </Field>
        <Button appearance="primary" type="submit" disabledFocusable={fetching} aria-busy={fetching || undefined}>
          {fetching ? 'Signing in' : 'Sign in'}
        </Button>
      </form>
    </main>
  )
}
