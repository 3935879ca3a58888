import { registerEnumType } from 'type-graphql'

export enum ForwardRuleSystem {
  SIEVE = 'SIEVE',
  EXCHANGE = 'EXCHANGE',
  GMAIL = 'GMAIL',
}

registerEnumType(ForwardRuleSystem, {
  name: 'ForwardRuleSystem',
  description:
    "Whose rule language a forward rule is written in: Sieve (RFC 5228), Exchange's PowerShell, Gmail's filters.",
})
