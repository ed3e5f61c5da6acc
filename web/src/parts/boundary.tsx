import { Component, type ReactNode } from 'react'
import { Button } from './button.tsx'

interface Props {
  readonly children: ReactNode
  /** When it changes, the failed part gets another chance. */
  readonly of: string
  /** What was read may be what failed: whoever holds it lets go of it here. */
  readonly onFault?: () => void
}

interface State {
  readonly error: Error | null
  readonly of: string
}

/** Keeps a fault of one page from taking down the others. React offers this as a class only. */
export class Boundary extends Component<Props, State> {
  override state: State = { error: null, of: this.props.of }

  static getDerivedStateFromError(error: Error): Partial<State> {
    return { error }
  }

  static getDerivedStateFromProps(props: Props, state: State): State | null {
    return props.of === state.of ? null : { error: null, of: props.of }
  }

  override componentDidCatch(): void {
    this.props.onFault?.()
  }

  override render(): ReactNode {
    if (!this.state.error) return this.props.children
    return (
      <div role="alert" className="panel mx-auto my-10 max-w-lg p-6">
        <h1 className="text-lg font-semibold">This part of the page failed</h1>
        <p className="mt-2 text-sm text-soft">
          Nothing that the server keeps is affected. What the page says about it:
        </p>
        <pre tabIndex={0} className="my-3 overflow-x-auto rounded-lg bg-well p-3 font-mono text-xs">
          {this.state.error.message}
        </pre>
        <Button look="main" onClick={() => this.setState({ error: null })}>
          Show it again
        </Button>
      </div>
    )
  }
}
