import { graphql } from '../gql/gql'
import type { ProfileRowFragment } from '../gql/graphql'
import { count, words } from '../lib/format'
import { useMissingRight } from '../lib/viewer'
import { CommandButton } from '../ui/command-button'
import { Link } from '../ui/link'
import { StateMark } from '../ui/state-mark'

export const ProfileRow = graphql(`
  fragment ProfileRow on EmailServerProfile {
    id
    name
    type
    active
    isDefault
    incoming {
      host
      port
      security
    }
    outgoing {
      host
      port
      security
    }
    credentialSource
    maxConcurrentConnections
    mailboxCount
    verifyCertificates
  }
`)

const TYPES: Record<string, string> = {
  IMAP_SMTP: 'IMAP and SMTP',
  POP3_SMTP: 'POP3 and SMTP',
  EXCHANGE_ONLINE: 'Exchange Online',
  GMAIL: 'Gmail',
}

interface Props {
  profiles: readonly ProfileRowFragment[]
  isBusy: boolean
  onTest: (profileId: string) => void
}

export function ProfileTable({ profiles, isBusy, onTest }: Props) {
  const noTest = useMissingRight('mailboxes.test')
  return (
    <div className="table-scroller">
      <table className="table profiles">
        <thead>
          <tr>
            <th scope="col">Name</th>
            <th scope="col" className="col-type">
              Type
            </th>
            <th scope="col">Incoming</th>
            <th scope="col">Outgoing</th>
            <th scope="col" className="col-source">
              Password
            </th>
            <th scope="col" className="number col-limit">
              At once
            </th>
            <th scope="col" className="number">
              Mailboxes
            </th>
            <th scope="col">
              <span className="visually-hidden">Commands</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {profiles.map((profile) => (
            <tr key={profile.id}>
              <th scope="row">
                {profile.name}
                {profile.isDefault && <span className="tag">Default</span>}
                {!profile.active && <StateMark mark={{ shape: 'off', word: 'Inactive' }} />}
                {!profile.verifyCertificates && (
                  <StateMark mark={{ shape: 'waiting', word: 'Certificates not verified' }} />
                )}
              </th>
              <td className="col-type">{TYPES[profile.type] ?? words(profile.type)}</td>
              <td data-label="Incoming">
                <Endpoint endpoint={profile.incoming} />
              </td>
              <td data-label="Outgoing">
                <Endpoint endpoint={profile.outgoing} />
              </td>
              <td className="col-source">
                {profile.credentialSource === 'MAILBOX' ? 'Of each mailbox' : 'Of the profile'}
              </td>
              <td className="number col-limit">{profile.maxConcurrentConnections}</td>
              <td className="number" data-label="Mailboxes">
                <Link
                  href={`/mailboxes?profile=${profile.id}`}
                  aria-label={`${count(profile.mailboxCount)} mailboxes of ${profile.name}`}
                >
                  {count(profile.mailboxCount)}
                </Link>
              </td>
              <td>
                <CommandButton
                  size="small"
                  reason={noTest ?? (profile.mailboxCount ? null : 'No mailbox uses this profile.')}
                  isBusy={isBusy}
                  onClick={() => onTest(profile.id)}
                >
                  Test & Enable
                </CommandButton>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

function Endpoint({ endpoint }: { endpoint: ProfileRowFragment['incoming'] }) {
  if (!endpoint) return <span className="quiet">None</span>
  const security = endpoint.security === 'NONE' ? 'not encrypted' : endpoint.security
  return (
    <span className="endpoint">
      {endpoint.host}:{endpoint.port} <span className="quiet">{security}</span>
    </span>
  )
}
