import { Field, ObjectType } from 'type-graphql'
import { ForwardRuleSystem } from './forwarding.enums'

@ObjectType({ description: 'A rule for the mail server of a mailbox that forwards its mail into its forward mailbox.' })
export class ForwardRule {
  @Field(() => ForwardRuleSystem)
  system!: ForwardRuleSystem

  @Field(() => String, { description: 'Which of the ways that the system offers.' })
  title!: string

  @Field(() => String, { description: 'Ready to be installed, with the right addresses.' })
  text!: string

  @Field(() => String, { description: 'Where it is put.' })
  installation!: string

  @Field(() => [String], { description: 'What it keeps, what it needs, and where another way is better.' })
  notes!: string[]
}
