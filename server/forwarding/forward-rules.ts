import { asciiAddress } from '../mail/address'
import { ForwardRuleSystem } from './forwarding.enums'
import { gmailWord, plain, powershellString, sieveString, xmlAttribute } from './quoting'

/** A rule for the mail server of a mailbox, ready to be installed. */
export interface Rule {
  system: ForwardRuleSystem
  title: string
  text: string
  /** Where it is put. */
  installation: string
  notes: string[]
}

export interface Forwarded {
  mailbox: { id: string; name: string; address: string }
  forward: { name: string; address: string }
}

/**
 * Tells for whom a forwarded message was, as Postfix does for its own aliases: it is among the headers by which the forward
 * mailbox finds the recipient (product rule 2.8), and more than one of it may stand in a message.
 */
const RECIPIENT_HEADER = 'X-Original-To'
/** Headers of which one names the forward mailbox in a message that has been there: it must not be sent there again. */
const ARRIVAL_HEADERS = ['Delivered-To', RECIPIENT_HEADER, 'Envelope-To']
/** Exchange takes no longer name of a rule. */
const RULE_NAME_LIMIT = 64

/** The rules that forward a mailbox's mail into its forward mailbox, one for each way a mail system offers. */
export function forwardRules(forwarded: Forwarded): Rule[] {
  const from = asciiAddress(forwarded.mailbox.address)
  const to = asciiAddress(forwarded.forward.address)
  const about = plain(
    `Mailwarden: mail of ${forwarded.mailbox.name} (${from}) is forwarded to ${forwarded.forward.name} (${to})`,
  )
  const rule = { from, to, about, name: ruleName(from, forwarded.mailbox.id) }
  return [sieve(rule), exchangeInbox(rule), exchangeTransport(rule), gmail(rule)]
}

interface Parts {
  from: string
  to: string
  /** One line. */
  about: string
  name: string
}

/** Unique, and readable where it fits. */
function ruleName(address: string, id: string): string {
  const name = `Mailwarden: ${address}`
  return name.length <= RULE_NAME_LIMIT ? name : `Mailwarden: ${id}`
}

const isSameDomain = (one: string, other: string): boolean =>
  one.slice(one.lastIndexOf('@')).toLowerCase() === other.slice(other.lastIndexOf('@')).toLowerCase()

function sieve({ from, to, about }: Parts): Rule {
  const headers = ARRIVAL_HEADERS.map(sieveString).join(', ')
  const name = sieveString(RECIPIENT_HEADER)
  return {
    system: ForwardRuleSystem.SIEVE,
    title: 'Sieve',
    text: [
      `# ${about}`,
      'require ["copy", "ihave"];',
      '',
      `if not header :is [${headers}] [${sieveString(to)}, ${sieveString(`<${to}>`)}] {`,
      '  if ihave "editheader" {',
      `    addheader ${name} ${sieveString(from)};`,
      '  }',
      `  redirect :copy ${sieveString(to)};`,
      '  if ihave "editheader" {',
      `    deleteheader :index 1 :is ${name} ${sieveString(from)};`,
      '  }',
      '}',
      '',
    ].join('\n'),
    installation: `The active Sieve script of ${from}: by ManageSieve, or in the web mail's filters. Where there is one already, its "require" stays the first line and gets "copy" and "ihave", too.`,
    notes: [
      'The mailbox keeps its mail; a message that has been in the forward mailbox is not sent there again.',
      `The forwarded copy says in ${RECIPIENT_HEADER} for whom it was, where the server offers "editheader" (RFC 5293; Dovecot: sieve_extensions = +editheader). Otherwise only To and Cc tell, which fails for mail by Bcc and for lists.`,
    ],
  }
}

function exchangeInbox({ from, to, about, name }: Parts): Rule {
  const identity = powershellString(name)
  return {
    system: ForwardRuleSystem.EXCHANGE,
    title: 'Exchange: inbox rule of the mailbox',
    text: [
      `# ${about}`,
      `New-InboxRule -Mailbox ${powershellString(from)} -Name ${identity} \``,
      `  -ForwardAsAttachmentTo ${powershellString(to)} \``,
      `  -ExceptIfFromAddressContainsWords ${powershellString(to)}`,
      '',
      `# Takes it back: Remove-InboxRule -Mailbox ${powershellString(from)} -Identity ${identity}`,
      '',
    ].join('\n'),
    installation: 'Exchange Online PowerShell (Connect-ExchangeOnline), or the Exchange Management Shell.',
    notes: [
      'The recommended way on Exchange: the message is forwarded whole, as an attachment, by the mailbox it was for, so the recipient is certain even for mail by Bcc. The mailbox keeps its mail.',
      ...otherDomain(from, to),
    ],
  }
}

function exchangeTransport({ from, to, about, name }: Parts): Rule {
  const [address, header] = [powershellString(from), powershellString(RECIPIENT_HEADER)]
  return {
    system: ForwardRuleSystem.EXCHANGE,
    title: 'Exchange: mail flow rule of the organisation',
    text: [
      `# ${about}`,
      `New-TransportRule -Name ${powershellString(name)} \``,
      `  -SentTo ${address} \``,
      `  -BlindCopyTo ${powershellString(to)} \``,
      `  -SetHeaderName ${header} -SetHeaderValue ${address} \``,
      `  -ExceptIfHeaderContainsMessageHeader ${header} -ExceptIfHeaderContainsWords ${address}`,
      '',
      `# Takes it back: Remove-TransportRule -Identity ${powershellString(name)}`,
      '',
    ].join('\n'),
    installation: 'Exchange Online PowerShell (Connect-ExchangeOnline), or the Exchange Management Shell.',
    notes: [
      'For an address without a mailbox of its own rules, such as a shared mailbox. The mailbox keeps its mail: with -RedirectMessageTo in place of -BlindCopyTo it gets none.',
      `A message to two such addresses says in ${RECIPIENT_HEADER} only the one whose rule ran last: where that happens, take the inbox rule.`,
      'Set-Mailbox -ForwardingSmtpAddress forwards, too, but only To and Cc then tell for whom a message was.',
      ...otherDomain(from, to),
    ],
  }
}

const otherDomain = (from: string, to: string): string[] =>
  isSameDomain(from, to)
    ? []
    : [
        "The forward mailbox has another domain: the organisation's outbound spam policy must allow automatic forwarding to it (Set-HostedOutboundSpamFilterPolicy -AutoForwardingMode On).",
      ]

function gmail({ from, to, about }: Parts): Rule {
  const search = `deliveredto:${gmailWord(from)} -deliveredto:${gmailWord(to)}`
  return {
    system: ForwardRuleSystem.GMAIL,
    title: 'Gmail: filter of the mailbox',
    text: [
      '<?xml version="1.0" encoding="UTF-8"?>',
      '<feed xmlns="http://www.w3.org/2005/Atom" xmlns:apps="http://schemas.google.com/apps/2006">',
      '  <title>Mail Filters</title>',
      '  <entry>',
      '    <category term="filter"/>',
      `    <title label=${xmlAttribute(about)}>Mail Filter</title>`,
      '    <content/>',
      `    <apps:property name="hasTheWord" value=${xmlAttribute(search)}/>`,
      `    <apps:property name="forwardTo" value=${xmlAttribute(to)}/>`,
      '  </entry>',
      '</feed>',
      '',
    ].join('\n'),
    installation: `Gmail of ${from}: Settings, Filters and Blocked Addresses, Import filters; the text is the file.`,
    notes: [
      `First, once: Settings, Forwarding and POP/IMAP, Add a forwarding address, ${to}. Google sends a confirmation code into the forward mailbox; enter it there. Without it the filter is not imported.`,
      'Gmail names the mailbox in Delivered-To and X-Forwarded-For of what it forwards, and keeps its own copy.',
      'For many mailboxes at once an administrator of Google Workspace sets up a routing rule in the Admin console (Apps, Gmail, Routing): Also deliver to the forward mailbox, with Add X-Gm-Original-To header.',
    ],
  }
}
