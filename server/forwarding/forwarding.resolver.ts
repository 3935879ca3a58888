import { Arg, Ctx, ID, Query, Resolver } from 'type-graphql'
import type { Ctx as Context } from '../auth/auth.service'
import { upTo } from '../graphql/limits'
import { ForwardRule } from './forwarding.inputs'
import type { ForwardingService } from './forwarding.service'

@Resolver(() => ForwardRule)
export class ForwardingResolver {
  constructor(private readonly service: ForwardingService) {}

  @Query(() => [ForwardRule], {
    complexity: upTo(4),
    description:
      'The rules to install on the mail server of a mailbox whose incoming method is FORWARD_MAILBOX: one of them is enough. FORBIDDEN for who may not see the forward mailbox, which they name.',
  })
  forwardRuleText(@Arg('mailboxId', () => ID) mailboxId: string, @Ctx() { viewer }: Context): Promise<ForwardRule[]> {
    return this.service.rules(viewer, mailboxId)
  }
}
