import { permit, type Viewer } from '../auth/auth.service'
import { OperationError } from '../errors'
import type { MailboxService } from '../mailboxes/mailbox.service'
import { IncomingMethod } from '../settings/email-settings.entity'
import { forwardRules, type Rule } from './forward-rules'

/** The way of mail from the mailboxes that choose FORWARD_MAILBOX into their forward mailbox. */
export class ForwardingService {
  constructor(private readonly mailboxes: MailboxService) {}

  /** The rules to install on the mail server of a mailbox with incoming method FORWARD_MAILBOX. */
  async rules(viewer: Viewer | undefined, mailboxId: string): Promise<Rule[]> {
    permit(viewer, 'mailboxes.read')
    const [mailbox] = await this.mailboxes.getMany(viewer, [mailboxId])
    if (!mailbox) throw new OperationError('NOT_FOUND', 'There is no such mailbox', ['mailboxId'])
    const { forwardMailboxId, emailAddress, incomingMethod } = mailbox
    if (incomingMethod !== IncomingMethod.FORWARD_MAILBOX || forwardMailboxId === null) {
      throw new OperationError('BAD_USER_INPUT', "The mailbox's incoming method is not FORWARD_MAILBOX", ['mailboxId'])
    }
    // the owner of a mailbox may not read the forward mailbox, but has to know where the mail goes
    const [forward] = await this.mailboxes.byIds([forwardMailboxId])
    if (emailAddress === null || !forward?.emailAddress) {
      throw new OperationError('BAD_USER_INPUT', 'Both mailboxes need an address', ['mailboxId'])
    }
    return forwardRules({
      mailbox: { id: mailbox.id, name: mailbox.name, address: emailAddress },
      forward: { name: forward.name, address: forward.emailAddress },
    })
  }
}
