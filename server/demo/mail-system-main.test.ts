import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterEach, describe, expect, test } from '@jest/globals'
import { ImapFlow } from 'imapflow'

const children: ChildProcess[] = []

function start(options: unknown, hasChannel: boolean): ChildProcess {
  const child = spawn(
    process.execPath,
    ['-r', 'esbuild-register', join(__dirname, 'mail-system-main.ts'), JSON.stringify(options)],
    { stdio: ['ignore', 'pipe', 'ignore', ...(hasChannel ? (['ipc'] as const) : [])] },
  )
  children.push(child)
  return child
}

async function firstLine(child: ChildProcess): Promise<string> {
  if (!child.stdout) throw new Error('no stdout')
  const [line] = await once(createInterface({ input: child.stdout }), 'line')
  return line
}

afterEach(() => {
  for (const child of children) child.kill('SIGKILL')
})

describe('the mail system as a process', () => {
  test('tells where it listens, serves its users, ends on SIGTERM', async () => {
    const child = start({ users: 3 }, false)
    const { endpoints, trustedCertificates } = JSON.parse(await firstLine(child))
    const client = new ImapFlow({
      ...endpoints.imaps,
      secure: true,
      tls: { ca: trustedCertificates },
      auth: { user: 'user00003@demo.test', pass: 'pw-user00003' },
      logger: false,
    })
    await client.connect()
    await client.logout()
    child.kill('SIGTERM')
    expect(await once(child, 'exit')).toEqual([0, null])
  })

  test('ends with its parent', async () => {
    const child = start({ users: 0 }, true)
    await once(child, 'message')
    child.disconnect()
    expect(await once(child, 'exit')).toEqual([0, null])
  })

  test('refuses options it does not know', async () => {
    expect(await once(start({ user: 3 }, true), 'exit')).toEqual([1, null])
  })
})
