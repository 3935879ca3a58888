/** Who may do what (product rule 2.9). The services ask for a right, never for a role. */
export enum Role {
  SYSTEM_ADMINISTRATOR = 'SYSTEM_ADMINISTRATOR',
  SERVICE_ADMINISTRATOR = 'SERVICE_ADMINISTRATOR',
  AUDITOR = 'AUDITOR',
  /** What an API token acts as; its scopes say what it may do. */
  INTEGRATION = 'INTEGRATION',
}

export const RIGHTS = [
  'mailboxes.read',
  'mailboxes.edit',
  'mailboxes.approve',
  'mailboxes.test',
  'profiles.edit',
  'settings.edit',
  'owners.provision',
  'alerts.edit',
  /** Roles, tokens, sign-in. */
  'access.edit',
] as const

export type Right = (typeof RIGHTS)[number]

const BY_ROLE: Record<Role, readonly Right[]> = {
  [Role.SYSTEM_ADMINISTRATOR]: RIGHTS,
  [Role.SERVICE_ADMINISTRATOR]: RIGHTS.filter((right) => right !== 'access.edit'),
  [Role.AUDITOR]: ['mailboxes.read'],
  [Role.INTEGRATION]: [],
}

/** What a scope of an API token allows. */
export const SCOPES = {
  read: ['mailboxes.read'],
  approve: ['mailboxes.approve'],
  test: ['mailboxes.test'],
  write: ['mailboxes.edit', 'profiles.edit', 'settings.edit', 'alerts.edit'],
  provision: ['owners.provision'],
} as const satisfies Record<string, readonly Right[]>

export type Scope = keyof typeof SCOPES

export const isScope = (text: string): text is Scope => Object.hasOwn(SCOPES, text)

export function rightsOf(roles: readonly Role[], scopes: readonly Scope[] = []): ReadonlySet<Right> {
  return new Set([...roles.flatMap((role) => BY_ROLE[role] ?? []), ...scopes.flatMap((scope) => SCOPES[scope])])
}
