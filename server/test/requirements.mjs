// The servers and the browser that the tests run against, and how to get them. Plain Node.
import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, rmSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { aptInstall, hasApt } from '../install.mjs'

/** Where daemons live; not on everybody's PATH. */
const daemonFolders = ['/usr/local/sbin', '/usr/sbin', '/sbin']

/** The PATH on which all that is required is found. */
export const searchPath = [...(process.env.PATH ?? '').split(delimiter), ...daemonFolders].join(delimiter)

/** What is looked for: a program, or a file where it is no program; and the Debian package that has it. */
const requirements = [
  { program: 'mariadbd', package: 'mariadb-server' },
  { program: 'mariadb-install-db', package: 'mariadb-server' },
  { program: 'redis-server', package: 'redis-server' },
  { program: 'dovecot', package: 'dovecot-core' },
  { program: 'doveconf', package: 'dovecot-core' },
  { file: '/usr/lib/dovecot/imap', package: 'dovecot-imapd' },
  { file: '/usr/lib/dovecot/pop3', package: 'dovecot-pop3d' },
  { file: '/usr/lib/dovecot/lmtp', package: 'dovecot-lmtpd' },
  { file: '/usr/lib/dovecot/modules/lib90_sieve_plugin.so', package: 'dovecot-sieve' },
  { program: 'postfix', package: 'postfix' },
  { program: 'radicale', package: 'radicale' },
  { program: 'chromium', package: 'chromium' },
  { file: '/usr/share/fonts/truetype/liberation', package: 'fonts-liberation' },
]

/** Installs what is missing if it can, and says what it cannot. True when all is there. */
export function haveRequirements() {
  if (missing().length === 0) return true
  if (hasApt) installWithoutDaemons([...new Set(missing().map((each) => each.package))])
  const still = missing()
  if (still.length === 0) return true
  const packages = [...new Set(still.map((each) => each.package))].join(' ')
  console.error(`The tests need ${still.map((each) => each.program ?? each.file).join(', ')}.`)
  console.error(`On Debian, as root: apt-get install --no-install-recommends ${packages}`)
  console.error('`npm run test:unit` runs the tests that need no server.')
  return false
}

function missing() {
  return requirements.filter(({ program, file }) => (file ? !existsSync(file) : !isOnPath(program)))
}

function isOnPath(program) {
  return searchPath.split(delimiter).some((folder) => folder !== '' && existsSync(join(folder, program)))
}

function installWithoutDaemons(packages) {
  // Ctrl-C ends apt; this process lives on to tidy up.
  const ignore = () => {}
  process.on('SIGINT', ignore)
  const allowDaemons = forbidDaemons()
  try {
    // Otherwise the installation asks what kind of mail server this machine is to be.
    const answer = 'postfix postfix/main_mailer_type select No configuration\n'
    if (packages.includes('postfix')) spawnSync('debconf-set-selections', [], { input: answer })
    aptInstall(packages)
  } finally {
    allowDaemons()
    process.off('SIGINT', ignore)
  }
}

/** The packages' own daemons would take the ports of a real mail server: Debian asks this file before it starts one. */
function forbidDaemons() {
  const policy = '/usr/sbin/policy-rc.d'
  if (existsSync(policy)) return () => {}
  writeFileSync(policy, '#!/bin/sh\nexit 101\n')
  chmodSync(policy, 0o755)
  return () => rmSync(policy, { force: true })
}
