import 'reflect-metadata'
import type { AddressInfo } from 'node:net'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { pino } from 'pino'
import { App } from '../server/app'
import { operator } from '../server/auth/auth.service'
import { Role } from '../server/auth/rights'
import { readConfig } from '../server/config'
import { makeHttp } from '../server/http'
import { type LoopDelay, SERVER_USER, type ServerReady } from './admin-product'

/*
 * The product of bench:admin, in a process of its own so that its memory and its event loop can be looked at. It tests no
 * mailbox. Any message starts a new measurement of the event loop and is answered with the last one.
 */
const SAMPLED_EVERY_MS = 5

async function main(): Promise<void> {
  const app = await App.open(readConfig(), pino({ level: 'error' }))
  const { name, password } = SERVER_USER
  await app.services.users.create(operator('bench'), { name, password, roles: [Role.SYSTEM_ADMINISTRATOR] })
  const http = await makeHttp(app)
  await http.listen({ port: 0, host: '127.0.0.1' })
  const { port } = http.server.address() as AddressInfo
  const delay = monitorEventLoopDelay({ resolution: SAMPLED_EVERY_MS })
  delay.enable()
  process.on('message', () => {
    process.send?.({ longestMs: delay.max / 1e6 } satisfies LoopDelay)
    delay.reset()
  })
  process.on('disconnect', () => process.exit(0))
  process.send?.({ url: `http://127.0.0.1:${port}` } satisfies ServerReady)
}

main().catch((error) => {
  process.stderr.write(`${error.stack}\n`)
  process.exit(1)
})
