import { formatString, parseDateTime } from './imap-format'
import { type Arguments, atomsOf, bad, type ImapCommand, ImapRefusal, no, type Token } from './imap-parser'
import { Selection } from './imap-selection'
import { type CommandRule, type ImapSession, MAX_MESSAGE_BYTES } from './imap-session'
import { type Folder, QuotaExceeded, type UserMailbox } from './mail-store'

/** Commands on whole folders (RFC 3501 6.3; 2342 NAMESPACE, 5258 and 5819 LIST, 6154 SPECIAL-USE, 2087 QUOTA). */

const SYSTEM_FLAGS = '\\Answered \\Flagged \\Deleted \\Seen \\Draft'
/** An atom of RFC 3501 section 9: no keyword starts with a backslash. */
const FLAG_NAME = /^[!#$&'+,\-./0-9:;<=>?@A-Z[^_`a-z|~]{1,100}$/

export function mailboxOf(session: ImapSession): UserMailbox {
  if (!session.account) throw no('Log in first')
  return session.account.mailbox
}

/** The folder of that name. Throws NO [NONEXISTENT], and what the account's fault says about INBOX. */
export function findFolder(session: ImapSession, name: string, code = 'NONEXISTENT'): Folder {
  const folder = mailboxOf(session).find(name)
  const fault = session.account?.fault.imapInbox
  if (folder?.name === 'INBOX' && fault) throw new ImapRefusal(fault)
  if (!folder) throw no(`[${code}] Mailbox doesn't exist`)
  return folder
}

export function isReadOnly(session: ImapSession, folder: Folder): boolean {
  return folder.name === 'INBOX' && session.account?.fault.isInboxReadOnly === true
}

/** Flags as a list: system flags in their usual spelling, keywords as given; throws BAD. */
export function parseFlags(tokens: Token[]): string[] {
  return atomsOf(tokens, 'flag').map((flag) => {
    const known = SYSTEM_FLAGS.split(' ').find((name) => name.toLowerCase() === flag.toLowerCase())
    if (!known && !FLAG_NAME.test(flag)) throw bad('Invalid flag')
    return known ?? flag
  })
}

function select(session: ImapSession, { args }: ImapCommand, isExamine: boolean): string {
  const name = args.astring('mailbox')
  args.end()
  session.selection = undefined
  const folder = findFolder(session, name)
  session.selection = new Selection(folder, isExamine || isReadOnly(session, folder))
  const { view, isReadOnly: onlyReads } = session.selection
  const keywords = new Set(view.flatMap((message) => [...message.flags]).filter((flag) => !flag.startsWith('\\')))
  const flags = [SYSTEM_FLAGS, ...keywords].join(' ')
  session.send(`* FLAGS (${flags})`)
  session.send(`* OK [PERMANENTFLAGS (${onlyReads ? '' : `${flags} \\*`})] Flags permitted.`)
  session.send(`* ${view.length} EXISTS`)
  session.send('* 0 RECENT')
  const firstUnseen = view.findIndex((message) => !message.flags.has('\\Seen'))
  if (firstUnseen >= 0) session.send(`* OK [UNSEEN ${firstUnseen + 1}] First unseen.`)
  session.send(`* OK [UIDVALIDITY ${folder.uidValidity}] UIDs valid`)
  session.send(`* OK [UIDNEXT ${folder.uidNext}] Predicted next UID`)
  return `OK [READ-${onlyReads ? 'ONLY' : 'WRITE'}] ${isExamine ? 'Examine' : 'Select'} completed`
}

const STATUS_VALUES: Record<string, (folder: Folder) => number> = {
  MESSAGES: (folder) => folder.messages.length,
  RECENT: () => 0,
  UIDNEXT: (folder) => folder.uidNext,
  UIDVALIDITY: (folder) => folder.uidValidity,
  UNSEEN: (folder) => folder.messages.filter((message) => !message.flags.has('\\Seen')).length,
  SIZE: (folder) => folder.messages.reduce((bytes, message) => bytes + message.raw.length, 0),
}

function statusOf(folder: Folder, items: string[]): string {
  const pairs = items.map((item) => {
    const name = item.toUpperCase()
    const value = STATUS_VALUES[name]
    if (!value) throw bad('Unknown status item')
    return `${name} ${value(folder)}`
  })
  return `* STATUS ${formatString(folder.name)} (${pairs.join(' ')})`
}

/** "%" stands for anything within one level, "*" for anything (RFC 3501 6.3.8). */
function patternTest(pattern: string): (name: string) => boolean {
  if (pattern.length > 200 || (pattern.match(/[*%]/g) ?? []).length > 8) throw bad('Pattern too complex')
  const source = pattern
    .replace(/[.+?^${}()|[\]\\]/g, '\\$&')
    .replace(/\*+/g, '.*')
    .replace(/%+/g, '[^/]*')
  const expression = new RegExp(`^${source}$`, /^inbox$/i.test(pattern) ? 'i' : '')
  return (name) => expression.test(name)
}

interface ListRequest {
  patterns: string[]
  onlySubscribed: boolean
  onlySpecial: boolean
  tellsSubscribed: boolean
  status?: string[]
}

function parseList(args: Arguments): ListRequest {
  const optionList = args.peek()?.type === 'list' ? atomsOf(args.list('options'), 'option') : []
  const options = optionList.map((option) => option.toUpperCase())
  const reference = args.astring('reference')
  const patternToken = args.next('pattern')
  const patterns =
    patternToken.type === 'list'
      ? patternToken.items.map((item) => String(item.type === 'list' ? '' : item.value))
      : [patternToken.value]
  const request: ListRequest = {
    patterns: patterns.map((pattern) => reference + pattern),
    onlySubscribed: options.includes('SUBSCRIBED'),
    onlySpecial: options.includes('SPECIAL-USE'),
    tellsSubscribed: options.includes('SUBSCRIBED'),
  }
  if (!args.isAtEnd) {
    if (args.atom('RETURN').toUpperCase() !== 'RETURN') throw bad('Unexpected arguments')
    const wanted = args.list('return options')
    for (const [at, token] of wanted.entries()) {
      const next = wanted[at + 1]
      if (token.type !== 'atom') continue
      if (token.value.toUpperCase() === 'SUBSCRIBED') request.tellsSubscribed = true
      if (token.value.toUpperCase() === 'STATUS' && next?.type === 'list') request.status = atomsOf(next.items, 'item')
    }
  }
  args.end()
  return request
}

function list(session: ImapSession, command: ImapCommand, isLsub: boolean): string {
  const request = parseList(command.args)
  const answer = isLsub ? 'LSUB' : 'LIST'
  const tests = request.patterns.map(patternTest)
  if (request.patterns.join('') === '' && !isLsub) session.send(`* LIST (\\Noselect) "/" ""`)
  const folders = mailboxOf(session).all()
  for (const folder of folders) {
    if (!tests.some((test) => test(folder.name))) continue
    if ((isLsub || request.onlySubscribed) && !folder.subscribed) continue
    if (request.onlySpecial && !folder.specialUse) continue
    const hasChildren = folders.some((other) => other.name.startsWith(`${folder.name}/`))
    const attributes = [hasChildren ? '\\HasChildren' : '\\HasNoChildren']
    if (folder.specialUse) attributes.push(folder.specialUse)
    if (request.tellsSubscribed && folder.subscribed) attributes.push('\\Subscribed')
    session.send(`* ${answer} (${attributes.join(' ')}) "/" ${formatString(folder.name)}`)
    if (request.status) session.send(statusOf(folder, request.status))
  }
  return 'OK List completed'
}

/** A name that a new folder may have; throws BAD or NO [CANNOT]. */
function newName(args: Arguments): string {
  const name = args.astring('mailbox').replace(/\/$/, '')
  args.end()
  if (!/^[\x20-\x7e]{1,200}$/.test(name) || /[*%]/.test(name) || /^\/|\/\/|\/$/.test(name)) {
    throw no('[CANNOT] Invalid mailbox name')
  }
  return name
}

function append(session: ImapSession, { args }: ImapCommand): string {
  const name = args.astring('mailbox')
  const flags = args.peek()?.type === 'list' ? parseFlags(args.list('flags')) : []
  const first = args.astring('message')
  const date = args.isAtEnd ? undefined : parseDateTime(first)
  if (!args.isAtEnd && !date) throw bad('Invalid date')
  const text = date ? args.astring('message') : first
  args.end()
  const folder = findFolder(session, name, 'TRYCREATE')
  if (isReadOnly(session, folder)) throw no('[NOPERM] Permission denied')
  if (text.length > MAX_MESSAGE_BYTES) throw no('[TOOBIG] Message too large')
  const { uid } = store(session, () => folder.append(Buffer.from(text, 'latin1'), flags, date))
  return `OK [APPENDUID ${folder.uidValidity} ${uid}] Append completed.`
}

/** Runs what adds messages; the quota's exception becomes NO [OVERQUOTA] (RFC 5530). */
export function store<T>(session: ImapSession, add: () => T): T {
  try {
    if (session.account?.fault.isFull) throw new QuotaExceeded()
    return add()
  } catch (error) {
    if (error instanceof QuotaExceeded) throw no('[OVERQUOTA] Quota exceeded (mailbox for user is full)')
    throw error
  }
}

function quota(session: ImapSession): string {
  const mailbox = mailboxOf(session)
  const limit = Math.floor(mailbox.quotaBytes / 1024)
  const used = session.account?.fault.isFull ? limit : Math.ceil(mailbox.used / 1024)
  return `* QUOTA "User quota" (STORAGE ${used} ${limit})`
}

export const folderRules: Record<string, CommandRule> = {
  SELECT: { stage: 'after login', run: (session, command) => select(session, command, false) },
  EXAMINE: { stage: 'after login', run: (session, command) => select(session, command, true) },
  LIST: { stage: 'after login', run: (session, command) => list(session, command, false) },
  LSUB: { stage: 'after login', run: (session, command) => list(session, command, true) },
  APPEND: { stage: 'after login', run: append },
  NAMESPACE: {
    stage: 'after login',
    run: (session) => {
      session.send('* NAMESPACE (("" "/")) NIL NIL')
      return 'OK Namespace completed'
    },
  },
  STATUS: {
    stage: 'after login',
    run: (session, { args }) => {
      const folder = findFolder(session, args.astring('mailbox'))
      const items = atomsOf(args.list('status items'), 'status item')
      args.end()
      session.send(statusOf(folder, items))
      return 'OK Status completed'
    },
  },
  CREATE: {
    stage: 'after login',
    run: (session, { args }) => {
      const name = newName(args)
      if (mailboxOf(session).find(name)) throw no('[ALREADYEXISTS] Mailbox already exists')
      if (!mailboxOf(session).create(name)) throw no('[LIMIT] Too many mailboxes')
      return 'OK Create completed'
    },
  },
  DELETE: {
    stage: 'after login',
    run: (session, { args }) => {
      const folder = findFolder(session, args.astring('mailbox'))
      if (folder.name === 'INBOX') throw no('[CANNOT] INBOX cannot be deleted')
      mailboxOf(session).delete(folder)
      if (session.selection?.folder === folder) session.selection = undefined
      return 'OK Delete completed'
    },
  },
  RENAME: {
    stage: 'after login',
    run: (session, { args }) => {
      const folder = findFolder(session, args.astring('mailbox'))
      const name = newName(args)
      if (folder.name === 'INBOX') throw no('[CANNOT] INBOX cannot be renamed')
      if (mailboxOf(session).find(name)) throw no('[ALREADYEXISTS] Mailbox already exists')
      mailboxOf(session).rename(folder, name)
      return 'OK Rename completed'
    },
  },
  SUBSCRIBE: {
    stage: 'after login',
    run: (session, { args }) => {
      findFolder(session, args.astring('mailbox')).subscribed = true
      return 'OK Subscribe completed'
    },
  },
  UNSUBSCRIBE: {
    stage: 'after login',
    run: (session, { args }) => {
      findFolder(session, args.astring('mailbox')).subscribed = false
      return 'OK Unsubscribe completed'
    },
  },
  GETQUOTA: {
    stage: 'after login',
    run: (session, { args }) => {
      args.astring('quota root')
      session.send(quota(session))
      return 'OK Getquota completed'
    },
  },
  GETQUOTAROOT: {
    stage: 'after login',
    run: (session, { args }) => {
      const folder = findFolder(session, args.astring('mailbox'))
      session.send(`* QUOTAROOT ${formatString(folder.name)} "User quota"`)
      session.send(quota(session))
      return 'OK Getquotaroot completed'
    },
  },
}
