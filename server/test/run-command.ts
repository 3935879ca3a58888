import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { builtServer } from './built-product'

export interface EndedCommand {
  /** -1 when it had to be killed. */
  code: number
  stdout: string
  stderr: string
}

const LONGEST_MS = 60_000

/** Runs a program of the built product to its end, with nothing around it but `env`. */
export async function runCommand(
  program: 'main' | 'worker' | 'cli',
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  input = '',
): Promise<EndedCommand> {
  const server = await builtServer()
  return new Promise((resolve) => {
    const options = { env: { PATH: process.env.PATH, ...env }, timeout: LONGEST_MS, killSignal: 'SIGKILL' } as const
    const child = execFile(
      process.execPath,
      [join(server, `${program}.js`), ...args],
      options,
      (error, stdout, stderr) => resolve({ code: error ? Number(error.code ?? -1) : 0, stdout, stderr }),
    )
    child.stdin?.on('error', () => {})
    child.stdin?.end(input)
  })
}
