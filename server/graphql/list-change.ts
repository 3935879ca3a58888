import { registerEnumType } from 'type-graphql'

/** What a subscription over a list says. */
export enum ListChangeKind {
  RESYNC = 'RESYNC',
  CHANGED = 'CHANGED',
  REMOVED = 'REMOVED',
}

registerEnumType(ListChangeKind, {
  name: 'ListChangeKind',
  description:
    'RESYNC comes first after every (re)connect, and when too much changed to name it: refetch what is shown.',
})
