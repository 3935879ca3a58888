import '../test/browser'
import { expect, test } from '@jest/globals'
import { fireEvent, screen, waitFor } from '@testing-library/react'
import { renderApp } from '../test/render-app'
import { page, VIEWER } from '../test/sample'

const fill = (label: string, value: string) => fireEvent.change(screen.getByLabelText(label), { target: { value } })
const submit = () => fireEvent.submit(screen.getByRole('form', { name: 'Sign in' }))
/** The sentence that stands at a field. */
const faultOf = (label: string) =>
  document.getElementById(screen.getByLabelText(label).getAttribute('aria-describedby') ?? '')?.textContent

test('a fault stands at its field, and the right password leads to the page that was asked for', async () => {
  let isSignedIn = false
  renderApp('/alerts', (server) => {
    server.root.viewer = () => (isSignedIn ? VIEWER : null)
    server.root.alerts = () => page([])
    server.root.signIn = ({ password }: { password: string }) => {
      isSignedIn = password === 'right'
      const fault = { code: 'WRONG_CREDENTIALS', path: ['password'], message: 'Name or password is wrong' }
      return isSignedIn ? { viewer: VIEWER, userErrors: [] } : { viewer: null, userErrors: [fault] }
    }
  })
  await screen.findByLabelText('Name')
  submit()
  await waitFor(() => expect(faultOf('Name')).toContain('Enter your name'))
  expect(faultOf('Password')).toContain('Enter your password')
  fill('Name', 'admin')
  fill('Password', 'wrong')
  submit()
  await waitFor(() => expect(faultOf('Password')).toContain('Name or password is wrong'))
  expect((screen.getByLabelText('Password') as HTMLInputElement).value).toBe('')
  fill('Password', 'right')
  submit()
  expect(await screen.findByRole('heading', { name: 'Alerts' })).toBeTruthy()
})

test('a session that ended leads back to the sign-in', async () => {
  let isSignedIn = true
  const server = renderApp('/profiles', (prepared) => {
    prepared.root.viewer = () => (isSignedIn ? VIEWER : null)
    prepared.root.emailServerProfiles = () => page([])
  })
  await screen.findByRole('button', { name: 'Look again' })
  isSignedIn = false
  server.refuseAll('UNAUTHENTICATED')
  fireEvent.click(screen.getByRole('button', { name: 'Look again' }))
  expect(await screen.findByRole('form', { name: 'Sign in' })).toBeTruthy()
})
