import { execFileSync } from 'node:child_process'
import { chownSync } from 'node:fs'
import { createConnection } from 'mysql2/promise'
import { type PrivateServer, startPrivateServer } from './private-server'

/** A MariaDB of our own, empty, whose root has no password. */
export interface MariadbServer extends PrivateServer {
  /** mysql://root@127.0.0.1:PORT; make a database of your own and add its name as the path. */
  url: string
}

/** The server refuses to run as root: there it runs as the user that its Debian package makes. */
const user = process.getuid?.() === 0 ? ['--user=mysql'] : []

/**
 * $1 is the folder, $2 the port, the rest goes to both programs. A starting server deletes what it takes for left-over temporary
 * tables, so none shares its folder for them with another one. Installing runs under the guard too: nothing of it may stay.
 */
const script = `
  folder=$1 port=$2; shift 2
  mariadb-install-db --no-defaults --datadir="$folder/data" --auth-root-authentication-method=normal --skip-test-db "$@" &&
  exec mariadbd --no-defaults --datadir="$folder/data" --socket="$folder/s.sock" --pid-file="$folder/pid" \
    --tmpdir="$folder" --port="$port" --bind-address=127.0.0.1 --max-connections=500 --skip-name-resolve --performance-schema=off \
    --character-set-server=utf8mb4 --collation-server=utf8mb4_general_ci "$@"`

// What a test needs of a database is an answer, not survival of a power cut.
const hurry = [
  '--innodb-flush-log-at-trx-commit=0',
  '--innodb-flush-method=nosync',
  '--innodb-buffer-pool-size=128M',
  '--innodb-log-file-size=32M',
  '--skip-log-bin',
]

export async function startMariadb(): Promise<MariadbServer> {
  const server = await startPrivateServer({
    name: 'mariadb',
    prepare: giveToItsUser,
    command: (folder, port) => ['sh', '-c', script, 'sh', folder, String(port), ...user, ...hurry],
    check: answersSelect,
    timeoutMs: 60_000,
  })
  return { ...server, url: `mysql://root@127.0.0.1:${server.port}` }
}

function giveToItsUser(folder: string): void {
  if (user.length === 0) return
  const id = (flag: string) => Number(execFileSync('id', [flag, 'mysql'], { encoding: 'utf8' }))
  chownSync(folder, id('-u'), id('-g'))
}

async function answersSelect(port: number): Promise<void> {
  const connection = await createConnection({ host: '127.0.0.1', port, user: 'root', connectTimeout: 2000 })
  try {
    await connection.query('SELECT 1')
  } finally {
    connection.destroy()
  }
}
