import type { Mark, Shape } from '../lib/state-words'

function drawing(shape: Shape) {
  switch (shape) {
    case 'works':
      return (
        <>
          <circle cx="8" cy="8" r="7" className="mark-fill" />
          <path d="M4.8 8.2l2.2 2.2 4.3-4.5" className="mark-cut" />
        </>
      )
    case 'failed':
      return (
        <>
          <circle cx="8" cy="8" r="7" className="mark-fill" />
          <path d="M5.5 5.5l5 5m0-5l-5 5" className="mark-cut" />
        </>
      )
    case 'empty':
      return <circle cx="8" cy="8" r="6.25" className="mark-line" />
    case 'waiting':
      return (
        <>
          <circle cx="8" cy="8" r="6.25" className="mark-line" />
          <path d="M8 1a7 7 0 0 1 0 14z" className="mark-fill" />
        </>
      )
    case 'busy':
      return (
        <>
          <circle cx="8" cy="8" r="6.25" className="mark-line mark-track" />
          <path d="M8 1.75a6.25 6.25 0 0 1 6.25 6.25" className="mark-line mark-turning" />
        </>
      )
    case 'paused':
      return <path d="M4.5 3h2.5v10H4.5zM9 3h2.5v10H9z" className="mark-fill" />
    case 'off':
      return <path d="M4 8h8" className="mark-line" />
  }
}

/** The shape alone, for where the word stands beside it; it says nothing to a screen reader. */
export function StateShape({ shape }: { shape: Shape }) {
  return (
    <svg
      className={`mark mark-${shape}`}
      viewBox="0 0 16 16"
      width="16"
      height="16"
      aria-hidden="true"
      focusable="false"
    >
      {drawing(shape)}
    </svg>
  )
}

/** Shape, colour and word together: the one look of a state. */
export function StateMark({ mark, title }: { mark: Mark; title?: string }) {
  return (
    <span className={`state state-${mark.shape}`} title={title ?? mark.word}>
      <StateShape shape={mark.shape} />
      <span className="state-word">{mark.word}</span>
    </span>
  )
}
