import { expect, jest, test } from '@jest/globals'
import { fireEvent, render, screen } from '@testing-library/react'
import { lazy, type ReactElement, Suspense } from 'react'
import { PageGuard } from './page-guard'

const Missing = lazy(() => Promise.reject<{ default: () => null }>(new TypeError('Failed to fetch a module')))

test('a page whose code cannot be loaded leaves the frame, says so, and can be loaded again; another page is shown as ever', async () => {
  // React tells every error that a boundary catches on the console too
  const console = jest.spyOn(globalThis.console, 'error').mockImplementation(() => undefined)
  const reload = jest.fn()
  const at = (place: string, page: ReactElement) => (
    <main>
      <nav>Mailboxes</nav>
      <PageGuard place={place} reload={reload}>
        <Suspense>{page}</Suspense>
      </PageGuard>
    </main>
  )
  const { rerender } = render(at('/test-runs', <Missing />))
  expect((await screen.findByRole('alert')).textContent).toContain('could not be loaded')
  expect(screen.getByText('Mailboxes')).toBeTruthy()
  fireEvent.click(screen.getByRole('button', { name: 'Load again' }))
  expect(reload).toHaveBeenCalledTimes(1)
  rerender(at('/alerts', <p>No alerts</p>))
  expect(await screen.findByText('No alerts')).toBeTruthy()
  console.mockRestore()
})
