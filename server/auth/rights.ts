/** Who may do what (product rule 2.9). The services ask for a right, never for a role. */
export enum Role {
  SYSTEM_ADMINISTRATOR = 'SYSTEM_ADMINISTRATOR',
  SERVICE_ADMINISTRATOR = 'SERVICE_ADMINISTRATOR',
  /** Approves and rejects within the address domains it was given. */
  MAILBOX_APPROVER = 'MAILBOX_APPROVER',
  /** Sees and tests the mailbox of the owner it stands for, and enters its credentials. */
  MAILBOX_USER = 'MAILBOX_USER',
  AUDITOR = 'AUDITOR',
  /** What an API token acts as; its scopes say what it may do. */
  INTEGRATION = 'INTEGRATION',
}

export const RIGHTS = [
  'mailboxes.read',
  'mailboxes.edit',
  /** User name and password of a mailbox; part of mailboxes.edit. */
  'mailboxes.credentials',
  'mailboxes.approve',
  'mailboxes.test',
  'profiles.edit',
  'settings.edit',
  'owners.provision',
  'alerts.edit',
  'audit.read',
  /** Roles, tokens, sign-in. */
  'access.edit',
] as const

export type Right = (typeof RIGHTS)[number]

/** Which mailboxes a right extends to: all, or those with an address in one of the domains or of one of the owners. */
export type Reach = 'ALL' | { domains: readonly string[]; ownerIds: readonly string[] }

type Extent = 'ALL' | 'DOMAINS' | 'OWN'

const every = (rights: readonly Right[], extent: Extent = 'ALL') => rights.map((right) => [right, extent] as const)

const BY_ROLE: Record<Role, readonly (readonly [Right, Extent])[]> = {
  [Role.SYSTEM_ADMINISTRATOR]: every(RIGHTS),
  [Role.SERVICE_ADMINISTRATOR]: every(RIGHTS.filter((right) => right !== 'access.edit')),
  [Role.MAILBOX_APPROVER]: every(['mailboxes.read', 'mailboxes.approve'], 'DOMAINS'),
  [Role.MAILBOX_USER]: every(['mailboxes.read', 'mailboxes.credentials', 'mailboxes.test'], 'OWN'),
  [Role.AUDITOR]: every(['mailboxes.read', 'audit.read']),
  [Role.INTEGRATION]: [],
}

/** What a scope of an API token allows. */
export const SCOPES = {
  read: ['mailboxes.read'],
  approve: ['mailboxes.approve'],
  test: ['mailboxes.test'],
  write: ['mailboxes.edit', 'mailboxes.credentials', 'profiles.edit', 'settings.edit', 'alerts.edit'],
  provision: ['owners.provision'],
} as const satisfies Record<string, readonly Right[]>

export type Scope = keyof typeof SCOPES

export const isScope = (text: string): text is Scope => Object.hasOwn(SCOPES, text)

/** What a person or token is given beside its roles. */
export interface Grant {
  scopes?: readonly Scope[]
  /** Address domains of a MAILBOX_APPROVER. */
  domains?: readonly string[]
  /** The owner that a MAILBOX_USER stands for. */
  ownerId?: string | null
}

/** Every right with the mailboxes it extends to. A right is absent when it extends to none by its kind. */
export function rightsOf(roles: readonly Role[], grant: Grant = {}): ReadonlyMap<Right, Reach> {
  const found = new Map<Right, Reach>()
  const { scopes = [], domains = [], ownerId } = grant
  const own = ownerId ? [ownerId] : []
  const extents = [...roles.flatMap((role) => BY_ROLE[role] ?? []), ...every(scopes.flatMap((scope) => SCOPES[scope]))]
  for (const [right, extent] of extents) {
    const known = found.get(right)
    if (extent === 'ALL' || known === 'ALL') found.set(right, 'ALL')
    else {
      found.set(right, {
        domains: [...(known?.domains ?? []), ...(extent === 'DOMAINS' ? domains : [])],
        ownerIds: [...(known?.ownerIds ?? []), ...(extent === 'OWN' ? own : [])],
      })
    }
  }
  return found
}
