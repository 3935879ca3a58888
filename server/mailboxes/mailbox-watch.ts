import { permit, reachOf, sightOf, type Viewer } from '../auth/auth.service'
import { isId } from '../db/id'
import { OperationError } from '../errors'
import { ListChangeKind } from '../graphql/list-change'
import { MAX_SIGNAL_IDS, type PubSub } from '../pubsub/signals'
import { watch } from '../pubsub/watch'
import type { MailboxChange, MailboxViewCount } from './mailbox.inputs'
import type { MailboxService } from './mailbox.service'

const COUNTS_EVERY_MS = 1_000

/** The live side of mailboxes. Rights are checked at each read, for they may end while somebody watches. */
export class MailboxWatch {
  constructor(
    private readonly mailboxes: MailboxService,
    private readonly pubsub: PubSub,
  ) {}

  /** Changes of these mailboxes, or of all. */
  changes(viewer: Viewer | undefined, ids: readonly string[] | null | undefined): AsyncIterable<MailboxChange> {
    permit(viewer, 'mailboxes.read')
    if (ids && ids.length > MAX_SIGNAL_IDS) {
      throw new OperationError(
        'BAD_USER_INPUT',
        `At most ${MAX_SIGNAL_IDS} mailboxes can be named: watch all instead`,
        ['ids'],
      )
    }
    const wanted = ids ? new Set(ids.filter(isId)) : undefined
    const named = wanted && [...wanted].sort()
    const isPart = reachOf(viewer, 'mailboxes.read') !== 'ALL'
    const resync = async (): Promise<MailboxChange> => ({
      kind: ListChangeKind.RESYNC,
      mailboxes: named ? await this.mailboxes.getMany(viewer, named) : [],
    })
    return watch({
      pubsub: this.pubsub,
      topics: ['mailboxes'],
      key: `mailbox-changes:${sightOf(viewer)}:${named ? JSON.stringify(named) : 'all'}`,
      matches: (_topic, changed) => !wanted || changed.some((id) => wanted.has(id)),
      load: async (changed) => {
        if (!changed || changed === 'all') return resync()
        const shown = wanted ? changed.filter((id) => wanted.has(id)) : changed
        if (shown.length > MAX_SIGNAL_IDS) return resync()
        const mailboxes = await this.mailboxes.getMany(viewer, shown)
        // when others' mailboxes change is nothing to tell either
        if (isPart && mailboxes.length === 0) return undefined
        return { kind: ListChangeKind.CHANGED, mailboxes }
      },
    })
  }

  /** All counts whenever one may have changed: once a second in a test run, for each reads every mailbox. */
  viewCounts(viewer: Viewer | undefined): AsyncIterable<MailboxViewCount[]> {
    permit(viewer, 'mailboxes.read')
    return watch({
      pubsub: this.pubsub,
      topics: ['mailboxes'],
      key: `mailbox-view-counts:${sightOf(viewer)}`,
      load: () => this.mailboxes.viewCounts(viewer),
      intervalMs: COUNTS_EVERY_MS,
    })
  }
}
