import { execFileSync } from 'node:child_process'
import { appendFileSync, chmodSync, chownSync, mkdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { ImapFlow } from 'imapflow'
import { type Certificate, CertificateAuthority } from '../demo/certificates'
import { ConnectionSecurity, type Endpoint } from '../mail/probe'
import { startPrivateServer } from './private-server'

/** Addresses are at this domain; a login is an address or the part before its @. */
export const MAIL_DOMAIN = 'mail.test'

export interface MailUser {
  /** The part before the @; letters and digits. */
  name: string
  password: string
  /** Default: no quota worth the name. */
  quotaKib?: number
  /** INBOX opens READ-ONLY. */
  isReadOnly?: boolean
  /** The login is answered NO [CONTACTADMIN]. */
  isDisabled?: boolean
}

export interface DovecotServer {
  /** imapPlain and imapStartTls are one port: it offers STARTTLS and takes logins without. */
  endpoints: Record<'imaps' | 'imapStartTls' | 'imapPlain', Endpoint>
  /** The same server, where one user may have two sessions only; the third is answered NO [LIMIT]. */
  limited: Endpoint
  /** PEM: issued the server's certificate, which is for mail.test, localhost, 127.0.0.1 and 127.0.0.2. */
  trustedCertificates: string
  certificate: Certificate
  /** For Postfix: SASL and LMTP over TCP, at 127.0.0.1. */
  saslPort: number
  lmtpPort: number
  addUser(user: MailUser): void
  stop(): Promise<void>
}

const isRoot = process.getuid?.() === 0
const self = userInfo()
/** As root, mail belongs to nobody, as nobody else is sure to be there. Without root, all of Dovecot runs as who runs the tests. */
const owner = isRoot
  ? { mail: 'nobody', mailGroup: 'nogroup', internal: 'dovecot', login: 'dovenull', chroot: '' }
  : {
      mail: self.username,
      mailGroup: String(self.gid),
      internal: self.username,
      login: self.username,
      chroot: 'chroot =',
    }

interface Ports {
  imap: number
  imaps: number
  sasl: number
  lmtp: number
}

const configuration = (folder: string, ports: Ports) => `
instance_name = mailwarden-test
base_dir = ${folder}/run
state_dir = ${folder}/state
log_path = /dev/stderr
listen = 127.0.0.1, 127.0.0.2
protocols = imap lmtp
default_internal_user = ${owner.internal}
default_login_user = ${owner.login}
shutdown_clients = yes
ssl = yes
ssl_cert = <${folder}/server.crt
ssl_key = <${folder}/server.key
ssl_min_protocol = TLSv1.2
disable_plaintext_auth = no
auth_mechanisms = plain login
auth_username_format = %Ln
auth_failure_delay = 0
passdb {
  driver = passwd-file
  args = username_format=%Ln ${folder}/users
}
userdb {
  driver = passwd-file
  args = username_format=%Ln ${folder}/users
  default_fields = uid=${owner.mail} gid=${owner.mailGroup} home=${folder}/mail/%n
}
first_valid_uid = 1
mail_location = maildir:~/Maildir
mail_fsync = never
mail_max_userip_connections = 500
local 127.0.0.2 {
  mail_max_userip_connections = 2
}
namespace inbox {
  inbox = yes
  separator = /
  mailbox Drafts {
    auto = subscribe
    special_use = \\Drafts
  }
  mailbox Sent {
    auto = subscribe
    special_use = \\Sent
  }
  mailbox Trash {
    auto = subscribe
    special_use = \\Trash
  }
}
mail_plugins = $mail_plugins quota
plugin {
  quota = count:User quota
  quota_vsizes = yes
  quota_rule = *:storage=100M
  quota_grace = 0
}
postmaster_address = postmaster@${MAIL_DOMAIN}
hostname = ${MAIL_DOMAIN}
service anvil {
  ${owner.chroot}
  # No penalty for wrong passwords: it would slow down the tests of wrong passwords.
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
service auth {
  unix_listener auth-userdb {
    mode = 0666
  }
  inet_listener sasl {
    address = 127.0.0.1
    port = ${ports.sasl}
  }
}
service imap-login {
  ${owner.chroot}
  service_count = 0
  process_limit = 2
  process_min_avail = 1
  inet_listener imap {
    port = ${ports.imap}
  }
  inet_listener imaps {
    port = ${ports.imaps}
    ssl = yes
  }
}
service imap {
  service_count = 1000
  process_limit = 500
}
service lmtp {
  process_limit = 8
  inet_listener lmtp {
    address = 127.0.0.1
    port = ${ports.lmtp}
  }
}
protocol imap {
  mail_plugins = $mail_plugins imap_quota
}
`

/** One line of a passwd-file: user:password:uid:gid:gecos:home:shell:extra. An extra field cannot hold a space. */
function userLine(user: MailUser): string {
  const extra = [
    ...(user.quotaKib === undefined ? [] : [`userdb_quota_rule=*:storage=${user.quotaKib}K`]),
    ...(user.isReadOnly ? ['userdb_mail_plugins=quota,imap_quota,acl', 'userdb_acl=vfile'] : []),
    ...(user.isDisabled ? ['nologin=yes', 'reason=Account_suspended_by_administrator'] : []),
  ]
  return `${user.name}:{PLAIN}${user.password}::::::${extra.join(' ')}\n`
}

function idOf(name: string): { uid: number; gid: number } {
  const id = (flag: string) => Number(execFileSync('id', [flag, name], { encoding: 'utf8' }))
  return { uid: id('-u'), gid: id('-g') }
}

/** Makes folders that belong to the mail's owner. */
function makeMailFolder(...folders: string[]): void {
  const { uid, gid } = isRoot ? idOf(owner.mail) : self
  for (const folder of folders) {
    mkdirSync(folder, { recursive: true })
    chownSync(folder, uid, gid)
  }
}

function addUser(folder: string, user: MailUser): void {
  if (user.isReadOnly) {
    const maildir = join(folder, 'mail', user.name, 'Maildir')
    makeMailFolder(
      join(folder, 'mail', user.name),
      maildir,
      ...['cur', 'new', 'tmp'].map((part) => join(maildir, part)),
    )
    // Lookup and read, no insert, no flags: Dovecot then opens it READ-ONLY (RFC 4314).
    writeFileSync(join(maildir, 'dovecot-acl'), `user=${user.name} lr\n`)
  }
  appendFileSync(join(folder, 'users'), userLine(user))
}

function prepare(folder: string, ports: Ports, certificate: Certificate): void {
  // Dovecot's own users must reach what is inside; what is secret there has a mode of its own.
  chmodSync(folder, 0o755)
  for (const name of ['run', 'state']) mkdirSync(join(folder, name))
  makeMailFolder(join(folder, 'mail'))
  writeFileSync(join(folder, 'server.crt'), certificate.certificate)
  writeFileSync(join(folder, 'server.key'), certificate.privateKey, { mode: 0o600 })
  writeFileSync(join(folder, 'users'), '')
  writeFileSync(join(folder, 'dovecot.conf'), configuration(folder, ports))
  addUser(folder, CHECK_USER)
}

const CHECK_USER: MailUser = { name: 'readiness', password: 'readiness' }

/** A port of 127.0.0.1 below those that outgoing connections are given, so that no other test takes it meanwhile. */
export async function lowFreePort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 12_000)
    const isFree = await new Promise<boolean>((resolve) => {
      const server = createServer()
      server.once('error', () => resolve(false))
      server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
    })
    if (isFree) return port
  }
}

/** A login that opens INBOX: then every part of Dovecot that the tests need is up. */
async function answersLogin(port: number): Promise<void> {
  const client = new ImapFlow({
    host: '127.0.0.1',
    port,
    secure: false,
    doSTARTTLS: false,
    auth: { user: CHECK_USER.name, pass: CHECK_USER.password },
    logger: false,
    connectionTimeout: 2_000,
    greetingTimeout: 2_000,
  })
  client.on('error', () => {})
  try {
    await client.connect()
    await client.mailboxOpen('INBOX')
  } finally {
    client.close()
  }
}

/** Tries again on other ports where somebody took one between its choice and its use. */
export async function withFreshPorts<T>(start: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await start()
    } catch (error) {
      if (attempt === 3 || !/in use|ended at once/i.test(String(error))) throw error
    }
  }
}

/**
 * Starts a private Dovecot on 127.0.0.1 and 127.0.0.2, as root or as any user. Throws with its last words when it does
 * not come up.
 */
export function startDovecot(users: MailUser[] = []): Promise<DovecotServer> {
  return withFreshPorts(() => tryDovecot(users))
}

async function tryDovecot(users: MailUser[]): Promise<DovecotServer> {
  const authority = CertificateAuthority.create('Mailwarden test CA')
  const names = [MAIL_DOMAIN, 'localhost', '127.0.0.1', '127.0.0.2']
  const certificate = authority.issue({ commonName: MAIL_DOMAIN, names })
  const ports: Ports = {
    imap: await lowFreePort(),
    imaps: await lowFreePort(),
    sasl: await lowFreePort(),
    lmtp: await lowFreePort(),
  }
  const { folder, stop } = await startPrivateServer({
    name: 'dovecot',
    port: ports.imap,
    prepare: (made) => prepare(made, ports, certificate),
    command: (made) => ['dovecot', '-F', '-c', join(made, 'dovecot.conf')],
    check: answersLogin,
  })
  for (const user of users) addUser(folder, user)
  const endpoint = (port: number, security: ConnectionSecurity, host = '127.0.0.1') => ({ host, port, security })
  return {
    endpoints: {
      imaps: endpoint(ports.imaps, ConnectionSecurity.TLS),
      imapStartTls: endpoint(ports.imap, ConnectionSecurity.STARTTLS),
      imapPlain: endpoint(ports.imap, ConnectionSecurity.NONE),
    },
    limited: endpoint(ports.imaps, ConnectionSecurity.TLS, '127.0.0.2'),
    trustedCertificates: authority.material.certificate,
    certificate,
    saslPort: ports.sasl,
    lmtpPort: ports.lmtp,
    addUser: (user) => addUser(folder, user),
    stop,
  }
}
