import { describe, expect, test } from '@jest/globals'
import type { ImapFlow } from 'imapflow'
import { type MailClients, present, rejection, until, untilNoticed } from './mail-server-clients.contract'

const message = (subject: string, ...headers: string[]) =>
  ['From: Alice <alice@mail.test>', 'To: bob@mail.test', `Subject: ${subject}`, ...headers].join('\r\n')

/** A text, an HTML part beside it and an attached message. */
const nested = [
  message('nested', 'MIME-Version: 1.0', 'Content-Type: multipart/mixed; boundary="outer"'),
  '',
  '--outer',
  'Content-Type: multipart/alternative; boundary="inner"',
  '',
  '--inner',
  'Content-Type: text/plain; charset=utf-8',
  '',
  'plain text',
  '--inner',
  'Content-Type: text/html; charset=utf-8',
  'Content-Transfer-Encoding: quoted-printable',
  '',
  '<p>html</p>',
  '--inner--',
  '--outer',
  'Content-Type: message/rfc822',
  'Content-Disposition: attachment; filename="original.eml"',
  '',
  'From: carol@mail.test',
  'Subject: attached',
  '',
  'attached text',
  '--outer--',
  '',
].join('\r\n')

/** Puts a message into the open folder; returns its UID. */
async function appended(client: ImapFlow, raw: string, flags: string[] = []): Promise<number> {
  const { uid } = present(await client.append(present(client.mailbox).path, raw, flags))
  return present(uid)
}

export function imapServerContract(rig: MailClients): void {
  describe('IMAP', () => {
    test.each(['imaps', 'imapStartTls', 'imapPlain'] as const)('%s: log in and open INBOX', async (endpoint) => {
      const made = rig.client(rig.system.endpoints[endpoint], rig.system.users.bob)
      await made.connect()
      expect(made.secureConnection).toBe(endpoint !== 'imapPlain')
      const inbox = await made.mailboxOpen('INBOX')
      expect(inbox).toMatchObject({ path: 'INBOX', readOnly: false })
      expect(inbox.uidValidity).toBeGreaterThan(0n)
      expect(inbox.permanentFlags).toContain('\\Deleted')
      await made.logout()
    })

    test.each(['LOGIN', 'AUTH=PLAIN', 'AUTH=LOGIN'] as const)('signs in by %s', async (loginMethod) => {
      const { address: user, password: pass } = rig.system.users.bob
      const made = rig.client(rig.system.endpoints.imaps, rig.system.users.bob, { auth: { user, pass, loginMethod } })
      await made.connect()
      expect(made.authenticated).toBeTruthy()
      await made.logout()
    })

    test.each(['LOGIN', 'AUTH=PLAIN'] as const)('refuses a wrong password by %s', async (loginMethod) => {
      const auth = { user: rig.system.users.alice.address, pass: 'wrong', loginMethod }
      const error = await rejection(rig.client(rig.system.endpoints.imaps, rig.system.users.alice, { auth }).connect())
      expect(error).toMatchObject({ authenticationFailed: true, serverResponseCode: 'AUTHENTICATIONFAILED' })
    })

    test('refuses an unknown user with the same words as a wrong password', async () => {
      const auth = { user: 'nobody-here@mail.test', pass: 'wrong' }
      const error = await rejection(rig.client(rig.system.endpoints.imaps, rig.system.users.alice, { auth }).connect())
      expect(error).toMatchObject({ serverResponseCode: 'AUTHENTICATIONFAILED' })
    })

    test('names an account that is switched off', async () => {
      const error = await rejection(rig.client(rig.system.endpoints.imaps, rig.system.users.disabled).connect())
      expect(error).toMatchObject({ serverResponseCode: 'CONTACTADMIN' })
    })

    test('its certificate is not trusted without the authority', async () => {
      const error = await rejection(
        rig.client(rig.system.endpoints.imaps, rig.system.users.alice, { tls: {} }).connect(),
      )
      expect(error.code).toBe('UNABLE_TO_VERIFY_LEAF_SIGNATURE')
    })

    test('its certificate is not good for another host', async () => {
      const tls = { ca: rig.system.trustedCertificates, servername: 'mail.other.test' }
      const error = await rejection(rig.client(rig.system.endpoints.imaps, rig.system.users.alice, { tls }).connect())
      expect(error.code).toBe('ERR_TLS_CERT_ALTNAME_INVALID')
    })

    test('offers what the product uses', async () => {
      const made = rig.client(rig.system.endpoints.imaps, rig.system.users.alice)
      await made.connect()
      for (const capability of ['IDLE', 'UIDPLUS', 'MOVE', 'SPECIAL-USE', 'NAMESPACE', 'ID', 'QUOTA', 'UNSELECT']) {
        expect([...made.capabilities.keys()]).toContain(capability)
      }
      await made.logout()
    })

    test('lists folders with their special use', async () => {
      const made = rig.client(rig.system.endpoints.imaps, rig.system.users.alice)
      await made.connect()
      const folders = await made.list({ statusQuery: { messages: true } })
      const uses = Object.fromEntries(folders.map((folder) => [folder.path, folder.specialUse]))
      expect(uses).toMatchObject({ INBOX: '\\Inbox', Sent: '\\Sent', Drafts: '\\Drafts', Trash: '\\Trash' })
      expect(folders.find((folder) => folder.path === 'INBOX')?.status?.messages).toBeGreaterThanOrEqual(0)
      await made.logout()
    })

    test('creates, renames and deletes folders, of any name', async () => {
      const made = rig.client(rig.system.endpoints.imaps, rig.system.users.alice)
      await made.connect()
      await made.mailboxCreate('Projects/Zürich & "Co"')
      expect((await made.mailboxCreate('Projects/Zürich & "Co"')).created).toBe(false)
      await made.mailboxRename('Projects/Zürich & "Co"', 'Projects/Genève')
      expect((await made.list()).map((folder) => folder.path)).toContain('Projects/Genève')
      await made.mailboxDelete('Projects/Genève')
      expect((await made.list()).map((folder) => folder.path)).not.toContain('Projects/Genève')
      await made.logout()
    })

    test('says so when a folder is missing', async () => {
      const made = rig.client(rig.system.endpoints.imaps, rig.system.users.alice)
      await made.connect()
      expect(await rejection(made.mailboxOpen('Nowhere'))).toMatchObject({ responseStatus: 'NO' })
      expect(await rejection(made.append('Nowhere', message('x')))).toMatchObject({ serverResponseCode: 'TRYCREATE' })
      await made.logout()
    })

    test('appends with flags and date, and gives it back as it was', async () => {
      const made = await rig.inFolder('append')
      const raw = `${message('Grüße', 'Message-ID: <append@mail.test>')}\r\n\r\nbody with ümlaut\r\n`
      const date = new Date('2024-05-06T07:08:09Z')
      const answer = present(await made.append('append', raw, ['\\Seen', 'keyword'], date))
      expect(answer).toMatchObject({ uidValidity: present(made.mailbox).uidValidity })
      const { uid } = answer
      const query = { uid: true, source: true, flags: true, internalDate: true, size: true, envelope: true }
      const fetched = present(await made.fetchOne(String(uid), query, { uid: true }))
      expect(fetched.source?.toString()).toBe(raw)
      expect([...(fetched.flags ?? [])].filter((flag) => flag !== '\\Recent').sort()).toEqual(['\\Seen', 'keyword'])
      expect(fetched).toMatchObject({ uid, internalDate: date, size: Buffer.byteLength(raw) })
      expect(fetched.envelope).toMatchObject({
        messageId: '<append@mail.test>',
        from: [{ address: 'alice@mail.test', name: 'Alice' }],
      })
      await made.logout()
    })

    test('takes a message apart', async () => {
      const made = await rig.inFolder('structure')
      const uid = await appended(made, nested)
      const query = { bodyStructure: true, bodyParts: ['1.1', '1.2', '2', '2.1', '2.header', '1.2.mime', '1'] }
      const fetched = present(await made.fetchOne(String(uid), query, { uid: true }))
      expect(fetched.bodyStructure).toMatchObject({
        type: 'multipart/mixed',
        parameters: { boundary: 'outer' },
        childNodes: [
          {
            part: '1',
            type: 'multipart/alternative',
            childNodes: [
              { part: '1.1', type: 'text/plain', parameters: { charset: 'utf-8' }, size: 10 },
              { part: '1.2', type: 'text/html', encoding: 'quoted-printable', size: 11 },
            ],
          },
          {
            part: '2',
            type: 'message/rfc822',
            disposition: 'attachment',
            dispositionParameters: { filename: 'original.eml' },
          },
        ],
      })
      const part = (path: string) => fetched.bodyParts?.get(path)?.toString()
      expect(part('1.1')).toBe('plain text')
      expect(part('1.2')).toBe('<p>html</p>')
      expect(part('1.2.mime')).toContain('quoted-printable')
      expect(part('2')).toBe('From: carol@mail.test\r\nSubject: attached\r\n\r\nattached text')
      expect(part('2.header')).toBe('From: carol@mail.test\r\nSubject: attached\r\n\r\n')
      expect(part('2.1')).toBe('attached text')
      expect(part('1')?.trim()).toMatch(/^--inner\r\n[\s\S]*--inner--$/)
      await made.logout()
    })

    test('fetches single header fields, and a part of a part', async () => {
      const made = await rig.inFolder('fields')
      const uid = await appended(made, `${message('fields', 'X-One: 1', 'X-Two: folded\r\n value')}\r\n\r\n0123456789`)
      const query = { headers: ['x-two', 'Subject'], bodyParts: [{ key: 'text', start: 2, maxLength: 3 }] }
      const fetched = present(await made.fetchOne(String(uid), query, { uid: true }))
      expect(fetched.headers?.toString()).toBe('Subject: fields\r\nX-Two: folded\r\n value\r\n\r\n')
      expect(fetched.bodyParts?.get('text')?.toString()).toBe('234')
      await made.logout()
    })

    test('finds messages', async () => {
      const made = await rig.inFolder('search')
      const old = await appended(made, `${message('first apple', 'X-Token: abc')}\r\n\r\nred body`, ['\\Seen'])
      const uid = await appended(
        made,
        `${message('=?utf-8?q?second_=C3=A4pfel?=', 'X-Token: def')}\r\n\r\ngreen body`,
        ['\\Flagged'],
      )
      const find = (query: Parameters<ImapFlow['search']>[0]) => made.search(query, { uid: true })
      expect(await find({ all: true })).toEqual([old, uid])
      expect(await find({ header: { 'X-Token': 'abc' } })).toEqual([old])
      expect(await find({ header: { 'x-token': 'DEF' } })).toEqual([uid])
      expect(await find({ header: { 'X-Token': true } })).toEqual([old, uid])
      expect(await find({ header: { 'X-Other': true } })).toEqual([])
      expect(await find({ subject: 'Apple' })).toEqual([old])
      expect(await find({ subject: 'äpfel' })).toEqual([uid])
      expect(await find({ body: 'GREEN' })).toEqual([uid])
      expect(await find({ from: 'alice@', seen: false })).toEqual([uid])
      expect(await find({ not: { flagged: true } })).toEqual([old])
      expect(await find({ or: [{ body: 'red' }, { flagged: true }] })).toEqual([old, uid])
      expect(await find({ uid: `${uid}:*` })).toEqual([uid])
      expect(await find({ since: new Date(Date.now() - 86_400_000) })).toEqual([old, uid])
      expect(await find({ before: new Date(Date.now() - 86_400_000) })).toEqual([])
      expect(await find({ larger: 1_000_000 })).toEqual([])
      expect(await made.search({ body: 'green' })).toEqual([2])
      await made.logout()
    })

    test('sets and removes flags, marks what is read', async () => {
      const made = await rig.inFolder('flags')
      const uid = String(await appended(made, `${message('flags')}\r\n\r\nx`))
      const flags = async () => {
        const fetched = present(await made.fetchOne(uid, { flags: true }, { uid: true }))
        return [...(fetched.flags ?? [])].filter((flag) => flag !== '\\Recent').sort()
      }
      await made.messageFlagsAdd(uid, ['\\Flagged', 'kept'], { uid: true })
      expect(await flags()).toEqual(['\\Flagged', 'kept'])
      await made.messageFlagsRemove(uid, ['\\Flagged'], { uid: true })
      expect(await flags()).toEqual(['kept'])
      await made.messageFlagsSet(uid, ['\\Answered'], { uid: true })
      expect(await flags()).toEqual(['\\Answered'])
      await made.fetchOne(uid, { source: true }, { uid: true })
      expect(await flags()).toEqual(['\\Answered'])
      await made.logout()
    })

    test('copies and moves, and tells the new UIDs', async () => {
      const made = await rig.inFolder('copies')
      await made.mailboxCreate('copied')
      const first = await appended(made, `${message('one')}\r\n\r\nx`, ['\\Flagged'])
      const second = await appended(made, `${message('two')}\r\n\r\nx`)
      const copied = present(await made.messageCopy(String(first), 'copied', { uid: true }))
      expect([...(copied.uidMap?.keys() ?? [])]).toEqual([first])
      const moved = present(await made.messageMove(`${first},${second}`, 'copied', { uid: true }))
      expect([...(moved.uidMap?.keys() ?? [])]).toEqual([first, second])
      expect(present(made.mailbox).exists).toBe(0)
      await made.mailboxOpen('copied')
      const subjects: unknown[] = []
      for await (const found of made.fetch('1:*', { envelope: true, flags: true })) {
        subjects.push([found.envelope?.subject, found.flags?.has('\\Flagged')])
      }
      expect(subjects).toEqual([
        ['one', true],
        ['one', true],
        ['two', false],
      ])
      await made.logout()
    })

    test('expunges by UID and leaves other deleted messages', async () => {
      const made = await rig.inFolder('expunge')
      const first = await appended(made, `${message('one')}\r\n\r\nx`, ['\\Deleted'])
      const second = await appended(made, `${message('two')}\r\n\r\nx`)
      await made.messageDelete(String(second), { uid: true })
      expect(await made.search({ all: true }, { uid: true })).toEqual([first])
      await made.mailboxClose()
      expect(await made.status('expunge', { uidNext: true })).toMatchObject({ uidNext: second + 1 })
      await made.logout()
    })

    test('tells one session what another does', async () => {
      const watcher = await rig.inFolder('shared')
      const actor = rig.client(rig.system.endpoints.imaps, rig.system.users.alice)
      await actor.connect()
      await actor.mailboxOpen('shared')
      const uid = String(await appended(actor, `${message('shared')}\r\n\r\nx`))
      await untilNoticed(watcher, () => present(watcher.mailbox).exists === 1)
      const seen: unknown[] = []
      watcher.on('flags', (event) => seen.push([event.seq, event.flags.has('\\Flagged')]))
      watcher.on('expunge', (event) => seen.push(event.seq))
      await actor.messageFlagsAdd(uid, ['\\Flagged'], { uid: true })
      await untilNoticed(watcher, () => seen.length === 1)
      await actor.messageDelete(uid, { uid: true })
      await untilNoticed(watcher, () => seen.length === 2)
      expect(seen).toEqual([[1, true], 1])
      await Promise.all([actor.logout(), watcher.logout()])
    })

    test('announces a new message to a session that idles', async () => {
      const watcher = await rig.inFolder('idle')
      const arrived = new Promise<number>((resolve) => watcher.once('exists', (event) => resolve(event.count)))
      const idling = watcher.idle()
      const actor = rig.client(rig.system.endpoints.imaps, rig.system.users.alice)
      await actor.connect()
      await actor.append('idle', `${message('idle')}\r\n\r\nx`)
      expect(await arrived).toBe(1)
      const found = present(await watcher.fetchOne('1', { envelope: true }))
      expect(found.envelope?.subject).toBe('idle')
      await idling
      await Promise.all([actor.logout(), watcher.logout()])
    })

    test('opens the INBOX of who may only read it READ-ONLY', async () => {
      const made = rig.client(rig.system.endpoints.imaps, rig.system.users.readOnly)
      await made.connect()
      expect((await made.mailboxOpen('INBOX')).readOnly).toBe(true)
      expect(await rejection(made.append('INBOX', message('x')))).toMatchObject({ serverResponseCode: 'NOPERM' })
      await made.logout()
    })

    test('refuses what does not fit the quota', async () => {
      const made = rig.client(rig.system.endpoints.imaps, rig.system.users.full)
      await made.connect()
      const text = `${message('large')}\r\n\r\n${'x'.repeat(3_000)}`
      expect(await rejection(made.append('INBOX', text))).toMatchObject({ serverResponseCode: 'OVERQUOTA' })
      const quota = present(await made.getQuota('INBOX'))
      expect(quota.storage?.limit).toBeGreaterThan(0)
      await made.logout()
    })

    test('lets one user have two sessions where two is the limit', async () => {
      const sessions = [1, 2, 3].map(() => rig.client(rig.system.limitedEndpoint, rig.system.users.limited))
      const [first, second, third] = sessions as [ImapFlow, ImapFlow, ImapFlow]
      await first.connect()
      await second.connect()
      expect(await rejection(third.connect())).toMatchObject({ serverResponseCode: 'LIMIT' })
      await first.logout()
      await until(async () => {
        const again = rig.client(rig.system.limitedEndpoint, rig.system.users.limited)
        // The server may need a moment to notice that the first one is gone.
        await again.connect().catch(() => {})
        if (!again.usable) return undefined
        await again.logout()
        return true
      })
      await second.logout()
    })
  })
}
