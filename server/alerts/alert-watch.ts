import { permit, sightOf, type Viewer } from '../auth/auth.service'
import { ListChangeKind } from '../graphql/list-change'
import type { PubSub } from '../pubsub/signals'
import { watch } from '../pubsub/watch'
import type { AlertChange } from './alert.inputs'
import type { AlertWall } from './alert-wall'
import { PROFILE_CODES } from './profile-statement'

/** Of which mailbox or profile; of all without. */
export interface WatchedAlerts {
  mailboxId?: string | null
  profileId?: string | null
}

/** The live side of alerts. */
export class AlertWatch {
  constructor(
    private readonly wall: AlertWall,
    private readonly pubsub: PubSub,
  ) {}

  /** Changes of the alerts of this mailbox or profile, or of all. */
  changes(viewer: Viewer | undefined, of: WatchedAlerts): AsyncIterable<AlertChange> {
    permit(viewer, 'mailboxes.read')
    const resync: AlertChange = { kind: ListChangeKind.RESYNC, alert: null }
    return watch<AlertChange>({
      pubsub: this.pubsub,
      topics: ['alerts'],
      key: `alert-changes:${sightOf(viewer)}:${JSON.stringify([of.mailboxId, of.profileId])}`,
      load: async (changed) => {
        const alerts = await this.wall.getMany(viewer, changed && changed !== 'all' ? changed : [])
        if (!changed || changed === 'all') return resync
        const profileOfMailbox = await this.wall.profileOf(of.mailboxId)
        const shown = alerts.filter(
          (alert) =>
            // a profile's error stands on the walls of its mailboxes too
            (!of.mailboxId ||
              alert.mailboxId === of.mailboxId ||
              (alert.profileId !== null &&
                alert.profileId === profileOfMailbox &&
                !PROFILE_CODES.includes(alert.code))) &&
            (!of.profileId || alert.profileId === of.profileId),
        )
        const [alert] = shown
        if (!alert) return undefined
        return shown.length === 1 ? { kind: ListChangeKind.CHANGED, alert } : resync
      },
    })
  }
}
