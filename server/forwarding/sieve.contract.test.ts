import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { forwardRules } from './forward-rules'
import { ForwardRuleSystem } from './forwarding.enums'

const FORWARD = 'all@forward.example'
/** Each is compiled and run. */
const MAILBOXES = [
  { name: 'Anna Bell', address: 'anna@example.com' },
  { name: 'Anna "the" \\ Bell */ $(id) # {};', address: "o'hara+$x`{y}|~@example.com" },
  { name: 'Änne\r\nstop;\u2028discard;', address: 'anne@bücher.example' },
]

const rule = (mailbox: { name: string; address: string }): string => {
  const rules = forwardRules({ mailbox: { id: 'm1', ...mailbox }, forward: { name: 'All mail', address: FORWARD } })
  return rules.find(({ system }) => system === ForwardRuleSystem.SIEVE)?.text ?? ''
}

const MESSAGE = ['From: Ben <ben@elsewhere.example>', 'To: list@elsewhere.example', 'Message-ID: <1@elsewhere.example>']

/** Dovecot's Pigeonhole runs the rule: `sent` is what it forwarded with its recipient, `kept` what it delivered itself. */
class Pigeonhole {
  private readonly folder = mkdtempSync(join(tmpdir(), 'mailwarden-sieve-'))

  constructor() {
    // mail is not delivered as root: then it belongs to nobody, who has to reach it
    chmodSync(this.folder, 0o777)
  }

  compile(script: string): void {
    execFileSync('sievec', ['-c', this.configure('default'), this.write('rule.sieve', script)], { stdio: 'pipe' })
  }

  run(
    script: string,
    headers: readonly string[],
    extensions: 'default' | 'editheader',
  ): { sent: string; kept: string } {
    const mails = join(this.folder, 'Maildir')
    rmSync(mails, { recursive: true, force: true })
    const message = this.write('message.eml', [...headers, '', 'Hello', ''].join('\r\n'))
    const args = ['-C', '-e', '-c', this.configure(extensions), '-a', 'anna@example.com', '-l', `maildir:${mails}`]
    const { status, stdout, stderr } = spawnSync('sieve-test', [...args, this.write('rule.sieve', script), message], {
      encoding: 'utf8',
    })
    if (status !== 0) throw new Error(`sieve-test ended with ${status}: ${stderr}`)
    const kept = readdirSync(join(mails, 'new')).map((name) => readFileSync(join(mails, 'new', name), 'utf8'))
    return { sent: stdout, kept: kept.join('') }
  }

  end(): void {
    rmSync(this.folder, { recursive: true, force: true })
  }

  private write(name: string, text: string): string {
    const file = join(this.folder, name)
    writeFileSync(file, text)
    return file
  }

  private configure(extensions: 'default' | 'editheader'): string {
    const self = userInfo()
    const [user, group] = self.uid === 0 ? ['nobody', 'nogroup'] : [self.username, String(self.gid)]
    const more = extensions === 'editheader' ? 'plugin {\n  sieve_extensions = +editheader\n}\n' : ''
    const settings = [`mail_uid = ${user}`, `mail_gid = ${group}`, 'first_valid_uid = 1', `mail_home = ${this.folder}`]
    return this.write('dovecot.conf', `log_path = /dev/stderr\nssl = no\n${settings.join('\n')}\n${more}`)
  }
}

describe('the Sieve rule in Pigeonhole', () => {
  let pigeonhole: Pigeonhole
  beforeAll(() => {
    pigeonhole = new Pigeonhole()
  })
  afterAll(() => pigeonhole?.end())

  test.each(MAILBOXES)('of $address compiles, forwards and keeps', (mailbox) => {
    pigeonhole.compile(rule(mailbox))
    const { sent, kept } = pigeonhole.run(rule(mailbox), MESSAGE, 'default')
    expect(sent).toContain(`RECIPIENT: ${FORWARD}\n`)
    expect(sent).toContain('Message-ID: <1@elsewhere.example>')
    expect(kept).toContain('Hello')
  })

  test.each([
    [MAILBOXES[0], 'anna@example.com'],
    [MAILBOXES[1], "o'hara+$x`{y}|~@example.com"],
    [MAILBOXES[2], 'anne@xn--bcher-kva.example'],
  ])('says for whom the message was in the forwarded copy alone, where headers may be edited', (mailbox, address) => {
    const { sent, kept } = pigeonhole.run(rule(mailbox ?? { name: '', address: '' }), MESSAGE, 'editheader')
    expect(sent).toMatch(/^RECIPIENT: all@forward\.example$/m)
    expect(sent.replaceAll('\r', '').split('\n')).toContain(`X-Original-To: ${address}`)
    expect(kept).toContain('Hello')
    expect(kept).not.toContain('X-Original-To')
  })

  test.each(['Delivered-To: all@forward.example', 'X-Original-To: <ALL@forward.example>'])(
    'does not forward what has been there: %s',
    (header) => {
      const [mailbox] = MAILBOXES
      if (!mailbox) throw new Error('There is no mailbox')
      const { sent, kept } = pigeonhole.run(rule(mailbox), [header, ...MESSAGE], 'editheader')
      expect(sent).toBe('')
      expect(kept).toContain('Hello')
    },
  )
})
