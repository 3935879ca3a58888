import { permit, sightOf, type Viewer } from '../auth/auth.service'
import { ListChangeKind } from '../graphql/list-change'
import type { PubSub } from '../pubsub/signals'
import { watch } from '../pubsub/watch'
import type { AlertChange } from './alert.inputs'
import type { AlertService } from './alert.service'

/** The live side of alerts. */
export class AlertWatch {
  constructor(
    private readonly alerts: AlertService,
    private readonly pubsub: PubSub,
  ) {}

  /** Changes of the alerts of this mailbox or profile, or of all. */
  changes(
    viewer: Viewer | undefined,
    of: { mailboxId?: string | null; profileId?: string | null },
  ): AsyncIterable<AlertChange> {
    permit(viewer, 'mailboxes.read')
    const resync: AlertChange = { kind: ListChangeKind.RESYNC, alert: null }
    return watch<AlertChange>({
      pubsub: this.pubsub,
      topics: ['alerts'],
      key: `alert-changes:${sightOf(viewer)}:${JSON.stringify([of.mailboxId, of.profileId])}`,
      load: async (changed) => {
        const alerts = await this.alerts.getMany(viewer, changed && changed !== 'all' ? changed : [])
        if (!changed || changed === 'all') return resync
        const profileOfMailbox = await this.alerts.profileOf(of.mailboxId)
        const shown = alerts.filter(
          (alert) =>
            // a profile's alert stands on the walls of its mailboxes too
            (!of.mailboxId ||
              alert.mailboxId === of.mailboxId ||
              (alert.profileId !== null && alert.profileId === profileOfMailbox)) &&
            (!of.profileId || alert.profileId === of.profileId),
        )
        const [alert] = shown
        if (!alert) return undefined
        return shown.length === 1 ? { kind: ListChangeKind.CHANGED, alert } : resync
      },
    })
  }
}
