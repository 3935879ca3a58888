import { execFileSync } from 'node:child_process'
import { chmodSync, chownSync, mkdirSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { ConnectionSecurity, type Endpoint } from '../mail/probe'
import { type DovecotServer, lowFreePort, MAIL_DOMAIN, withFreshPorts } from './dovecot'
import { startPrivateServer } from './private-server'

export interface PostfixServer {
  /** submission and smtpPlain are one port: it offers STARTTLS and takes logins without. */
  endpoints: Record<'smtps' | 'submission' | 'smtpPlain', Endpoint>
  stop(): Promise<void>
}

interface Ports {
  submission: number
  smtps: number
}

/** Logins by Dovecot's SASL, delivery by Dovecot's LMTP; mail to any other domain is refused: nothing leaves the machine. */
const mainConfiguration = (folder: string, dovecot: DovecotServer) => `
compatibility_level = 3.6
queue_directory = ${folder}/queue
data_directory = ${folder}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
maillog_file = ${folder}/mail.log
maillog_file_prefixes = ${folder}
myhostname = ${MAIL_DOMAIN}
mydomain = ${MAIL_DOMAIN}
myorigin = ${MAIL_DOMAIN}
mydestination =
local_recipient_maps =
alias_maps =
alias_database =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 192.0.2.255/32
virtual_mailbox_domains = ${MAIL_DOMAIN}
virtual_mailbox_maps = static:OK
virtual_transport = lmtp:inet:127.0.0.1:${dovecot.lmtpPort}
default_transport = error:5.7.1 nothing leaves the test machine
relay_transport = error:5.7.1 nothing leaves the test machine
lmtp_destination_recipient_limit = 1
in_flow_delay = 0
message_size_limit = 10485760
mailbox_size_limit = 0
smtpd_tls_security_level = may
smtpd_tls_cert_file = ${folder}/server.crt
smtpd_tls_key_file = ${folder}/server.key
smtpd_tls_protocols = >=TLSv1.2
smtp_tls_security_level = none
smtpd_sasl_type = dovecot
smtpd_sasl_path = inet:127.0.0.1:${dovecot.saslPort}
smtpd_sasl_security_options = noanonymous
smtpd_sender_login_maps = regexp:${folder}/etc/sender_login
smtpd_relay_restrictions = permit_sasl_authenticated, reject_unauth_destination
smtpd_sender_restrictions = reject_authenticated_sender_login_mismatch
smtpd_recipient_restrictions = reject_unauth_destination
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
smtpd_client_message_rate_limit = 0
smtpd_client_auth_rate_limit = 0
smtpd_error_sleep_time = 0
smtpd_soft_error_limit = 1000
smtpd_hard_error_limit = 1000
smtpd_peername_lookup = no
smtputf8_enable = no
biff = no
`

const LISTENER =
  'inet n - n - 100 smtpd -o smtpd_sasl_auth_enable=yes -o smtpd_client_restrictions=permit_sasl_authenticated,reject'

/** master.cf: service, type, private, unprivileged, chroot, wakeup, maxproc, command. */
const masterConfiguration = (ports: Ports) => `
127.0.0.1:${ports.submission} ${LISTENER}
127.0.0.1:${ports.smtps} ${LISTENER} -o smtpd_tls_wrappermode=yes
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
lmtp unix - - n - 8 lmtp
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
`

/**
 * "check" makes the queue's folders. The master runs as in debugging, since otherwise it leaves the process group that
 * the guard ends. What it logged is shown when it ends, as its file goes with the folder.
 */
const script =
  'postfix -c "$1/etc" check && /usr/lib/postfix/sbin/master -d -c "$1/etc"; tail -n 20 "$1/mail.log"; exit 1'

/** Dovecot hands the login over without its domain. */
const senderLogins = `/^([a-z0-9-]+)@${MAIL_DOMAIN.replaceAll('.', '\\.')}$/ $1\n`

function prepare(folder: string, ports: Ports, dovecot: DovecotServer): void {
  chmodSync(folder, 0o755)
  for (const name of ['etc', 'queue', 'data']) mkdirSync(join(folder, name))
  const id = (flag: string) => Number(execFileSync('id', [flag, 'postfix'], { encoding: 'utf8' }))
  chownSync(join(folder, 'data'), id('-u'), id('-g'))
  writeFileSync(join(folder, 'server.crt'), dovecot.certificate.certificate)
  writeFileSync(join(folder, 'server.key'), dovecot.certificate.privateKey, { mode: 0o600 })
  writeFileSync(join(folder, 'etc', 'main.cf'), mainConfiguration(folder, dovecot))
  writeFileSync(join(folder, 'etc', 'master.cf'), masterConfiguration(ports))
  writeFileSync(join(folder, 'etc', 'sender_login'), senderLogins)
}

/** Greets with 220. */
async function greets(port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, timeout: 2_000 })
    const end = (error?: Error) => {
      socket.destroy()
      if (error) reject(error)
      else resolve()
    }
    socket.once('data', (greeting) =>
      end(greeting.toString().startsWith('220 ') ? undefined : new Error('no greeting')),
    )
    socket.once('error', end)
    socket.once('timeout', () => end(new Error('silent')))
    socket.once('close', () => end(new Error('closed')))
  })
}

/**
 * Starts a private Postfix on 127.0.0.1 in front of a private Dovecot. Throws with its last words when it does not come
 * up, and without root, which Postfix needs.
 */
export function startPostfix(dovecot: DovecotServer): Promise<PostfixServer> {
  if (process.getuid?.() !== 0) return Promise.reject(new Error('Postfix starts as root only'))
  return withFreshPorts(() => tryPostfix(dovecot))
}

async function tryPostfix(dovecot: DovecotServer): Promise<PostfixServer> {
  const ports: Ports = { submission: await lowFreePort(), smtps: await lowFreePort() }
  const { stop } = await startPrivateServer({
    name: 'postfix',
    port: ports.submission,
    prepare: (folder) => prepare(folder, ports, dovecot),
    command: (folder) => ['sh', '-c', script, 'sh', folder],
    check: greets,
  })
  const endpoint = (port: number, security: ConnectionSecurity) => ({ host: '127.0.0.1', port, security })
  return {
    endpoints: {
      smtps: endpoint(ports.smtps, ConnectionSecurity.TLS),
      submission: endpoint(ports.submission, ConnectionSecurity.STARTTLS),
      smtpPlain: endpoint(ports.submission, ConnectionSecurity.NONE),
    },
    stop,
  }
}
