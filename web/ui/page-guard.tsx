import { Button } from '@fluentui/react-components'
import { Component, type ReactNode } from 'react'
import { EmptyState } from './waiting'

interface Props {
  /** Where the reader is: another place gets another try. */
  place: string
  reload?: () => void
  children: ReactNode
}

/**
 * Keeps the frame when a page cannot be shown: its code could not be loaded, because the server was away or has been upgraded
 * since, or it failed. Browsers may remember a module that failed to load, so only a reload is sure to help.
 */
export class PageGuard extends Component<Props, { failedAt: string | null }> {
  override state = { failedAt: null }

  static getDerivedStateFromError() {
    return { failedAt: '' }
  }

  override componentDidCatch() {
    this.setState({ failedAt: this.props.place })
  }

  override componentDidUpdate(before: Props) {
    if (before.place !== this.props.place && this.state.failedAt !== null) this.setState({ failedAt: null })
  }

  override render() {
    if (this.state.failedAt === null) return this.props.children
    const reload = this.props.reload ?? (() => window.location.reload())
    return (
      <div className="page" role="alert">
        <EmptyState title="This page could not be loaded.">
          <Button appearance="primary" onClick={reload}>
            Load again
          </Button>
        </EmptyState>
      </div>
    )
  }
}
