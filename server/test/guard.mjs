// Runs one private server and outlives the tests by a moment: when its standard input ends, the test process is gone, however
// it went (finished, Ctrl-C, kill -9). Then the server and all it started are killed and its folder is removed.
// Arguments: the folder to remove, the program, its arguments.
import { spawn } from 'node:child_process'
import { rmSync } from 'node:fs'

const [folder, program, ...args] = process.argv.slice(2)

/** A process group of its own, so that whatever the server forks can be killed with it. */
const server = spawn(program, args, { detached: true, stdio: ['ignore', 'inherit', 'inherit'] })

function end(code) {
  try {
    process.kill(-server.pid, 'SIGKILL')
  } catch {
    // It is gone already.
  }
  rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 })
  process.exit(code)
}

server.on('error', (error) => {
  console.error(error.message)
  end(127)
})
server.on('exit', (code) => end(code ?? 1))
process.stdin.on('end', () => server.kill('SIGKILL'))
process.stdin.on('error', () => server.kill('SIGKILL'))
process.stdin.resume()
// Signals to the terminal's process group are meant for the tests; their end is what this waits for.
for (const signal of ['SIGINT', 'SIGHUP']) process.on(signal, () => {})
process.on('SIGTERM', () => server.kill('SIGKILL'))
