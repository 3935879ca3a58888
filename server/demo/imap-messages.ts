import { type FetchItem, formatFetch, parseFetchItems } from './imap-fetch'
import { findFolder, isReadOnly, parseFlags, store } from './imap-folders'
import { bad, type ImapCommand, no } from './imap-parser'
import { parseSearch } from './imap-search'
import { formatSequenceSet, inSequenceSet, parseSequenceSet } from './imap-sequence'
import { type CommandRule, type ImapSession } from './imap-session'
import type { Folder, StoredMessage } from './mail-store'

/** Commands on messages of the open folder (RFC 3501 6.4; 4315 UIDPLUS, 6851 MOVE, 2177 IDLE, 3691 UNSELECT). */

interface Chosen {
  message: StoredMessage
  sequence: number
}

/** The messages of a set, of sequence numbers or of UIDs. A UID that is not there is no error (RFC 3501 6.4.8). */
function choose(session: ImapSession, text: string, byUid: boolean): Chosen[] {
  const { view } = session.selected
  const set = parseSequenceSet(text)
  const largest = byUid ? (view.at(-1)?.uid ?? 0) : view.length
  const isBeyond = set.some(([first, last]) => [first, last].some((end) => end !== Infinity && end > view.length))
  if (!byUid && isBeyond) throw bad('Invalid message set')
  return view
    .map((message, at) => ({ message, sequence: at + 1 }))
    .filter(({ message, sequence }) => inSequenceSet(set, byUid ? message.uid : sequence, largest))
}

function requireWritable(session: ImapSession): void {
  if (session.selected.isReadOnly) throw no('[NOPERM] Mailbox is read-only')
}

async function fetch(session: ImapSession, { args }: ImapCommand, byUid: boolean): Promise<string> {
  const chosen = choose(session, args.atom('message set'), byUid)
  const items: FetchItem[] = parseFetchItems(args)
  if (byUid && !items.some((item) => item.kind === 'UID')) items.unshift({ kind: 'UID' })
  const marksSeen = items.some((item) => item.kind === 'section' && item.marksSeen) && !session.selected.isReadOnly
  for (const { message, sequence } of chosen) {
    const becomesSeen = marksSeen && !message.flags.has('\\Seen') && !message.expunged
    if (becomesSeen) session.selected.setFlags(message, [...message.flags, '\\Seen'])
    const tellsFlags = items.some((item) => item.kind === 'FLAGS')
    const answered: FetchItem[] = becomesSeen && !tellsFlags ? [...items, { kind: 'FLAGS' }] : items
    session.send(`* ${sequence} FETCH ${formatFetch(message, answered)}`)
    await session.flushWhenLarge()
  }
  return 'OK Fetch completed'
}

function storeFlags(session: ImapSession, { args }: ImapCommand, byUid: boolean): string {
  const chosen = choose(session, args.atom('message set'), byUid)
  const match = /^([+-]?)FLAGS(\.SILENT)?$/i.exec(args.atom('item'))
  if (!match) throw bad('Unknown STORE item')
  const flags = parseFlags(args.rest())
  requireWritable(session)
  for (const { message, sequence } of chosen) {
    if (message.expunged) continue
    const kept = match[1] === '' ? [] : [...message.flags].filter((flag) => match[1] === '+' || !flags.includes(flag))
    session.selected.setFlags(message, match[1] === '-' ? kept : [...kept, ...flags])
    if (!match[2]) {
      session.send(`* ${sequence} FETCH (${byUid ? `UID ${message.uid} ` : ''}FLAGS (${[...message.flags].join(' ')}))`)
    }
  }
  return 'OK Store completed'
}

const uidSet = (messages: StoredMessage[]) => formatSequenceSet(messages.map((message) => message.uid))

/** Copies into another folder, all or none; returns the COPYUID code. */
function copyTo(session: ImapSession, folder: Folder, messages: StoredMessage[]): string {
  if (isReadOnly(session, folder)) throw no('[NOPERM] Permission denied')
  const copies: StoredMessage[] = []
  try {
    for (const message of messages) {
      copies.push(store(session, () => folder.append(message.raw, message.flags, message.internalDate)))
    }
  } catch (error) {
    folder.expunge(copies)
    throw error
  }
  return `[COPYUID ${folder.uidValidity} ${uidSet(messages)} ${uidSet(copies)}]`
}

function copy(session: ImapSession, { args }: ImapCommand, byUid: boolean): string {
  const chosen = choose(session, args.atom('message set'), byUid)
  const folder = findFolder(session, args.astring('mailbox'), 'TRYCREATE')
  args.end()
  const messages = chosen.map(({ message }) => message).filter((message) => !message.expunged)
  return messages.length > 0 ? `OK ${copyTo(session, folder, messages)} Copy completed` : 'OK Nothing to copy'
}

function move(session: ImapSession, { args }: ImapCommand, byUid: boolean): string {
  const chosen = choose(session, args.atom('message set'), byUid)
  const folder = findFolder(session, args.astring('mailbox'), 'TRYCREATE')
  args.end()
  requireWritable(session)
  const messages = chosen.map(({ message }) => message).filter((message) => !message.expunged)
  if (messages.length === 0) return 'OK Nothing to move'
  session.send(`* OK ${copyTo(session, folder, messages)} Moved UIDs.`)
  session.selected.folder.expunge(messages)
  return 'OK Move completed'
}

function expunge(session: ImapSession, chosen?: Chosen[]): string {
  requireWritable(session)
  const among = chosen?.map(({ message }) => message) ?? session.selected.view
  session.selected.folder.expunge(among.filter((message) => message.flags.has('\\Deleted')))
  return 'OK Expunge completed'
}

function search(session: ImapSession, { args }: ImapCommand, byUid: boolean): string {
  const test = parseSearch(args)
  const { view } = session.selected
  const numbers: number[] = []
  for (const [at, message] of view.entries()) {
    const candidate = { message, sequence: at + 1, largestSequence: view.length, largestUid: view.at(-1)?.uid ?? 0 }
    if (!message.expunged && test(candidate)) numbers.push(byUid ? message.uid : at + 1)
  }
  session.send(['* SEARCH', ...numbers].join(' '))
  return 'OK Search completed'
}

/** Tells of changes as they happen, until the client says DONE. */
async function idle(session: ImapSession): Promise<string> {
  const folder = session.selection?.folder
  let isScheduled = false
  const onChange = () => {
    if (isScheduled) return
    isScheduled = true
    // Several changes of one turn are told together.
    setImmediate(() => {
      isScheduled = false
      session.tellChanges(true)
      void session.flush()
    })
  }
  folder?.on('change', onChange)
  // What came in before the listener was there is told with the "+".
  session.tellChanges(true)
  try {
    const line = await session.ask('idling')
    if (line !== undefined && line.toUpperCase() !== 'DONE') throw bad('Expected DONE')
    return 'OK Idle completed'
  } finally {
    folder?.off('change', onChange)
  }
}

function close(session: ImapSession, expunges: boolean): string {
  const { folder, isReadOnly: onlyReads, view } = session.selected
  session.selection = undefined
  if (expunges && !onlyReads) folder.expunge(view.filter((message) => message.flags.has('\\Deleted')))
  return 'OK Close completed'
}

/** A command and its UID twin. Numbers must stay while FETCH, STORE and SEARCH by sequence number run. */
function twins(
  name: string,
  keepsNumbers: boolean,
  run: (session: ImapSession, command: ImapCommand, byUid: boolean) => string | Promise<string>,
): Record<string, CommandRule> {
  return {
    [name]: { stage: 'selected', keepsNumbers, run: (session, command) => run(session, command, false) },
    [`UID ${name}`]: { stage: 'selected', run: (session, command) => run(session, command, true) },
  }
}

export const messageRules: Record<string, CommandRule> = {
  ...twins('FETCH', true, fetch),
  ...twins('STORE', true, storeFlags),
  ...twins('SEARCH', true, search),
  ...twins('COPY', false, copy),
  ...twins('MOVE', false, move),
  EXPUNGE: { stage: 'selected', run: (session) => expunge(session) },
  'UID EXPUNGE': {
    stage: 'selected',
    run: (session, { args }) => expunge(session, choose(session, args.atom('message set'), true)),
  },
  CLOSE: { stage: 'selected', run: (session) => close(session, true) },
  UNSELECT: { stage: 'selected', run: (session) => close(session, false) },
  CHECK: { stage: 'selected', run: () => 'OK Check completed' },
  IDLE: { stage: 'after login', run: idle },
}
