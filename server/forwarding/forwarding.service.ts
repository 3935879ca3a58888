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
    // the rules name the forward mailbox, so they are for who may see it
    const [forward] = await this.mailboxes.getMany(viewer, [forwardMailboxId])
    if (!forward) throw new OperationError('FORBIDDEN', 'The forward mailbox is not yours to see')
    if (emailAddress === null) throw withoutAddress('The mailbox')
    if (forward.emailAddress === null) throw withoutAddress('Its forward mailbox')
    return forwardRules({
      mailbox: { id: mailbox.id, name: mailbox.name, address: emailAddress },
      forward: { name: forward.name, address: forward.emailAddress },
    })
  }
}

const withoutAddress = (which: string) =>
  new OperationError('BAD_USER_INPUT', `${which} has no address: give it one first`, ['mailboxId'])
