import { createContext, useContext } from 'react'
import { words } from './format'

/** What a signed-in person may do, as the server says in Viewer.rights. */
export type Right =
  | 'mailboxes.read'
  | 'mailboxes.edit'
  | 'mailboxes.credentials'
  | 'mailboxes.approve'
  | 'mailboxes.test'
  | 'profiles.edit'
  | 'settings.edit'
  | 'owners.provision'
  | 'alerts.edit'
  | 'audit.read'
  | 'access.edit'

export interface SignedIn {
  id: string
  name: string
  roles: string[]
  rights: string[]
}

const ViewerContext = createContext<SignedIn | null>(null)
export const ViewerProvider = ViewerContext.Provider

export function useViewer(): SignedIn {
  const viewer = useContext(ViewerContext)
  if (!viewer) throw new Error('useViewer outside the signed-in frame')
  return viewer
}

/** Null when the viewer has the right, else the reason to show at the disabled command. */
export function useMissingRight(right: Right): string | null {
  const viewer = useViewer()
  if (viewer.rights.includes(right)) return null
  return `Your role (${viewer.roles.map(words).join(', ') || 'none'}) does not allow this.`
}
