import type { MailboxStateFragment } from '../gql/graphql'

/** Every unmet condition, the one to remove first standing first: what, and what removes it. */
export function BlockerList({ blockers }: { blockers: MailboxStateFragment['blockers'] }) {
  if (blockers.length === 0) return <p className="quiet">Nothing keeps it from being processed.</p>
  return (
    <ol className="blockers">
      {blockers.map((blocker) => (
        <li key={`${blocker.code} ${blocker.direction}`}>
          <span>{blocker.message}</span> <span className="quiet">{blocker.action}</span>
        </li>
      ))}
    </ol>
  )
}
